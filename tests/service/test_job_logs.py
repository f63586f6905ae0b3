"""What happened to a batch's jobs is told as it was: nothing twice, nothing that did not happen, nothing left out."""

from collections import Counter

import pytest

from chalicelib import wiring
from chalicelib.core.batches import RETRIES, Batch
from chalicelib.core.ids import ActivityId, RunId
from chalicelib.core.job_logs import JobEntry, JobEvent
from chalicelib.core.state import BeforeActivity
from chalicelib.service.batches import BatchNotFound
from chalicelib.stores.batch_rows import batch_key
from tests.faults.plans import Fault, Kind, Plan
from tests.faults.play import Play
from tests.faults.strikes import Strikes
from tests.graphs import Ask, Call, steps
from tests.service.batch_stories import canceled_run, deliver, leave_runs, publish, restart, stands
from tests.world import ACME, MINUTE

ASK = BeforeActivity(ActivityId("decide"))
BLOCK = steps(Call("one"), Ask("decide"), Call("two"))
NOBODY = RunId("00000000-0000-4000-8000-0000000000ff")
CREATED, FAILED, DONE, DELETED = JobEvent


@pytest.fixture
def services(play) -> wiring.Services:
    return publish(play, BLOCK)


def told(services: wiring.Services, batch: Batch, index: int | None = None) -> list[tuple[int, str, JobEvent, int]]:
    """Answer what the log says, each thing in its order, without times."""
    entries = sorted(
        services.batches.log(stands(services, batch), index), key=lambda one: (one.index, one.at, one.name)
    )
    return [(one.index, one.name, one.event, one.retries) for one in entries]


def entry_of(services: wiring.Services, batch: Batch, index: int, event: JobEvent) -> JobEntry:
    [entry] = [one for one in services.batches.log(batch, index) if one.event is event]
    return entry


class TestTheLog:
    def test_of_a_batch_that_nobody_has_looked_at_is_empty(self, services):
        assert told(services, restart(services, [NOBODY], ASK)) == []

    def test_tells_when_each_job_was_created_and_when_it_was_done(self, play, services):
        batch = restart(services, leave_runs(services, play, 3), ASK, per_seed=2)
        services.batch_worker.look(batch_key(ACME, batch.id))
        created = services.now()
        play.stage.clock.advance(MINUTE)

        assert told(services, batch) == [(0, "0", CREATED, RETRIES), (1, "0", CREATED, RETRIES)]
        deliver(play)

        both = [("0", CREATED, RETRIES), ("end", DONE, RETRIES)]
        assert told(services, batch) == [(index, *one) for index in range(3) for one in both]
        assert [entry_of(services, batch, 0, event).at for event in (CREATED, DONE)] == [created, created + MINUTE]
        assert stands(services, batch).seeded_at == entry_of(services, batch, 2, CREATED).at

    def test_tells_each_failure_with_the_retries_before_it_and_why(self, play, services):
        batch = restart(services, [NOBODY], ASK)
        deliver(play)

        failures = [(0, "1", FAILED, 3), (0, "2", FAILED, 2), (0, "3", FAILED, 1)]
        assert told(services, batch) == [(0, "0", CREATED, RETRIES), *failures]
        whys = [one.failure for one in services.batches.log(batch) if one.failure is not None]
        assert [why.code for why in whys] == ["run_not_found"] * 3

    def test_goes_on_with_failures_by_hand_and_ends_with_a_deletion(self, play, services):
        batch = restart(services, [NOBODY], ASK)
        deliver(play)
        [job] = services.batches.jobs(batch, after=-1, limit=9)
        services.batch_worker.execute(batch, job)
        services.batches.set_retries(batch, 0, 2)
        deliver(play)

        assert services.batches.delete_job(batch, 0)

        assert [entry[1:] for entry in told(services, batch)][3:] == [
            ("3", FAILED, 1),
            ("4", FAILED, 0),
            ("5", FAILED, 2),
            ("6", FAILED, 1),
            ("end", DELETED, 0),
        ]

    def test_of_one_job_is_its_part_of_the_whole(self, play, services):
        batch = restart(services, [*leave_runs(services, play, 2), NOBODY], ASK)
        deliver(play)

        whole = told(services, batch)
        assert [told(services, batch, index) for index in range(4)] == [
            [one for one in whole if one[0] == index] for index in range(4)
        ]

    def test_of_more_jobs_than_one_page_holds_has_each_once(self, play, services):
        batch = restart(services, leave_runs(services, play, 1_201), ASK, per_seed=1_201)
        services.batch_worker.look(batch_key(ACME, batch.id))
        for index in range(0, 1_201, 2):
            services.batch_worker.work(batch_key(ACME, batch.id), index)

        times = Counter((one[0], one[2]) for one in told(services, batch))

        assert set(times.values()) == {1}
        assert Counter(event for _, event in times) == {CREATED: 1_201, DONE: 601}

    def test_tells_once_of_a_job_that_ends_while_it_is_read(self, play, services, monkeypatch):
        monkeypatch.setattr("chalicelib.stores.job_logs._PAGE", 1)
        batch = restart(services, leave_runs(services, play, 1), ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))

        log = services.batches.log(stands(services, batch))
        first = next(log)
        services.batch_worker.work(batch_key(ACME, batch.id), 0)

        assert [first.event, *(one.event for one in log)] == [CREATED, DONE]

    def test_does_not_tell_of_a_failure_from_an_old_reading(self, play, services):
        batch = restart(services, [NOBODY], ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))
        [job] = services.batches.jobs(batch, after=-1, limit=9)

        for _ in range(2):
            services.batch_worker.execute(batch, job)

        assert told(services, batch) == [(0, "0", CREATED, 3), (0, "1", FAILED, 3)]


