"""What is not kept any more is taken away a while later, whole, whatever is interrupted, and at what cost."""

from contextlib import suppress

import pytest

from chalicelib.core.callbacks import CallbackState
from chalicelib.core.errors import Busy
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Input
from chalicelib.core.refusals import JournalGone, RunNotFound
from chalicelib.core.restart_requests import FromFailure
from chalicelib.core.retention import LINGER_MS, Retention
from chalicelib.core.runs import RunStatus
from chalicelib.service.runs import MAX_COLLISIONS, RunNotEnded
from chalicelib.service.work import LEASE_MS
from chalicelib.stores import deletions
from tests.aws_calls import Killed, watched
from tests.graphs import Ask, Call, document, steps
from tests.service.kept import (
    JOURNAL_MS,
    KEPT,
    RUN_MS,
    TOLD,
    TWO,
    end_of,
    ended,
    failed,
    is_there,
    journal_rows,
    publish,
    sweep,
)
from tests.stores.faults import refusal
from tests.world import ACME, MINUTE, World


class TestTakingAway:
    def test_comes_after_every_worker_is_gone(self):
        assert LINGER_MS > LEASE_MS

    def test_leaves_nothing_of_a_run(self, world):
        publish(world)
        run = failed(world)

        world.settle()

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
        assert world.clock.ms >= end_of(run) + RUN_MS + LINGER_MS

    def test_begins_with_the_journal(self, world):
        publish(world)
        run = failed(world)
        world.clock.ms = end_of(run) + JOURNAL_MS + LINGER_MS - 1
        sweep(world)
        assert len(journal_rows(world)) == 2

        world.clock.advance(1)
        sweep(world)

        assert journal_rows(world) == []
        assert world.run(run.id).wake_at == end_of(run) + RUN_MS + LINGER_MS
        assert len(world.rows("dead-letters")) == 1

    def test_leaves_a_head_that_is_all_that_is_left_to_dynamodb(self, world):
        publish(world)
        run = ended(world)

        world.settle()

        [row] = world.rows("runs")
        assert (journal_rows(world), world.waking()) == ([], [])
        assert int(row["expires_at"]["N"]) * 1000 == end_of(run) + RUN_MS + LINGER_MS
        assert is_there(world, run)

    def test_of_a_journal_alone_leaves_its_run_for_ever(self, world):
        publish(world, Retention(journal_s=0))
        run = ended(world)

        world.settle()

        [row] = world.rows("runs")
        assert (journal_rows(world), "expires_at" in row, "due_shard" in row) == ([], False, False)
        assert world.run(run.id).expiry.run is None

    def test_waits_until_somebody_is_told_of_the_failure(self, world):
        publish(world, Retention(completion_s=1))
        world.outside.fail("failed")
        run = failed(world, overrides=TOLD)
        world.clock.advance(1_000)
        assert not is_there(world, run)

        sweep(world)
        assert len(world.rows_of([run.id])) == 3
        world.outside.heal("failed")
        world.settle()

        assert len(world.outside.keys) > 3
        assert world.rows_of([run.id]) == []

    def test_goes_on_when_it_was_interrupted_anywhere(self):
        for number in range(1, 40):
            world = World()
            publish(world)
            run = failed(world)
            world.clock.ms = end_of(run) + RUN_MS + LINGER_MS
            with watched(kill_at=number) as calls, suppress(Killed):
                sweep(world)
            if len(calls) < number:
                break
            world.clock.advance(8 * MINUTE)  # until the message comes again
            world.settle()
            assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
        assert number > 8

    def test_looks_for_more_after_each_hundred_rows(self, world, monkeypatch):
        monkeypatch.setattr(deletions, "ROWS", 1)
        world.publish(document(TWO))
        run = failed(world)

        world.services.runs.purge_journal(ACME, run.id)
        assert journal_rows(world) == []
        world.services.runs.delete(ACME, run.id)

        assert world.rows("runs") == []

    def test_goes_on_next_time_when_there_is_no_time_for_all(self, world, monkeypatch):
        monkeypatch.setattr(deletions, "ROWS", 2)
        publish(world, KEPT, steps(*(Call(f"step{n}") for n in range(5))))
        run = ended(world)
        key = f"{ACME}#{run.id}"
        world.clock.ms = end_of(run) + JOURNAL_MS + LINGER_MS

        world.services.worker.advance(key, lambda: 0)
        assert len(journal_rows(world)) == 3
        world.services.worker.advance(key, lambda: MINUTE)
        assert (journal_rows(world), world.waking()) == ([], [])

        world.clock.ms = end_of(run) + RUN_MS + LINGER_MS
        world.services.worker.advance(key, lambda: 0)
        assert world.rows("runs") == []

    def test_of_a_whole_run_goes_on_next_time_too(self, world, monkeypatch):
        monkeypatch.setattr(deletions, "ROWS", 2)
        publish(world, Retention(completion_s=1), steps(*(Call(f"step{n}") for n in range(5))))
        run = ended(world)
        world.clock.advance(LINGER_MS + 1_000)

        world.services.worker.advance(f"{ACME}#{run.id}", lambda: 0)
        assert (len(journal_rows(world)), len(world.waking())) == (3, 1)
        world.settle()

        assert world.rows_of([run.id]) == []

    def test_by_two_at_once_is_taking_away_once(self, world, faults):
        publish(world)
        run = failed(world)
        world.clock.ms = end_of(run) + RUN_MS + LINGER_MS
        faults.meanwhile("dynamodb.TransactWriteItems", lambda: sweep(world))

        sweep(world)

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])

    @pytest.mark.parametrize("call", ["Query", "DeleteItem"])
    def test_by_somebody_slow_spares_the_journal_of_a_later_run_of_the_same_key(self, world, faults, call):
        publish(world, Retention(completion_s=1))
        run = ended(world, key="k")
        world.clock.advance(LINGER_MS + 1_000)
        key = f"{ACME}#{run.id}"

        def meanwhile() -> None:
            world.services.worker.advance(key, lambda: MINUTE)
            world.start(key="k")
            world.deliver()

        faults.meanwhile(f"dynamodb.{call}", meanwhile)
        world.services.worker.advance(key, lambda: MINUTE)

        again = world.run(run.id)
        assert again.created_at == world.clock.ms
        assert len(world.services.runs.journal(ACME, run.id)) == again.journal_length

    @pytest.mark.parametrize("call", ["Query", "DeleteItem"])
    def test_of_a_journal_spares_that_of_a_later_run_too(self, world, faults, call):
        publish(world, Retention(completion_s=LINGER_MS / 1000 + 1, journal_s=0))
        run = ended(world, key="k")
        world.clock.advance(LINGER_MS)

        def meanwhile() -> None:
            world.clock.advance(1_000)
            world.start(key="k")
            world.deliver()

        faults.meanwhile(f"dynamodb.{call}", meanwhile)
        world.services.worker.advance(f"{ACME}#{run.id}", lambda: MINUTE)

        assert len(journal_rows(world)) == 2
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_before_its_time_takes_nothing(self, world):
        publish(world)
        run = failed(world)
        world.clock.ms = end_of(run) + JOURNAL_MS + LINGER_MS - 1
        before = world.everything()

        world.services.worker.advance(f"{ACME}#{run.id}", lambda: MINUTE)

        assert world.everything() == before

    def test_rings_for_nothing_that_is_kept_for_ever(self, world):
        world.publish(document(TWO))
        ended(world)

        assert world.waking() == []


