from typing import Any

import pytest

from chalicelib.core.definition_documents import DefinitionInvalid, read_definition
from chalicelib.core.definitions import DefinitionType
from chalicelib.core.json_values import Variables
from tests.core.elements import (
    END,
    START,
    ask,
    call,
    choice,
    compute,
    element,
    line,
    nothing,
    parallel,
    pause,
    read,
    sub,
    way,
)
from tests.graphs import Call, Sub, document

S1, E1 = element("s1", "start_event"), element("e1", "end_event")
S2, E2 = element("s2", "start_event"), element("e2", "end_event")
SPINS = "stands on a cycle that holds neither a wait nor a call to the outside"
UNREACHED = "cannot be reached from the start event"

Elements = list[Variables]
Problems = list[tuple[str, str]]

DEFECTS: dict[str, tuple[Elements, Elements, Problems]] = {
    # joints
    "a transition from nowhere": (
        [START, END],
        [way("start", "end"), way("gone", "end")],
        [("gone_end", "'from' names 'gone', which does not exist")],
    ),
    "a transition between two activities that do not exist": (
        [START, END],
        [way("start", "end"), way("x", "y")],
        [("x_y", "'from' names 'x', which does not exist"), ("x_y", "'to' names 'y', which does not exist")],
    ),
    "a transition into a sub-process": (
        [START, sub("b", S1, E1, way("s1", "e1")), END],
        [*line("start", "b", "end"), way("start", "e1")],
        [("start_e1", "crosses the border of a sub-process")],
    ),
    "a transition out of a sub-process": (
        [START, sub("b", S1, E1, way("s1", "e1"), way("s1", "end")), END],
        line("start", "b", "end"),
        [("s1_end", "crosses the border of a sub-process")],
    ),
    "a loose end hides what is wrong besides": (
        [START],
        [way("start", "end")],
        [("start_end", "'to' names 'end', which does not exist")],
    ),
    # starts and ends
    "nothing at all": ([], [], [("definition", "has no start event"), ("definition", "has no end event")]),
    "an empty sub-process": (
        [START, sub("b"), END],
        line("start", "b", "end"),
        [("b", "has no start event"), ("b", "has no end event")],
    ),
    "three start events": (
        [START, S1, S2, END],
        [way("start", "end"), way("s1", "end"), way("s2", "end")],
        [("s1", "is a second start event beside 'start'"), ("s2", "is a second start event beside 'start'")],
    ),
    "a start event with a way in": (
        [START, ask("a"), END],
        [*line("start", "a", "end"), way("a", "start")],
        [("start", "is a start event with a transition that leads to it")],
    ),
    "a start event without a way out": ([START, END], [], [("start", "is a start event that leads nowhere")]),
    "an end event with a way out": (
        [START, ask("a"), END],
        line("start", "end", "a"),
        [("end", "is an end event with a transition that leads on")],
    ),
    # choices
    "a choice without a way out": (
        [START, choice("g"), END],
        [way("start", "g"), way("start", "end")],
        [("g", "is an exclusive gateway that leads nowhere")],
    ),
    "a default that does not exist": (
        [START, choice("g", default="x"), END],
        line("start", "g", "end"),
        [("g", "has the default 'x', which is not one of its transitions")],
    ),
    "another choice's default": (
        [START, choice("g", default="h_end"), choice("h"), END],
        line("start", "g", "h", "end"),
        [("g", "has the default 'h_end', which is not one of its transitions")],
    ),
    "a choice with two ways on, one of them without a condition": (
        [START, choice("g"), ask("a"), END],
        [*line("start", "g", "a", "end"), way("g", "end", condition="x")],
        [("g_a", "needs a condition: it leaves the exclusive gateway 'g'")],
    ),
    "a choice with a way on that is neither the default nor has a condition": (
        [START, choice("g", default="g_a"), ask("a"), ask("b"), END],
        [*line("start", "g", "a", "end"), *line("g", "b", "end"), way("g", "end", condition="x")],
        [("g_b", "needs a condition: it leaves the exclusive gateway 'g'")],
    ),
    # what cannot be reached
    "activities that no token can reach": (
        [START, ask("a"), ask("b"), END],
        [way("start", "end"), *line("a", "b", "a")],
        [("a", UNREACHED), ("b", UNREACHED)],
    ),
    "an activity of a sub-process that no token can reach": (
        [START, sub("b", S1, ask("a"), E1, way("s1", "e1")), END],
        line("start", "b", "end"),
        [("a", UNREACHED)],
    ),
    # cycles
    "a cycle of gateways": (
        [START, choice("g"), choice("h", default="h_end"), END],
        [*line("start", "g", "h", "end"), way("h", "g", condition="x")],
        [("g", SPINS)],
    ),
    "a cycle of computations": (
        [START, compute("a", 1), nothing("b"), END],
        [*line("start", "a", "b", "end"), way("b", "a")],
        [("a", SPINS)],
    ),
    "a cycle of one": ([START, nothing("a"), END], [*line("start", "a", "end"), way("a", "a")], [("a", SPINS)]),
    "a cycle with activities before and behind it": (
        [START, nothing("a"), nothing("b"), nothing("c"), END],
        [*line("start", "a", "b", "c", "end"), way("b", "b")],
        [("b", SPINS)],
    ),
    "two cycles with an activity between them, which is on neither": (
        [START, nothing("between"), nothing("a"), nothing("b"), END],
        [*line("start", "a", "between", "b", "end"), way("a", "a"), way("b", "b")],
        [("a", SPINS)],
    ),
    "a cycle with a sub-process that never pauses": (
        [START, sub("b", S1, nothing("a"), E1, *line("s1", "a", "e1")), END],
        [*line("start", "b", "end"), way("b", "b")],
        [("b", SPINS)],
    ),
    "a cycle with a sub-process that pauses on one way only": (
        [START, sub("b", S1, ask("a"), E1, *line("s1", "a", "e1"), way("s1", "e1")), END],
        [*line("start", "b", "end"), way("b", "b")],
        [("b", SPINS)],
    ),
    "a cycle inside a sub-process": (
        [START, sub("b", S1, nothing("a"), E1, *line("s1", "a", "e1"), way("a", "a")), END],
        line("start", "b", "end"),
        [("a", SPINS)],
    ),
    # two at once
    "two defects of two elements": (
        [START, choice("g", default="x"), END],
        [*line("start", "g", "end"), way("end", "g")],
        [
            ("end", "is an end event with a transition that leads on"),
            ("g", "has the default 'x', which is not one of its transitions"),
        ],
    ),
    "an unreachable activity and a cycle": (
        [START, ask("a"), nothing("b"), END],
        [*line("start", "b", "end"), way("b", "b"), way("a", "end")],
        [("a", UNREACHED), ("b", SPINS)],
    ),
}


