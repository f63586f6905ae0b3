"""Asking for a failure callback again, and canceling it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.core.errors import Busy
from chalicelib.core.ids import DeadLetterId
from chalicelib.core.runs import GRACE_MS, Run
from chalicelib.core.settings import AccountSettings
from chalicelib.service.dead_letters import MAX_COLLISIONS, CallbackStateWrong, DeadLettersGone
from chalicelib.service.work import LEASE_MS
from tests.service.failure_callbacks.callbacks import (
    CANCELED,
    HEARD,
    IN_PROGRESS,
    NOT_TOLD,
    SECOND,
    TOLD,
    TOLD_WELL,
    UNCARING,
    UNWELL,
    Endpoint,
    acting,
    cancel,
    claim_in_vain,
    come_to,
    delete,
    fail,
    remove,
    restart_letter,
    restart_run,
    state,
    states,
    tell_again,
)
from tests.service.test_budgets import TRANSACT
from tests.world import ACME, MINUTE, OTHER, World


class TestAskingForItAgain:
    def test_calls_once_more_with_all_the_tries_of_the_first_time(self, world):
        Endpoint(world, UNWELL)
        run = fail(world, replace(TOLD, retries=1))
        world.settle()
        endpoint = Endpoint(world, UNWELL, HEARD)

        again = tell_again(world, run)

        assert (state(again), again, endpoint.calls) == (IN_PROGRESS, world.run(run.id), [])
        assert states(world, run) == (IN_PROGRESS, IN_PROGRESS)
        world.settle()
        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)

    def test_rings_at_once(self, world):
        run = come_to(world, NOT_TOLD)
        endpoint = Endpoint(world, HEARD)

        tell_again(world, run)

        assert (world.deliver(), len(endpoint.calls)) == (1, 1)

    @pytest.mark.parametrize("stands", [IN_PROGRESS, TOLD_WELL, CANCELED, None])
    def test_is_refused_unless_it_has_failed_and_nothing_is_written(self, world, stands):
        run = come_to(world, stands)
        before = world.everything()

        with pytest.raises(CallbackStateWrong):
            tell_again(world, run)

        assert world.everything() == before


class TestCanceling:
    def test_keeps_it_from_being_called_whatever_was_on_its_way(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)

        canceled = cancel(world, run)

        assert (state(canceled), canceled.wake_at, canceled) == (CANCELED, None, world.run(run.id))
        assert world.deliver() == 1
        world.clock.advance(LEASE_MS + GRACE_MS)
        assert world.services.sweep.run(lambda: MINUTE) == 0
        assert (states(world, run), endpoint.calls) == ((CANCELED, CANCELED), [])

    def test_holds_even_if_a_worker_begins_at_the_same_moment(self, world, faults):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        faults.meanwhile(TRANSACT, lambda: claim_in_vain(world, run, 1))

        cancel(world, run)

        world.clock.advance(LEASE_MS)
        world.deliver()
        assert (states(world, run), endpoint.calls) == ((CANCELED, CANCELED), [])

    def test_too_late_is_refused_and_the_endpoint_has_been_told(self, world, faults):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        faults.meanwhile(TRANSACT, world.deliver)

        with pytest.raises(CallbackStateWrong):
            cancel(world, run)

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_of_what_moves_all_the_time_is_to_be_tried_later(self, world, faults):
        run = fail(world)
        for _ in range(MAX_COLLISIONS):
            faults.meanwhile(TRANSACT, lambda: claim_in_vain(world, run, 1))

        with pytest.raises(Busy):
            cancel(world, run)

    @pytest.mark.parametrize("outcome", [HEARD, UNWELL, UNCARING], ids=["heard", "unwell", "uncaring"])
    def test_holds_even_if_a_worker_is_just_calling_whatever_it_is_answered(self, world, outcome):
        endpoint = Endpoint(world, acting(lambda: cancel(world, run), outcome))
        run = fail(world)

        world.settle()
        world.clock.advance(10 * MINUTE)
        world.deliver()

        assert (states(world, run), len(endpoint.calls)) == ((CANCELED, CANCELED), 1)

    @pytest.mark.parametrize("stands", [NOT_TOLD, TOLD_WELL, CANCELED, None])
    def test_is_refused_unless_it_is_in_progress_and_nothing_is_written(self, world, stands):
        run = come_to(world, stands)
        before = world.everything()

        with pytest.raises(CallbackStateWrong):
            cancel(world, run)

        assert world.everything() == before


@pytest.mark.parametrize(("act", "stands"), [("tell_again", NOT_TOLD), ("cancel_callback", IN_PROGRESS)])
class TestALetterThatIsNotThere:
    @pytest.fixture
    def refused(self, world, act, stands) -> Callable[..., None]:
        """Say that what could be done with a run's letter is refused now, and writes nothing."""
        run = come_to(world, stands)

        def check(happens: Callable[[World, Run], None] = lambda *_: None, account=ACME, letter=None) -> None:
            happens(world, run)
            before = world.everything()
            with pytest.raises(DeadLettersGone):
                getattr(world.services.dead_letters, act)(account, letter or run.dead_letter)
            assert world.everything() == before

        return check

    @pytest.mark.parametrize("happens", [restart_run, restart_letter, remove, delete])
    def test_any_more_cannot_be_told_of_again_nor_canceled(self, refused, happens):
        refused(happens)

    def test_any_more_because_its_time_is_over_cannot_either(self, refused):
        refused(lambda world, _run: world.clock.advance(AccountSettings().retention_s * SECOND))

    def test_at_all_cannot_either(self, refused):
        refused(letter=DeadLetterId("1700000000000-00000000-0000-4000-8000-000000000000"))

    def test_for_another_account_cannot_either(self, refused):
        refused(account=OTHER)
