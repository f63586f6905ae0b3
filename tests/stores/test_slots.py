"""Slots, windows and those who wait: what runs with one flow-control key share."""

from dataclasses import replace
from threading import Barrier, Thread

import pytest

from chalicelib.core.errors import Busy
from chalicelib.core.overrides import FlowControl, FlowLimits
from chalicelib.core.runs import Run
from chalicelib.stores.slots import LOOKS, FlowUsage, FlowWindow, SlotStore
from tests.stores.faults import SILENCES
from tests.stores.plans import planned
from tests.world import ACME, BEGINNING, MINUTE, OTHER, World

THREE = FlowControl("key", FlowLimits(parallelism=3))
ONE = FlowControl("key", FlowLimits(parallelism=1))
TEN = FlowControl("key", FlowLimits(rate=10, period_s=60))
WINDOW = BEGINNING - BEGINNING % MINUTE
UNTIL = BEGINNING + 90_000
DAY_S = 86_400

PUT, UPDATE, DELETE, QUERY = "dynamodb.PutItem", "dynamodb.UpdateItem", "dynamodb.DeleteItem", "dynamodb.Query"

silences = pytest.mark.parametrize("silence", SILENCES, ids=lambda silence: type(silence).__name__)


@pytest.fixture
def slots(world: World) -> SlotStore:
    return world.services.worker.slots


@pytest.fixture
def run() -> Run:
    return planned().run


def take(slots: SlotStore, run: Run, holder: str, flow: FlowControl = THREE, at: int = BEGINNING) -> str | None:
    return slots.take(run, flow, holder, at + 90_000, at)


def begin(slots: SlotStore, run: Run, flow: FlowControl = TEN, at: int = BEGINNING) -> int | None:
    return slots.begin(run, flow, at)


def usage(slots: SlotStore, at: int = BEGINNING) -> FlowUsage:
    return slots.usage(ACME, "key", at)


def key_of(run: Run) -> str:
    return f"{run.account}#{run.id}"


