"""What a restart skips, it skips until each of its tokens' first wait, and not a step longer."""

import pytest

from chalicelib.core.advance import effect
from chalicelib.core.definitions import Definition
from chalicelib.core.effects import HttpCall
from chalicelib.core.ids import ActivityId, RunId, TransitionId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import begin, replay
from chalicelib.core.restart_requests import At, Beginning, RestartRequest, StartPoint
from chalicelib.core.restarts import plan_restart
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start
from tests.core.elements import END, START, ask, between, call, compute, element, line, pause, read, sub
from tests.core.simulation import Driven, resume
from tests.core.sources import BIRTH, past, request, version_of

INPUT: Variables = {"log": []}


def loud(element: Variables) -> Variables:
    """Let an element's listeners be heard: of an activity at its start and its end, of a transition when taken."""
    if "from" in element:
        return {**element, "on_take": log(str(element["id"]))}
    return {**element, "on_start": log(f"+{element['id']}"), "on_end": log(f"-{element['id']}")}


def log(word: str) -> list[Json]:
    return [{"set": {"log": f"${{log + ['{word}']}}"}}]


def loudly(*inner: Variables) -> Definition:
    ids = [str(one["id"]) for one in inner]
    return read(*map(loud, (START, *inner, END, *line("start", *ids, "end"))))


def loud_sub(id_: str, *inner: Variables, **fields: Json) -> Variables:
    start, end = element(f"{id_}_in", "start_event"), element(f"{id_}_out", "end_event")
    ids = [str(one["id"]) for one in inner]
    inside = (start, *inner, end, *line(str(start["id"]), *ids, str(end["id"])))
    return sub(id_, *map(loud, inside), **fields)


def run_from(definition: Definition, asked: RestartRequest) -> Variables:
    """Restart a run that has ended, drive the new run to its end, and answer its variables."""
    source = past(definition, INPUT, 1_000)
    plan = plan_restart(asked, source.run, source.journal, version_of(definition), BIRTH)
    driven = Driven(replay(definition, plan.run.start, plan.journal), list(plan.journal))
    resume(definition, driven)
    assert driven.state.failure is None
    return driven.state.variables


def before(activity: str) -> Place:
    return BeforeActivity(ActivityId(activity))


def after(activity: str) -> Place:
    return AfterActivity(ActivityId(activity))


FLAT = loudly(call("a"), ask("w"), call("b"))
TIMED = loudly(call("a"), pause("w", after_s=5), call("b"))
INSIDE = loudly(loud_sub("p", call("a"), ask("w"), call("b")), call("c"))
BEHIND = loudly(loud_sub("p", call("a")), ask("w"), call("b"))
DEEP = loudly(loud_sub("p", loud_sub("q", call("a"), ask("w")), call("b")), call("c"))
FORKING = read(
    *map(loud, (START, call("a"), call("b"), ask("w"), call("c"), END)),
    *map(loud, (*line("start", "a", "b", "end"), *line("a", "w", "c", "end"))),
)

TO_THE_END = ["-w", "w_b", "+b", "-b", "b_end", "+end", "-end"]
B_OUT_OF_P = ["+b", "-b", "b_p_out", "+p_out", "-p_out", "-p", "p_c", "+c", "-c", "c_end", "+end", "-end"]
HEARD: dict[str, tuple[Definition, StartPoint, list[str]]] = {
    "from the beginning": (FLAT, Beginning(), TO_THE_END),
    "before an activity": (FLAT, At((before("a"),)), TO_THE_END),
    "after an activity": (FLAT, At((after("a"),)), TO_THE_END),
    "along a transition": (FLAT, At((AlongTransition(TransitionId("a_w")),)), TO_THE_END),
    "before the wait itself": (FLAT, At((before("w"),)), TO_THE_END),
    "where no wait comes any more": (FLAT, At((before("b"),)), []),
    "until a timer": (TIMED, At((before("a"),)), TO_THE_END),
    "at two places, one of them behind the wait": (FLAT, At((before("b"), before("a"))), TO_THE_END),
    "in a sub-process, before its wait": (INSIDE, At((before("a"),)), ["-w", "w_b", *B_OUT_OF_P]),
    "before a sub-process with a wait": (INSIDE, At((before("p"),)), ["-w", "w_b", *B_OUT_OF_P]),
    "in a sub-process, behind its wait": (INSIDE, At((before("b"),)), []),
    "in a sub-process without a wait": (BEHIND, At((before("a"),)), TO_THE_END),
    "two sub-processes deep": (
        DEEP,
        At((before("a"),)),
        ["-w", "w_q_out", "+q_out", "-q_out", "-q", "q_b", *B_OUT_OF_P],
    ),
    "where tokens part, on each way for itself": (
        FORKING,
        At((before("a"),)),
        ["-w", "w_c", "+c", "-c", "c_end", "+end", "-end"],
    ),
}


