"""No more of a key's actions in flight at a time than its limit says, and nobody left behind."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.errors import Busy
from chalicelib.core.runs import Run, RunStatus
from chalicelib.service.flow_control import Turn
from chalicelib.service.work import LEASE_MS
from chalicelib.stores.slots import SlotStore
from local.calls import observed
from tests.aws_calls import Killed
from tests.graphs import Ask, Call, document, steps
from tests.service.flow_control.flows import (
    END,
    KEY,
    LET_GO,
    MANY,
    WORK,
    Crowd,
    Moment,
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
from tests.service.stories import during
from tests.stores.faults import SILENCES
from tests.world import ACME, BEGINNING, MINUTE, World


class TestParallelism:
    @pytest.mark.parametrize("many", MANY)
    def test_lets_no_more_actions_be_in_flight_at_once_and_every_run_have_its_turn(self, world, crowd, calls, many):
        runs = queued(world, many, limited(parallelism=3))
        calls.made.clear()

        drain(world)

        assert crowd.deepest == 3
        assert len(calls) / many <= 20
        world.settle()
        assert are_all_completed(world, runs)
        assert world.outside.asked == {"work": many}
        assert len(set(world.outside.keys)) == many

    def test_hands_slots_on_at_once_and_leaves_none_unused_while_anybody_waits(self, world, crowd):
        runs = queued(world, 30, limited(parallelism=3))

        drain(world)

        assert are_all_completed(world, runs)
        assert world.clock.ms == BEGINNING
        assert crowd.depths[3] > 30 / 3

    def test_of_one_lets_one_after_the_other_begin(self, world, crowd):
        runs = queued(world, 12, limited(parallelism=1))

        drain(world)

        assert crowd.depths == {1: 12}
        assert are_all_completed(world, runs)

    def test_keeps_a_slot_for_all_actions_that_a_worker_performs_in_a_row(self, world):
        world.publish(document(steps(Call("first"), Call("last"))))
        run, other = (world.start(overrides=limited(parallelism=1)) for _ in range(2))
        world.outside.answers["last"] = during(lambda: look_at(world, other))

        look_at(world, run)

        assert world.outside.asked == {"first": 1, "last": 1}

    def test_gives_the_slot_back_while_a_run_waits_for_a_person(self, world):
        world.publish(document(steps(Call("work"), Ask("decide"))))
        runs = [world.start(overrides=limited(parallelism=1)) for _ in range(3)]

        drain(world)

        assert statuses(world, runs) == [RunStatus.WAITING] * 3
        assert world.services.flows.usage(ACME, KEY).held == 0

    def test_serves_who_has_waited_longest_first(self, world):
        world.publish(document(WORK))
        first = world.start(overrides=limited(parallelism=1))
        later: list[Run] = []
        for _ in range(5):
            world.clock.advance(1)
            later.append(world.start(overrides=limited(parallelism=1)))
        lose_messages(world)
        turn = hold(world, first, "first")
        for run in reversed(later):
            look_at(world, run)

        turn.end()
        drain(world)

        assert [key.split("/")[0] for key in world.outside.keys] == [run.id for run in later]


class TestADeadWorker:
    """It held a slot, and is never heard of again."""

    def die(self, world: World, runs: list[Run]) -> None:
        """Let a worker die in the middle of each run's action."""

        def killed(_call: HttpCall) -> Outcome:
            raise Killed

        world.outside.answers["work"] = killed
        for run in runs:
            with pytest.raises(Killed):
                look_at(world, run)
        world.outside.heal("work")

    def test_is_survived_by_its_slot_until_its_lease_is_over(self, world):
        runs = queued(world, 12, limited(parallelism=3))
        self.die(world, runs[:3])
        drain(world)
        assert len(world.outside.keys) == 3

        world.clock.advance(LEASE_MS - 1)
        world.services.sweep.run(lambda: MINUTE)
        drain(world)
        assert len(world.outside.keys) == 3

        world.clock.advance(1)
        world.services.sweep.run(lambda: MINUTE)
        drain(world)
        assert len(world.outside.keys) > 3
        world.settle(rounds=3)
        assert are_all_completed(world, runs)
        assert Counter(world.outside.keys) == {
            key: 2 if key.split("/")[0] in {run.id for run in runs[:3]} else 1 for key in world.outside.keys
        }

    def test_never_makes_room_for_more_than_the_limit(self, world):
        runs = queued(world, 40, limited(parallelism=3))
        self.die(world, runs[:2])
        crowd = Crowd(world)
        world.outside.answers["work"] = crowd

        drain(world)
        assert crowd.deepest == 1
        world.settle()

        assert crowd.deepest <= 3
        assert are_all_completed(world, runs)

    def test_that_aws_kept_from_writing_the_outcome_is_followed_by_another(self, world, faults):
        runs = queued(world, 3, limited(parallelism=1))
        faults.refuse(END, [SILENCES[0]] * 4)

        with pytest.raises(Busy):
            look_at(world, runs[0])
        drain(world)
        assert world.services.flows.usage(ACME, KEY).held == 1
        world.settle()

        assert are_all_completed(world, runs)
        assert world.clock.ms - BEGINNING <= LEASE_MS + MINUTE

    def test_that_dies_while_it_lets_its_slot_go_leaves_no_slot_held_for_good(self, world, faults):
        runs = queued(world, 3, limited(parallelism=1))
        faults.refuse(LET_GO, [SILENCES[0]] * 4)

        with pytest.raises(Busy):
            look_at(world, runs[0])
        drain(world)
        world.settle()

        assert are_all_completed(world, runs)
        assert len(set(world.outside.keys)) == len(world.outside.keys) == 3

    def test_does_not_take_the_slot_of_who_came_after_it(self, world):
        first, second = queued(world, 2, limited(parallelism=1))
        dead = turn_of(world, first, "dead", until=BEGINNING + LEASE_MS)
        assert dead.may_begin(BEGINNING)
        world.clock.advance(LEASE_MS)
        hold(world, second, "living")

        dead.end()

        assert not turn_of(world, first, "third").may_begin(world.clock.ms)


