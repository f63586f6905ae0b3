"""What a run's settings mean for its failure callback, and what it costs."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.core.effects import Outcome
from chalicelib.core.overrides import FailureCallback, Overrides
from chalicelib.core.runs import RunStatus
from tests.graphs import document
from tests.service.failure_callbacks.callbacks import (
    BROKEN,
    HEARD,
    NOT_TOLD,
    ONE_CALL,
    SECOND,
    TOLD,
    TOLD_WELL,
    UNWELL,
    WORK,
    Endpoint,
    fail,
    key_of,
    states,
)
from tests.service.stories import begun
from tests.service.test_budgets import CLAIM, PUT, READ, SEND, TRANSACT
from tests.world import MINUTE


class TestTheRunsSettings:
    def test_are_inherited_by_its_restarts(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world, ONE_CALL)
        world.deliver()

        new = world.restart(run.id)
        world.settle()

        assert new.overrides == run.overrides
        assert states(world, world.run(new.id)) == (TOLD_WELL, TOLD_WELL)
        assert [(call.url, call.headers["X"]) for call in endpoint.calls] == [("https://example.test/failed", "y")] * 2
        assert [body["dlqId"] for body in endpoint.bodies] == [run.dead_letter, world.run(new.id).dead_letter]

    def test_are_inherited_by_a_restart_that_fails_at_its_birth(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, BROKEN, overrides=TOLD)
        world.deliver()

        new = world.restart(run.id)

        assert (new.status, world.deliver(), len(endpoint.calls)) == (RunStatus.FAILED, 1, 2)
        assert states(world, new) == (TOLD_WELL, TOLD_WELL)

    def test_yield_to_what_a_restart_wishes(self, world):
        run = fail(world, ONE_CALL)
        endpoint = Endpoint(world, HEARD)
        world.restart(run.id, failure_callback=FailureCallback("https://example.test/other/failed"))

        world.settle()

        assert [call.url for call in endpoint.calls] == [
            "https://example.test/failed",
            "https://example.test/other/failed",
        ]

    def test_without_retries_mean_one_call(self, world):
        endpoint = Endpoint(world, UNWELL)
        run = fail(world, ONE_CALL)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((NOT_TOLD, NOT_TOLD), 1)

    def test_of_a_run_without_any_mean_three_retries(self, world):
        endpoint = Endpoint(world, UNWELL)
        fail(world)

        world.settle()

        assert len(endpoint.calls) == 4

    @pytest.mark.parametrize(
        ("wishes", "waits_s"),
        [
            ({"retry_delay_s": 120}, [120, 240]),
            ({"retry_delay": "1000 + retried * 5000"}, [1, 6]),
            ({"retry_delay": "1800000"}, [1800, 1800]),
            ({}, [1, 2]),
        ],
        ids=["seconds", "an expression", "beyond the reach of a message", "none"],
    )
    def test_say_how_long_to_wait_between_two_calls(self, world, wishes, waits_s):
        endpoint = Endpoint(world, UNWELL)
        run = fail(world, replace(TOLD, **wishes))
        world.deliver()

        for calls, wait_s in enumerate(waits_s, start=1):
            stands = world.run(run.id)
            assert (stands.not_before, len(endpoint.calls)) == (world.clock.ms + wait_s * SECOND, calls)
            world.clock.advance(wait_s * SECOND - 1)
            world.services.worker.advance(key_of(run), lambda: MINUTE)
            assert (world.deliver(), len(endpoint.calls)) == (0, calls)
            world.clock.advance(1)
            world.services.sweep.run(lambda: MINUTE)
            world.deliver()
        assert len(endpoint.calls) == 3

    def test_yield_to_a_longer_wish_of_the_endpoint(self, world):
        Endpoint(world, replace(UNWELL, retry_after_s=30))
        run = fail(world, replace(TOLD, retry_delay="1000"))

        world.deliver()

        assert world.run(run.id).not_before == world.clock.ms + 30 * SECOND


class TestCosts:
    @pytest.fixture
    def spent(self, world, calls) -> Callable[..., list[str]]:
        """Let a run fail on a warm service, with all that follows, and answer the calls to AWS."""

        def spend(overrides: Overrides, *answers: Outcome) -> list[str]:
            Endpoint(world, *answers)
            world.publish(document(WORK))
            fail(world, Overrides(retries=0))
            calls.made.clear()
            run = world.start(overrides=overrides)
            while world.deliver():
                world.clock.advance(SECOND)
            assert calls.made[:3] == [READ, PUT, SEND]
            made = list[str](calls.made[3:])
            assert (world.run(run.id).status, world.waking()) == (RunStatus.FAILED, [])
            return made

        return spend

    def test_of_a_failing_run_without_a_callback_are_two_calls_after_its_start(self, spent):
        assert spent(Overrides(retries=0)) == [CLAIM, TRANSACT]

    def test_of_a_callback_are_a_ring_and_four_calls_more(self, spent):
        assert spent(ONE_CALL, HEARD) == [CLAIM, TRANSACT, SEND, CLAIM, READ, CLAIM, TRANSACT]

    def test_of_each_retry_are_a_ring_and_four_calls_too(self, spent):
        told = [CLAIM, READ, CLAIM, TRANSACT]
        overrides = replace(TOLD, retries=1, retry_delay="0")

        assert spent(overrides, UNWELL, HEARD)[-9:] == [*told, SEND, *told]
