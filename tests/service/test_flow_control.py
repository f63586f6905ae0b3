"""Flow control: no more of a key's actions at a time than its limits say, nobody left behind, nobody else held up."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.errors import Busy
from chalicelib.core.ids import AccountId, DefinitionKey
from chalicelib.core.overrides import FlowControl, FlowLimits, Overrides
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.runs import Lease, Run, RunStatus
from chalicelib.core.versions import NamedVersion, PublishedVersion
from chalicelib.service.commands import Command
from chalicelib.service.flow_control import Turn
from chalicelib.service.work import LEASE_MS, MAX_CLAIMS
from chalicelib.stores.queues import read_message
from chalicelib.stores.slots import SlotStore
from local.calls import observed
from tests.aws_calls import Calls, Killed
from tests.graphs import Ask, Block, Call, Fork, Pause, document, steps
from tests.service.stories import SUCCEEDED, begun, complete, during, kinds
from tests.stores.faults import SILENCES
from tests.world import ACME, BEGINNING, CAUSE, INPUT, MINUTE, ORDER, OTHER, World

WORK = Call("work")
SECOND = 1_000
MANY = [60, pytest.param(200, marks=pytest.mark.heavy)]
KEY = "key"
FAR = BEGINNING + 10_000 * MINUTE

TAKE = HOLD = APPEND = PUT = "dynamodb.PutItem"
LOOK, COUNT, CLAIM, END = "dynamodb.Query", "dynamodb.UpdateItem", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems"
LET_GO, SEND = "dynamodb.DeleteItem", "sqs.SendMessageBatch"


def limited(key: str = KEY, **limits: int) -> Overrides:
    return Overrides(flow=FlowControl(key, FlowLimits(**limits)))


def key_of(run: Run) -> str:
    return f"{run.account}#{run.id}"


def look_at(world: World, run: Run) -> None:
    """Let a worker look at one run, whatever the queue holds."""
    world.services.worker.advance(key_of(run), lambda: MINUTE)


def come(world: World) -> bool:
    """Let one more worker handle one message, if there is any."""
    taken = world.sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=1).get("Messages", [])
    for message in taken:
        world.services.worker.advance(read_message(message["Body"]), lambda: MINUTE)
        world.forget(message)
    return bool(taken)


def drain(world: World) -> None:
    """Let workers come as long as there are messages: no time passes, and nobody sweeps."""
    for _ in range(2_000):
        if not come(world):
            return
    raise AssertionError("they are rung for without end")


def lose_messages(world: World) -> None:
    for message in world.messages():
        world.forget(message)


def queued(world: World, count: int, overrides: Overrides) -> list[Run]:
    world.publish(document(WORK))
    return [world.start(overrides=overrides) for _ in range(count)]


def start_for(world: World, account: AccountId, overrides: Overrides) -> Run:
    """Start a run of another account's definition."""
    world.publish(document(WORK), account=account)
    command = Command(account, "ops", "start", ORDER, {}, None)
    request = StartRequest(account, CAUSE, INPUT, overrides=overrides)
    return world.services.runs.start(command, ORDER, PublishedVersion(), request).run


def statuses(world: World, runs: list[Run]) -> list[RunStatus]:
    return [world.run(run.id, run.account).status for run in runs]


def are_all_completed(world: World, runs: list[Run]) -> bool:
    return set(statuses(world, runs)) == {RunStatus.COMPLETED}


def turn_of(world: World, run: Run, owner: str = "another worker", until: int = FAR) -> Turn:
    """Answer what a worker that is in no hurry may do for a run."""
    worker = world.services.worker
    return Turn(worker.slots, worker.doorbell, run, Lease(owner, until))


def hold(world: World, run: Run, owner: str = "another worker") -> Turn:
    """Let somebody else hold a slot of this run's key, for a long time."""
    turn = turn_of(world, run, owner)
    assert turn.may_begin(world.clock.ms)
    return turn


