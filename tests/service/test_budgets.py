"""What each operation costs, counted in AWS calls on a warm service (docs/architecture.md, Budgets)."""

from collections.abc import Iterator

import pytest

from chalicelib.core.audit import Asked
from chalicelib.core.ids import ActivityId, DefinitionKey
from chalicelib.core.restart_requests import AfterEntry, At, Data, FromFailure
from chalicelib.core.state import BeforeActivity
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion
from tests.graphs import Call, Rounds, document, steps
from tests.world import ACME, MINUTE, World

READ, PUT, TRANSACT, SEND = (
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.TransactWriteItems",
    "sqs.SendMessageBatch",
)
asked = pytest.mark.usefixtures("_asked")
READ_BOTH, QUERY, CLAIM = "dynamodb.BatchGetItem", "dynamodb.Query", "dynamodb.UpdateItem"


@pytest.fixture
def completed(world: World, order):
    world.publish(order)
    run = world.start()
    world.settle()
    return world.run(run.id)


@pytest.fixture
def failed(world: World, order):
    world.publish(order)
    world.outside.fail("reserve")
    run = world.start()
    world.settle()
    world.outside.heal("reserve")
    return world.run(run.id)


@pytest.fixture
def _asked(world: World) -> Iterator[None]:
    """Let somebody ask for everything: its record takes no call of its own."""
    asked = Asked("request", world.clock(), ACME, "key-1", "ops", "POST /", {}, "to count it", "127.0.0.1")
    with world.services.audit.recorded(asked):
        yield


@asked
def test_a_restart_from_the_beginning_takes_three_calls(world, completed, calls):
    world.restart(completed.id)

    assert calls.made == [READ, TRANSACT, SEND]


@asked
def test_a_restart_at_an_activity_takes_three_calls(world, completed, calls):
    world.restart(completed.id, start=At((BeforeActivity(ActivityId("ship")),)), data=Data.LAST_VARIABLES)

    assert calls.made == [READ, TRANSACT, SEND]


@asked
def test_a_restart_that_consumes_a_dead_letter_takes_three_calls(world, failed, calls):
    world.restart(failed.id)

    assert calls.made == [READ, TRANSACT, SEND]


@asked
def test_a_restart_under_a_key_takes_three_calls_and_its_repeat_one(world, completed, calls):
    world.restart(completed.id, key="k")
    assert calls.made == [READ_BOTH, TRANSACT, SEND]
    calls.made.clear()

    world.restart(completed.id, key="k")

    assert calls.made == [READ_BOTH]


@pytest.mark.parametrize("choice", [PublishedVersion(), NamedVersion(1)], ids=["published", "by number"])
@asked
def test_finding_another_version_takes_one_call_more(world, completed, calls, choice):
    world.restart(completed.id, version=choice)

    assert calls.made == [READ, READ, TRANSACT, SEND]


@asked
def test_freezing_a_draft_takes_two_calls_more(world, completed, calls):
    world.restart(completed.id, version=DraftVersion())

    assert calls.made == [READ, READ, PUT, TRANSACT, SEND]


@pytest.mark.parametrize("start", [AfterEntry(1), FromFailure()], ids=["after an entry", "from failure"])
@asked
def test_a_restart_with_a_prefix_takes_four_calls(world, failed, calls, start):
    world.restart(failed.id, start=start)

    assert calls.made == [READ, QUERY, TRANSACT, SEND]


@asked
def test_a_prefix_of_a_thousand_entries_takes_no_more_calls_than_one_of_two(world, calls):
    world.publish(document(Rounds("again", 1_000)))
    run = world.start()
    world.settle(rounds=200)
    source = world.run(run.id)
    assert source.journal_length > 1_000
    calls.made.clear()

    new = world.restart(source.id, start=AfterEntry(1_000))

    assert len(calls) <= 4 + -(-1_000 // 25)
    assert calls.made == [READ, QUERY, TRANSACT, SEND]
    assert world.services.runs.journal(ACME, new.id)[1:] == world.services.runs.journal(ACME, source.id)[1:1_001]


@pytest.mark.parametrize("activities", [1, 3, 10])
def test_a_run_of_n_activities_takes_n_and_three_calls_from_start_to_end(world, calls, activities):
    world.publish(document(steps(*(Call(f"step{n}") for n in range(activities)))))
    version = world.services.definitions.draft(ACME, DefinitionKey("order")).snapshot
    calls.made.clear()

    run = world.start(choice=NamedVersion(version))
    world.deliver()

    assert world.run(run.id).status.is_ended
    assert calls.made == [PUT, SEND, CLAIM, *[PUT] * (activities - 1), TRANSACT, READ]
    assert len(calls.made[:-1]) == activities + 3  # the last read is this test's own


@asked
def test_a_start_on_the_published_version_takes_one_call_more_to_find_it(world, order, calls):
    world.publish(order)
    calls.made.clear()

    world.start()

    assert calls.made == [READ, TRANSACT, SEND]


def test_an_idle_sweep_takes_two_calls_for_each_shard_and_a_look_whether_there_is_a_crowd(world, calls):
    world.services.sweep.run(lambda: MINUTE)

    assert calls.counts == {QUERY: 4, "sqs.GetQueueAttributes": 1}


def test_a_refused_restart_writes_nothing(world, completed, calls):
    before = world.everything()

    with pytest.raises(Exception, match="no element"):
        world.restart(completed.id, start=At((BeforeActivity(ActivityId("nowhere")),)))

    assert calls.made == [READ]
    assert world.everything() == before
