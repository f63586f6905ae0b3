"""A run that is taken away: gone at once, for good, and with everything that was its own."""

from contextlib import suppress

import pytest

from chalicelib.core.errors import Busy
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.restart_requests import FromFailure
from chalicelib.core.run_summaries import RunFilter
from chalicelib.service.runs import MAX_COLLISIONS, RunNotEnded
from tests.aws_calls import Killed, watched
from tests.graphs import Ask
from tests.service.stories import begun, completed, failed
from tests.stores.faults import refusal
from tests.world import ACME, MINUTE, OTHER, World


def delete(world: World, run_id):
    world.services.runs.delete(ACME, run_id)


def test_nothing_of_a_deleted_run_is_left(world, order):
    run = failed(world, order)

    delete(world, run.id)

    assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
    with pytest.raises(RunNotFound):
        delete(world, run.id)


def test_only_an_ended_run_can_be_deleted(world):
    run = begun(world, Ask("decide"))
    before = world.everything()

    with pytest.raises(RunNotEnded, match="waiting"):
        delete(world, run.id)

    assert world.everything() == before


def test_nobody_deletes_what_is_unknown_or_another_account_s(world, order):
    run = completed(world, order)
    before = world.everything()

    with pytest.raises(RunNotFound):
        world.services.runs.delete(OTHER, run.id)

    assert world.everything() == before


def test_its_restarts_stay_and_remember_it(world, order):
    run = failed(world, order)
    new = world.restart(run.id, start=FromFailure())
    world.settle()

    delete(world, run.id)

    assert world.run(new.id).lineage.source == run.id
    assert [row["run_id"]["S"] for row in world.rows("runs")] == [new.id]


def test_whenever_it_is_interrupted_the_run_is_whole_or_gone_and_can_be_deleted_again(world, order):
    for number in range(1, 20):
        world = World()
        run = failed(world, order)
        with watched(kill_at=number) as calls, suppress(Killed):
            delete(world, run.id)
        if len(calls) < number:
            break
        listed = world.services.runs.page(ACME, RunFilter(), before=None, limit=9).items
        if world.services.runs.runs.load(ACME, run.id) is None:
            assert listed == ()
        else:
            assert len(world.services.runs.journal(ACME, run.id)) == run.journal_length
        delete(world, run.id)
        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
    assert number > 4


def test_a_key_makes_no_run_on_the_rows_of_one_that_is_being_deleted(world, order):
    world.publish(order)
    run = world.start(key="k")
    world.settle()
    with watched(kill_at=3), pytest.raises(Killed):
        delete(world, run.id)

    with pytest.raises(Busy):
        world.start(key="k")

    delete(world, run.id)
    assert world.start(key="k").id == run.id


def test_a_deletion_has_taken_place_though_nothing_more_can_be_removed(world, order, faults):
    run = failed(world, order)
    faults.refuse("dynamodb.Query", [refusal("ProvisionedThroughputExceededException")] * 4)

    delete(world, run.id)

    with pytest.raises(RunNotFound):
        world.run(run.id)
    assert world.rows_of([run.id]) != []
    world.clock.advance(MINUTE)
    world.settle()
    assert world.rows_of([run.id]) == []


@pytest.mark.parametrize("call", ["TransactWriteItems", "DeleteItem"])
def test_two_who_delete_one_run_at_once_both_find_it_gone(world, order, faults, call):
    run = failed(world, order)

    def other() -> None:
        delete(world, run.id)
        world.clock.advance(11 * MINUTE)  # longer than DynamoDB remembers a transaction's token

    faults.meanwhile(f"dynamodb.{call}", other)

    delete(world, run.id)

    assert world.rows_of([run.id]) == []


def test_a_run_that_moves_all_the_time_is_to_be_deleted_later(world, order, faults):
    run = failed(world, order)
    faults.refuse(
        "dynamodb.TransactWriteItems",
        [refusal("TransactionCanceledException", "ConditionalCheckFailed", "None")] * MAX_COLLISIONS,
    )

    with pytest.raises(Busy):
        delete(world, run.id)

    assert len(world.rows("dead-letters")) == 1
    delete(world, run.id)
    assert world.rows_of([run.id]) == []


def test_a_completed_run_leaves_nothing_either(world, order):
    run = completed(world, order)

    delete(world, run.id)

    assert world.rows_of([run.id]) == []
