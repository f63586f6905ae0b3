from dataclasses import replace

import pytest

from chalicelib.core.advance import settle
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Closed, Entry, Failure, Performed, Signal, SignalName
from chalicelib.core.replay import apply, begin
from chalicelib.core.runs import Lease, Run, RunStatus, Tries, broken_off, progressed, ring_delay_s, scheduled, visited
from chalicelib.core.state import Start, State
from tests.core.elements import END, START, ask, between, call, line, pause, read
from tests.core.sources import source_run

AT = 1_000_000
QUARTER, MINUTE = 900_000, 60_000
A = ActivityId("a")
CANCEL = Signal(SignalName.CANCEL, AT)
FAILURE = Failure("a", "http_503", "unwell")

CALLING = between(call("a"))
ASKING = between(ask("a"))
PAUSING = between(pause("a", after_s=10))
BOTH = read(START, call("a"), ask("b"), END, *line("start", "a", "end"), *line("start", "b", "end"))


def settled(definition: Definition, *entries: Entry) -> State:
    """Answer the state of a run after these entries and all that follow from them."""
    state = settle(definition, begin(definition, Start(), {"x": 1}), AT).state
    for entry in entries:
        state = settle(definition, apply(definition, state, entry), AT).state
    return state


def head(definition: Definition, **fields: object) -> Run:
    run = source_run(definition, {"x": 1}, settled(definition), ())
    return replace(run, **fields)  # type: ignore[arg-type]


def run_after(definition: Definition, *entries: Entry, **fields: object) -> Run:
    return progressed(head(definition, **fields), definition, settled(definition, *entries), AT)


# -- when to look again


@pytest.mark.parametrize(
    ("not_before", "wake_at", "delay_s"),
    [
        (AT, AT + MINUTE, 0),
        (AT - 5_000, AT - 5_000 + MINUTE, 0),
        (AT + 1, AT + 1 + MINUTE, 1),
        (AT + 1_000, AT + 1_000 + MINUTE, 1),
        (AT + 1_001, AT + 1_001 + MINUTE, 2),
        # a message reaches a quarter of an hour; beyond, the sweep itself rings in time
        (AT + QUARTER, AT + QUARTER + MINUTE, 900),
        (AT + QUARTER + 1, AT + QUARTER + 1, None),
        # a run that waits for a person alone
        (None, None, None),
    ],
)
def test_a_run_is_rung_for_when_it_may_go_on_and_swept_a_little_later(
    not_before: int | None, wake_at: int | None, delay_s: int | None
):
    run = scheduled(head(CALLING), not_before, AT)

    assert (run.not_before, run.wake_at, ring_delay_s(run, AT)) == (not_before, wake_at, delay_s)


# -- how it stands

STANDING: dict[str, tuple[Run, RunStatus, int | None]] = {
    "an effect to perform": (run_after(CALLING), RunStatus.RUNNING, AT),
    "a user task": (run_after(ASKING), RunStatus.WAITING, None),
    "a timer": (run_after(PAUSING), RunStatus.WAITING, AT + 10_000),
    "an effect beside a wait": (run_after(BOTH), RunStatus.RUNNING, AT),
    "a wait alone, the effect being done": (run_after(BOTH, Performed(A, 1, AT)), RunStatus.WAITING, None),
    "an effect to try later": (run_after(CALLING, tries={1: Tries(1, AT + 7_000)}), RunStatus.RUNNING, AT + 7_000),
    "a completion": (run_after(ASKING, Closed(1, AT)), RunStatus.COMPLETED, None),
    "a result": (run_after(CALLING, Performed(A, 1, AT)), RunStatus.COMPLETED, None),
    "a failure": (run_after(CALLING, Performed(A, 1, AT, failure=FAILURE)), RunStatus.FAILED, None),
    "a cancel": (run_after(CALLING, CANCEL), RunStatus.CANCELED, None),
}


