import pytest

from chalicelib.core.definitions import Definition
from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.journal import (
    Closed,
    Entry,
    Failure,
    Input,
    Opened,
    Output,
    Performed,
    ReplayMismatch,
    Signal,
    SignalName,
)
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import apply, begin, replay
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start, State
from tests.core.elements import END, START, ask, between, call, element, line, read, sub, way

A, B, S = ActivityId("a"), ActivityId("b"), ActivityId("s")
S1, E1 = element("s1", "start_event"), element("e1", "end_event")
S2, E2 = element("s2", "start_event"), element("e2", "end_event")
GRAPH = read(START, call("a"), ask("b"), END, *line("start", "a", "end"), *line("start", "b", "end"))

INPUT = Input({"x": 1}, at=0)
CANCEL = Signal(SignalName.CANCEL, at=0)
FAILURE = Failure("a", "http_503", "unwell")
DONE_A, OPENED_B, FAILED_A = Performed(A, 1, at=0), Opened(B, 2, at=0), Performed(A, 1, at=0, failure=FAILURE)

MISMATCHES: list[tuple[list[Entry], int, str]] = [
    ([], 0, "a journal begins with its input"),
    ([DONE_A], 0, "a journal begins with its input"),
    ([INPUT, INPUT], 1, "a second input"),
    # the run has ended
    ([INPUT, Output(0), DONE_A], 2, "the run is over before it"),
    ([INPUT, CANCEL, Output(0)], 2, "the run is over before it"),
    ([INPUT, Output(0), INPUT], 2, "the run is over before it"),
    # no such place
    ([INPUT, Performed(ActivityId("gone"), 1, at=0)], 1, "there is no activity 'gone'"),
    ([INPUT, Performed(A, 2, at=0)], 1, "no token stands at 'a'"),
    ([INPUT, Performed(A, 7, at=0)], 1, "no token stands at 'a'"),
    ([INPUT, DONE_A, DONE_A], 2, "no token stands at 'a'"),
    ([INPUT, Opened(B, 1, at=0)], 1, "no token stands at 'b'"),
    # another type
    ([INPUT, Opened(A, 1, at=0)], 1, "'a' is of another type"),
    ([INPUT, Performed(B, 2, at=0)], 1, "'b' is of another type"),
    # waits
    ([INPUT, OPENED_B, OPENED_B], 2, "'b' waits already"),
    ([INPUT, Closed(1, at=0)], 1, "entry 1 opened no wait that is still open"),
    ([INPUT, OPENED_B, Closed(0, at=0)], 2, "entry 0 opened no wait that is still open"),
    ([INPUT, OPENED_B, Closed(1, at=0), Closed(1, at=0)], 3, "entry 1 opened no wait that is still open"),
    # the run has failed
    ([INPUT, FAILED_A, DONE_A], 2, "the run has failed at 'a' before it"),
    ([INPUT, FAILED_A, OPENED_B], 2, "the run has failed at 'a' before it"),
    ([INPUT, OPENED_B, FAILED_A, Closed(1, at=0)], 3, "the run has failed at 'a' before it"),
]


@pytest.mark.parametrize(("journal", "index", "problem"), MISMATCHES)
def test_the_first_entry_that_does_not_fit_is_named(journal: list[Entry], index: int, problem: str):
    with pytest.raises(ReplayMismatch) as mismatch:
        replay(GRAPH, Start(), journal)

    assert (mismatch.value.index, mismatch.value.problem) == (index, problem)
    assert str(mismatch.value) == f"entry {index}: {problem}"


@pytest.mark.parametrize(
    ("journal", "failure"),
    [
        ([INPUT, CANCEL], None),
        ([INPUT, DONE_A, Output(0, variables={})], None),
        ([INPUT, Output(0, failure=FAILURE)], FAILURE),
        ([INPUT, FAILED_A, Output(0, failure=FAILURE)], FAILURE),
        ([INPUT, FAILED_A, CANCEL], FAILURE),
    ],
)
def test_a_signal_or_an_output_ends_a_run(journal: list[Entry], failure: Failure | None):
    state = replay(GRAPH, Start(), journal)

    assert (state.is_over, state.failure, state.length) == (True, failure, len(journal))


def test_a_wait_is_known_by_its_entry_until_it_is_closed():
    opened = replay(GRAPH, Start(), [INPUT, DONE_A, Opened(B, 2, at=0, due=7)])
    assert [(token.activity, token.opened, token.due) for token in opened.tokens.values()] == [(B, 2, 7)]

    assert apply(GRAPH, opened, Closed(2, at=0)).tokens == {}


