import json
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.core.definition_documents import DefinitionInvalid, read_definition
from chalicelib.core.definitions import (
    Activity,
    EndEvent,
    ExclusiveGateway,
    ExpressionAction,
    HttpAction,
    Kind,
    LambdaAction,
    NoAction,
    ParallelGateway,
    RetryPolicy,
    ServiceTask,
    StartEvent,
    SubProcess,
    Timer,
    UserTask,
)
from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.json_values import Json, Variables
from tests.core.elements import END, START, ask, call, choice, element, line, nothing, pause, read, scope, sub, way

EXAMPLE = json.loads((Path(__file__).parents[2] / "examples" / "order.json").read_text())
HTTP: Variables = {"type": "http", "url": "http://example.test"}
LAMBDA: Variables = {"type": "lambda", "function": "charge"}
BAD = "${1 +}"
TYPES = "start_event, end_event, user_task, service_task, timer, exclusive_gateway, parallel_gateway, sub_process"
ID_RULE = "'id' must begin with a letter and hold letters, digits, '_', '.', '-' only (128 at most)"
DOUBLE = "has an id that another element has too"


def task(action: Json, **fields: Json) -> Variables:
    return element("a", "service_task", action=action, **fields)


def around(*inner: Variables) -> Variables:
    return scope(START, *inner, END, *line("start", "a", "end"))


def defects(document: Json) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionInvalid) as refusal:
        read_definition(document)
    told = [{"element": defect.element, "problem": defect.problem} for defect in refusal.value.defects]
    assert refusal.value.details == {"defects": told}
    assert refusal.value.message == f"The definition has {len(told)} defect(s)."
    return [(defect.element, defect.problem) for defect in refusal.value.defects]


ACTIVITY_PROBLEMS: list[tuple[Variables, list[str]]] = [
    (element("a", "robot"), [f"'type' is 'robot'; it must be one of {TYPES}"]),
    (element("a", ""), [f"'type' is ''; it must be one of {TYPES}"]),
    ({"id": "a", "type": 7}, ["'type' must be a text"]),
    ({"id": "a"}, ["'type' is missing"]),
    (ask("a", name=7), ["'name' must be a text"]),
    (ask("a", colour="red"), ["'colour' is not a field of this element"]),
    (ask("a", action=HTTP), ["'action' is not a field of this element"]),
    (choice("a", input={"x": 1}), ["'input' is not a field of this element"]),
    (choice("a", default=7), ["'default' must be a text"]),
    (ask("a", input=["x"]), ["'input' must be an object of variable names and templates"]),
    (ask("a", output="x"), ["'output' must be an object of variable names and templates"]),
    # listeners
    (ask("a", on_start={"set": {}}), ["'on_start' must be a list"]),
    (ask("a", on_end=[{"set": {}}] * 21), ["'on_end' holds 21 elements; 20 is the most"]),
    (ask("a", on_start=[{}]), ["a listener in 'on_start' has nothing to 'set'"]),
    (ask("a", on_start=[7]), ["must be an object", "a listener in 'on_start' has nothing to 'set'"]),
    (ask("a", on_end=[{"set": 7}]), ["'set' must be an object of variable names and templates"]),
    (ask("a", on_end=[{"set": {}, "unset": "x"}]), ["'unset' is not a field of this element"]),
    # actions
    (element("a", "service_task"), ["'action' is missing"]),
    (task("http"), ["must be an object", "'type' is missing"]),
    (task({}), ["'type' is missing"]),
    (task({"type": "ftp"}), ["'type' is 'ftp'; it must be one of http, lambda, expression, none"]),
    (task({"type": ""}), ["'type' is ''; it must be one of http, lambda, expression, none"]),
    (task({"type": "none", "url": "x"}), ["'url' is not a field of this element"]),
    (task({"type": "http"}), ["'url' is missing"]),
    (task({"type": "http", "url": ""}), ["'url' is empty"]),
    (task({"type": "lambda", "function": ""}), ["'function' is empty"]),
    (task({"type": "expression"}), ["'value' is missing"]),
    (task({**HTTP, "url": 7}), ["'url' must be a text"]),
    (task({**HTTP, "method": "get"}), ["'method' is 'get'; it must be one of GET, POST, PUT, PATCH, DELETE, HEAD"]),
    (task({**HTTP, "method": ""}), ["'method' is ''; it must be one of GET, POST, PUT, PATCH, DELETE, HEAD"]),
    (task({**HTTP, "headers": ["x"]}), ["'headers' must be an object of variable names and templates"]),
    (task({**HTTP, "headers": {"x": 1, "y": "1"}}), ["header 'x' must be a text"]),
    (task({"type": "lambda"}), ["'function' is missing"]),
    # numbers
    (task({**HTTP, "timeout_s": 0}), ["'timeout_s' must be from 0.1 to 25"]),
    (task({**LAMBDA, "timeout_s": 25.5}), ["'timeout_s' must be from 0.1 to 25"]),
    (task({**HTTP, "timeout_s": "10"}), ["'timeout_s' must be a number"]),
    (task({**HTTP, "timeout_s": True}), ["'timeout_s' must be a number"]),
    (task({**HTTP, "timeout_s": float("nan")}), ["'timeout_s' must be from 0.1 to 25"]),
    (task({**HTTP, "timeout_s": 10**400}), ["'timeout_s' must be from 0.1 to 25"]),
    (call("a", retry=3), ["must be an object"]),
    (call("a", retry={"attempts": 0}), ["'attempts' must be from 1 to 20"]),
    (call("a", retry={"attempts": 21}), ["'attempts' must be from 1 to 20"]),
    (call("a", retry={"attempts": 2.5}), ["'attempts' must be a whole number"]),
    (call("a", retry={"delay_s": -1}), ["'delay_s' must be from 0 to 604800"]),
    (call("a", retry={"factor": 0.5}), ["'factor' must be from 1 to 10"]),
    (call("a", retry={"max_delay_s": 604801}), ["'max_delay_s' must be from 0 to 604800"]),
    (call("a", retry={"jitter": 1}), ["'jitter' is not a field of this element"]),
    # timers
    (pause("a"), ["needs exactly one of 'after_s' and 'until'"]),
    (pause("a", after_s=1, until="2030-01-01"), ["needs exactly one of 'after_s' and 'until'"]),
]