@dataclass
class Crowd:
    """An action during which other workers come: each lets a few of them handle what is rung for.

    Once more are in flight than any test allows, nobody else comes, so that it ends.
    """

    world: World
    visitors: int = 3
    depth: int = 0
    depths: Counter[int] = field(default_factory=Counter)
    windows: Counter[int] = field(default_factory=Counter)
    too_deep: int = 8

    def __call__(self, _call: HttpCall) -> Outcome:
        self.depth += 1
        self.depths[self.depth] += 1
        self.windows[self.world.clock.ms // MINUTE] += 1
        for _ in range(self.visitors if self.depth < self.too_deep else 0):
            come(self.world)
        self.depth -= 1
        return SUCCEEDED

    @property
    def deepest(self) -> int:
        return max(self.depths)

    @property
    def minutes(self) -> int:
        """Count the minutes from the first action's to the last one's."""
        return max(self.windows) - min(self.windows) + 1


@dataclass
class Moment:
    """Somebody acts just before the n-th call to AWS (from 1), and once."""

    left: int
    act: Callable[[], object]
    is_over: bool = False

    def before(self, _client: BaseClient, _name: str, _request: dict[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            self.come()

    def after(self, client: BaseClient, name: str) -> None:
        pass

    def come(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.act()


def pass_time(world: World, minutes: int, step_ms: int = 10 * SECOND) -> None:
    """Let time pass in small steps, workers come whenever somebody rings, and the sweep each minute."""
    for _ in range(minutes):
        for _ in range(MINUTE // step_ms):
            drain(world)
            world.clock.advance(step_ms)
        world.services.sweep.run(lambda: MINUTE)
    drain(world)


@pytest.fixture
def crowd(world: World) -> Crowd:
    crowd = Crowd(world)
    world.outside.answers["work"] = crowd
    return crowd


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


class TestWhatItCosts:
    """AWS calls from the ring to the end of a run of one action, when nobody else is there."""

    @pytest.fixture
    def plain(self) -> list[str]:
        return [CLAIM, END]

    def made(self, world: World, calls: Calls, block: Block, overrides: Overrides) -> list[str]:
        world.publish(document(block))
        version = world.services.definitions.draft(ACME, DefinitionKey("order")).snapshot
        run = world.start(choice=NamedVersion(version), overrides=overrides)
        calls.made.clear()
        drain(world)
        made = list(calls.made)
        assert world.run(run.id).status is RunStatus.COMPLETED
        return made

    def test_is_nothing_for_a_run_without_it(self, world, calls, plain):
        assert self.made(world, calls, WORK, Overrides()) == plain

    def test_is_four_calls_more_with_parallelism_alone(self, world, calls, plain):
        made = self.made(world, calls, WORK, limited(parallelism=3))

        assert made == [CLAIM, LOOK, HOLD, END, LET_GO, LOOK]
        assert len(made) == len(plain) + 4

    def test_is_one_call_more_with_rate_alone(self, world, calls, plain):
        made = self.made(world, calls, WORK, limited(rate=3))

        assert made == [CLAIM, COUNT, END]
        assert len(made) == len(plain) + 1

    def test_is_five_calls_more_with_both(self, world, calls, plain):
        made = self.made(world, calls, WORK, limited(parallelism=3, rate=3))

        assert made == [CLAIM, LOOK, HOLD, COUNT, END, LET_GO, LOOK]
        assert len(made) == len(plain) + 5

    @pytest.mark.parametrize("actions", [1, 5])
    def test_of_parallelism_is_the_same_for_any_number_of_actions(self, world, calls, actions):
        block = steps(*(Call(f"step{n}") for n in range(actions)))

        made = self.made(world, calls, block, limited(parallelism=3))

        assert made == [CLAIM, LOOK, HOLD, *[APPEND] * (actions - 1), END, LET_GO, LOOK]

    @pytest.mark.parametrize("actions", [1, 5])
    def test_of_rate_is_one_call_for_each_action(self, world, calls, actions):
        block = steps(*(Call(f"step{n}") for n in range(actions)))

        made = self.made(world, calls, block, limited(rate=100))

        assert made == [CLAIM, *[COUNT, APPEND] * (actions - 1), COUNT, END]

    def test_is_five_calls_to_find_no_slot(self, world, calls):
        first, second = queued(world, 2, limited(parallelism=1))
        hold(world, first)
        calls.made.clear()

        look_at(world, second)

        assert calls.counts == {CLAIM: 1, LOOK: 2, PUT: 2}

    def test_is_five_calls_to_find_the_window_full(self, world, calls):
        first, second = queued(world, 2, limited(rate=1, period_s=60))
        assert turn_of(world, first).begins_at(world.clock.ms) is None
        calls.made.clear()

        look_at(world, second)

        assert calls.made == [CLAIM, COUNT, COUNT, PUT, SEND]
