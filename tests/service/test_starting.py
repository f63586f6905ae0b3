"""First runs: where they stand when the call is answered, and what a repeat of the call meets."""

import pytest

from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import AccountId, DefinitionKey, SnapshotId
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import DefinitionNotFound, KeyReused, NothingPublished, RunNotFound, VersionNotFound
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.run_summaries import RunFilter
from chalicelib.core.runs import GRACE_MS, Lineage, RunStatus
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion
from chalicelib.service.births import Made
from chalicelib.service.commands import Command
from tests.graphs import Ask, Call, Compute, document
from tests.service.stories import begun, go_cold, kinds
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, BEGINNING, CAUSE, INPUT, MINUTE, ORDER, OTHER, World


def start(world: World, account: AccountId = ACME, key: str | None = None, **variables: object) -> Made:
    """Start a run as a dialect does."""
    request = StartRequest(account, CAUSE, {**INPUT, **variables})  # type: ignore[dict-item]
    command = Command(account, "ops", "start", ORDER, {"input": request.input}, key)
    return world.services.runs.start(command, ORDER, PublishedVersion(), request)


class TestAStartedRun:
    def test_is_pending_before_its_first_action_and_a_worker_is_rung_for(self, world):
        run = begun(world, Call("work"))

        assert (run.status, run.started_at, run.input, run.variables) == (RunStatus.PENDING, None, INPUT, INPUT)
        assert (run.not_before, run.wake_at) == (BEGINNING, BEGINNING + GRACE_MS)
        assert kinds(world, run.id) == []
        assert world.outside.keys == []
        assert len(world.messages()) == 1
        assert world.run(run.id) == run

    def test_waits_at_its_first_task_and_nobody_is_rung_for(self, world):
        run = begun(world, Ask("decide"))

        assert (run.status, run.started_at, run.wake_at) == (RunStatus.WAITING, BEGINNING, None)
        assert kinds(world, run.id) == ["Opened"]
        assert world.messages() == []

    def test_that_needs_nobody_is_completed_at_once(self, world):
        run = begun(world, Compute("sum", "${amount + 1}"))

        assert (run.status, run.ended_at) == (RunStatus.COMPLETED, BEGINNING)
        assert run.variables == {**INPUT, "v_sum": 4}
        assert kinds(world, run.id) == ["Performed", "Output"]
        assert world.messages() == []

    def test_that_fails_at_once_leaves_a_dead_letter_in_the_same_transaction(self, world, calls):
        world.publish(document(Compute("sum", "${nobody}")))
        calls.made.clear()

        run = world.start()

        assert run.status is RunStatus.FAILED
        assert calls.made == [*["dynamodb.GetItem"] * 2, "dynamodb.TransactWriteItems"]  # its retention is looked up
        [letter] = world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=10).items
        assert (letter.run.id, letter.id, letter.failure) == (run.id, run.dead_letter, run.failure)

    def test_is_its_own_root_and_bears_its_labels_and_business_key(self, world):
        run = begun(world, Call("work"), labels=("blue",), business_key="order-7")

        assert run.lineage == Lineage(run.id, None, 1, CAUSE)
        assert (run.labels, run.business_key, run.version) == (("blue",), "order-7", 1)

    def test_with_more_data_than_is_kept_is_refused_and_nothing_is_written(self, world):
        world.publish(document(Call("work")))
        before = world.everything()

        with pytest.raises(TooLarge):
            world.start({"blob": INCOMPRESSIBLE})

        assert world.everything() == before
        assert world.messages() == []

    def test_is_listed_and_unknown_to_other_accounts(self, world):
        run = begun(world, Call("work"))

        mine, theirs = (
            world.services.runs.page(account, RunFilter(), before=None, limit=10).items for account in (ACME, OTHER)
        )

        assert ([listed.id for listed in mine], theirs) == ([run.id], ())
        with pytest.raises(RunNotFound):
            world.run(run.id, OTHER)


class TestADelayedStart:
    def test_lets_nothing_happen_before_its_time(self, world):
        run = begun(world, Compute("sum"), overrides=Overrides(delay_s=60))
        assert (run.status, run.not_before, run.started_at) == (RunStatus.PENDING, BEGINNING + MINUTE, None)
        assert (world.deliver(), kinds(world, run.id)) == (0, [])

        world.clock.advance(MINUTE)

        assert world.deliver() == 1
        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.run(run.id).started_at == BEGINNING + MINUTE

    def test_beyond_the_reach_of_a_message_is_left_to_the_sweep(self, world):
        run = begun(world, Compute("sum"), overrides=Overrides(delay_s=3600))
        assert (run.wake_at, world.messages()) == (BEGINNING + 60 * MINUTE, [])

        world.clock.advance(60 * MINUTE - 1)
        assert world.services.sweep.run(lambda: MINUTE) == 0
        world.clock.advance(1)
        assert world.services.sweep.run(lambda: MINUTE) == 1

        world.deliver()
        assert world.run(run.id).status is RunStatus.COMPLETED