@pytest.mark.parametrize(("run", "status", "not_before"), STANDING.values(), ids=STANDING)
def test_a_run_stands_as_its_tokens_do(run: Run, status: RunStatus, not_before: int | None):
    assert (run.status, run.not_before) == (status, not_before)
    assert run.status.is_ended == (run.ended_at is not None)
    assert run.failure == (FAILURE if status is RunStatus.FAILED else None)


def test_the_earliest_of_all_that_may_happen_decides_when_to_look_again():
    definition = read(
        *(START, call("a"), call("b"), pause("c", after_s=10), END),
        *(*line("start", "a", "end"), *line("start", "b", "end"), *line("start", "c", "end")),
    )

    late = {1: Tries(1, AT + 30_000), 2: Tries(1, AT + 20_000)}
    assert run_after(definition, tries=late).not_before == AT + 10_000
    assert run_after(definition, tries={**late, 2: Tries(1, AT + 5_000)}).not_before == AT + 5_000


def test_a_head_follows_its_journal_and_nobody_is_at_work_on_it():
    tries = {1: Tries(2, AT), 2: Tries(1, AT)}
    begun = {"claims": 3, "lease": Lease("worker", AT + 1), "started_at": None, "tries": tries}

    run = run_after(BOTH, Performed(A, 1, AT, writes={"y": 2}), **begun)

    assert (run.variables, run.journal_length, run.updated_at) == ({"x": 1, "y": 2}, 3, AT)
    assert (run.claims, run.lease, run.started_at) == (0, None, AT)
    assert run.tries == {2: Tries(1, AT)}


def test_a_run_has_started_once():
    assert run_after(CALLING, started_at=AT - 7).started_at == AT - 7


def test_an_ended_run_is_never_looked_at_again():
    run = run_after(BOTH, CANCEL, tries={1: Tries(2, AT)}, not_before=AT, wake_at=AT)

    assert (run.ended_at, run.tries, run.not_before, run.wake_at) == (AT, {}, None, None)


def test_a_run_that_is_broken_off_has_failed_with_the_data_it_had():
    lease = Lease("worker", AT + 1)
    run = head(BOTH, claims=3, lease=lease, tries={1: Tries(2, AT)}, started_at=7, not_before=AT, wake_at=AT)

    broken = broken_off(run, FAILURE, 5, AT)

    assert (broken.status, broken.failure, broken.ended_at, broken.updated_at) == (RunStatus.FAILED, FAILURE, AT, AT)
    assert (broken.variables, broken.journal_length, broken.started_at) == (run.variables, 5, 7)
    assert (broken.claims, broken.lease, broken.tries) == (0, None, {})
    assert (broken.not_before, broken.wake_at) == (None, None)


# -- somebody other than the worker


def visited_after(*entries: Entry, lease: Lease | None) -> Run:
    visiting = {"claims": 2, "lease": lease, "not_before": AT - 9, "wake_at": AT + 9, "status": RunStatus.RUNNING}
    return visited(head(BOTH, **visiting), BOTH, settled(BOTH, *entries), AT)


def test_a_worker_at_work_keeps_its_lease_when_somebody_appends():
    lease = Lease("worker", AT + 1)

    run = visited_after(Closed(1, AT, writes={"y": 2}), lease=lease)

    assert (run.status, run.lease, run.claims) == (RunStatus.RUNNING, lease, 2)
    assert (run.not_before, run.wake_at) == (AT - 9, AT + 9)
    assert (run.variables, run.journal_length) == ({"x": 1, "y": 2}, 3)


@pytest.mark.parametrize("lease", [None, Lease("worker", AT), Lease("worker", AT - 1)])
def test_without_a_worker_at_work_the_head_is_free(lease: Lease | None):
    run = visited_after(Closed(1, AT), lease=lease)

    assert (run.status, run.lease, run.claims, run.not_before) == (RunStatus.RUNNING, None, 0, AT)


def test_a_cancel_takes_the_run_from_its_worker():
    run = visited_after(CANCEL, lease=Lease("worker", AT + 1))

    assert (run.status, run.lease, run.wake_at) == (RunStatus.CANCELED, None, None)
