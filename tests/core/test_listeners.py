"""Listeners of a whole definition, and of a user task that is there for a person."""

import pytest

from chalicelib.core.definition_documents import DefinitionInvalid, read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Failure
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import begin, replay
from chalicelib.core.state import AfterActivity, BeforeActivity, Start
from tests.core.elements import END, START, ask, call, element, line, parallel, scope, sub, way
from tests.core.simulation import drive


def log(*words: str) -> list[Json]:
    return [{"set": {"log": f"${{log + ['{word}']}}"}} for word in words]


def whole(*elements: Variables, **fields: Json) -> Definition:
    return read_definition({**scope(*elements), **fields})


STRAIGHT = (START, call("a", on_start=log("+a"), on_end=log("-a")), END, *line("start", "a", "end"))
LOUD = whole(*STRAIGHT, on_start=log("begin", "begun"), on_end=log("end"))


def test_a_definitions_listeners_hear_the_run_begin_and_end():
    assert drive(LOUD, {"log": []}).state.variables == {"log": ["begin", "begun", "+a", "-a", "end"]}


@pytest.mark.parametrize(
    ("place", "heard"),
    [
        (BeforeActivity(ActivityId("a")), ["begin", "begun", "+a", "-a", "end"]),
        (AfterActivity(ActivityId("a")), ["begin", "begun", "end"]),
        (BeforeActivity(ActivityId("end")), ["begin", "begun", "end"]),
    ],
)
def test_they_hear_a_run_that_begins_at_a_place(place, heard: list[str]):
    assert drive(LOUD, {"log": []}, start=Start((place,))).state.variables["log"] == heard


def test_they_hear_one_end_of_a_run_whose_tokens_end_together():
    definition = whole(
        *(START, parallel("f"), END, way("start", "f"), way("f", "end"), way("f", "end") | {"id": "again"}),
        on_end=log("end"),
    )

    assert drive(definition, {"log": []}).state.variables["log"] == ["end"]


def test_they_do_not_hear_the_end_of_a_sub_process():
    inside = [element("s", "start_event"), element("e", "end_event"), *line("s", "e")]
    definition = whole(START, sub("p", *inside), END, *line("start", "p", "end"), on_end=log("end"))

    assert drive(definition, {"log": []}).state.variables["log"] == ["end"]


def test_they_are_skipped_like_any_other():
    start = Start((AfterActivity(ActivityId("a")),), is_skipping_listeners=True)

    assert drive(LOUD, {"log": []}, start=start).state.variables["log"] == []


@pytest.mark.parametrize("event", ["on_start", "on_end"])
def test_one_that_fails_fails_the_run(event: str):
    bad: list[Json] = [{"set": {"x": "${missing}"}}]
    definition = whole(*STRAIGHT, **{event: bad})

    driven = drive(definition, {"log": []})

    expected = Failure("definition", "expression_failed", "there is no 'missing' in `missing`")
    assert driven.state.failure == expected
    assert replay(definition, Start(), driven.journal) == driven.state


def test_one_with_another_field_is_a_defect_of_the_definition():
    with pytest.raises(DefinitionInvalid) as refused:
        whole(*STRAIGHT, on_start=[{"say": "x"}])

    assert {defect.element for defect in refused.value.defects} == {"definition"}


# -- on_create

CREATED: list[Json] = [
    {"set": {"seen": "${shown}", "log": "${log + ['created']}"}},
    {"set": {"log": "${log + [seen]}"}},
]
TASK = ask("t", input={"shown": "${n + 1}"}, on_start=log("+t"), on_create=CREATED, on_end=log("-t"))
ASKING = whole(START, TASK, END, *line("start", "t", "end"))


def test_a_created_user_task_has_started_and_its_listeners_see_its_input():
    state = drive(ASKING, {"log": [], "n": 1}).state

    assert state.failure is None
    assert state.variables["log"] == ["+t", "created", 2, "-t"]
    assert "shown" not in state.variables


def test_on_create_is_heard_once_before_the_task_opens():
    assert begin(ASKING, Start(), {"log": [], "n": 1}).variables["log"] == ["+t", "created", 2]


@pytest.mark.parametrize(
    ("skips", "log", "failure"),
    [
        ({"is_skipping_listeners": True}, [], None),
        ({"is_skipping_mappings": True}, ["+t"], Failure("t", "expression_failed", "there is no 'shown' in `shown`")),
    ],
)
def test_what_a_run_skips_on_create_does_not_have(skips, log: list[Json], failure: Failure | None):
    state = begin(ASKING, Start(**skips), {"log": [], "n": 1})

    assert (state.variables["log"], state.failure) == (log, failure)


def test_on_create_is_no_field_of_another_activity():
    with pytest.raises(DefinitionInvalid) as refused:
        whole(START, call("a", on_create=log("x")), END, *line("start", "a", "end"))

    assert [defect.problem for defect in refused.value.defects] == ["'on_create' is not a field of this element"]
