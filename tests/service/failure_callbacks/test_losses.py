"""What is left of a failure callback when something is lost, or others act meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import GRACE_MS, Run, RunStatus
from chalicelib.service.failure_callbacks import MAX_CLAIMS
from chalicelib.service.work import LEASE_MS
from tests.aws_calls import Killed, watched
from tests.backends import on_moto
from tests.service.failure_callbacks.callbacks import (
    ENDS,
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
    break_off,
    claim_in_vain,
    delete,
    fail,
    kept,
    key_of,
    listed,
    remove,
    restart_letter,
    restart_run,
    state,
    states,
    tell_again,
)
from tests.service.test_budgets import CLAIM, PUT, TRANSACT
from tests.service.test_two_workers import at_once
from tests.stores.faults import SILENCES
from tests.world import ACME, MINUTE, World


class TestNothingIsLost:
    def test_by_a_ring_that_is(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        for message in world.messages():
            world.forget(message)
        world.clock.advance(GRACE_MS)
        assert world.deliver() == 0

        assert world.services.sweep.run(lambda: MINUTE) == 1

        world.deliver()
        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_by_a_worker_that_dies_while_it_calls(self, world):
        def die(_call: HttpCall) -> Outcome:
            raise Killed

        endpoint = Endpoint(world, die, HEARD)
        run = fail(world)
        with pytest.raises(Killed):
            world.deliver()

        world.clock.advance(LEASE_MS - 1)
        world.services.worker.advance(key_of(run), lambda: MINUTE)
        assert (states(world, run), len(endpoint.calls)) == ((IN_PROGRESS, IN_PROGRESS), 1)
        world.clock.advance(1)
        assert world.services.sweep.run(lambda: MINUTE) == 1
        world.deliver()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_at_whichever_call_to_aws_a_worker_dies(self, when):
        for number in range(1, 20):
            world = World()
            endpoint = Endpoint(world, UNWELL, HEARD)
            run = fail(world, replace(TOLD, retries=1))
            with watched(kill_at=number, when=when) as calls, suppress(Killed):
                world.deliver()
            world.settle()
            assert states(world, run) == (TOLD_WELL, TOLD_WELL)
            assert len(endpoint.calls) == 2
            if len(calls) < number:
                break
        assert number > 5

    @pytest.mark.parametrize("call", [CLAIM, TRANSACT])
    def test_by_an_answer_of_aws_that_is(self, world, faults, call):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        faults.lose(call, SILENCES[:1])

        world.deliver()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_by_an_answer_of_aws_that_is_when_there_is_no_letter_any_more(self, world, faults):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        remove(world, run)
        faults.lose(PUT, SILENCES[:1])

        world.deliver()

        assert (state(world.run(run.id)), world.waking(), len(endpoint.calls)) == (TOLD_WELL, [], 1)

    @on_moto  # which takes its time, so that the two get into each other's way
    def test_by_two_workers_that_are_given_the_same_message_and_they_call_once(self, world):
        endpoint = Endpoint(world, HEARD)
        for number in range(1, 51):
            run = fail(world)
            [message] = world.messages()

            at_once(world, key_of(run))

            world.forget(message)
            assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), number)

    def test_but_a_callback_of_which_every_worker_dies_has_failed_after_twenty(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        claim_in_vain(world, run)

        world.settle()

        assert (states(world, run), endpoint.calls) == ((NOT_TOLD, NOT_TOLD), [])
        assert world.run(run.id).callback.answer is None
        tell_again(world, run)
        world.settle()
        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_after_one_dead_worker_less(self, world):
        endpoint = Endpoint(world, UNWELL, HEARD)
        run = fail(world)
        claim_in_vain(world, run, MAX_CLAIMS - 1)
        world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.clock.advance(SECOND)
        claim_in_vain(world, run, MAX_CLAIMS - 1)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)


class TestAnotherMeanwhile:
    """Somebody acts before the callback is called, or while it is: `during` says which."""

    @pytest.fixture(params=[False, True], ids=["before the call", "during the call"])
    def met(self, request, world) -> Callable[..., tuple[Run, Endpoint]]:
        def meet(act: Callable[[World, Run], object], outcome: Outcome) -> tuple[Run, Endpoint]:
            """Let somebody act on a failed run, and take its callback to its end."""
            endpoint = Endpoint(world, acting(lambda: act(world, run), outcome) if request.param else outcome, outcome)
            run = fail(world, replace(TOLD, retries=1))
            if not request.param:
                act(world, run)
            world.settle()
            assert world.waking() == []
            return run, endpoint

        return meet

    @pytest.mark.parametrize(("outcome", "end"), ENDS)
    @pytest.mark.parametrize("restarts", [restart_run, restart_letter])
    def test_who_restarts_the_run_finds_its_callback_come_to_its_end(self, world, met, restarts, outcome, end):
        run, endpoint = met(restarts, outcome)

        new = kept(world, run).consumed_by
        assert states(world, run) == (end, end)
        assert {body["dlqId"] for body in endpoint.bodies} == {run.dead_letter}
        assert listed(world) == []
        assert (world.run(new).lineage.source, world.run(new).status) == (run.id, RunStatus.COMPLETED)

    @pytest.mark.parametrize(("outcome", "end"), ENDS)
    def test_who_removes_the_letter_never_sees_it_again_and_the_callback_comes_to_its_end(
        self, world, met, outcome, end
    ):
        run, endpoint = met(remove, outcome)

        assert (world.rows("dead-letters"), state(world.run(run.id))) == ([], end)
        assert len(endpoint.calls) == (1 if end is TOLD_WELL else 2)

    def test_who_removes_the_letter_of_an_endpoint_without_use_for_failures_leaves_no_callback(self, world, met):
        run, _ = met(remove, UNCARING)

        assert (world.rows("dead-letters"), world.run(run.id).callback) == ([], None)

    @pytest.mark.parametrize("outcome", [HEARD, UNWELL], ids=["heard", "unwell"])
    def test_who_deletes_the_run_leaves_nothing_of_it(self, world, met, outcome):
        run, endpoint = met(delete, outcome)

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
        assert len(endpoint.calls) <= 1


class TestADeletion:
    def test_at_the_last_moment_is_not_undone_by_what_the_endpoint_answered(self, world, faults):
        Endpoint(world, acting(lambda: remove(world, run), HEARD))
        run = fail(world)
        faults.meanwhile(PUT, lambda: delete(world, run))

        world.deliver()

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])

    @pytest.mark.parametrize("call", range(1, 8))
    def test_that_is_broken_off_at_any_call_to_aws_is_not_undone_by_what_the_endpoint_answered(self, world, call):
        """The second call is the transaction from which on there is no such run."""
        Endpoint(world, acting(lambda: break_off(world, run, call), HEARD))
        run = fail(world)

        world.deliver()

        assert (world.services.runs.runs.load(ACME, run.id) is None) == (call > 2)
        with suppress(RunNotFound):
            delete(world, run)
        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])

    def test_that_is_broken_off_is_finished_by_the_sweep_which_tells_nobody(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)

        break_off(world, run, 3)
        world.settle()

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
        assert endpoint.calls == []