def test_results_are_not_variables_but_writes_are():
    state = replay(GRAPH, Start(), [INPUT, Performed(A, 1, at=0, result={"y": 1}, writes={"z": 2}), OPENED_B])
    assert state.variables == {"x": 1, "z": 2}

    assert apply(GRAPH, state, Closed(2, at=0, result={"y": 1}, writes={"x": 3})).variables == {"x": 3, "z": 2}


# -- where tokens begin

LOUD: list[Json] = [{"set": {"log": "${log + ['on_take']}"}}]
INNER = sub("p2", S2, ask("i"), ask("k"), E2, *line("s2", "i", "k", "e2"), input={"deep": "${wide}"})
OUTER = sub("p1", S1, INNER, ask("h"), E1, *line("s1", "p2", "h", "e1"), input={"wide": "${x}"})
NESTED = read(START, call("a"), OUTER, END, *line("start", "a"), way("a", "p1", on_take=LOUD), way("p1", "end"))


def before(activity: str) -> Place:
    return BeforeActivity(ActivityId(activity))


def after(activity: str) -> Place:
    return AfterActivity(ActivityId(activity))


def along(transition: str) -> Place:
    return AlongTransition(TransitionId(transition))


def begun(definition: Definition, *places: Place) -> State:
    return begin(definition, Start(places), {"x": 1, "log": []})


PLACES: list[tuple[list[Place], list[str], Variables]] = [
    ([], ["a"], {"x": 1, "log": []}),
    ([before("a")], ["a"], {"x": 1, "log": []}),
    ([before("start")], ["a"], {"x": 1, "log": []}),
    ([after("start")], ["a"], {"x": 1, "log": []}),
    ([before("p1")], ["p1", "p2", "i"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([before("s1")], ["p1", "p2", "i"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([before("i")], ["p1", "p2", "i"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([after("i")], ["p1", "p2", "k"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([along("i_k")], ["p1", "p2", "k"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([after("p2")], ["p1", "h"], {"x": 1, "log": [], "wide": 1}),
    ([before("e2")], ["p1", "h"], {"x": 1, "log": [], "wide": 1}),
    ([after("a")], ["p1", "p2", "i"], {"x": 1, "log": ["on_take"], "wide": 1, "deep": 1}),
    ([along("a_p1")], ["p1", "p2", "i"], {"x": 1, "log": ["on_take"], "wide": 1, "deep": 1}),
    # several places are concurrent tokens; those in one sub-process share its scope
    ([before("a"), before("a")], ["a", "a"], {"x": 1, "log": []}),
    ([before("i"), before("k")], ["p1", "p2", "i", "k"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([before("h"), before("i")], ["p1", "h", "p2", "i"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
    ([before("a"), after("i")], ["a", "p1", "p2", "k"], {"x": 1, "log": [], "wide": 1, "deep": 1}),
]


@pytest.mark.parametrize(("places", "resting", "seen"), PLACES)
def test_tokens_begin_at_the_places_inside_the_scopes_around_them(
    places: list[Place], resting: list[str], seen: Variables
):
    state = begun(NESTED, *places)

    assert sorted(token.activity for token in state.tokens.values()) == sorted(resting)
    assert max((state.visible(scope) for scope in state.scopes), key=len) == seen
    assert (state.failure, state.length) == (None, 1)


def test_a_sub_process_that_two_places_share_ends_with_the_last_of_them():
    state = begun(NESTED, before("k"), before("k"), before("h"))
    assert len(state.scopes) == 3

    state = _closed(_closed(state, "k"), "h")
    assert sorted(token.activity for token in state.tokens.values()) == ["k", "p1", "p2"]

    state = _closed(_closed(state, "k"), "h")
    assert state.tokens == {}


def _closed(state: State, activity: str) -> State:
    """Open and close the wait of the oldest token at an activity."""
    token = next(token for token in state.tokens.values() if token.activity == activity)
    opened = apply(NESTED, state, Opened(token.activity, token.id, at=0))
    return apply(NESTED, opened, Closed(state.length, at=0))


def test_a_place_that_fails_stops_the_places_after_it():
    failing = between(call("a"), sub("p", S1, E1, way("s1", "e1"), input={"y": "${missing}"}))

    state = begun(failing, before("a"), before("e1"), before("a"))

    assert state.failure is not None
    assert state.failure.element == "p"
    assert len(state.tokens) == 2


def test_no_more_tokens_begin_than_may_be():
    state = begun(GRAPH, *[before("b")] * 1001)

    assert state.failure == Failure("b", "too_many_tokens", "More than 1000 tokens at once.")
