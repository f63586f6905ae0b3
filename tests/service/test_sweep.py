"""The sweep: whatever was lost, it is rung for again, and never more than there is time for."""

from itertools import count

import pytest

from chalicelib.core.runs import GRACE_MS, Run, RunStatus
from chalicelib.service import sweep
from chalicelib.service.work import LEASE_MS
from chalicelib.stores.runs import RunStore
from tests.aws_calls import Killed, watched
from tests.graphs import Call, document, steps
from tests.service.stories import begun
from tests.stores.faults import refusal
from tests.stores.plans import planned
from tests.world import ACME, MINUTE, World

QUERY, SEND, POSTPONE = "dynamodb.Query", "sqs.SendMessageBatch", "dynamodb.UpdateItem"
COUNT = "sqs.GetQueueAttributes"
UNWELL = refusal("AWS.SimpleQueueService.NonExistentQueue")


def run_sweep(world: World, left_ms: int = MINUTE) -> int:
    return world.services.sweep.run(lambda: left_ms)


def lose_messages(world: World) -> None:
    for message in world.messages():
        world.forget(message)


class TestWhatIsLost:
    def test_a_message_is_rung_for_again(self, world):
        run = begun(world, Call("work"))
        lose_messages(world)

        world.clock.advance(GRACE_MS)

        assert run_sweep(world) == 1
        assert world.run(run.id).wake_at == world.clock.ms + GRACE_MS
        world.deliver()
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_the_send_after_a_crash_is_made_up_for(self, world):
        world.publish(document(Call("work")))
        with watched(kill_at=3, when="after"), pytest.raises(Killed):
            world.start(key="k")
        [row] = world.rows("runs")
        assert world.messages() == []

        world.clock.advance(GRACE_MS)
        assert run_sweep(world) == 1
        world.deliver()

        assert world.run(row["run_id"]["S"]).status is RunStatus.COMPLETED

    def test_a_worker_is_followed_by_another_when_its_lease_is_over(self, world):
        run = begun(world, steps(Call("first"), Call("last")))
        with watched(kill_at=2, when="after"), pytest.raises(Killed):
            world.services.worker.advance(f"{ACME}#{run.id}", lambda: MINUTE)
        lose_messages(world)

        world.clock.advance(LEASE_MS - 1)
        assert run_sweep(world) == 0
        world.clock.advance(1)
        assert run_sweep(world) == 1
        world.deliver()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.outside.asked == {"first": 1, "last": 1}


class TestWhatIsNotDue:
    def test_is_left_alone(self, world):
        begun(world, Call("work"))
        world.clock.advance(GRACE_MS - 1)
        before = world.everything()

        assert run_sweep(world) == 0
        assert world.everything() == before

    def test_a_run_that_has_moved_since_it_was_seen_is_rung_for_and_not_put_off(self, world, faults):
        run = begun(world, Call("work"))
        world.clock.advance(GRACE_MS)
        faults.meanwhile(SEND, world.deliver)

        assert run_sweep(world) == 1

        assert (world.run(run.id).status, world.run(run.id).wake_at) == (RunStatus.COMPLETED, None)


def overdue(world: World, number: int) -> list[Run]:
    """Create runs that should have been looked at by now, without ringing for them."""
    store: RunStore = world.services.runs.runs
    runs = [store.create(planned(n), writer="creator") for n in range(number)]
    world.clock.advance(GRACE_MS)
    return runs


class TestManyRuns:
    def test_are_rung_for_page_by_page_each_once(self, world, calls):
        runs = overdue(world, 230)
        calls.made.clear()

        assert run_sweep(world) == 230

        assert calls.counts == {QUERY: 6, SEND: 23, POSTPONE: 230, COUNT: 1}
        assert len(world.messages()) == 230
        assert {world.run(run.id).wake_at for run in runs[::50]} == {world.clock.ms + GRACE_MS}
        assert run_sweep(world) == 0

    def test_that_fill_a_page_exactly_are_followed_by_one_more_look(self, world, monkeypatch, calls):
        monkeypatch.setattr(sweep, "PAGE", 1)
        overdue(world, 1)
        calls.made.clear()

        assert run_sweep(world) == 1

        assert sorted(calls.made) == sorted([SEND, POSTPONE, COUNT, *[QUERY] * 5])


class TestABadDay:
    def test_of_sqs_leaves_everything_overdue_for_the_next_sweep(self, world, faults):
        runs = overdue(world, 5)
        before = world.everything()
        faults.refuse(SEND, [UNWELL] * 4)

        assert run_sweep(world) == 0
        assert world.everything() == before

        assert run_sweep(world) == len(runs)

    def test_of_sqs_in_the_middle_is_told_by_the_rings_that_were_taken(self, world, monkeypatch, faults):
        overdue(world, 30)
        sizes = [len(world.services.runs.runs.overdue(shard, world.clock.ms, 100)) for shard in ("due#0", "due#1")]
        faults.meanwhile(SEND, lambda: None)
        faults.refuse(SEND, [UNWELL] * 2)

        taken = run_sweep(world)

        assert taken == 30 - min(10, sizes[0] - 10)
        assert run_sweep(world) == sizes[0]

    @pytest.mark.parametrize("left_ms", [sweep.MARGIN_MS, 0])
    def test_without_time_does_nothing(self, world, calls, left_ms):
        overdue(world, 1)
        calls.made.clear()

        assert run_sweep(world, left_ms) == 0
        assert calls.made == [COUNT]

    def test_with_little_time_stops_after_a_page(self, world, monkeypatch):
        monkeypatch.setattr(sweep, "PAGE", 10)
        overdue(world, 45)
        left = count(MINUTE, -(MINUTE - sweep.MARGIN_MS) // 2)

        rung = world.services.sweep.run(left.__next__)

        assert rung == 20
        assert run_sweep(world) == 25
