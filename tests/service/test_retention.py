"""Ended runs and journals are kept as long as was said: gone at that millisecond, and a while later taken away."""

from contextlib import suppress
from typing import Any

import pytest

from chalicelib.core.callbacks import CallbackState
from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.errors import Busy
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.journal import Input
from chalicelib.core.json_values import Json
from chalicelib.core.lines import WorkflowRunExists
from chalicelib.core.overrides import FailureCallback, Overrides
from chalicelib.core.refusals import JournalGone, NothingPublished, RunNotFound
from chalicelib.core.restart_requests import AfterEntry, FromFailure
from chalicelib.core.retention import LINGER_MS, Retention
from chalicelib.core.run_summaries import RunFilter
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.versions import DraftVersion, NamedVersion
from chalicelib.service import definitions
from chalicelib.service.definitions import REMEMBERED_MS
from chalicelib.service.runs import MAX_COLLISIONS, RunNotEnded
from chalicelib.service.work import LEASE_MS
from chalicelib.stores import deletions
from tests.aws_calls import Killed, watched
from tests.graphs import Ask, Block, Call, document, steps
from tests.stores.faults import refusal
from tests.world import ACME, MINUTE, ORDER, World

TWO = steps(Call("first"), Call("last"))
KEPT = Retention(completion_s=600, journal_s=300)
JOURNAL_MS, RUN_MS = 300_000, 600_000
TOLD = Overrides(failure_callback=FailureCallback("http://example.test/failed"), retries=2)
MOMENTS = [(-1, True), (0, False), (1, False)]


def publish(world: World, retention: Retention = KEPT, block: Block = TWO, **more: str) -> None:
    said: Json = {"completion_s": retention.completion_s, "journal_s": retention.journal_s}
    world.publish({**document(block), "retention": said, **more})


def ended(world: World, **more: Any) -> Run:
    """Let a run end, and the rings for it be heard."""
    run = world.start(**more)
    while world.deliver():
        pass
    return world.run(run.id)


def failed(world: World, **more: Any) -> Run:
    world.outside.fail("last", is_retryable=False)
    run = ended(world, **more)
    world.outside.heal("last")
    return run


def end_of(run: Run) -> int:
    assert run.ended_at is not None
    return run.ended_at


def is_there(world: World, run: Run) -> bool:
    return world.services.runs.runs.load(ACME, run.id) is not None


def journal_rows(world: World) -> list[str]:
    return [row["pk"]["S"] for row in world.rows("journal")]


def sweep(world: World) -> None:
    """Let everything happen that is due now."""
    world.services.sweep.run(lambda: MINUTE)
    while world.deliver():
        pass


