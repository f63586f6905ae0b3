"""Lists of runs on real indexes, over several shards."""

from dataclasses import replace

import pytest

from chalicelib.core.dead_letters import with_dead_letter
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.run_summaries import RunFilter, RunSummary
from chalicelib.core.runs import Lineage, Run, RunStatus
from chalicelib.stores.run_lists import RunLists
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards
from tests.stores.plans import FAILURE, moved, planned, run_id
from tests.world import ACME, BEGINNING, CAUSE, MINUTE, ORDER, OTHER, World

SHARDS = Shards(lists=3, due=2)
EVERY = RunFilter()


@pytest.fixture
def store(world: World) -> RunStore:
    return replace(world.services.runs.runs, shards=SHARDS)


@pytest.fixture
def lists(world) -> RunLists:
    return RunLists(world.services.runs.lists.calls, SHARDS, world.clock)


@pytest.fixture
def runs(store) -> list[Run]:
    """Twelve runs, newest last; every second was created with the one before it."""
    return [create(store, n) for n in range(12)]


def create(store: RunStore, n: int) -> Run:
    """Create one of the runs: what it is and has follows from its number."""
    plan = planned(n, at=BEGINNING + n // 2 * MINUTE, business_key=f"order-{n % 5}", labels=("all", f"l{n % 3}"))
    status = RunStatus.CANCELED if n % 4 == 0 else plan.run.status
    definition = ORDER if n % 2 else DefinitionKey("invoice")
    return store.create(replace(plan, run=replace(plan.run, status=status, definition=definition)), writer="creator")


def turn(lists: RunLists, filter_: RunFilter, limit: int) -> list[RunSummary]:
    """Read page after page to the end."""
    read: list[RunSummary] = []
    before: str | None = None
    while True:
        page = lists.page(ACME, filter_, before=before, limit=limit)
        assert len(page.items) <= limit
        read += page.items
        if page.next is None:
            return read
        before = page.next


FILTERS = {
    "all": (EVERY, lambda n: True),
    "of a definition": (RunFilter(definition=ORDER), lambda n: n % 2),
    "with a status": (RunFilter(status=RunStatus.CANCELED), lambda n: n % 4 == 0),
    "with a label": (RunFilter(label="l1"), lambda n: n % 3 == 1),
    "with a business key": (RunFilter(business_key="order-2"), lambda n: n % 5 == 2),
    "from a time": (RunFilter(created_from=BEGINNING + 2 * MINUTE), lambda n: n >= 4),
    "to a time": (RunFilter(created_to=BEGINNING + 2 * MINUTE), lambda n: n < 6),
    "within a time": (
        RunFilter(created_from=BEGINNING + 2 * MINUTE, created_to=BEGINNING + 3 * MINUTE),
        lambda n: 4 <= n < 8,
    ),
    "with all of it": (
        RunFilter(ORDER, RunStatus.PENDING, "l0", "order-4", BEGINNING, BEGINNING + 60 * MINUTE),
        lambda n: n == 9,
    ),
    "within no time": (RunFilter(created_from=BEGINNING + 2, created_to=BEGINNING + 1), lambda n: False),
    "none": (RunFilter(label="nobody's"), lambda n: False),
}


class TestAList:
    @pytest.mark.parametrize(("filter_", "is_in"), FILTERS.values(), ids=FILTERS)
    def test_holds_the_runs_that_its_filter_keeps_newest_first(self, lists, runs, filter_, is_in):
        for limit in (1, 5, 100):
            listed = turn(lists, filter_, limit)

            assert {run.id for run in listed} == {run_id(n) for n in range(12) if is_in(n)}
            assert listed == sorted(listed, key=lambda run: run.position, reverse=True)

    def test_shows_of_a_run_what_its_head_says(self, store, lists):
        run = store.create(planned(labels=("b", "a"), business_key="order-7"), writer="creator")
        failed = moved(run, status=RunStatus.FAILED, failure=FAILURE, started_at=BEGINNING, ended_at=BEGINNING + 5)
        ended, letter = with_dead_letter(failed, BEGINNING)
        store.commit(ended, 1, (), letter, writer="worker")

        [listed] = lists.page(ACME, EVERY, before=None, limit=10).items

        assert listed == RunSummary(
            id=run.id,
            definition=ORDER,
            version=1,
            snapshot=run.snapshot,
            status=RunStatus.FAILED,
            business_key="order-7",
            labels=("b", "a"),
            lineage=Lineage(run.id, None, 1, CAUSE),
            failure=FAILURE,
            dead_letter=ended.dead_letter,
            journal_length=1,
            created_at=BEGINNING,
            updated_at=BEGINNING + 1,
            started_at=BEGINNING,
            ended_at=BEGINNING + 5,
            not_before=ended.not_before,
        )

    def test_shows_nothing_of_another_account(self, lists, runs):
        assert lists.page(OTHER, EVERY, before=None, limit=10).items == ()

    def test_still_shows_what_was_written_when_there_were_fewer_shards(self, world, store, lists):
        old = world.services.runs.runs.create(planned(1), writer="creator")
        new = store.create(planned(2, at=BEGINNING + 1), writer="creator")

        assert [run.id for run in lists.page(ACME, EVERY, before=None, limit=10).items] == [new.id, old.id]

    def test_goes_on_where_it_was_when_newer_runs_have_come(self, store, lists, runs):
        first = lists.page(ACME, EVERY, before=None, limit=8)
        create(store, 12)

        rest = lists.page(ACME, EVERY, before=first.next, limit=8)

        assert {run.id for run in (*first.items, *rest.items)} == {run.id for run in runs}
        assert rest.next is None


class TestAFamily:
    def test_is_the_root_and_all_that_came_of_it_oldest_first(self, store, lists):
        root = store.create(planned(1), writer="creator")
        for n, source in [(2, 1), (3, 2), (4, 1)]:
            plan = planned(n, at=BEGINNING + n)
            lineage = Lineage(root.id, run_id(source), attempt=2, cause=CAUSE)
            store.create(replace(plan, run=replace(plan.run, lineage=lineage)), writer="creator")
        store.create(planned(5), writer="creator")

        assert [run.id for run in lists.family(ACME, root.id, limit=10)] == [run_id(n) for n in (1, 2, 3, 4)]
        assert [run.id for run in lists.family(ACME, root.id, limit=2)] == [run_id(1), run_id(2)]
        assert lists.family(OTHER, root.id, limit=10) == []


def test_a_list_read_upwards_is_the_same_list_the_other_way_round(lists, runs):
    downwards = lists.page(ACME, EVERY, before=None, limit=99).items
    upwards: list[RunSummary] = []
    beyond: str | None = None
    while True:
        page = lists.page(ACME, EVERY, before=beyond, limit=5, is_ascending=True)
        upwards += page.items
        if page.next is None:
            break
        beyond = page.next

    assert tuple(reversed(upwards)) == downwards


def test_nothing_is_beyond_the_end_of_a_range(lists, runs):
    early = RunFilter(created_to=BEGINNING)
    newest = lists.page(ACME, EVERY, before=None, limit=1).items[0].position

    assert lists.page(ACME, early, before=newest, limit=9, is_ascending=True).items == ()
