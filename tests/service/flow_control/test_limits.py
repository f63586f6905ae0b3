"""Several limits of one key, and retries under them."""

from collections import Counter

from chalicelib.core.runs import RunStatus
from tests.graphs import Call, document
from tests.service.flow_control.flows import (
    KEY,
    WORK,
    are_all_completed,
    drain,
    hold,
    limited,
    look_at,
    lose_messages,
    queued,
    statuses,
    turn_of,
)
from tests.service.stories import begun
from tests.world import ACME


class TestMixedLimitsOfAKey:
    def test_let_as_many_be_in_flight_as_the_most_permissive_allows_and_no_more(self, world, crowd):
        world.publish(document(WORK))
        runs = [world.start(overrides=limited(parallelism=1 + 2 * (n % 2))) for n in range(40)]

        drain(world)
        world.settle()

        assert crowd.deepest == 3
        assert are_all_completed(world, runs)
        assert len(set(world.outside.keys)) == len(world.outside.keys) == 40

    def test_let_a_permissive_one_begin_beside_a_strict_one(self, world):
        world.publish(document(WORK))
        strict, permissive = (world.start(overrides=limited(parallelism=most)) for most in (1, 2))
        hold(world, strict)

        look_at(world, permissive)

        assert world.run(permissive.id).status is RunStatus.COMPLETED

    def test_let_a_strict_one_begin_beside_permissive_ones(self, world):
        world.publish(document(WORK))
        strict, permissive = (world.start(overrides=limited(parallelism=most)) for most in (1, 3))
        for owner in ("one", "two"):
            hold(world, permissive, owner)

        look_at(world, strict)

        assert world.run(strict.id).status is RunStatus.COMPLETED

    def test_do_not_let_a_strict_one_that_finds_no_slot_hide_permissive_ones_that_would(self, world):
        world.publish(document(WORK))
        strict = [world.start(overrides=limited(parallelism=1)) for _ in range(3)]
        holders = [world.start(overrides=limited(parallelism=3)) for _ in range(3)]
        world.clock.advance(1)
        permissive = world.start(overrides=limited(parallelism=3))
        turns = [hold(world, run, f"worker-{n}") for n, run in enumerate(holders)]
        lose_messages(world)
        for run in (*strict, permissive):
            look_at(world, run)

        [turn] = [turn for turn in turns if turn.part == "slot#0002"]
        turn.end()
        drain(world)

        assert RunStatus.COMPLETED in statuses(world, [*strict, permissive])

    def test_let_as_many_begin_in_a_window_as_the_most_permissive_allows_and_no_more(self, world, crowd):
        world.publish(document(WORK))
        runs = [world.start(overrides=limited(rate=2 + 2 * (n % 2), period_s=60)) for n in range(20)]

        world.settle()

        assert max(crowd.windows.values()) == 4
        assert are_all_completed(world, runs)

    def test_let_a_strict_one_begin_in_a_window_that_permissive_ones_have_begun(self, world):
        world.publish(document(WORK))
        strict, permissive = (world.start(overrides=limited(rate=rate, period_s=60)) for rate in (1, 3))
        for _ in range(2):
            assert turn_of(world, permissive).begins_at(world.clock.ms) is None

        look_at(world, strict)

        assert world.run(strict.id).status is RunStatus.COMPLETED


class TestRetriesUnderFlowControl:
    def test_give_the_slot_back_between_tries(self, world):
        world.publish(document(Call("work", {"retry": {"attempts": 3, "delay_s": 30}})))
        unwell, other = (world.start(overrides=limited(parallelism=1)) for _ in range(2))
        world.outside.fail("work", run=unwell.id)

        drain(world)

        assert world.run(other.id).status is RunStatus.COMPLETED
        assert world.services.flows.usage(ACME, KEY).held == 0
        assert [tries.count for tries in world.run(unwell.id).tries.values()] == [1]
        world.outside.heal("work")
        world.settle()
        assert world.run(unwell.id).status is RunStatus.COMPLETED
        assert len(world.outside.keys) == 3

    def test_that_fail_for_good_give_the_slot_back_too(self, world):
        runs = queued(world, 4, limited(parallelism=1))
        world.outside.fail("work", is_retryable=False)

        drain(world)

        assert statuses(world, runs) == [RunStatus.FAILED] * 4
        assert world.services.flows.usage(ACME, KEY).held == 0

    def test_are_made_as_often_as_without(self, world):
        world.outside.fail("work")
        world.publish(document(Call("work", {"retry": {"attempts": 3, "delay_s": 1}})))
        runs = [world.start(overrides=limited(parallelism=2, rate=3, period_s=60)) for _ in range(6)]

        world.settle()

        assert statuses(world, runs) == [RunStatus.FAILED] * 6
        assert set(Counter(world.outside.keys).values()) == {3}

    def test_are_told_of_in_the_failure(self, world):
        world.outside.fail("work")
        run = begun(
            world, Call("work", {"retry": {"attempts": 3, "delay_s": 0}}), overrides=limited(rate=1, period_s=60)
        )

        world.settle()

        failure = world.run(run.id).failure
        assert failure is not None
        assert failure.tries == 3
