"""No more of a key's actions begin in a window of time than its limit says."""

import pytest

from chalicelib.core.runs import RunStatus
from tests.graphs import Call, document, steps
from tests.service.flow_control.flows import (
    KEY,
    MANY,
    SECOND,
    are_all_completed,
    drain,
    hold,
    limited,
    look_at,
    pass_time,
    queued,
    statuses,
)
from tests.service.stories import begun
from tests.world import ACME, BEGINNING, MINUTE


class TestRate:
    RATE = 10

    @pytest.mark.parametrize("many", MANY)
    def test_lets_no_more_actions_begin_in_any_minute_and_every_run_have_its_turn(self, world, crowd, calls, many):
        runs = queued(world, many, limited(rate=self.RATE, period_s=60))
        calls.made.clear()

        pass_time(world, 24)

        assert max(crowd.windows.values()) == self.RATE
        assert are_all_completed(world, runs)
        assert world.outside.asked == {"work": many}
        assert len(set(world.outside.keys)) == many
        assert many / self.RATE <= crowd.minutes <= many / self.RATE + 2
        assert len(calls) / many <= 12

    def test_holds_when_the_clock_goes_from_minute_to_minute(self, world, crowd):
        runs = queued(world, 35, limited(rate=self.RATE, period_s=60))

        world.settle()

        assert list(crowd.windows.values()) == [10, 10, 10, 5]
        assert are_all_completed(world, runs)

    def test_is_of_aligned_windows(self, world, crowd):
        queued(world, 3, limited(rate=1, period_s=60))
        world.clock.advance(-world.clock.ms % MINUTE - 1)

        drain(world)
        assert sum(crowd.windows.values()) == 1
        world.clock.advance(SECOND)  # no message is delayed by less
        drain(world)

        assert list(crowd.windows.values()) == [1, 1]

    def test_tells_each_run_when_to_come_again_so_that_it_comes_once_or_twice(self, world, crowd):
        runs = queued(world, 5, limited(rate=1, period_s=60))
        window = BEGINNING - BEGINNING % MINUTE

        drain(world)

        waiting = sorted(world.run(run.id).not_before or 0 for run in runs)[1:]
        assert waiting == [window + n * MINUTE for n in range(1, 5)]

    def test_lets_who_came_first_have_their_turn_though_others_keep_coming(self, world, crowd, calls):
        flow = limited(rate=5, period_s=60)
        runs = queued(world, 30, flow)
        calls.made.clear()
        calls.requests.clear()

        for _ in range(6):
            pass_time(world, 1)
            runs += [world.start(overrides=flow) for _ in range(4)]
        pass_time(world, 7)

        assert max(crowd.windows.values()) == 5
        assert are_all_completed(world, runs)
        assert len(calls) / len(runs) <= 20

    def test_counts_every_action_of_a_run(self, world, crowd):
        world.publish(document(steps(*(Call(f"step{n}") for n in range(5)))))
        run = world.start(overrides=limited(rate=2, period_s=60))

        drain(world)
        assert world.outside.asked == {"step0": 1, "step1": 1}
        world.settle()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.clock.ms == BEGINNING + 2 * MINUTE

    def test_counts_every_try(self, world):
        world.outside.fail("work")
        run = begun(
            world, Call("work", {"retry": {"attempts": 5, "delay_s": 0}}), overrides=limited(rate=2, period_s=60)
        )

        drain(world)

        assert world.outside.asked == {"work": 2}
        assert [tries.count for tries in world.run(run.id).tries.values()] == [2]

    def test_beyond_the_reach_of_a_message_is_left_to_the_sweep(self, world, crowd):
        runs = queued(world, 3, limited(rate=1, period_s=3600))

        pass_time(world, 130, step_ms=MINUTE)

        assert are_all_completed(world, runs)
        assert set(crowd.windows.values()) == {1}


class TestParallelismAndRate:
    def test_hold_together(self, world, crowd, calls):
        runs = queued(world, 60, limited(parallelism=3, rate=10, period_s=60))
        calls.made.clear()

        pass_time(world, 10)

        assert crowd.deepest == 3
        assert max(crowd.windows.values()) == 10
        assert are_all_completed(world, runs)
        assert len(set(world.outside.keys)) == len(world.outside.keys) == 60
        assert crowd.minutes <= 8
        assert len(calls) / 60 <= 30

    def test_leave_the_slot_to_others_while_a_run_waits_for_its_window(self, world):
        runs = queued(world, 2, limited(parallelism=1, rate=1, period_s=60))

        drain(world)

        assert sorted(status.value for status in statuses(world, runs)) == ["completed", "running"]
        assert world.services.flows.usage(ACME, KEY).held == 0

    def test_count_nothing_for_a_run_that_finds_no_slot(self, world):
        first, second = queued(world, 2, limited(parallelism=1, rate=10, period_s=60))
        hold(world, first)

        look_at(world, second)

        usage = world.services.flows.usage(ACME, KEY)
        assert (usage.waiting, usage.window) == (1, None)
