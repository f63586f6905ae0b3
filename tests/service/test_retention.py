"""Ended runs and journals are kept as long as was said: gone at that millisecond."""

import pytest

from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.errors import Busy
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.lines import WorkflowRunExists
from chalicelib.core.refusals import JournalGone, NothingPublished, RunNotFound
from chalicelib.core.restart_requests import AfterEntry, FromFailure
from chalicelib.core.retention import LINGER_MS, Retention
from chalicelib.core.run_summaries import RunFilter
from chalicelib.core.runs import RunStatus
from chalicelib.core.versions import DraftVersion, NamedVersion
from chalicelib.service import definitions
from chalicelib.service.definitions import REMEMBERED_MS
from tests.graphs import Ask, Call, document
from tests.service.kept import (
    JOURNAL_MS,
    KEPT,
    MOMENTS,
    RUN_MS,
    TWO,
    end_of,
    ended,
    failed,
    is_there,
    journal_rows,
    publish,
    sweep,
)
from tests.world import ACME, MINUTE, ORDER


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
