"""Heads and their journals: who may write, and what a refused writer leaves behind."""

from dataclasses import replace

import pytest

from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import LetterFilter, with_dead_letter
from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import DeadLetterId
from chalicelib.core.journal import Output
from chalicelib.core.runs import ENDED, Lease, RunStatus
from chalicelib.stores.calls import Refused
from chalicelib.stores.runs import RunStore, Wake
from tests.stores.plans import ASKS, FAILURE, entries, entry, moved, planned, run_id
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, BEGINNING, MINUTE, OTHER

KEY = f"{ACME}#{run_id(1)}"
LEASE = Lease("worker", BEGINNING + MINUTE)
LETTER = DeadLetterId("0000000000001-letter")
PUT, TRANSACT = "dynamodb.PutItem", "dynamodb.TransactWriteItems"


class TestReading:
    def test_a_run_is_read_as_it_was_written(self, store):
        plan = planned(business_key="order-7", labels=("blue", "big"))

        store.create(plan, writer="creator")

        assert store.load(ACME, plan.run.id) == plan.run
        assert store.journal(plan.run) == plan.journal

    def test_an_unknown_run_and_another_accounts_are_the_same_answer(self, store):
        run = store.create(planned(), writer="creator")

        assert store.load(ACME, run_id(2)) is None
        assert store.load(OTHER, run.id) is None
        assert store.load_all(OTHER, [run.id]) == {}

    def test_many_runs_are_read_at_once_and_what_does_not_exist_is_left_out(self, store):
        runs = [store.create(planned(n), writer="creator") for n in range(100)]

        found = store.load_all(ACME, [run_id(n) for n in range(1, 101)])

        assert found == {run.id: run for run in runs[1:]}


def leave_a_letter(store: RunStore, number: int) -> DeadLetterId:
    """Let a run fail, and name the dead letter that it leaves."""
    run = store.create(planned(number), writer="creator")
    failed, letter = with_dead_letter(moved(run, status=RunStatus.FAILED, failure=FAILURE), BEGINNING)
    store.commit(failed, 1, (), letter, writer="worker")
    assert letter is not None
    return letter.id


@pytest.fixture(params=["a head alone", "with entries", "consuming a letter"])
def plan(request, store) -> Plan:
    """Plans that are written in one put, and in one transaction."""
    match request.param:
        case "a head alone":
            return planned()
        case "with entries":
            return planned(block=ASKS)
        case _:
            return replace(planned(), consumed=leave_a_letter(store, 2))


class TestCreating:
    def test_a_second_one_of_the_same_id_answers_the_run_that_stands(self, world, store, plan):
        first = store.create(plan, writer="one")
        before = world.everything()

        second = store.create(replace(plan, run=replace(plan.run, request_hash="another")), writer="two")

        assert second == first
        assert world.everything() == before

    def test_two_at_the_same_moment_make_one_run(self, store, plan, faults):
        others = []
        faults.meanwhile(PUT if plan == planned() else TRANSACT, lambda: others.append(store.create(plan, "other")))

        ours = store.create(plan, writer="one")

        assert [ours] == others
        assert ours is not plan.run
        assert store.load(ACME, plan.run.id) == ours

    def test_a_run_that_consumes_a_letter_which_is_not_kept_any_more_is_created_without(self, world, store):
        plan = replace(planned(), consumed=LETTER)

        assert store.create(plan, writer="one") is plan.run

        assert store.load(ACME, plan.run.id) == plan.run
        assert world.rows("dead-letters") == []

    def test_somebody_who_is_faster_after_the_letter_was_found_gone_is_answered_from(self, store, faults):
        plan = replace(planned(), consumed=LETTER)
        faults.meanwhile(PUT, lambda: store.create(planned(), writer="other"))

        assert store.create(plan, writer="one") is not plan.run

    def test_entries_that_stand_in_its_way_without_a_head_refuse_it(self, world, store):
        plan = planned(block=ASKS)
        store.append(plan.run, 1, entries(1, 1), writer="stranger")

        with pytest.raises(Refused):
            store.create(plan, writer="one")

        assert world.rows("runs") == []

    def test_data_that_one_item_cannot_hold_is_refused_and_nothing_is_written(self, world, store):
        with pytest.raises(TooLarge):
            store.create(planned(block=ASKS, input={"blob": INCOMPRESSIBLE}), writer="one")

        assert not any(world.everything().values())


