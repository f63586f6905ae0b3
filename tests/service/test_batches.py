"""Batches: each source is restarted once, counters say how far it is, and one bad source holds nobody else up."""

import tracemalloc
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from chalicelib import wiring
from chalicelib.core.batches import MAX_SOURCES, RETRIES
from chalicelib.core.errors import Invalid
from chalicelib.core.ids import ActivityId, RunId
from chalicelib.core.refusals import KeyReused
from chalicelib.core.runs import RunStatus
from chalicelib.core.state import BeforeActivity
from chalicelib.service.batches import BatchEmpty, BatchNotFound, BatchTooLarge
from chalicelib.stores.batch_rows import batch_key, log_part
from tests.faults.plans import Fault, Kind, Plan
from tests.faults.play import Play
from tests.faults.stage import stage
from tests.faults.strikes import Strikes, invoked
from tests.graphs import Ask, Call, steps
from tests.service.batch_stories import (
    COMMAND,
    canceled_run,
    check_done,
    deliver,
    leave_runs,
    order,
    publish,
    reborn,
    restart,
    stands,
    started_run,
)
from tests.stores.test_bulk import at_once
from tests.world import ACME, CAUSE, MINUTE, OTHER

ASK = BeforeActivity(ActivityId("decide"))
BLOCK = steps(Call("one"), Ask("decide"), Call("two"))
NOBODY = RunId("00000000-0000-4000-8000-0000000000ff")


@pytest.fixture
def services(play) -> wiring.Services:
    return publish(play, BLOCK)


class TestMaking:
    def test_takes_two_calls_for_five_thousand_sources_and_restarts_nobody(self, play, services):
        wish = order(services, ASK)
        sources = [RunId(f"{n:032x}") for n in range(5_000)]
        with invoked():
            batch = services.batches.create(COMMAND, wish, sources, CAUSE, services.batch_sizes)

        assert play.stage.strikes.made == ["dynamodb.TransactWriteItems", "sqs.SendMessageBatch"]
        assert (batch.jobs, batch.jobs_created, batch.is_over) == (5_000, 0, False)
        assert services.batches.batches.sources(batch, 4_998, 5_000) == sources[4_998:]
        assert services.batches.load(ACME, batch.id) == batch

    def test_under_a_key_happens_once(self, play, services):
        sources = leave_runs(services, play, 3)
        wish = order(services, ASK)
        keyed = replace(COMMAND, key="k")

        first, again = (services.batches.create(keyed, wish, sources, CAUSE, services.batch_sizes) for _ in range(2))
        deliver(play)

        assert first == again
        check_done(services, play, first, sources)
        assert services.batches.earlier(keyed) == stands(services, first)
        with pytest.raises(KeyReused):
            services.batches.create(replace(keyed, request=1), wish, sources, CAUSE, services.batch_sizes)

    def test_counts_each_source_once(self, services):
        first, second = RunId("a"), RunId("b")

        assert restart(services, [first, second, first], ASK).sources == 2

    def test_of_nobody_or_of_too_many_is_refused(self, play, services):
        with pytest.raises(BatchEmpty):
            restart(services, [], ASK)
        with pytest.raises(BatchTooLarge):
            restart(services, [RunId(str(n)) for n in range(MAX_SOURCES + 1)], ASK)
        assert play.rows("batches") == []

    def test_is_each_accounts_own(self, services):
        batch = restart(services, [NOBODY], ASK)

        with pytest.raises(BatchNotFound):
            services.batches.load(OTHER, batch.id)
        assert services.batches.page(OTHER, before=None, limit=9).items == ()
        assert services.batches.page(ACME, before=None, limit=9).items == (batch,)