class TestAfterADeletion:
    def test_tells_of_the_jobs_that_were_left_that_they_were_deleted_then(self, play, services):
        batch = restart(services, leave_runs(services, play, 130), ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))
        services.batch_worker.work(batch_key(ACME, batch.id), 7)
        services.batches.delete(ACME, batch.id, is_cascading=False)
        ended = services.now()
        deliver(play)

        entries = [*services.batches.log(stands(services, batch))]

        assert Counter(one.event for one in entries) == {CREATED: 100, DONE: 1, DELETED: 99}
        assert {one.at for one in entries if one.event is DELETED} == {ended}
        assert stands(services, batch).is_deleted

    @pytest.mark.parametrize("is_cascading", [True, False])
    def test_is_cleared_even_if_the_message_is_lost(self, play, services, is_cascading):
        batch = restart(services, leave_runs(services, play, 3), ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))
        services.batches.delete(ACME, batch.id, is_cascading=is_cascading)
        play.pull()
        play.pending.clear()

        play.settle()

        parts = Counter(row["part"]["S"].partition("#")[0] for row in play.rows("batches"))
        assert parts == ({"head": 1} if is_cascading else {"head": 1, "log": 3})
        assert not any("wake_at" in row for row in play.rows("batches"))

    def test_is_gone_with_the_history_of_one_that_had_ended(self, play, services):
        batch = restart(services, leave_runs(services, play, 3), ASK)
        play.settle()
        assert len(told(services, batch)) == 6

        services.batches.hide(ACME, batch.id)
        play.settle()

        assert [row["part"]["S"] for row in play.rows("batches")] == ["head"]
        with pytest.raises(BatchNotFound):
            services.batches.load(ACME, batch.id)

    def test_is_gone_when_one_ends_whose_history_was_deleted_before(self, play, services):
        batch = restart(services, leave_runs(services, play, 3), ASK)
        services.batches.hide(ACME, batch.id)

        play.settle()

        assert [row["part"]["S"] for row in play.rows("batches")] == ["head"]

    def test_loses_nothing_that_is_done_in_that_moment(self, play, services):
        """A job that ends between two looks at what is left has its own ending."""
        batch = restart(services, leave_runs(services, play, 2), ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))
        jobs = services.batches.jobs(batch, after=-1, limit=9)
        services.batches.delete(ACME, batch.id, is_cascading=False)
        services.batch_worker.execute(batch, jobs[0])

        assert not services.batches.batches.delete_jobs(batch, jobs, services.now())
        play.settle()

        assert [one[2] for one in told(services, batch)] == [CREATED, DONE, CREATED, DELETED]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PARTIAL])
def test_a_fault_at_any_call_leaves_a_log_of_what_happened(opened, kind):
    for number in range(80):
        opened.engine.empty()
        opened.clear()
        play = Play(opened, Plan("logs"))
        services = publish(play, BLOCK)
        sources = [canceled_run(services), NOBODY]
        play.stage.strikes = Strikes({number: Fault(number, kind, is_lasting=False)})
        batch = restart(services, sources, ASK)
        play.settle()

        failures = [(1, str(n + 1), FAILED, RETRIES - n) for n in range(RETRIES)]
        assert told(play.stage.boot(), batch) == [
            (0, "0", CREATED, RETRIES),
            (0, "end", DONE, RETRIES),
            (1, "0", CREATED, RETRIES),
            *failures,
        ]
        if len(play.stage.strikes.made) <= number:
            return
    raise AssertionError("there is no end to it")