class TestClaiming:
    def test_gives_the_run_with_the_lease_and_one_claim_more(self, store):
        run = store.create(planned(), writer="creator")

        claimed = store.claim(KEY, LEASE, BEGINNING)

        assert claimed == replace(
            run,
            status=RunStatus.RUNNING,
            started_at=BEGINNING,
            lease=LEASE,
            claims=1,
            revision=2,
            wake_at=LEASE.until,
        )
        assert store.load(ACME, run.id) == claimed

    def test_is_refused_while_somebody_holds_the_lease_and_granted_when_it_is_over(self, store):
        store.create(planned(), writer="creator")
        store.claim(KEY, LEASE, BEGINNING)

        assert store.claim(KEY, Lease("other", LEASE.until + MINUTE), LEASE.until - 1) is None
        taken_over = store.claim(KEY, Lease("other", LEASE.until + MINUTE), LEASE.until)

        assert taken_over is not None
        assert (taken_over.lease, taken_over.claims) == (Lease("other", LEASE.until + MINUTE), 2)
        assert taken_over.started_at == BEGINNING

    def test_is_refused_before_its_time_and_granted_at_it(self, store):
        plan = planned()
        later = replace(plan.run, not_before=BEGINNING + 500)
        store.create(replace(plan, run=later), writer="creator")

        assert store.claim(KEY, LEASE, BEGINNING + 499) is None
        assert store.claim(KEY, LEASE, BEGINNING + 500) is not None

    @pytest.mark.parametrize("status", sorted(ENDED, key=str))
    def test_is_refused_when_the_run_has_ended(self, store, status):
        plan = planned()
        store.create(replace(plan, run=replace(plan.run, status=status)), writer="creator")

        assert store.claim(KEY, LEASE, BEGINNING) is None

    def test_is_refused_when_the_run_waits_for_a_person_or_does_not_exist(self, store):
        store.create(planned(block=ASKS), writer="creator")

        assert store.claim(KEY, LEASE, BEGINNING) is None
        assert store.claim(f"{ACME}#{run_id(2)}", LEASE, BEGINNING) is None

    def test_of_two_at_once_one_is_granted(self, store, faults):
        store.create(planned(), writer="creator")
        others = []
        faults.meanwhile("dynamodb.UpdateItem", lambda: others.append(store.claim(KEY, LEASE, BEGINNING)))

        assert store.claim(KEY, Lease("late", LEASE.until), BEGINNING) is None
        assert others[0] is not None


class TestAppending:
    def test_puts_entries_at_the_journals_end(self, store):
        run = store.create(planned(), writer="creator")

        store.append(run, 1, entries(1, 2), writer="worker")
        store.append(run, 3, entries(3, 1), writer="worker")

        assert store.journal(run)[1:] == entries(1, 3)

    def test_is_refused_where_somebody_else_has_appended(self, world, store):
        run = store.create(planned(), writer="creator")
        store.append(run, 1, entries(1, 1), writer="worker")
        before = world.everything()

        with pytest.raises(Refused):
            store.append(run, 1, entries(7, 1), writer="other")

        assert world.everything() == before

    def test_may_be_repeated_by_the_one_who_did_it(self, world, store):
        run = store.create(planned(), writer="creator")
        store.append(run, 1, entries(1, 2), writer="worker")
        before = world.everything()

        store.append(run, 1, entries(1, 2), writer="worker")

        assert world.everything() == before

    def test_is_refused_if_what_stood_in_its_way_is_gone_by_now(self, world, store, faults):
        run = store.create(planned(), writer="creator")
        store.append(run, 1, entries(1, 1), writer="worker")
        [row] = world.rows("journal")
        key = {"pk": row["pk"], "index": row["index"]}
        table = "reprise-journal-test"
        faults.meanwhile(
            "dynamodb.GetItem",
            lambda: world.dynamodb.delete_item(TableName=table, Key=key),
        )

        with pytest.raises(Refused):
            store.append(run, 1, entries(1, 1), writer="other")