class TestWork:
    @pytest.mark.parametrize(("per_job", "per_seed"), [(1, 100), (7, 3), (100, 1), (98, 100), (99, 100), (250, 100)])
    def test_restarts_each_source_once_and_ends(self, play, services, per_job, per_seed):
        sources = leave_runs(services, play, 250)

        batch = restart(services, sources, ASK, per_job=per_job, per_seed=per_seed)
        deliver(play)

        check_done(services, play, batch, sources)
        assert {row["status"]["S"] for row in reborn(play).values()} == {"waiting"}
        told = services.batches.statistics(stands(services, batch))
        assert (told.remaining, told.completed, told.failed) == (0, batch.jobs, 0)

    def test_creates_its_jobs_a_seed_at_a_time(self, play, services):
        batch = restart(services, leave_runs(services, play, 250), ASK)

        seen = []
        while not (now := stands(services, batch)).is_seeded:
            services.batch_worker.look(batch_key(ACME, batch.id))
            seen.append(stands(services, batch).jobs_created)
            told = services.batches.statistics(stands(services, batch))
            assert (told.remaining, told.completed) == (250, 0)

        assert (seen, now.ended_at) == ([100, 200, 250], None)

    def test_tells_each_new_run_which_batch_it_came_from(self, play, services):
        [source] = leave_runs(services, play, 1)

        batch = restart(services, [source], ASK)
        deliver(play)

        run = services.runs.load(ACME, batch.run_id(source))
        assert (run.lineage.source, run.lineage.cause.batch, run.status) == (source, batch.id, RunStatus.WAITING)
        assert stands(services, batch).started_at is not None

    @pytest.mark.parametrize(("place", "most"), [("decide", 0.06), ("one", 0.15)])
    def test_takes_few_calls_for_a_run_at_a_hundred_sources_a_job(self, play, services, place, most):
        sources = leave_runs(services, play, 3_000)
        batch = restart(services, sources, BeforeActivity(ActivityId(place)), per_job=100)
        worker, key = services.batch_worker, batch_key(ACME, batch.id)

        with invoked():
            worker.look(key)
            for index in range(batch.jobs):
                worker.work(key, index)

        assert len(play.stage.strikes.made) / len(sources) <= most
        check_done(services, play, batch, sources)

    def test_consumes_the_dead_letter_of_a_source_that_failed(self, play):
        services = publish(play, Call("work"))
        play.outside.fail("work", is_retryable=False)
        failed = [started_run(services) for _ in range(3)]
        deliver(play)
        play.outside.heal("work")

        batch = restart(services, failed, BeforeActivity(ActivityId("work")), per_job=3)
        deliver(play)

        check_done(services, play, batch, failed)
        letters = play.rows("dead-letters")
        assert {row["run_id"]["S"]: row["consumed_by"]["S"] for row in letters} == {
            source: batch.run_id(source) for source in failed
        }
        assert not any("live_shard" in row for row in letters)