class TestTaking:
    def test_gives_each_holder_a_slot_of_its_own_until_there_are_no_more(self, slots, run):
        taken = [take(slots, run, f"worker-{n}") for n in range(5)]

        assert set(taken[:3]) == {"slot#0000", "slot#0001", "slot#0002"}
        assert taken[3:] == [None, None]

    def test_gives_a_slot_away_again_once_it_was_let_go(self, slots, run):
        part = take(slots, run, "one", ONE)
        slots.let_go(run, ONE, part, "one")

        assert take(slots, run, "other", ONE) == part

    def test_gives_a_slot_away_again_once_its_time_is_over_and_not_before(self, slots, run):
        part = take(slots, run, "dead", ONE)

        assert take(slots, run, "other", ONE, at=UNTIL - 1) is None
        assert take(slots, run, "other", ONE, at=UNTIL) == part

    def test_reads_consistently(self, slots, run, calls):
        take(slots, run, "one")

        assert [request["ConsistentRead"] for request in calls.requests if "ConsistentRead" in request] == [True]

    def test_takes_another_slot_when_somebody_was_faster(self, slots, run, faults):
        wanted = take(slots, run, "slow")
        slots.let_go(run, THREE, wanted, "slow")

        def snatch() -> None:
            taken = {holder: take(slots, run, holder) for holder in ("one", "two", "three")}
            for holder, part in taken.items():
                if part is not None and part != wanted:
                    slots.let_go(run, THREE, part, holder)

        faults.meanwhile(PUT, snatch)

        assert take(slots, run, "slow") not in {wanted, None}
        assert usage(slots).held == 2

    def test_never_takes_a_slot_that_is_held_whatever_it_saw(self, world, slots, run, monkeypatch, calls):
        part = take(slots, run, "one", ONE)
        monkeypatch.setattr(SlotStore, "_slots", lambda *_: ())
        calls.made.clear()

        assert take(slots, run, "other", ONE) is None

        assert calls.counts[PUT] == LOOKS
        [row] = world.rows("slots")
        assert (row["part"]["S"], row["holder"]["S"]) == (part, "one")

    def test_by_many_at_once_gives_no_slot_to_two(self, slots, run):
        barrier = Barrier(8)
        taken: list[str | None] = []

        def work(holder: str) -> None:
            barrier.wait()
            taken.append(take(slots, run, holder))

        workers = [Thread(target=work, args=(f"worker-{n}",)) for n in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert sorted(part for part in taken if part) == ["slot#0000", "slot#0001", "slot#0002"]


class TestLettingGo:
    def test_frees_nobody_elses_slot(self, slots, run):
        part = take(slots, run, "one", ONE)

        slots.let_go(run, ONE, part, "other")

        assert take(slots, run, "other", ONE) is None

    def test_too_late_leaves_the_slot_to_who_has_it_now(self, slots, run):
        part = take(slots, run, "late", ONE)
        assert take(slots, run, "next", ONE, at=UNTIL) == part

        slots.let_go(run, ONE, part, "late")

        assert take(slots, run, "third", ONE, at=UNTIL) is None

    def test_twice_does_no_harm(self, slots, run):
        part = take(slots, run, "one", ONE)
        slots.let_go(run, ONE, part, "one")

        slots.let_go(run, ONE, part, "one")

        assert usage(slots).held == 0


class TestWaiting:
    def test_ends_for_those_first_who_were_made_first(self, slots):
        runs = [planned(n, at=BEGINNING + n).run for n in range(5)]
        for run in reversed(runs):
            slots.wait(run, ONE, BEGINNING)

        assert slots.next_waiting(runs[0], ONE, 2) == [key_of(run) for run in runs[:2]]
        assert slots.next_waiting(runs[0], ONE, 9) == [key_of(run) for run in runs[2:]]
        assert slots.next_waiting(runs[0], ONE, 2) == []

    def test_twice_is_waiting_once(self, slots, run):
        slots.wait(run, ONE, BEGINNING)
        slots.wait(run, ONE, BEGINNING + 1)

        assert slots.next_waiting(run, ONE, 9) == [key_of(run)]

    def test_is_for_one_key_of_one_account(self, slots, run):
        slots.wait(run, ONE, BEGINNING)

        assert slots.next_waiting(run, replace(ONE, key="other"), 9) == []
        assert slots.next_waiting(replace(run, account=OTHER), ONE, 9) == []
        assert slots.next_waiting(run, ONE, 9) == [key_of(run)]


class TestBeginning:
    def test_is_allowed_as_often_in_a_window_as_the_rate_says(self, slots, run):
        assert [begin(slots, run) for _ in range(10)] == [None] * 10
        assert begin(slots, run) is not None

    def test_is_put_off_to_the_windows_in_which_there_is_room(self, slots, run):
        for _ in range(10):
            begin(slots, run)

        told = [begin(slots, run) for _ in range(25)]

        assert told == [WINDOW + MINUTE] * 10 + [WINDOW + 2 * MINUTE] * 10 + [WINDOW + 3 * MINUTE] * 5

    def test_is_counted_anew_in_the_next_window(self, slots, run):
        end = WINDOW + MINUTE
        assert [begin(slots, run, at=end - 1) for _ in range(11)][9:] == [None, end]

        assert [begin(slots, run, at=end) for _ in range(11)][9:] == [None, end + MINUTE]

    def test_is_counted_by_period_key_and_account(self, slots, run):
        for _ in range(11):
            begin(slots, run)

        assert begin(slots, run, FlowControl("key", FlowLimits(rate=10, period_s=30))) is None
        assert begin(slots, run, replace(TEN, key="other")) is None
        assert begin(slots, replace(run, account=OTHER)) is None

    def test_by_many_at_once_is_allowed_no_more_often(self, slots, run):
        barrier = Barrier(8)
        told: list[int | None] = []

        def work() -> None:
            barrier.wait()
            told.extend(begin(slots, run) for _ in range(3))

        workers = [Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert told.count(None) == 10


class TestAnAnswerThatWasLost:
    @silences
    def test_gives_nobody_two_slots(self, world, slots, run, faults, silence):
        faults.lose(PUT, [silence])

        part = take(slots, run, "one")

        assert part is not None
        assert [row["part"]["S"] for row in world.rows("slots")] == [part]
        assert None not in {take(slots, run, "two"), take(slots, run, "three")}
        assert take(slots, run, "four") is None

    def test_again_and_again_leaves_one_slot_held_until_its_time_is_over(self, slots, run, faults):
        faults.lose(PUT, [SILENCES[0]] * 4)

        with pytest.raises(Busy):
            take(slots, run, "one", ONE)

        assert take(slots, run, "two", ONE, at=UNTIL - 1) is None
        assert take(slots, run, "two", ONE, at=UNTIL) is not None

    @silences
    def test_of_letting_go_lets_go_of_one_slot(self, slots, run, faults, silence):
        part = take(slots, run, "one")
        take(slots, run, "two")
        faults.lose(DELETE, [silence])

        slots.let_go(run, THREE, part, "one")

        assert usage(slots).held == 1

    def test_of_letting_go_does_not_take_the_slot_of_who_came_between(self, world, slots, run, faults):
        part = take(slots, run, "one", ONE)
        faults.lose(DELETE, [SILENCES[0]])
        faults.meanwhile(DELETE, lambda: None)
        faults.meanwhile(DELETE, lambda: take(slots, run, "two", ONE))

        slots.let_go(run, ONE, part, "one")

        assert [row["holder"]["S"] for row in world.rows("slots")] == ["two"]

    @silences
    def test_of_waiting_puts_a_run_on_the_list_once(self, slots, run, faults, silence):
        faults.lose(PUT, [silence])
        slots.wait(run, ONE, BEGINNING)
        faults.lose(DELETE, [silence])

        assert slots.next_waiting(run, ONE, 9) == [key_of(run)]
        assert slots.next_waiting(run, ONE, 9) == []

    @silences
    @pytest.mark.parametrize("nth", range(10))
    def test_lets_fewer_begin_and_never_more(self, slots, run, faults, nth, silence):
        told = [begin(slots, run) for _ in range(nth)]
        faults.lose(UPDATE, [silence])

        told += [begin(slots, run) for _ in range(20 - nth)]

        assert told.count(None) == 9
        assert usage(slots).window == FlowWindow(WINDOW, MINUTE, begun=10, rate=10)

    @silences
    def test_of_being_refused_puts_an_action_off_no_less(self, slots, run, faults, silence):
        for _ in range(10):
            begin(slots, run)
        faults.meanwhile(UPDATE, lambda: faults.meanwhile(UPDATE, lambda: faults.lose(UPDATE, [silence])))

        assert begin(slots, run) == WINDOW + MINUTE
        assert usage(slots).window == FlowWindow(WINDOW, MINUTE, begun=10, rate=10)


class TestUsage:
    def test_of_what_nobody_has_used_is_nothing(self, slots):
        assert usage(slots) == FlowUsage(held=0, parallelism=None, waiting=0, window=None)

    def test_tells_what_is_held_begun_and_waiting(self, slots, run):
        for holder in ("one", "two"):
            take(slots, run, holder)
        for _ in range(4):
            begin(slots, run)
        for n in range(5):
            slots.wait(planned(n).run, THREE, BEGINNING)

        window = FlowWindow(WINDOW, MINUTE, begun=4, rate=10)
        assert usage(slots) == FlowUsage(held=2, parallelism=3, waiting=5, window=window)

    def test_counts_neither_whose_time_is_over_nor_who_let_go_nor_who_was_rung_for(self, slots, run):
        take(slots, run, "dead")
        slots.let_go(run, THREE, take(slots, run, "done"), "done")
        slots.wait(run, THREE, BEGINNING)
        slots.next_waiting(run, THREE, 1)

        assert usage(slots, at=UNTIL - 1).held == 1
        assert usage(slots, at=UNTIL) == FlowUsage(held=0, parallelism=None, waiting=0, window=None)

    def test_tells_of_the_window_of_now(self, slots, run):
        begin(slots, run, at=WINDOW)
        for _ in range(2):
            begin(slots, run, at=WINDOW + MINUTE)

        told = [usage(slots, at=WINDOW + at).window for at in (0, MINUTE - 1, MINUTE, 2 * MINUTE)]

        first, second = (FlowWindow(WINDOW + n * MINUTE, MINUTE, begun=n + 1, rate=10) for n in range(2))
        assert told == [first, first, second, None]

    def test_counts_no_more_begun_for_those_that_were_refused(self, slots, run):
        for _ in range(25):
            begin(slots, run)

        assert usage(slots).window == FlowWindow(WINDOW, MINUTE, begun=10, rate=10)

    def test_tells_the_most_permissive_of_the_limits_that_are_in_use(self, slots, run):
        take(slots, run, "permissive", THREE)
        take(slots, run, "strict", replace(ONE, limits=FlowLimits(parallelism=2)))

        assert usage(slots).parallelism == 3

    @pytest.mark.parametrize("strict", [1, 5])
    def test_tells_the_most_permissive_rate_of_a_window(self, slots, run, strict):
        for flow in (TEN, FlowControl("key", FlowLimits(rate=strict, period_s=60))):
            begin(slots, run, flow)

        assert usage(slots).window == FlowWindow(WINDOW, MINUTE, begun=2, rate=10)

    def test_is_of_one_key_and_one_account(self, slots, run):
        take(slots, run, "one")
        begin(slots, run)
        slots.wait(run, THREE, BEGINNING)

        nothing = FlowUsage(held=0, parallelism=None, waiting=0, window=None)
        assert slots.usage(ACME, "other", BEGINNING) == slots.usage(OTHER, "key", BEGINNING) == nothing


def test_whatever_is_written_is_removed_some_day_after_it_matters(world, slots, run):
    take(slots, run, "one")
    begin(slots, run)
    slots.wait(run, THREE, BEGINNING)

    rows = world.rows("slots")

    assert len(rows) == 3
    assert all(BEGINNING // 1000 + DAY_S <= int(row["expires_at"]["N"]) <= UNTIL // 1000 + DAY_S for row in rows)