class TestOverrides:
    def test_a_run_may_be_tried_less_often_than_its_definition_says(self, world):
        world.outside.fail("work")
        run = begun(world, Call("work"), overrides=Overrides(retries=0))

        world.deliver()

        assert world.run(run.id).status is RunStatus.FAILED
        assert world.outside.asked == {"work": 1}

    def test_a_run_may_wait_longer_between_tries(self, world):
        world.outside.fail("work")
        run = begun(world, Call("work"), overrides=Overrides(retry_delay_s=120))

        world.deliver()

        assert world.run(run.id).not_before == BEGINNING + 2 * MINUTE


class TestVersions:
    def test_the_newest_published_one_is_used_and_not_the_draft(self, world):
        world.publish(document(Call("first")))
        world.publish(document(Call("second")))
        world.services.definitions.save_draft(ACME, ORDER, document(Call("third")))

        run = world.start()

        assert run.version == 2
        world.deliver()
        assert world.outside.asked == {"second": 1}

    def test_an_earlier_one_may_be_named_by_number_or_by_snapshot(self, world):
        world.publish(document(Call("first")))
        snapshot = world.services.definitions.draft(ACME, ORDER).snapshot
        world.publish(document(Call("second")))

        by_number, by_snapshot = (world.start(choice=NamedVersion(name)) for name in (1, snapshot))

        assert (by_number.snapshot, by_number.version) == (snapshot, 1)
        assert (by_snapshot.snapshot, by_snapshot.version) == (snapshot, None)
        world.deliver()
        assert world.outside.asked == {"first": 2}

    def test_a_draft_is_frozen_for_the_run_whatever_becomes_of_it(self, world):
        world.services.definitions.save_draft(ACME, ORDER, document(Call("first")))
        run = world.start(choice=DraftVersion())
        world.services.definitions.save_draft(ACME, ORDER, document(Call("second")))
        go_cold(world)

        world.deliver()

        assert world.outside.asked == {"first": 1}
        assert world.run(run.id).status is RunStatus.COMPLETED

    @pytest.mark.parametrize(
        ("choice", "refusal"),
        [
            (PublishedVersion(), NothingPublished),
            (NamedVersion(7), VersionNotFound),
            (NamedVersion(SnapshotId("snap_unknown")), VersionNotFound),
        ],
        ids=["unpublished", "number", "snapshot"],
    )
    def test_one_that_does_not_exist_is_refused(self, world, choice, refusal):
        world.services.definitions.save_draft(ACME, ORDER, document(Call("work")))

        with pytest.raises(refusal):
            world.start(choice=choice)

        assert world.rows("runs") == []

    @pytest.mark.parametrize("choice", [PublishedVersion(), DraftVersion()], ids=["published", "draft"])
    def test_an_unknown_definition_is_refused_otherwise_than_an_unpublished_one(self, world, choice):
        with pytest.raises(DefinitionNotFound):
            world.start(choice=choice, definition=DefinitionKey("unknown"))

    def test_another_account_s_definition_is_unknown(self, world):
        world.publish(document(Call("work")))

        with pytest.raises(DefinitionNotFound):
            start(world, OTHER)


class TestAKey:
    @pytest.fixture(autouse=True)
    def published(self, world):
        world.publish(document(Call("work")))

    def test_makes_a_repeat_meet_the_first_run_however_far_it_has_come(self, world):
        first = start(world, key="k")
        world.settle()
        before = world.everything()

        repeat = start(world, key="k")

        assert (first.is_repeat, repeat.is_repeat) == (False, True)
        assert repeat.run == world.run(first.run.id)
        assert repeat.run.status is RunStatus.COMPLETED
        assert (world.everything(), world.messages()) == (before, [])

    def test_is_refused_with_a_different_request_and_nothing_is_written(self, world):
        start(world, key="k")
        before = world.everything()

        with pytest.raises(KeyReused):
            start(world, key="k", amount=4)

        assert world.everything() == before

    def test_is_another_one_in_another_account(self, world):
        world.publish(document(Call("work")), account=OTHER)

        mine, theirs = start(world, key="k").run, start(world, OTHER, key="k").run

        assert mine.id != theirs.id
        assert world.run(theirs.id, OTHER) == theirs

    def test_used_twice_at_once_makes_one_run(self, world, faults):
        others: list[Made] = []
        faults.meanwhile("dynamodb.PutItem", lambda: others.append(start(world, key="k")))

        made = start(world, key="k")

        assert (made.run, made.is_repeat) == (others[0].run, True)
        assert len(world.rows("runs")) == 1

    def test_used_twice_at_once_for_different_requests_makes_one_run_and_a_refusal(self, world, faults):
        faults.meanwhile("dynamodb.PutItem", lambda: start(world, key="k", amount=4))

        with pytest.raises(KeyReused):
            start(world, key="k")

        assert len(world.rows("runs")) == 1

    def test_is_needed_for_that_without_one_every_call_makes_a_run(self, world):
        assert start(world).run.id != start(world).run.id