class TestPurgingAJournal:
    def test_takes_it_away_and_leaves_the_run(self, world):
        world.publish(document(TWO))
        run = failed(world)

        for _ in range(2):
            world.services.runs.purge_journal(ACME, run.id)

        assert (journal_rows(world), world.waking()) == ([], [])
        with pytest.raises(JournalGone):
            world.services.runs.journal(ACME, run.id)
        assert world.services.runs.journal_of(world.run(run.id)) == (Input(run.input, run.created_at),)
        with pytest.raises(JournalGone):
            world.restart(run.id, start=FromFailure())
        assert world.restart(run.id).lineage.source == run.id

    def test_is_for_ended_runs_of_the_account(self, world):
        world.publish(document(Ask("decide")))
        run = world.start()
        before = world.everything()

        with pytest.raises(RunNotEnded):
            world.services.runs.purge_journal(ACME, run.id)
        with pytest.raises(RunNotFound):
            world.services.runs.purge_journal(ACME, RunId("nobody"))

        assert world.everything() == before

    def test_keeps_to_the_time_at_which_the_run_is_taken_away(self, world):
        publish(world)
        run = failed(world)

        world.services.runs.purge_journal(ACME, run.id)

        assert world.run(run.id).wake_at == end_of(run) + RUN_MS + LINGER_MS
        world.settle()
        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])

    def test_is_finished_by_the_sweep_when_it_was_interrupted_anywhere(self):
        for number in range(1, 20):
            world = World()
            world.publish(document(TWO))
            run = failed(world)
            with watched(kill_at=number) as calls, suppress(Killed):
                world.services.runs.purge_journal(ACME, run.id)
            if len(calls) < number:
                break
            is_gone = not world.run(run.id).expiry.has_journal(world.clock.ms)
            world.settle()
            assert len(journal_rows(world)) == (0 if is_gone else 2)
            assert is_gone == (number > 2)
        assert number > 6

    def test_does_not_disturb_the_telling_of_a_failure(self, world):
        world.publish(document(TWO))
        world.outside.fail("failed")
        run = failed(world, overrides=TOLD)
        assert run.is_owing_callback

        world.services.runs.purge_journal(ACME, run.id)

        assert journal_rows(world) == []
        assert (world.run(run.id).not_before, world.run(run.id).wake_at) == (run.not_before, run.wake_at)
        world.outside.heal("failed")
        world.settle()
        callback = world.run(run.id).callback
        assert callback is not None
        assert callback.state is CallbackState.SUCCEEDED

    def test_of_a_run_that_moves_all_the_time_is_to_be_asked_for_again(self, world, faults):
        world.publish(document(TWO))
        run = failed(world)
        faults.refuse("dynamodb.UpdateItem", [refusal("ConditionalCheckFailedException")] * MAX_COLLISIONS)

        with pytest.raises(Busy):
            world.services.runs.purge_journal(ACME, run.id)

        world.services.runs.purge_journal(ACME, run.id)
        assert journal_rows(world) == []


