"""Pausing a run, and changing its variables from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.advance import next_effects, settle
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Changed, Closed, Entry, Input, Opened, Performed, Signal, SignalName
from chalicelib.core.prefixes import after_entry, before_failure
from chalicelib.core.replay import apply, replay
from chalicelib.core.runs import Lease, RunStatus, visited
from chalicelib.core.state import State
from tests.core.simulation import AT, AT_THE_BEGINNING, HOUR, Driven, drive, resume
from tests.core.strategies import blocks
from tests.core.test_runs import head
from tests.graphs import INPUT, Block, Call, Pause, Sub, definition

PAUSE, RESUME = Signal(SignalName.PAUSE, AT), Signal(SignalName.RESUME, AT)
CANCEL = Signal(SignalName.CANCEL, AT)
CALL, TIMER = definition(Call("call")), definition(Pause("nap"))


def paused(graph=CALL) -> State:
    driven = drive(graph, {}, most=1)
    return apply(graph, settle(graph, driven.state, AT).state, PAUSE)


def test_a_paused_run_asks_for_nothing():
    assert next_effects(CALL, paused()) == ()
    assert settle(CALL, paused(), AT, is_working=True).entries == ()


def test_time_closes_no_timer_of_a_paused_run():
    assert settle(TIMER, paused(TIMER), AT + HOUR).entries == ()

    resumed = settle(TIMER, apply(TIMER, paused(TIMER), RESUME), AT + HOUR)
    assert [type(entry).__name__ for entry in resumed.entries] == ["Closed", "Output"]


def test_what_was_under_way_is_kept():
    done = apply(CALL, paused(), Performed(ActivityId("call"), 1, AT, writes={"x": 1}))

    assert done.variables == {"x": 1}
    assert settle(CALL, done, AT).entries == ()
    assert settle(CALL, apply(CALL, done, RESUME), AT).state.is_over


def test_a_paused_run_can_be_canceled():
    assert apply(CALL, paused(), CANCEL).is_over


@given(blocks(), st.integers(0, 40), st.integers(0, 40))
def test_a_pause_anywhere_changes_nothing_of_what_becomes_of_a_run(block: Block, at: int, after: int):
    graph = definition(block)
    driven = drive(graph, INPUT, most=1 + at)
    if not driven.state.is_over:
        for entry in (PAUSE, RESUME):
            driven = _with(graph, driven, entry)
    rest = resume(graph, driven)

    assert rest.state.variables == drive(graph, INPUT).state.variables
    assert replay(graph, AT_THE_BEGINNING, rest.journal) == rest.state
    if after < len(rest.journal) - 1:
        kept = after_entry(rest.journal, after) if _is_whole(rest.journal, after) else before_failure(rest.journal)
        again = resume(graph, Driven(replay(graph, AT_THE_BEGINNING, kept), [*kept]))
        assert again.state.variables == rest.state.variables


def _with(graph, driven: Driven, entry: Entry) -> Driven:
    return Driven(apply(graph, driven.state, entry), [*driven.journal, entry], driven.states)


def _is_whole(journal, index: int) -> bool:
    closed = {entry.opened for entry in journal if isinstance(entry, Closed)}
    return all(i in closed for i, entry in enumerate(journal[: index + 1]) if isinstance(entry, Opened))


def test_a_prefix_leaves_out_that_its_source_was_paused():
    opened, closed = Opened(ActivityId("a"), 1, AT), Closed(2, AT)
    journal: list[Entry] = [Input({}, AT), PAUSE, opened, RESUME, closed, CANCEL]

    kept = (Input({}, AT), opened, Closed(1, AT))
    assert after_entry(journal, 4) == after_entry(journal, 2) == before_failure(journal) == kept


# -- the head


@pytest.mark.parametrize("lease", [None, Lease("worker", AT - 1)])
def test_nobody_looks_after_a_paused_run(lease):
    run = visited(head(CALL, lease=lease, not_before=AT, wake_at=AT), CALL, paused(), AT)

    assert (run.status, run.lease, run.not_before, run.wake_at) == (RunStatus.PAUSED, None, None, None)


def test_a_worker_at_work_keeps_its_lease_when_the_run_is_paused_and_resumed():
    lease = Lease("worker", AT + 9)
    pausing = visited(head(CALL, lease=lease, claims=2, not_before=AT, wake_at=AT + 9), CALL, paused(), AT)
    assert (pausing.status, pausing.lease, pausing.claims, pausing.wake_at) == (RunStatus.PAUSED, lease, 2, None)

    resumed = visited(pausing, CALL, apply(CALL, paused(), RESUME), AT)
    assert (resumed.status, resumed.lease, resumed.claims) == (RunStatus.RUNNING, lease, 2)
    assert (resumed.not_before, resumed.wake_at) == (AT, lease.until)


# -- variables


def test_variables_are_set_and_taken_away_where_the_run_has_them():
    state = replay(definition(Sub(Call("call"))), AT_THE_BEGINNING, [Input({"a": 1, "b": 2}, AT)])

    assert apply(CALL, state, Changed(AT, {"b": 3, "c": 4}, ("a",))).variables == {"b": 3, "c": 4}
