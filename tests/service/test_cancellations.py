"""Batches of cancellations: each run is canceled once, and a job that cannot do all that it should does nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.batch_sizes import Sizes
from chalicelib.core.batches import Batch, BatchKind, Cancellation, Job
from chalicelib.core.errors import Busy
from chalicelib.core.ids import RunId
from chalicelib.core.job_logs import JobEvent
from chalicelib.core.journal import Signal
from chalicelib.service.runs import RunEnded, TaskClosed
from chalicelib.stores.batch_rows import batch_key
from chalicelib.stores.bulk import Part
from chalicelib.stores.cancellations import CancellationStore, run_of
from tests.faults.plans import Fault, Kind, Plan
from tests.faults.play import Play
from tests.faults.strikes import Strikes, invoked
from tests.graphs import Ask, Call, document, steps
from tests.service.batch_stories import COMMAND, canceled_run, deliver, publish, stands, started_run
from tests.stores.test_bulk import at_once
from tests.world import ACME, CAUSE

BLOCK = steps(Ask("decide"), Call("two"))
NOBODY = RunId("00000000-0000-4000-8000-0000000000ff")
WHY = "they are not wanted any more"


@pytest.fixture
def services(play) -> wiring.Services:
    return publish(play, BLOCK)


def waiting(services: wiring.Services, number: int, **more: Any) -> list[RunId]:
    return [started_run(services, **more) for _ in range(number)]


def cancel(
    services: wiring.Services, sources: list[RunId], *, per_job: int = 1, per_seed: int = 100, is_strict: bool = False
) -> Batch:
    """Cancel runs as a batch, of which nothing has been done yet."""
    return services.batches.create(COMMAND, Cancellation(WHY, is_strict), sources, CAUSE, Sizes(per_job, per_seed))


def check_canceled(services: wiring.Services, batch: Batch, sources: list[RunId]) -> None:
    """See that a batch has ended, each run was canceled once, and by it, and each job succeeded once."""
    for source in sources:
        run = services.runs.load(ACME, source)
        signals = [entry for entry in services.runs.journal_of(run) if isinstance(entry, Signal)]
        assert (run.status.value, [signal.reason for signal in signals]) == ("canceled", [WHY])
        assert (run.wake_at, run.lease, run.waiting_for) == (None, None, ())
    ended = stands(services, batch)
    assert ended.ended_at is not None
    assert services.batches.jobs(ended, after=-1, limit=9) == []
    times = Counter(one.event for one in services.batches.log(ended))
    assert times[JobEvent.DONE] == times[JobEvent.CREATED] == batch.jobs


def statuses(play: Play) -> Counter[str]:
    return Counter(row["status"]["S"] for row in play.rows("runs"))


class TestWork:
    @pytest.mark.parametrize(("per_job", "per_seed"), [(1, 100), (7, 3), (49, 1), (50, 1), (100, 100), (120, 100)])
    def test_cancels_each_run_once_and_ends(self, play, services, per_job, per_seed):
        sources = waiting(services, 120)

        batch = cancel(services, sources, per_job=per_job, per_seed=per_seed)
        assert stands(services, batch) == batch
        deliver(play)

        check_canceled(services, batch, sources)
        assert batch.kind is BatchKind.CANCELLATION
        assert stands(services, batch).started_at is not None

    def test_takes_little_more_than_reading_each_journal(self, play, services):
        sources = waiting(services, 300)
        batch = cancel(services, sources, per_job=100)
        key = batch_key(ACME, batch.id)

        with invoked():
            services.batch_worker.look(key)
            for index in range(3):
                services.batch_worker.work(key, index)

        assert len(play.stage.strikes.made) / len(sources) <= 1.1
        check_canceled(services, batch, sources)

    def test_cancels_runs_wherever_they_stand_and_of_any_definition(self, play, services):
        services.definitions.save_draft(ACME, "other", document(Call("work")))
        services.definitions.publish(ACME, "other")
        fresh = waiting(services, 2)
        asking = waiting(services, 2)
        deliver(play)

        batch = cancel(services, [*fresh, *asking], per_job=4)
        deliver(play)

        check_canceled(services, batch, [*fresh, *asking])

    def test_passes_over_what_has_ended_or_is_gone(self, play, services):
        before, sources = canceled_run(services), waiting(services, 2)

        batch = cancel(services, [before, sources[0], NOBODY, sources[1]], per_job=2)
        deliver(play)

        check_canceled(services, batch, sources)
        assert services.runs.journal(ACME, before)[-1].reason == "test"

    def test_of_nobody_that_goes_on_is_done_too(self, play, services):
        batch = cancel(services, [NOBODY, canceled_run(services)])
        deliver(play)

        check_canceled(services, batch, [])


@dataclass(frozen=True, slots=True)
class NeverInTime(CancellationStore):
    """A store that always finds that the runs have moved."""

    def cancel(self, batch: Batch, job: Job, parts: Sequence[Part], done: int, at: int) -> frozenset[RunId]:
        return frozenset(map(run_of, parts))


def test_runs_that_never_stand_still_are_tried_again_later(play, services):
    batch = cancel(services, waiting(services, 1))
    services.batch_worker.look(batch_key(ACME, batch.id))
    [job] = services.batches.jobs(batch, after=-1, limit=9)
    store = services.batch_worker.cancellations.store
    hasty = replace(services.batch_worker.cancellations, store=NeverInTime(store.calls, store.runs))

    with pytest.raises(Busy):
        hasty.finish(batch, job, Cancellation(WHY))
    deliver(play)

    assert statuses(play) == {"canceled": 1}


class TestAStrictBatch:
    @pytest.mark.parametrize("is_gone", [True, False])
    def test_fails_the_job_of_a_run_that_has_ended_or_is_gone(self, play, services, is_gone):
        sources, missing = waiting(services, 2), NOBODY if is_gone else canceled_run(services)

        batch = cancel(services, [*sources, missing], is_strict=True)
        deliver(play)

        [job] = services.batches.jobs(batch, after=-1, limit=9)
        assert job.failure is not None
        assert (job.sources, job.retries, job.failure.code) == ((missing,), 0, "run_not_found")
        assert stands(services, batch).ended_at is None
        told = services.batches.statistics(stands(services, batch))
        assert (told.remaining, told.completed, told.failed) == (1, 2, 1)

    def test_cancels_nothing_of_a_job_that_fails(self, play, services):
        cancel(services, [*waiting(services, 3), NOBODY], per_job=4, is_strict=True)
        deliver(play)

        assert statuses(play) == {"waiting": 3}

    def test_does_not_take_its_own_work_for_somebody_elses(self, play, services):
        """A worker dies between two transactions of a job, and the next one goes on where it was."""
        sources = waiting(services, 60)
        batch = cancel(services, sources, per_job=60, is_strict=True)
        services.batch_worker.look(batch_key(ACME, batch.id))
        [job] = services.batches.jobs(batch, after=-1, limit=9)
        worker = services.batch_worker.cancellations
        parts = worker._parts(ACME, Cancellation(WHY, is_strict=True), job.sources)  # noqa: SLF001 - as far as it got
        first, done = next(worker.store.groups(job, parts))
        assert worker.store.cancel(batch, job, first, done, services.now()) == frozenset()
        [half] = services.batches.jobs(batch, after=-1, limit=9)
        assert 0 < half.done < 60
        assert worker.finish(batch, job, Cancellation(WHY, is_strict=False)) is False  # from an old reading

        deliver(play)

        check_canceled(services, batch, sources)


@pytest.mark.parametrize("is_strict", [True, False])
def test_runs_that_stand_in_a_line_leave_it(play, is_strict):
    services = publish(play, BLOCK, type="object")
    sources = waiting(services, 3, business_key="k")
    deliver(play)

    batch = cancel(services, sources[1:], is_strict=is_strict)
    deliver(play)

    check_canceled(services, batch, sources[1:])
    assert services.runs.lines.lines.members(services.runs.load(ACME, sources[0])) == [sources[0]]
    assert statuses(play) == {"waiting": 1, "canceled": 2}


class TestHoldingAndDeleting:
    def test_holds_and_goes_on(self, play, services):
        sources = waiting(services, 3)
        batch = cancel(services, sources)
        services.batches.suspend(ACME, batch.id, is_suspended=True)
        deliver(play)
        assert statuses(play) == {"waiting": 3}

        services.batches.suspend(ACME, batch.id, is_suspended=False)
        deliver(play)

        check_canceled(services, batch, sources)

    def test_cancels_no_more_once_it_is_deleted(self, play, services):
        batch = cancel(services, waiting(services, 3))
        services.batch_worker.look(batch_key(ACME, batch.id))
        services.batch_worker.work(batch_key(ACME, batch.id), 0)

        services.batches.delete(ACME, batch.id, is_cascading=False)
        play.settle()

        assert statuses(play) == {"canceled": 1, "waiting": 2}


class TestNothingIsDoneTwice:
    @pytest.mark.parametrize("per_job", [1, 2])
    @pytest.mark.parametrize("is_strict", [True, False])
    @pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PARTIAL])
    def test_whatever_call_fails(self, opened, kind, is_strict, per_job):
        for number in range(80):
            opened.engine.empty()
            opened.clear()
            play = Play(opened, Plan("cancellations"))
            services = publish(play, BLOCK)
            sources = waiting(services, 2)
            play.stage.strikes = Strikes({number: Fault(number, kind, is_lasting=False)})
            batch = cancel(services, sources, per_job=per_job, is_strict=is_strict)
            play.settle()
            assert not play.problems
            check_canceled(play.stage.boot(), batch, sources)
            if len(play.stage.strikes.made) <= number:
                return
        raise AssertionError("there is no end to it")

    @pytest.mark.parametrize("seed", range(20))
    def test_by_two_workers_and_a_person_at_once(self, play, services, seed):
        """Somebody completes a task in the moment in which its run is to be canceled."""
        sources = waiting(services, 4)
        batch = cancel(services, sources, per_job=2)
        key, others = batch_key(ACME, batch.id), [play.stage.boot() for _ in range(3)]

        def work(worker: wiring.Services) -> None:
            for index in (None, 0, 1):
                with invoked():
                    if index is None:
                        worker.batch_worker.look(key)
                    else:
                        worker.batch_worker.work(key, index)

        def complete(worker: wiring.Services) -> None:
            for source in sources[:2]:
                with invoked():
                    _complete(worker, source)

        at_once(
            play.stage,
            [partial(work, others[0]), partial(work, others[1]), partial(complete, others[2])],
            Random(seed).choice,
        )
        play.settle()

        assert not play.problems
        check_canceled(services, batch, sources[2:])
        assert {services.runs.load(ACME, run).status.value for run in sources[:2]} <= {"canceled", "completed"}
        assert stands(services, batch).ended_at is not None


def _complete(worker: wiring.Services, source: RunId) -> None:
    """Complete the task that a run waits at, if it still does."""
    try:
        worker.runs.complete(ACME, source, 1, {})
    except (RunEnded, TaskClosed):
        return