class TestAJobThatFails:
    @pytest.fixture
    def sources(self, play, services) -> list[RunId]:
        return [*leave_runs(services, play, 5), NOBODY]

    def test_has_three_tries_and_then_waits_and_the_others_are_done(self, play, services, sources):
        batch = restart(services, sources, ASK)
        deliver(play)

        assert reborn(play).keys() == set(sources[:5])
        [job] = services.batches.jobs(stands(services, batch), after=-1, limit=9)
        assert (job.index, job.retries, job.sources) == (5, 0, (NOBODY,))
        assert job.failure is not None
        assert job.failure.code == "run_not_found"
        told = services.batches.statistics(stands(services, batch))
        assert (told.remaining, told.completed, told.failed) == (1, 5, 1)
        play.settle()
        assert stands(services, batch).ended_at is None

    def test_restarts_none_of_its_sources(self, play, services, sources):
        batch = restart(services, sources, ASK, per_job=3)
        deliver(play)

        assert reborn(play).keys() == set(sources[:3])
        assert stands(services, batch).ended_at is None

    def test_has_one_try_less_each_time(self, play, services, sources):
        batch = restart(services, sources, ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))

        seen = []
        while found := services.batches.job(ACME, batch.id, 5):
            seen.append(found[1].retries)
            if not found[1].retries:
                break
            services.batch_worker.work(batch_key(ACME, batch.id), 5)
        assert seen == [*range(RETRIES, -1, -1)]

    def test_that_is_done_by_hand_when_it_has_no_tries_left_keeps_none(self, play, services, sources):
        batch = restart(services, sources, ASK)
        deliver(play)
        [job] = services.batches.jobs(batch, after=-1, limit=9)

        failure = services.batch_worker.execute(batch, job)
        deliver(play)

        assert failure is not None
        [job] = services.batches.jobs(batch, after=-1, limit=9)
        assert (job.retries, play.pending) == (0, [])

    def test_can_be_taken_away_and_then_the_batch_ends(self, play, services, sources):
        batch = restart(services, sources, ASK)
        deliver(play)

        assert services.batches.delete_job(batch, 5)
        deliver(play)

        check_done(services, play, batch, sources[:5])
        assert not services.batches.delete_job(batch, 5)
        assert services.batches.job(ACME, batch.id, 5) is None

    def test_of_a_held_batch_is_done_or_taken_away_by_hand_and_the_batch_stays_held(self, play, services, sources):
        batch = restart(services, sources, ASK)
        deliver(play)
        held = services.batches.suspend(ACME, batch.id, is_suspended=True) and stands(services, batch)
        [job] = services.batches.jobs(batch, after=-1, limit=9)

        assert services.batch_worker.execute(held, job) is not None
        assert services.batches.delete_job(held, job.index)
        deliver(play)

        assert stands(services, batch).ended_at is None
        assert not [row for row in play.rows("batches") if "wake_at" in row]

    def test_can_be_tried_again_once_it_can_succeed(self, play, services):
        sources = leave_runs(services, play, 3)
        running = started_run(services)
        batch = restart(services, [*sources, running], ASK)
        deliver(play)
        assert reborn(play).keys() == set(sources)

        services.runs.cancel(ACME, running, "now it has ended")
        assert services.batches.set_retries(batch, 3, 1)
        deliver(play)

        check_done(services, play, batch, [*sources, running])

    def test_cannot_have_fewer_retries_than_none(self, services, sources):
        batch = restart(services, sources, ASK)

        with pytest.raises(Invalid):
            services.batches.set_retries(batch, 0, -1)
        assert not services.batches.set_retries(batch, 99, 1)


class TestHolding:
    def test_begins_no_job_any_more_and_going_on_finishes(self, play, services):
        sources = leave_runs(services, play, 150)
        batch = restart(services, sources, ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))
        for index in range(20):
            services.batch_worker.work(batch_key(ACME, batch.id), index)

        services.batches.suspend(ACME, batch.id, is_suspended=True)
        deliver(play)
        play.settle()

        assert len(reborn(play)) == 20
        services.batches.suspend(ACME, batch.id, is_suspended=False)
        deliver(play)
        check_done(services, play, batch, sources)

    def test_twice_is_once(self, services):
        batch = restart(services, [NOBODY], ASK)

        for is_suspended in (True, True, False, False):
            services.batches.suspend(ACME, batch.id, is_suspended=is_suspended)
            assert stands(services, batch).is_suspended == is_suspended

    def test_is_for_those_that_have_not_ended(self, play, services):
        batch = restart(services, leave_runs(services, play, 1), ASK)
        deliver(play)

        with pytest.raises(BatchNotFound):
            services.batches.suspend(ACME, batch.id, is_suspended=True)


class TestDeleting:
    @pytest.mark.parametrize("is_cascading", [True, False])
    def test_leaves_what_was_restarted_and_restarts_no_more(self, play, services, is_cascading):
        batch = restart(services, leave_runs(services, play, 150), ASK)
        services.batch_worker.look(batch_key(ACME, batch.id))
        for index in range(20):
            services.batch_worker.work(batch_key(ACME, batch.id), index)

        services.batches.delete(ACME, batch.id, is_cascading=is_cascading)
        deliver(play)
        play.settle()

        assert len(reborn(play)) == 20
        parts = [row["part"]["S"] for row in play.rows("batches")]
        assert parts == ["head", *([] if is_cascading else [log_part(index, "end") for index in range(100)])]
        listed = services.batches.page(ACME, before=None, limit=9).items
        assert [one.id for one in listed] == ([] if is_cascading else [batch.id])

    def test_is_for_those_that_have_not_ended(self, play, services):
        batch = restart(services, leave_runs(services, play, 1), ASK)
        deliver(play)

        with pytest.raises(BatchNotFound):
            services.batches.delete(ACME, batch.id, is_cascading=False)

    def test_can_hide_what_goes_on(self, play, services):
        sources = leave_runs(services, play, 3)
        batch = restart(services, sources, ASK)

        services.batches.hide(ACME, batch.id)
        deliver(play)

        check_done(services, play, batch, sources)
        with pytest.raises(BatchNotFound):
            services.batches.load(ACME, batch.id)


