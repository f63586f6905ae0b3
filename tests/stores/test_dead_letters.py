"""Dead letters: listed while they live, tombstones once a restart has consumed them."""

from dataclasses import replace

import pytest

from chalicelib.core.dead_letters import DeadLetter, LetterFilter, with_dead_letter
from chalicelib.core.runs import RunStatus
from chalicelib.stores.dead_letters import DeadLetterStore
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards
from tests.stores.plans import FAILURE, moved, planned, run_id
from tests.world import ACME, BEGINNING, ORDER, OTHER, World

SHARDS = Shards(lists=3, due=2)
EVERY = LetterFilter()


@pytest.fixture
def store(world: World) -> RunStore:
    return replace(world.services.runs.runs, shards=SHARDS)


@pytest.fixture
def letters(world) -> DeadLetterStore:
    return DeadLetterStore(world.services.dead_letters.letters.calls, SHARDS, world.clock)


def fail(store: RunStore, n: int) -> DeadLetter:
    """Let a run fail, and answer the dead letter that it leaves."""
    run = store.create(planned(n, labels=("b", "a"), business_key="order-7"), writer="creator")
    failed, letter = with_dead_letter(moved(run, status=RunStatus.FAILED, failure=FAILURE), BEGINNING + n)
    assert letter is not None
    store.commit(failed, 1, (), letter, writer="worker")
    week_s = 7 * 86_400
    return replace(letter, expires_at=((BEGINNING + n) // 1000 + week_s) * 1000)


def restart(store: RunStore, letter: DeadLetter, n: int) -> None:
    """Create a run that consumes a dead letter."""
    store.create(replace(planned(n), consumed=letter.id), writer="creator")


def test_a_live_one_tells_of_its_run(store, letters):
    letter = fail(store, 1)

    assert letters.live(ACME, EVERY, before=None, limit=10).items == (letter,)
    assert (letter.run.id, letter.run.definition, letter.failure) == (run_id(1), ORDER, FAILURE)
    assert (letter.at, letter.account) == (BEGINNING + 1, ACME)


def test_live_ones_are_listed_newest_first_page_by_page(store, letters):
    left = [fail(store, n) for n in range(7)]

    first = letters.live(ACME, EVERY, before=None, limit=4)
    rest = letters.live(ACME, EVERY, before=first.next, limit=4)

    assert [*first.items, *rest.items] == left[::-1]
    assert rest.next is None


def test_nobody_sees_another_accounts(store, letters):
    fail(store, 1)

    assert letters.live(OTHER, EVERY, before=None, limit=10).items == ()


def test_a_consumed_one_is_not_listed_and_its_tombstone_names_the_first_run_that_it_became(world, store, letters):
    letter = fail(store, 1)

    restart(store, letter, 2)
    restart(store, letter, 3)

    assert letters.live(ACME, EVERY, before=None, limit=10).items == ()
    [tombstone] = world.rows("dead-letters")
    assert tombstone["consumed_by"]["S"] == run_id(2)
    assert "live_shard" not in tombstone


def test_consuming_one_does_not_bring_back_one_that_is_gone(world, store):
    letter = fail(store, 1)
    [row] = world.rows("dead-letters")
    world.dynamodb.delete_item(TableName="reprise-dead-letters-test", Key={"pk": row["pk"]})

    restart(store, letter, 2)

    assert world.rows("dead-letters") == []