class TestCommitting:
    def test_a_head_alone_counts_the_revision(self, store):
        run = store.create(planned(), writer="creator")

        written = store.commit(moved(run, claims=7), 1, (), None, writer="worker")

        assert written == replace(run, updated_at=run.updated_at + 1, claims=7, revision=2)
        assert store.load(ACME, run.id) == written

    def test_entries_head_and_letter_are_written_together(self, store, world):
        run = store.create(planned(), writer="creator")
        ended, letter = with_dead_letter(moved(run, status=RunStatus.FAILED, failure=FAILURE), BEGINNING)

        written = store.commit(ended, 1, (Output(BEGINNING, failure=FAILURE),), letter, writer="worker")

        assert store.load(ACME, run.id) == written == replace(ended, revision=2)
        assert store.journal(run)[1:] == (Output(BEGINNING, failure=FAILURE),)
        [listed] = world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=10).items
        assert replace(listed, expires_at=None) == letter

    @pytest.mark.parametrize("written", [(), entries(1, 1)], ids=["a head alone", "with entries"])
    def test_is_refused_when_the_run_has_moved_and_nothing_is_written(self, world, store, written):
        run = store.create(planned(), writer="creator")
        store.commit(moved(run), 1, (), None, writer="worker")
        before = world.everything()

        with pytest.raises(Refused):
            store.commit(moved(run, claims=9), 1, written, None, writer="zombie")

        assert world.everything() == before

    def test_is_refused_whole_when_an_entry_stands_in_its_way(self, world, store):
        run = store.create(planned(), writer="creator")
        store.append(run, 1, entries(1, 1), writer="worker")
        before = world.everything()

        with pytest.raises(Refused):
            store.commit(moved(run), 1, entries(7, 1), None, writer="other")

        assert world.everything() == before

    def test_a_zombies_is_refused_after_its_lease_was_taken_over(self, world, store):
        store.create(planned(), writer="creator")
        zombie = store.claim(KEY, LEASE, BEGINNING)
        store.claim(KEY, Lease("successor", LEASE.until + MINUTE), LEASE.until)
        before = world.everything()

        for written in [(), entries(1, 1)]:
            with pytest.raises(Refused):
                store.commit(moved(zombie, lease=None), 1, written, None, writer="worker")

        assert world.everything() == before

    @pytest.mark.parametrize(
        ("fields", "written"),
        [({"variables": {"blob": INCOMPRESSIBLE}}, ()), ({}, (entry(1, INCOMPRESSIBLE),))],
        ids=["variables", "an entry"],
    )
    def test_data_that_one_item_cannot_hold_is_refused_and_nothing_is_written(self, world, store, fields, written):
        run = store.create(planned(), writer="creator")
        before = world.everything()

        with pytest.raises(TooLarge):
            store.commit(moved(run, **fields), 1, written, None, writer="worker")

        assert world.everything() == before

    def test_is_refused_if_the_run_is_gone(self, store):
        with pytest.raises(Refused):
            store.commit(moved(planned().run), 1, (), None, writer="worker")


class TestTheSweepsView:
    def test_shows_what_is_overdue_longest_first_and_no_more_than_asked_for(self, store):
        for n, delay in enumerate([3_000, 1_000, 2_000, 9_000]):
            plan = planned(n)
            store.create(replace(plan, run=replace(plan.run, wake_at=BEGINNING + delay)), writer="creator")

        overdue = [
            wake for shard in store.shards.all_due() for wake in store.overdue(shard, BEGINNING + 3_000, limit=10)
        ]

        assert {wake.wake_at for wake in overdue} == {BEGINNING + delay for delay in (1_000, 2_000, 3_000)}
        for shard in store.shards.all_due():
            found = store.overdue(shard, BEGINNING + 9_000, limit=10)
            assert found == sorted(found, key=lambda wake: wake.wake_at)
            assert store.overdue(shard, BEGINNING + 9_000, limit=1) == found[:1]

    def test_forgets_a_run_that_has_nothing_to_wake_for(self, world, store):
        run = store.create(planned(), writer="creator")

        store.commit(moved(run, wake_at=None, not_before=None), 1, (), None, writer="worker")

        assert world.waking() == []
        assert [wake for shard in store.shards.all_due() for wake in store.overdue(shard, 2**43, limit=9)] == []

    def test_is_moved_on_unless_the_run_has_moved_meanwhile(self, store):
        run = store.create(planned(), writer="creator")
        seen = Wake(KEY, run.wake_at)

        store.postpone(seen, BEGINNING + 5 * MINUTE)
        store.postpone(seen, BEGINNING + 9 * MINUTE)

        assert store.load(ACME, run.id).wake_at == BEGINNING + 5 * MINUTE