class TestNothingIsLost:
    def test_by_messages_that_are(self, play, services):
        sources = leave_runs(services, play, 120)
        batch = restart(services, sources, ASK)
        for _ in range(3):
            play.pull()
            play.pending.clear()
            play.stage.clock.advance(2 * MINUTE)
            play.sweep()

        play.settle()

        check_done(services, play, batch, sources)

    @pytest.mark.parametrize("per_job", [1, 2, 3])
    @pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PARTIAL])
    def test_by_a_fault_at_any_call_and_nothing_is_done_twice(self, opened, kind, per_job):
        for number in range(80):
            opened.engine.empty()
            opened.clear()
            play = Play(opened, Plan("batches"))
            services = publish(play, BLOCK)
            sources = [canceled_run(services) for _ in range(3)]
            play.stage.strikes = Strikes({number: Fault(number, kind, is_lasting=False)})
            batch = restart(services, sources, ASK, per_job=per_job, per_seed=2)
            play.settle()
            check_done(play.stage.boot(), play, batch, sources)
            if len(play.stage.strikes.made) <= number:
                return
        raise AssertionError("there is no end to it")

    @pytest.mark.parametrize("seed", range(30))
    def test_by_two_workers_of_every_message_at_once(self, play, services, seed):
        sources = leave_runs(services, play, 6)
        batch = restart(services, sources, ASK, per_job=2, per_seed=2)
        key, others = batch_key(ACME, batch.id), [play.stage.boot(), play.stage.boot()]

        def work(worker: wiring.Services) -> None:
            for index in (None, 0, 1, None, 2):
                with invoked():
                    if index is None:
                        worker.batch_worker.look(key)
                    else:
                        worker.batch_worker.work(key, index)

        at_once(play.stage, [partial(work, one) for one in others], Random(seed).choice)
        play.settle()

        check_done(services, play, batch, sources)

    def test_by_a_worker_that_another_one_overtakes_a_moment_later(self, play, services):
        sources = leave_runs(services, play, 6)
        batch = restart(services, sources, ASK, per_job=2, per_seed=2)
        key, other = batch_key(ACME, batch.id), play.stage.boot()

        def overtake(_function: str, name: str, _request: object) -> None:
            if name == "dynamodb.TransactWriteItems":
                play.stage.strikes.watch = lambda *_: None
                play.stage.clock.advance(1)
                other.batch_worker.look(key)

        play.stage.strikes.watch = overtake
        with invoked():
            services.batch_worker.look(key)
        play.settle()

        check_done(services, play, batch, sources)


@pytest.mark.heavy
def test_twenty_thousand_take_no_more_memory_than_two_thousand():
    """…of the worker: what it holds is a job, or a seed."""
    peaks = []
    for number in (2_000, 20_000):
        with stage() as opened:
            play = Play(opened, Plan("batches"))
            services = publish(play, BLOCK)
            sources = leave_runs(services, play, number)
            batch = restart(services, sources, ASK, per_job=100)
            key, worker = batch_key(ACME, batch.id), services.batch_worker
            while not stands(services, batch).is_seeded:
                worker.look(key)
            tracemalloc.start()
            worker.work(key, 0)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            for index in range(1, batch.jobs):
                worker.work(key, index)
            check_done(services, play, batch, sources)
    assert peaks[1] < 1.5 * peaks[0]