@pytest.mark.parametrize(("activity", "problems"), ACTIVITY_PROBLEMS)
def test_a_defect_of_an_activity_is_told_with_its_id(activity: Variables, problems: list[str]):
    assert defects(around(activity)) == [("a", problem) for problem in problems]


TRANSITION_PROBLEMS: list[tuple[Variables, str]] = [
    ({"id": "t", "to": "end"}, "'from' is missing"),
    ({"id": "t", "from": "start", "to": None}, "'to' is missing"),
    ({"id": "t", "from": 7, "to": "end"}, "'from' must be a text"),
    ({"id": "t", "from": "start", "to": "end", "condition": True}, "'condition' must be a text"),
    ({"id": "t", "from": "start", "to": "end", "on_take": [{}]}, "a listener in 'on_take' has nothing to 'set'"),
    ({"id": "t", "from": "start", "to": "end", "when": "x"}, "'when' is not a field of this element"),
]


@pytest.mark.parametrize(("transition", "problem"), TRANSITION_PROBLEMS)
def test_a_defect_of_a_transition_is_told_with_its_id(transition: Variables, problem: str):
    assert defects({"activities": [START, END], "transitions": [transition]}) == [("t", problem)]


SET_BAD: Json = [{"set": {"x": BAD}}]
EXPRESSION_PLACES: list[tuple[str, str, list[Variables]]] = [
    ("a", "input", [ask("a", input={"x": BAD})]),
    ("a", "output", [call("a", output={"x": ["fine", {"y": BAD}]})]),
    ("a", "set", [ask("a", on_start=SET_BAD)]),
    ("a", "set", [choice("a", on_end=SET_BAD)]),
    ("a", "url", [task({**HTTP, "url": BAD})]),
    ("a", "headers", [task({**HTTP, "headers": {"x": BAD}})]),
    ("a", "body", [task({**HTTP, "body": {"x": BAD}})]),
    ("a", "function", [task({**LAMBDA, "function": BAD})]),
    ("a", "payload", [task({**LAMBDA, "payload": [BAD]})]),
    ("a", "value", [task({"type": "expression", "value": BAD})]),
    ("a", "after_s", [pause("a", after_s=BAD)]),
    ("a", "until", [pause("a", until=BAD)]),
    ("t", "condition", [ask("a"), {"id": "t", "from": "start", "to": "end", "condition": "1 +"}]),
    ("t", "set", [ask("a"), {"id": "t", "from": "start", "to": "end", "on_take": SET_BAD}]),
    ("inner", "input", [sub("a", START | {"id": "s"}, ask("inner", input={"x": BAD}), END | {"id": "e"})]),
]


@pytest.mark.parametrize(("owner", "field", "inner"), EXPRESSION_PLACES)
def test_a_bad_expression_is_found_wherever_one_may_stand(owner: str, field: str, inner: list[Variables]):
    [(found, problem)] = defects(around(*inner))

    assert found == owner
    assert problem.startswith(f"'{field}' has a bad expression: ")


def deep(levels: int) -> Variables:
    inside = ask("asked")
    for level in range(levels):
        inside = sub(f"sub{level}", inside)
    return inside