class TestAtTheMoment:
    @pytest.mark.parametrize(("off", "is_kept"), MOMENTS)
    def test_a_run_is_not_there_for_anybody(self, world, off, is_kept):
        publish(world)
        run = failed(world)
        world.clock.ms = end_of(run) + RUN_MS + off

        listed = world.services.runs.page(ACME, RunFilter(), before=None, limit=9).items
        of_definition = world.services.runs.page(ACME, RunFilter(definition=ORDER), before=None, limit=9).items
        letters = world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=9).items
        removed = world.services.dead_letters.remove(ACME, [letter.id for letter in letters])

        assert is_there(world, run) is is_kept
        assert list(world.services.runs.load_all(ACME, [run.id])) == [run.id] * is_kept
        assert [len(listed), len(of_definition), len(letters), removed] == [int(is_kept)] * 4
        if is_kept:
            assert len(world.services.runs.family(ACME, run.id)) == 1
            world.restart(run.id)
        else:
            for ask in (world.run, world.restart, lambda id_: world.services.runs.delete(ACME, id_)):
                with pytest.raises(RunNotFound):
                    ask(run.id)

    @pytest.mark.parametrize(("off", "is_kept"), MOMENTS)
    def test_a_journal_is_not_there_for_anybody(self, world, off, is_kept):
        publish(world)
        run = failed(world)
        world.clock.ms = end_of(run) + JOURNAL_MS + off

        assert is_there(world, run)
        assert len(world.services.runs.journal_of(run)) == (run.journal_length if is_kept else 1)
        for wish in ({"start": FromFailure()}, {"start": AfterEntry(1)}, {"is_bound_to_journal": True}):
            if is_kept:
                world.restart(run.id, **wish)
            else:
                with pytest.raises(JournalGone):
                    world.restart(run.id, **wish)
        assert world.restart(run.id).lineage.source == run.id
        if is_kept:
            assert len(world.services.runs.journal(ACME, run.id)) == run.journal_length
        else:
            with pytest.raises(JournalGone):
                world.services.runs.journal(ACME, run.id)

    def test_a_restart_stays_in_the_family_of_a_source_that_goes(self, world):
        publish(world)
        run = failed(world)
        world.clock.advance(MINUTE)
        new = world.restart(run.id)
        world.deliver()

        world.clock.ms = end_of(run) + RUN_MS

        assert [member.id for member in world.services.runs.family(ACME, new.id)] == [new.id]

    def test_a_page_is_filled_with_those_that_are_kept(self, world):
        publish(world)
        kept = []
        for number in range(12):
            world.clock.advance(1)
            kept += [world.start().id] if number % 4 == 0 else []
            if number % 4:
                ended(world, retention=Retention(completion_s=60))
        world.clock.advance(MINUTE)

        page = world.services.runs.page(ACME, RunFilter(), before=None, limit=2)
        rest = world.services.runs.page(ACME, RunFilter(), before=page.next, limit=2)

        assert [run.id for run in (*page.items, *rest.items)] == kept[::-1]
        assert rest.next is None


class TestAKey:
    """A key is used as long as its run is kept."""

    @pytest.mark.parametrize(("off", "is_kept"), MOMENTS)
    def test_of_a_start_is_free_again(self, world, off, is_kept):
        publish(world)
        run = ended(world, key="k")
        world.clock.ms = end_of(run) + RUN_MS + off

        again = world.start(key="k")

        assert again.id == run.id
        assert (again.created_at == run.created_at) is is_kept
        assert again.status is (RunStatus.COMPLETED if is_kept else RunStatus.PENDING)

    def test_makes_a_run_that_has_nothing_of_the_one_before(self, world):
        publish(world)
        run = failed(world, key="k")
        world.clock.ms = end_of(run) + RUN_MS

        again = world.start(key="k")

        assert (journal_rows(world), world.rows("dead-letters")) == ([], [])
        world.deliver()
        assert world.run(again.id).status is RunStatus.COMPLETED
        assert len(world.services.runs.journal(ACME, again.id)) == world.run(again.id).journal_length

    @pytest.mark.parametrize(("off", "is_kept"), MOMENTS)
    def test_of_a_restart_is_free_again(self, world, off, is_kept):
        publish(world, block=Ask("decide"))
        source = world.start()  # it waits, and so outlives its restarts
        wish = {"allowed": frozenset({RunStatus.WAITING})}
        first = world.services.runs.cancel(ACME, world.restart(source.id, key="k", **wish).id, "enough")
        world.clock.ms = end_of(first) + RUN_MS + off

        made = world.restarted(source.id, key="k", **wish)

        assert (made.run.id, made.is_repeat) == (first.id, is_kept)
        assert (made.run.created_at == first.created_at) is is_kept
        assert len(world.services.runs.journal_of(world.run(first.id))) == (1 if is_kept else 2)

    @pytest.mark.parametrize(("off", "is_kept"), MOMENTS)
    def test_of_a_workflow_is_free_again(self, world, off, is_kept):
        publish(world, block=Call("work"), type="workflow")
        run = ended(world, business_key="b")
        world.clock.ms = end_of(run) + RUN_MS + off

        if is_kept:
            with pytest.raises(WorkflowRunExists):
                world.start(business_key="b")
        else:
            assert world.start(business_key="b").id != run.id
            with pytest.raises(WorkflowRunExists):
                world.start(business_key="b")
            assert world.rows_of([run.id]) == []

    def test_waits_while_a_worker_may_be_at_the_run_that_was_broken_off(self, world):
        publish(world, Retention(completion_s=1), Ask("decide"))
        run = world.start(key="k")
        world.services.runs.cancel(ACME, run.id, "")
        world.clock.advance(LINGER_MS - 1)

        with pytest.raises(Busy):
            world.start(key="k")
        world.clock.advance(1)

        assert world.start(key="k").created_at == world.clock.ms

    def test_is_to_be_asked_for_again_when_its_run_has_gone_in_that_moment(self, world, faults):
        publish(world)
        run = ended(world, key="k")
        world.clock.ms = end_of(run) + RUN_MS + LINGER_MS
        for act in (
            lambda: None,
            lambda: None,
            lambda: world.services.worker.advance(f"{ACME}#{run.id}", lambda: MINUTE),
        ):
            faults.meanwhile("dynamodb.GetItem", act)

        with pytest.raises(Busy):
            world.start(key="k")

        assert world.start(key="k").created_at == world.clock.ms

    def test_waits_for_somebody_else_who_takes_the_run_away(self, world, faults):
        publish(world)
        run = ended(world, key="k")
        world.clock.ms = end_of(run) + RUN_MS + LINGER_MS

        def meanwhile() -> None:
            sweep(world)
            world.clock.advance(11 * MINUTE)  # longer than DynamoDB remembers a transaction's token

        faults.meanwhile("dynamodb.TransactWriteItems", meanwhile)

        with pytest.raises(Busy):
            world.start(key="k")

        assert world.start(key="k").created_at == world.clock.ms