class TestASlotThatIsLetGoJustThen:
    """Somebody lets the only slot go while another run's worker is about to wait for it, and there is no sweep."""

    @pytest.fixture
    def other(self, world: World) -> Turn:
        other, _ = queued(world, 2, limited(parallelism=1))
        return hold(world, other, "other")

    @pytest.fixture
    def run(self, world: World, other: Turn) -> Run:
        ids = [row["run_id"]["S"] for row in world.rows("runs")]
        [run_id] = [run_id for run_id in ids if run_id != other.run.id]
        world.services.runs.cancel(ACME, other.run.id, "only its slot matters")
        lose_messages(world)
        return world.run(run_id)

    def after_look(self, monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
        """Let somebody act just after the n-th look (from 1) at the slots."""
        take, looks = SlotStore.take, [0]

        def taking(*args: Any) -> str | None:
            found = take(*args)
            looks[0] += 1
            if looks[0] == number:
                act()
            return found

        monkeypatch.setattr(SlotStore, "take", taking)

    def test_after_the_first_look_is_found_by_the_second(self, world, monkeypatch, other, run):
        self.after_look(monkeypatch, 1, other.end)

        look_at(world, run)
        drain(world)

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.clock.ms == BEGINNING

    @pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
    def test_just_before_or_after_it_is_on_the_list_is_found_too(self, world, monkeypatch, other, run, is_before):
        wait = SlotStore.wait

        def waiting(*args: Any) -> None:
            for act in (other.end, lambda: wait(*args)) if is_before else (lambda: wait(*args), other.end):
                act()

        monkeypatch.setattr(SlotStore, "wait", waiting)

        look_at(world, run)
        drain(world)

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.clock.ms == BEGINNING

    @pytest.mark.parametrize("is_rung_at_once", [False, True], ids=["rung later", "rung at once"])
    @pytest.mark.parametrize("number", range(1, 7))
    def test_is_not_missed_before_whichever_of_aws_s_calls_it_comes(self, world, other, run, number, is_rung_at_once):
        def act() -> None:
            other.end()
            if is_rung_at_once:
                drain(world)

        with observed(moment := Moment(number, act)):
            look_at(world, run)
            moment.come()  # if there were fewer calls
        drain(world)

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.clock.ms == BEGINNING

    @pytest.mark.parametrize("number", range(1, 6))
    def test_is_not_missed_before_whichever_of_its_own_calls_the_other_is_met(self, world, other, run, number):
        with observed(moment := Moment(number, lambda: look_at(world, run))):
            other.end()
            moment.come()  # if there were fewer calls
        drain(world)

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.clock.ms == BEGINNING