DOCUMENT_PROBLEMS: list[tuple[Json, list[tuple[str, str]]]] = [
    (None, [("definition", "must be an object")]),
    ([], [("definition", "must be an object")]),
    ({"name": 7}, [("definition", "'name' must be a text")]),
    ({"author": "me"}, [("definition", "'author' is not a field of this element")]),
    ({"activities": {}}, [("definition", "'activities' must be a list")]),
    ({"transitions": "none"}, [("definition", "'transitions' must be a list")]),
    # ids
    ({"activities": [{"type": "user_task"}]}, [("(activity without id)", "'id' is missing")]),
    ({"activities": [ask("")]}, [("(activity without id)", ID_RULE)]),
    ({"activities": [ask("7a"), ask("a b"), ask("é")]}, [("7a", ID_RULE), ("a b", ID_RULE), ("é", ID_RULE)]),
    ({"activities": [ask("a" * 129)]}, [("a" * 129, ID_RULE)]),
    ({"activities": [ask("a"), ask("a")]}, [("a", DOUBLE)]),
    ({"activities": [ask("a"), sub("b", ask("a"))]}, [("a", DOUBLE)]),
    ({"activities": [ask("a")], "transitions": [{"id": "a", "from": "a", "to": "a"}]}, [("a", DOUBLE)]),
    (
        {"activities": [sub("b", ask("a"), ask("t"), way("a", "t") | {"id": "u"}), ask("u")]},
        [("u", DOUBLE)],
    ),
    (
        {
            "activities": [{"type": "user_task"}, {"type": "timer", "after_s": 1}],
            "transitions": [{"from": "", "to": ""}],
        },
        [("(activity without id)", "'id' is missing"), ("(transition without id)", "'id' is missing")],
    ),
    # limits
    (
        {"activities": [ask(f"a{n}") for n in range(501)]},
        [("definition", "'activities' holds 501 elements; 500 is the most")],
    ),
    (
        {"activities": [ask("a"), sub("b", *(ask(f"a{n}") for n in range(499)))]},
        [("definition", "has 501 activities; 500 is the most")],
    ),
    (
        {"activities": [ask("a")], "transitions": [way("a", "a") | {"id": f"t{n}"} for n in range(1001)]},
        [("definition", "'transitions' holds 1001 elements; 1000 is the most")],
    ),
    (
        {
            "activities": [ask("a"), sub("b", *(way("a", "a") | {"id": f"s{n}"} for n in range(501)))],
            "transitions": [way("a", "a") | {"id": f"t{n}"} for n in range(500)],
        },
        [("definition", "has 1001 transitions; 1000 is the most")],
    ),
    ({"activities": [deep(9)]}, [("sub0", "stands more than 8 sub-processes deep")]),
]


@pytest.mark.parametrize(("document", "problems"), DOCUMENT_PROBLEMS)
def test_a_defect_of_the_document_is_told_with_what_has_it(document: Json, problems: list[tuple[str, str]]):
    assert defects(document) == problems


def test_a_definition_may_be_as_large_as_the_limits_say():
    inside = [ask("asked", on_end=[{"set": {}}] * 20), START | {"id": "s"}, END | {"id": "e"}, *line("s", "asked", "e")]
    for level in range(8):
        ends = START | {"id": f"s{level}"}, END | {"id": f"e{level}"}
        inside = [sub(f"sub{level}", *inside), *ends, *line(f"s{level}", f"sub{level}", f"e{level}")]
    tasks = [ask(f"a{n}") for n in range(500 - 3 - 8 * 3)]
    joints = [way("s7", str(task["id"])) for task in tasks]
    doubles = [way("s7", "e7") | {"id": f"t{n}"} for n in range(1000 - 2 - 8 * 2 - len(joints))]

    definition = read(*inside, *tasks, *joints, *doubles)

    assert (len(definition.activities), len(definition.transitions)) == (500, 1000)
    assert len(definition.parents(ActivityId("asked"))) == 8


def test_all_defects_are_told_at_once_and_each_only_once():
    document = around(ask("a", colour="red", input=[BAD]), call("b", retry={"attempts": 0, "delay_s": "x"}))

    assert defects(document) == [
        ("a", "'input' must be an object of variable names and templates"),
        ("a", "'colour' is not a field of this element"),
        ("b", "'attempts' must be from 1 to 20"),
        ("b", "'delay_s' must be a number"),
    ]
    assert defects({"activities": [7, 7]}) == [
        ("(activity without id)", "must be an object"),
        ("(activity without id)", "'id' is missing"),
        ("(activity without id)", "'type' is missing"),
    ]


