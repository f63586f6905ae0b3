"""Who waits for a slot, and who is not held up by it."""

import pytest

from chalicelib.core.runs import RunStatus
from chalicelib.service.work import MAX_CLAIMS
from tests.graphs import Ask, Call, Fork, Pause, document, steps
from tests.service.flow_control.flows import (
    KEY,
    SECOND,
    WORK,
    are_all_completed,
    drain,
    hold,
    limited,
    look_at,
    lose_messages,
    queued,
    start_for,
    statuses,
    turn_of,
)
from tests.service.stories import complete, kinds
from tests.world import ACME, MINUTE, OTHER, World


class TestARunThatWaitsForASlot:
    OFTEN = 3 * MAX_CLAIMS

    def test_uses_up_neither_its_claims_nor_its_tries_however_often_it_is_woken(self, world):
        world.outside.fail("work")
        world.publish(document(Call("work", {"retry": {"attempts": 2, "delay_s": 1}})))
        run = world.start(overrides=limited(parallelism=1))
        drain(world)
        world.clock.advance(SECOND)
        lose_messages(world)
        tried = world.run(run.id).tries
        turn = hold(world, run)

        for _ in range(self.OFTEN):
            look_at(world, run)
            world.clock.advance(MINUTE)

        stands = world.run(run.id)
        assert (stands.status, stands.claims, stands.tries) == (RunStatus.RUNNING, 0, tried)
        assert [tries.count for tries in tried.values()] == [1]
        assert world.outside.asked == {"work": 1}
        turn.end()
        world.outside.heal("work")
        world.settle()
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_for_a_window_uses_up_neither_its_claims_nor_its_tries(self, world):
        world.outside.fail("work")
        world.publish(document(Call("work", {"retry": {"attempts": 2, "delay_s": 0}})))
        run, other = (world.start(overrides=limited(rate=1, period_s=60)) for _ in range(2))
        lose_messages(world)
        look_at(world, run)

        for _ in range(self.OFTEN):
            world.clock.advance(MINUTE - world.clock.ms % MINUTE)
            assert turn_of(world, other).begins_at(world.clock.ms) is None
            look_at(world, run)

        stands = world.run(run.id)
        assert (stands.status, stands.claims) == (RunStatus.RUNNING, 0)
        assert [tries.count for tries in stands.tries.values()] == [1]
        assert world.outside.asked == {"work": 1}
        world.outside.heal("work")
        world.settle()
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_stands_on_the_list_once_however_often_it_is_woken(self, world):
        first, second = queued(world, 2, limited(parallelism=1))
        hold(world, first)

        for _ in range(5):
            look_at(world, second)

        assert world.services.flows.usage(ACME, KEY).waiting == 1

    def test_sends_no_message_to_itself(self, world):
        first, second = queued(world, 2, limited(parallelism=1))
        hold(world, first)
        lose_messages(world)

        look_at(world, second)

        assert world.messages() == []

    def test_is_looked_at_by_the_sweep_all_the_same(self, world):
        first, second = queued(world, 2, limited(parallelism=1))
        lose_messages(world)
        turn = hold(world, first)
        look_at(world, second)
        world.services.worker.slots.let_go(first, turn.flow, turn.part, turn.lease.owner)  # and nobody rings

        world.clock.advance(MINUTE)
        world.services.sweep.run(lambda: MINUTE)
        drain(world)

        assert world.run(second.id).status is RunStatus.COMPLETED

    def test_can_be_canceled_which_does_not_stop_the_others(self, world):
        holder, *waiting = queued(world, 4, limited(parallelism=1))
        lose_messages(world)
        turn = hold(world, holder)
        for run in waiting:
            look_at(world, run)
        world.services.runs.cancel(ACME, waiting[0].id, "not wanted")

        turn.end()
        drain(world)

        assert statuses(world, waiting) == [RunStatus.CANCELED, RunStatus.COMPLETED, RunStatus.COMPLETED]
        assert len(world.outside.keys) == 2

    def test_goes_on_by_the_next_sweep_when_many_before_it_were_canceled(self, world):
        holder, *waiting = queued(world, 8, limited(parallelism=1))
        lose_messages(world)
        turn = hold(world, holder)
        for run in waiting:
            look_at(world, run)
        for run in waiting[:5]:
            world.services.runs.cancel(ACME, run.id, "not wanted")

        turn.end()
        drain(world)
        world.settle(rounds=2)

        assert statuses(world, waiting) == [RunStatus.CANCELED] * 5 + [RunStatus.COMPLETED] * 2

    def test_is_not_there_for_a_task_of_another_branch_that_a_person_completes(self, world):
        world.publish(document(Fork((WORK, Ask("decide")))))
        holder, run = (world.start(overrides=limited(parallelism=1)) for _ in range(2))
        lose_messages(world)
        turn = hold(world, holder)
        look_at(world, run)

        complete(world, run.id, "decide")
        drain(world)
        assert kinds(world, run.id)[-1] == "Closed"
        turn.end()
        drain(world)

        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_is_on_time_for_a_timer_of_another_branch(self, world):
        world.publish(document(Fork((WORK, steps(Pause("later", 10), Ask("decide"))))))
        holder, run = (world.start(overrides=limited(parallelism=1)) for _ in range(2))
        hold(world, holder)
        drain(world)

        world.clock.advance(10 * SECOND)
        drain(world)

        assert kinds(world, run.id)[-2:] == ["Closed", "Opened"]


class TestWhoIsNotOfTheKey:
    @pytest.fixture
    def _full(self, world: World) -> None:
        """Let every slot of the key be held, and its window be full."""
        [run] = queued(world, 1, limited(parallelism=1, rate=1, period_s=60))
        turn = hold(world, run)
        assert turn.begins_at(world.clock.ms) is None
        lose_messages(world)

    @pytest.mark.usefixtures("_full")
    def test_is_not_held_up_with_another_key(self, world):
        runs = [world.start(overrides=limited(key, parallelism=1, rate=1)) for key in ("other", "key2", "key#2", "ke")]

        drain(world)

        assert are_all_completed(world, runs)

    @pytest.mark.usefixtures("_full")
    def test_is_not_held_up_without_flow_control(self, world):
        run = world.start()

        drain(world)

        assert world.run(run.id).status is RunStatus.COMPLETED

    @pytest.mark.usefixtures("_full")
    def test_is_not_held_up_with_the_same_key_of_another_account(self, world):
        theirs = [start_for(world, OTHER, limited(parallelism=1, rate=2, period_s=60)) for _ in range(2)]

        drain(world)

        assert are_all_completed(world, theirs)
        usage = world.services.flows.usage(OTHER, KEY)
        assert (usage.held, usage.waiting, usage.window and usage.window.begun) == (0, 0, 2)
        ours = world.services.flows.usage(ACME, KEY)
        assert (ours.held, ours.window and ours.window.begun) == (1, 1)

    @pytest.mark.usefixtures("_full")
    def test_is_told_nothing_of_another_account_s(self, world):
        usage = world.services.flows.usage(OTHER, KEY)

        assert (usage.held, usage.parallelism, usage.waiting, usage.window) == (0, None, 0, None)

    @pytest.mark.usefixtures("_full")
    def test_is_the_only_one_to_be_rung_for_when_its_account_lets_go(self, world):
        waiting = world.start(overrides=limited(parallelism=1))
        theirs = start_for(world, OTHER, limited(parallelism=1))
        drain(world)

        assert world.run(theirs.id, OTHER).status is RunStatus.COMPLETED
        assert world.run(waiting.id).status is RunStatus.RUNNING
        assert world.messages() == []