class TestTheCost:
    """Of what happens to runs that are not kept for ever: the same as of others (test_budgets.py)."""

    def test_of_a_start_a_run_and_its_restart(self, world, calls):
        publish(world)
        calls.made.clear()

        run = world.start()
        world.deliver()
        world.restart(run.id)

        [read, put, send, claim, append, leave] = calls.made[:6]
        assert (read, put, send) == ("dynamodb.GetItem", "dynamodb.PutItem", "sqs.SendMessageBatch")
        assert (claim, append) == ("dynamodb.UpdateItem", "dynamodb.PutItem")
        assert leave == "dynamodb.TransactWriteItems"
        assert calls.made[6:] == ["dynamodb.GetItem", "dynamodb.PutItem", "sqs.SendMessageBatch"]

    def test_of_taking_away_a_run_of_two_rows(self, world, calls):
        publish(world, Retention(completion_s=1))
        run = ended(world)
        world.clock.advance(LINGER_MS + 1_000)
        calls.made.clear()

        world.services.worker.advance(f"{ACME}#{run.id}", lambda: MINUTE)

        look, vanish = ["dynamodb.UpdateItem", "dynamodb.GetItem"], ["dynamodb.TransactWriteItems"]
        assert calls.made == [*look, *vanish, "dynamodb.Query", "dynamodb.GetItem", *["dynamodb.DeleteItem"] * 3]