KINDS: list[tuple[Variables, Kind]] = [
    (ask("a"), UserTask()),
    (nothing("a"), ServiceTask(NoAction())),
    (nothing("a", retry={}), ServiceTask(NoAction())),
    (nothing("a", retry=None), ServiceTask(NoAction())),
    (
        nothing("a", retry={"attempts": 7, "delay_s": 0, "factor": 1.5, "max_delay_s": 60}),
        ServiceTask(NoAction(), RetryPolicy(7, 0, 1.5, 60)),
    ),
    (task({"type": "expression", "value": ["${x}"]}), ServiceTask(ExpressionAction(["${x}"]))),
    (task(HTTP), ServiceTask(HttpAction("http://example.test"))),
    (
        task({**HTTP, "method": "PUT", "headers": {"x": "${y}"}, "body": [1], "timeout_s": 2}),
        ServiceTask(HttpAction("http://example.test", "PUT", {"x": "${y}"}, [1], 2)),
    ),
    (task(LAMBDA), ServiceTask(LambdaAction("charge"))),
    (task({**LAMBDA, "payload": {"x": 1}, "timeout_s": 25}), ServiceTask(LambdaAction("charge", {"x": 1}, 25))),
    (pause("a", after_s=0), Timer(after_s=0)),
    (pause("a", until="${then}"), Timer(until="${then}")),
    (choice("a"), ExclusiveGateway()),
    (choice("a", default="a_end"), ExclusiveGateway(TransitionId("a_end"))),
    (element("a", "parallel_gateway"), ParallelGateway()),
    (sub("a", START | {"id": "s"}, END | {"id": "e"}, way("s", "e")), SubProcess()),
]


@pytest.mark.parametrize(("activity", "kind"), KINDS)
def test_each_type_is_read_as_its_kind(activity: Variables, kind: Kind):
    definition = read_definition(around(activity))

    assert definition.activities[ActivityId("a")].kind == kind
    assert definition.activities[ActivityId("start")].kind == StartEvent()
    assert definition.activities[ActivityId("end")].kind == EndEvent()


def test_an_activity_and_a_transition_are_read_whole():
    sets: list[Json] = [{"set": {"x": 1}}, {"set": {"y": "${x}"}}]
    asked = ask("a", name="Ask", input={"i": 1}, output={"o": "${i}"}, on_start=sets, on_end=[])
    taken = way("start", "a", condition="x > 1", on_take=sets)

    definition = read(START, asked, END, taken, way("a", "end", condition=""))

    assert definition.activities[ActivityId("a")] == Activity(
        ActivityId("a"),
        UserTask(),
        name="Ask",
        input={"i": 1},
        output={"o": "${i}"},
        on_start=({"x": 1}, {"y": "${x}"}),
    )
    [first], [last] = definition.outgoing[ActivityId("start")], definition.incoming[ActivityId("end")]
    assert (first.source, first.target, first.condition) == ("start", "a", "x > 1")
    assert first.on_take == ({"x": 1}, {"y": "${x}"})
    assert (last, last.condition) == (definition.transitions[TransitionId("a_end")], None)


def test_the_example_is_a_definition_and_keeps_its_document():
    definition = read_definition(EXAMPLE)

    assert definition.name == "Order"
    assert definition.document == EXAMPLE
    assert definition.starts == {None: "ordered"}
    assert list(definition.activities) == ["ordered", "charge", "reserve", "ship", "shipped"]


def test_an_activity_knows_the_sub_processes_around_it_outermost_first():
    inner = sub("inner", START | {"id": "s2"}, ask("asked"), END | {"id": "e2"}, *line("s2", "asked", "e2"))
    outer = sub("a", START | {"id": "s1"}, inner, END | {"id": "e1"}, *line("s1", "inner", "e1"))

    definition = read_definition(around(outer))

    assert definition.parents(ActivityId("asked")) == ("a", "inner")
    assert definition.parents(ActivityId("a")) == ()
    assert definition.starts == {None: "start", "a": "s1", "inner": "s2"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "${x}", "${", "http", "start"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "set", "type"]), inner),
    max_leaves=6,
)
MANY = [activity | {"id": f"a{n}"} for n, (activity, _) in enumerate(KINDS) if "default" not in activity]
RICH = scope(START, *MANY, END, *line("start", *(str(activity["id"]) for activity in MANY), "end"))


def changed(document: Any, path: list[int], value: Json) -> Any:
    """Answer the document with a value put somewhere: each number of the path picks a child."""
    if not path or not document or not isinstance(document, dict | list):
        return value
    keys = list(document) if isinstance(document, dict) else range(len(document))
    key = keys[path[0] % len(keys)]
    copied = copy(document)
    copied[key] = changed(document[key], path[1:], value)
    return copied


@example([], RICH)
@given(st.lists(st.integers(0, 50), max_size=6), values)
def test_any_json_is_a_definition_or_is_refused(path: list[int], value: Json):
    document = changed(RICH, path, value)

    try:
        definition = read_definition(document)
    except DefinitionInvalid:
        assert document != RICH
    else:
        assert definition.document == document