@pytest.mark.parametrize(("activities", "ways", "problems"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_of_the_graph_is_told_with_its_element(activities: Elements, ways: Elements, problems: Problems):
    with pytest.raises(DefinitionInvalid) as refusal:
        read(*activities, *ways)

    assert [(defect.element, defect.problem) for defect in refusal.value.defects] == problems


FORK_INSIDE = [S1, ask("x"), pause("y", after_s=1), E1, *line("s1", "x", "e1"), way("s1", "y")]
CYCLE_INSIDE = [S1, call("x"), nothing("y"), E1, *line("s1", "x", "y", "e1"), way("y", "x")]

SOUND: dict[str, tuple[Elements, Elements]] = {
    "the smallest definition": ([START, END], [way("start", "end")]),
    "an activity that leads nowhere": ([START, ask("a"), END], [way("start", "a"), way("start", "end")]),
    "two end events": ([START, E1, END], [way("start", "e1"), way("start", "end")]),
    "a choice with one way on": ([START, choice("g"), END], line("start", "g", "end")),
    "a default without a condition": (
        [START, choice("g", default="g_end"), ask("a"), END],
        [way("start", "g"), way("g", "a", condition="x"), way("g", "end"), way("a", "end")],
    ),
    "a fork and a join": (
        [START, parallel("f"), nothing("a"), nothing("b"), parallel("j"), END],
        [*line("start", "f", "a", "j", "end"), *line("f", "b", "j")],
    ),
    "a cycle with a user task": ([START, ask("a"), END], [*line("start", "a", "end"), way("a", "a")]),
    "a cycle with a timer": ([START, pause("a", after_s=1), END], [*line("start", "a", "end"), way("a", "a")]),
    "a cycle with a call": (
        [START, call("a"), nothing("b"), END],
        [*line("start", "a", "b", "end"), way("b", "a")],
    ),
    "a cycle with a function": (
        [START, element("a", "service_task", action={"type": "lambda", "function": "f"}), END],
        [*line("start", "a", "end"), way("a", "a")],
    ),
    "a cycle with a sub-process that pauses on every way": (
        [START, sub("b", *FORK_INSIDE), END],
        [*line("start", "b", "end"), way("b", "b")],
    ),
    "a cycle with a sub-process that has a cycle of its own": (
        [START, sub("b", *CYCLE_INSIDE), END],
        [*line("start", "b", "end"), way("b", "b")],
    ),
}


@pytest.mark.parametrize(("activities", "ways"), SOUND.values(), ids=SOUND)
def test_a_sound_graph_is_taken(activities: Elements, ways: Elements):
    definition = read(*activities, *ways)

    assert definition.document == {"activities": activities, "transitions": ways}


def typed(type_: str, *, is_inner: bool = False) -> Variables:
    """A definition of a type, with a start event that is shared: its own, or a sub-process's."""
    graph: dict[str, Any] = document(Sub(Call("pick")))
    [sub] = [activity for activity in graph["activities"] if activity["type"] == "sub_process"]
    inside = sub["activities"] if is_inner else graph["activities"]
    start = next(activity for activity in inside if activity["type"] == "start_event")
    start["shared"] = True
    return {**graph, "type": type_}


def test_an_objects_own_start_event_may_be_shared():
    definition = read_definition(typed("object"))

    assert definition.type is DefinitionType.OBJECT
    assert [a.id for a in definition.activities.values() if getattr(a.kind, "is_shared", False)] == ["start1"]


@pytest.mark.parametrize(("type_", "is_inner"), [("service", False), ("workflow", False), ("object", True)])
def test_no_other_start_event_is_shared(type_, is_inner):
    with pytest.raises(DefinitionInvalid) as told:
        read_definition(typed(type_, is_inner=is_inner))

    assert [defect.problem for defect in told.value.defects] == [
        "is shared, which only an object's own start events can be"
    ]


def test_a_type_is_one_of_three_and_a_flag_true_or_false():
    graph: dict[str, Any] = typed("actor")
    graph["activities"][0]["shared"] = "yes"

    with pytest.raises(DefinitionInvalid) as told:
        read_definition(graph)

    assert {defect.problem for defect in told.value.defects} == {
        "'type' is 'actor'; it must be one of service, object, workflow",
        "'shared' must be true or false",
    }