class TestWhatIsSettled:
    def test_holds_for_new_runs_alone(self, world):
        publish(world)
        old = ended(world)

        held = world.services.definitions.retain(ACME, ORDER, Retention(5))
        new = ended(world)

        assert (held.retention, held.is_settled) == (Retention(5), True)
        assert (world.run(old.id).retention, new.retention) == (KEPT, Retention(5))
        assert world.restart(old.id).retention == KEPT

    def test_outlives_the_next_version_until_it_is_taken_back(self, world):
        publish(world)
        world.services.definitions.retain(ACME, ORDER, Retention(5))

        publish(world, Retention(7))

        assert world.start().retention == Retention(5)
        held = world.services.definitions.retain(ACME, ORDER, None)
        assert (held.retention, held.is_settled) == (Retention(7), False)
        assert world.start().retention == Retention(7)

    @pytest.mark.parametrize("choice", [NamedVersion(1), DraftVersion()], ids=["by number", "the draft"])
    def test_is_heeded_within_a_minute_by_other_processes_and_versions(self, world, choice):
        publish(world)
        assert world.start(choice=choice).retention == KEPT

        world.services.definitions.store.retain(ACME, ORDER, Retention(5))

        assert world.start(choice=choice).retention == KEPT
        world.clock.advance(REMEMBERED_MS)
        assert world.start(choice=choice).retention == Retention(5)

    def test_needs_something_that_is_published(self, world):
        world.services.definitions.save_draft(ACME, ORDER, document(TWO))
        before = world.everything()

        for ask in (
            lambda: world.services.definitions.settings(ACME, ORDER),
            lambda: world.services.definitions.retain(ACME, ORDER, KEPT),
        ):
            with pytest.raises(NothingPublished):
                ask()

        assert world.everything() == before
        assert world.start(choice=DraftVersion()).retention == Retention()

    def test_is_remembered_of_so_many_definitions_only(self, world, monkeypatch):
        monkeypatch.setattr(definitions, "MAX_REMEMBERED", 1)
        publish(world)
        world.services.definitions.retain(ACME, ORDER, Retention(5))
        world.publish(document(TWO), DefinitionKey("other"))

        assert world.start(choice=NamedVersion(1)).retention == Retention(5)


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