@pytest.mark.parametrize(("definition", "start", "heard"), HEARD.values(), ids=HEARD)
def test_listeners_are_skipped_until_the_first_wait_and_heard_again_afterwards(
    definition: Definition, start: StartPoint, heard: list[str]
):
    assert run_from(definition, request(start=start, is_skipping_listeners=True))["log"] == heard


@pytest.mark.parametrize(
    ("definition", "places", "heard"),
    [
        (FLAT, [before("b")], TO_THE_END[2:]),
        (INSIDE, [before("b")], ["+p", *B_OUT_OF_P]),
        (INSIDE, [before("b"), after("b")], ["+p", "+b", "b_p_out", "+p_out", "-p_out", *B_OUT_OF_P[1:]]),
        (DEEP, [before("w")], ["+p", "+q", "+w", "-w", "w_q_out", "+q_out", "-q_out", "-q", "q_b", *B_OUT_OF_P]),
    ],
)
def test_without_a_skip_all_listeners_are_heard_those_of_the_sub_processes_around_once(
    definition: Definition, places: list[Place], heard: list[str]
):
    assert run_from(definition, request(start=At(tuple(places))))["log"] == heard


# -- mappings


def told(name: str) -> Variables:
    return {name: "told"}


IN_TURN = between(call("a", output=told("a")), ask("w", output=told("w")), call("b", output=told("b")))
COMPUTED = between(
    compute("a", 1, output=told("a")), pause("w", after_s=5, output=told("w")), compute("b", 1, output=told("b"))
)
MAPPED_INSIDE = between(
    loud_sub("p", call("a"), ask("w", output=told("w")), output=told("p")), call("b", output=told("b"))
)
MAPPED_BEHIND = between(loud_sub("p", call("a"), input=told("own"), output=told("p")), ask("w", output=told("w")))
MAPPED: dict[str, tuple[Definition, str, set[str]]] = {
    "tasks": (IN_TURN, "a", {"w", "b"}),
    "tasks, where no wait comes any more": (IN_TURN, "b", set()),
    "tasks that need nobody, and timers": (COMPUTED, "a", {"w", "b"}),
    "a sub-process with a wait": (MAPPED_INSIDE, "a", {"w", "p", "b"}),
    "a sub-process without a wait": (MAPPED_BEHIND, "a", {"w"}),
}


@pytest.mark.parametrize(("definition", "activity", "written"), MAPPED.values(), ids=MAPPED)
def test_output_mappings_are_skipped_until_the_first_wait_and_made_again_afterwards(
    definition: Definition, activity: str, written: set[str]
):
    variables = run_from(definition, request(start=At((before(activity),)), is_skipping_mappings=True))

    assert {name for name, value in variables.items() if value == "told"} == written


@pytest.mark.parametrize(("is_skipping", "seen"), [(True, 1), (False, 2)])
def test_a_task_whose_input_mapping_is_skipped_sees_the_variables_as_they_are(is_skipping: bool, seen: int):
    action: Json = {"type": "http", "url": "http://example.test", "body": "${x}"}
    definition = between(call("a", action=action, input={"x": 2}))
    state = begin(definition, Start((before("a"),), is_skipping_mappings=is_skipping), {"x": 1})

    asked = effect(definition, state, state.tokens[1], RunId("run-1"))

    assert isinstance(asked, HttpCall)
    assert asked.body == seen


@pytest.mark.parametrize(("is_skipping", "own"), [(True, {}), (False, {"own": "told"})])
def test_a_sub_process_whose_input_mapping_is_skipped_has_no_variables_of_its_own(is_skipping: bool, own: Variables):
    state = begin(MAPPED_BEHIND, Start((before("a"),), is_skipping_mappings=is_skipping), INPUT)

    assert state.scopes[1].variables == own


@pytest.mark.parametrize(
    ("is_skipping_listeners", "is_skipping_mappings"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_listeners_and_mappings_are_skipped_each_for_themselves(
    is_skipping_listeners: bool, is_skipping_mappings: bool
):
    definition = between(call("a", output=told("mapped"), on_start=log("+a")))
    asked = request(is_skipping_listeners=is_skipping_listeners, is_skipping_mappings=is_skipping_mappings)

    variables = run_from(definition, asked)

    assert variables["log"] == ([] if is_skipping_listeners else ["+a"])
    assert ("mapped" in variables) is not is_skipping_mappings
