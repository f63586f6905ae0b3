"""AWS did what it was asked to, and the answer was lost: the repeat meets our own first write, and nobody notices."""

from collections.abc import Callable

import pytest

from chalicelib.core.access import ApiKey, Scope
from chalicelib.core.dead_letters import with_dead_letter
from chalicelib.core.runs import Lease, Run, RunStatus
from chalicelib.stores.queues import Ring
from chalicelib.stores.runs import Wake
from tests.graphs import document
from tests.stores.faults import SILENCES, Faults
from tests.stores.plans import ASKS, CALLS, FAILURE, entries, moved, planned, run_id, version_of
from tests.world import ACME, BEGINNING, MINUTE, ORDER, World

KEY = f"{ACME}#{run_id(1)}"
NAMED_KEY = ApiKey("key-7", ACME, "ci", frozenset({Scope.READ}), "test", BEGINNING)

Write = Callable[[], object]


def created(world: World, number: int = 1) -> Run:
    return world.services.runs.runs.create(planned(number), writer="creator")


def create(world: World) -> Write:
    return lambda: created(world)


def create_with_entries(world: World) -> Write:
    return lambda: world.services.runs.runs.create(planned(block=ASKS), writer="creator")


def claim(world: World) -> Write:
    created(world)
    return lambda: world.services.runs.runs.claim(KEY, Lease("worker", BEGINNING + MINUTE), BEGINNING)


def append(world: World) -> Write:
    run = created(world)
    return lambda: world.services.runs.runs.append(run, 1, entries(1, 2), writer="worker")


def commit_a_head(world: World) -> Write:
    run = moved(created(world), claims=3)
    return lambda: world.services.runs.runs.commit(run, 1, (), None, writer="worker")


def commit_the_end(world: World) -> Write:
    run, letter = with_dead_letter(moved(created(world), status=RunStatus.FAILED, failure=FAILURE), BEGINNING)
    return lambda: world.services.runs.runs.commit(run, 1, entries(1, 1), letter, writer="worker")


def postpone(world: World) -> Write:
    wake = Wake(KEY, created(world).wake_at or 0)
    return lambda: world.services.runs.runs.postpone(wake, BEGINNING + MINUTE * 5)


def save_a_draft(world: World) -> Write:
    store = world.services.definitions.store
    return lambda: store.save_draft(ACME, ORDER, document(CALLS), BEGINNING)


def freeze(world: World) -> Write:
    return lambda: world.services.definitions.store.freeze(ACME, version_of(CALLS))


def publish(world: World) -> Write:
    return lambda: world.services.definitions.store.publish(ACME, version_of(CALLS), None, BEGINNING)


def create_a_key(world: World) -> Write:
    return lambda: world.services.access.keys.create(NAMED_KEY, "secret")


def disable_a_key(world: World) -> Write:
    world.services.access.keys.create(NAMED_KEY, "secret")
    return lambda: world.services.access.keys.disable(ACME, NAMED_KEY.id)


PUT, UPDATE, TRANSACT = "dynamodb.PutItem", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems"

WRITES: list[tuple[Callable[[World], Write], str]] = [
    (create, PUT),
    (create_with_entries, TRANSACT),
    (claim, UPDATE),
    (append, PUT),
    (commit_a_head, PUT),
    (commit_the_end, TRANSACT),
    (postpone, UPDATE),
    (save_a_draft, PUT),
    (freeze, PUT),
    (publish, TRANSACT),
    (create_a_key, PUT),
    (disable_a_key, UPDATE),
]


@pytest.mark.parametrize("silence", SILENCES, ids=lambda silence: type(silence).__name__)
@pytest.mark.parametrize(("write", "call"), WRITES, ids=[write.__name__ for write, _ in WRITES])
def test_a_write_whose_answer_was_lost_is_made_once_and_answered_as_if_nothing_had_been(
    faults: Faults, write, call, silence
):
    undisturbed = World()
    answer = write(undisturbed)()
    rows = undisturbed.everything()
    disturbed = World()
    act = write(disturbed)

    faults.lose(call, [silence])

    assert act() == answer
    assert disturbed.everything() == rows


def test_a_new_run_whose_answer_was_lost_is_known_as_ours(store, faults):
    plan = planned()
    faults.lose(PUT, [SILENCES[0]])

    assert store.create(plan, writer="creator") is plan.run


@pytest.mark.parametrize("silence", SILENCES, ids=lambda silence: type(silence).__name__)
def test_a_ring_whose_answer_was_lost_is_sent_again_since_a_second_one_does_no_harm(world, faults, silence):
    queue = world.services.sweep.doorbell.queue
    faults.lose("sqs.SendMessageBatch", [silence])

    assert queue.put([Ring(KEY)]) == 1

    assert len(world.messages()) == 2
