"""Canceling: a run ends where it stands, and nobody works on it any more."""

import pytest

from chalicelib.core.journal import Signal, SignalName
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.restart_requests import FromFailure
from chalicelib.core.runs import RunStatus
from chalicelib.service.runs import RunEnded
from tests.graphs import Ask, Call, Pause, steps
from tests.service.stories import begun, complete, failed, journal, kinds
from tests.world import ACME, MINUTE, OTHER


def cancel(world, run, account=ACME):
    return world.services.runs.cancel(account, run.id, "enough")


@pytest.fixture(params=["not begun", "delayed", "waiting for a person", "waiting for time", "to be tried again"])
def alive(request, world):
    """Runs that have not ended, each in another way."""
    world.outside.fail("work")
    match request.param:
        case "not begun":
            return begun(world, Call("work"))
        case "delayed":
            return begun(world, Call("work"), overrides=Overrides(delay_s=3600))
        case "waiting for a person":
            return begun(world, Ask("decide"))
        case "waiting for time":
            return begun(world, Pause("later"))
        case _:
            run = begun(world, Call("work"))
            world.deliver()
            return run


def test_a_run_that_has_not_ended_ends_at_once(world, alive):
    canceled = cancel(world, alive)

    assert (canceled.status, canceled.ended_at, canceled.tries) == (RunStatus.CANCELED, world.clock.ms, {})
    assert (canceled.not_before, canceled.wake_at, canceled.dead_letter) == (None, None, None)
    assert world.run(alive.id) == canceled
    assert journal(world, alive.id)[-1] == Signal(SignalName.CANCEL, world.clock.ms, "enough")
    assert world.rows("dead-letters") == []


def test_a_message_that_was_on_its_way_changes_nothing(world, alive):
    cancel(world, alive)
    before, asked = world.everything(), len(world.outside.keys)

    world.clock.advance(61 * MINUTE)
    world.deliver()
    world.services.sweep.run(lambda: MINUTE)
    world.deliver()

    assert world.everything() == before
    assert len(world.outside.keys) == asked


def test_a_second_cancel_answers_the_canceled_run_and_writes_nothing(world):
    run = begun(world, Ask("decide"))
    canceled = cancel(world, run)
    before = world.everything()

    assert cancel(world, run) == canceled

    assert world.everything() == before


def test_a_run_that_has_failed_is_not_canceled(world, order):
    run = failed(world, order)

    with pytest.raises(RunEnded, match="failed"):
        cancel(world, run)


def test_a_run_that_ends_at_the_same_moment_is_not_canceled(world, faults):
    run = begun(world, Ask("decide"))
    faults.meanwhile("dynamodb.TransactWriteItems", lambda: complete(world, run.id, "decide"))

    with pytest.raises(RunEnded, match="completed"):
        cancel(world, run)

    assert world.run(run.id).status is RunStatus.COMPLETED


def test_a_run_that_nobody_knows_or_another_account_has_is_not_found(world):
    run = begun(world, Ask("decide"))

    with pytest.raises(RunNotFound):
        cancel(world, run, OTHER)

    assert world.run(run.id) == run


def test_what_was_done_before_may_be_kept_by_a_restart(world):
    run = begun(world, steps(Call("first"), Ask("decide"), Call("last")))
    world.deliver()
    cancel(world, run)

    new = world.restart(run.id, start=FromFailure())

    assert kinds(world, new.id) == ["Performed", "Opened"]
    complete(world, new.id, "decide")
    world.deliver()
    assert world.run(new.id).status is RunStatus.COMPLETED
    assert world.outside.asked == {"first": 1, "last": 1}
