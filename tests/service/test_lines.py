"""Objects and workflows: runs of one business key that take turns, or of which there is one."""

from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from chalicelib.core.batch_sizes import Sizes
from chalicelib.core.batches import Order
from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.errors import Busy
from chalicelib.core.ids import ActivityId, DefinitionKey, RunId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.lines import BusinessKeyNeeded, Line, LineFull, WorkflowRunExists
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import WorkflowNotRestarted
from chalicelib.core.restart_requests import AfterEntry, At, FromFailure, RestartRequest
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.state import BeforeActivity, Start
from chalicelib.core.versions import NamedVersion, PublishedVersion
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import RebornPage
from chalicelib.service.lines import LOOK_AGAIN_MS, MOST_LOOKS
from chalicelib.stores import lines, runs
from chalicelib.stores.batch_rows import batch_key
from chalicelib.stores.bulk import Part, chunks
from chalicelib.stores.calls import Calls
from chalicelib.stores.tables import SlotRow
from tests.graphs import Ask, Call, document, steps
from tests.world import ACME, CAUSE, MINUTE, ORDER, World

READ, PUT, TRANSACT, SEND, UPDATE, DELETE = (
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.TransactWriteItems",
    "sqs.SendMessageBatch",
    "dynamodb.UpdateItem",
    "dynamodb.DeleteItem",
)
TWO_CALLS = steps(Call("charge"), Call("ship"))


def an(type_: str, block: Any = TWO_CALLS) -> Variables:
    return {**document(block), "type": type_}


def with_shared_start() -> Json:
    """An object with a second start event, which is shared: at it begins what only looks."""
    asked: dict[str, Any] = an("object")
    look = {"id": "look", "type": "start_event", "condition": "exists(looking)", "shared": True}
    asked["activities"].append(look)
    asked["transitions"].append({"id": "looks", "from": "look", "to": "ship"})
    return asked


@pytest.fixture
def obj(world: World) -> World:
    world.publish(an("object"))
    return world


def line(world: World, run: Run) -> list[RunId]:
    return world.services.worker.lines.lines.members(run)


def order_of_work(world: World) -> list[str]:
    """List the runs in the order in which effects were asked for, each once for every time that it was at work."""
    return [run for run, _ in groupby(key.split("/")[0] for key in world.outside.keys)]


class TestObject:
    def test_runs_of_one_key_are_at_work_one_after_the_other_in_order_of_arrival(self, obj):
        started = [obj.start(business_key="k") for _ in range(4)]

        obj.settle()

        assert order_of_work(obj) == [run.id for run in started]
        assert {obj.run(run.id).status for run in started} == {RunStatus.COMPLETED}
        assert obj.rows("slots") == []

    @pytest.mark.parametrize("is_canceled", [False, True])
    def test_whoever_has_everything_from_its_source_has_its_turn_and_makes_room_for_the_next(self, obj, is_canceled):
        source = obj.start(business_key="k")
        if is_canceled:
            obj.services.runs.cancel(ACME, source.id, "")
        obj.settle()
        source = obj.run(source.id)

        whole = obj.restart(source.id, start=AfterEntry(source.journal_length - 1))
        behind = obj.start(business_key="k")
        obj.settle()

        assert [obj.run(run.id).status for run in (whole, behind)] == [source.status, RunStatus.COMPLETED]
        assert obj.rows("slots") == []

    def test_runs_of_other_keys_and_definitions_know_nothing_of_each_other(self, world):
        other = DefinitionKey("another")
        world.publish(an("object", Ask("decide")))
        world.publish(an("object", Ask("decide")), other)
        runs = [world.start(business_key=key) for key in "ab"]
        runs.append(world.start(business_key="a", definition=other))

        world.settle()

        assert {world.run(run.id).status for run in runs} == {RunStatus.WAITING}

    def test_whoever_waits_for_a_person_is_at_work_still(self, world):
        world.publish(an("object", Ask("decide")))
        first, second = (world.start(business_key="k") for _ in range(2))
        world.deliver()
        assert [world.run(run.id).status for run in (first, second)] == [RunStatus.WAITING, RunStatus.PENDING]
        assert world.run(second.id).started_at is None

        world.services.runs.complete(ACME, first.id, 1, {})
        world.deliver()

        assert [world.run(run.id).status for run in (first, second)] == [RunStatus.COMPLETED, RunStatus.WAITING]

    @pytest.mark.parametrize("key", [None, "", "k" * 1_025])
    def test_a_run_without_a_key_that_can_name_its_line_is_refused(self, obj, key):
        before = obj.everything()

        with pytest.raises(BusinessKeyNeeded):
            obj.start(business_key=key)

        assert obj.everything() == before

    def test_a_restart_that_drops_the_key_is_refused(self, obj):
        run = obj.start(business_key="k")
        obj.settle()

        with pytest.raises(BusinessKeyNeeded):
            obj.restart(run.id, is_keeping_business_key=False)

    def test_a_delayed_run_arrives_when_its_delay_is_over(self, obj):
        late = obj.start(business_key="k", overrides=Overrides(delay_s=600))
        soon = obj.start(business_key="k")
        obj.settle()
        assert (late.line, soon.line) == (Line.COMING, Line.INBOXED)

        assert order_of_work(obj) == [soon.id, late.id]

    def test_a_delayed_run_that_finds_its_line_full_comes_again(self, world, monkeypatch):
        monkeypatch.setattr(lines, "MOST_IN_LINE", 1)
        world.publish(an("object", Ask("decide")))
        late = world.start(business_key="k", overrides=Overrides(delay_s=60))
        first = world.start(business_key="k")
        world.deliver()
        world.clock.advance(MINUTE)
        world.deliver()
        assert line(world, first) == [first.id]

        world.services.runs.cancel(ACME, first.id, "")
        world.settle()

        assert (world.run(late.id).status, line(world, late)) == (RunStatus.WAITING, [late.id])

    def test_a_delayed_run_that_is_canceled_stands_in_no_line(self, obj):
        late = obj.start(business_key="k", overrides=Overrides(delay_s=600))

        assert obj.services.runs.cancel(ACME, late.id, "").status is RunStatus.CANCELED
        assert obj.rows("slots") == []

    def test_a_canceled_run_leaves_its_line_wherever_it_stands(self, world):
        world.publish(an("object", Ask("decide")))
        first, second, third = (world.start(business_key="k") for _ in range(3))
        world.deliver()

        world.services.runs.cancel(ACME, second.id, "")
        assert line(world, first) == [first.id, third.id]
        world.services.runs.cancel(ACME, first.id, "")
        world.deliver()

        assert line(world, third) == [third.id]
        assert world.run(third.id).line is Line.AT_WORK

    def test_a_failed_run_hands_over_and_its_restart_arrives_at_the_end(self, obj):
        obj.outside.fail("ship", is_retryable=False)
        failed = obj.start(business_key="k")
        obj.deliver()
        obj.outside.heal("ship")
        obj.outside.keys.clear()
        other = obj.start(business_key="k")
        new = obj.restart(failed.id, start=FromFailure())

        obj.settle()

        assert order_of_work(obj) == [other.id, new.id]
        assert obj.outside.asked == {"charge": 1, "ship": 2}  # the restart keeps what its source was charged
        assert (new.status, new.line) == (RunStatus.PENDING, Line.INBOXED)

    def test_a_run_that_kills_its_workers_hands_over(self, obj, monkeypatch):
        monkeypatch.setattr("chalicelib.service.work.MAX_CLAIMS", 0)
        runs = [obj.start(business_key="k") for _ in range(2)]

        obj.settle()

        assert [obj.run(run.id).failure.code for run in runs] == ["attempts_exhausted"] * 2
        assert obj.rows("slots") == []

    def test_a_line_is_the_definitions_whatever_version_its_runs_are_on(self, world):
        world.publish(an("object", Ask("decide")))
        first = world.start(business_key="k")
        world.publish(an("object", Ask("confirm")))
        second = world.start(business_key="k")
        third = world.start(business_key="k", choice=NamedVersion(1))

        assert line(world, first) == [first.id, second.id, third.id]

    def test_runs_that_began_under_a_service_go_on_beside_those_of_the_object_that_it_became(self, world):
        world.publish(an("service", Ask("decide")))
        old = world.start(business_key="k")
        world.publish(an("object", Ask("decide")))
        new = world.start(business_key="k")
        world.settle()

        assert {world.run(run.id).status for run in (old, new)} == {RunStatus.WAITING}
        world.services.runs.cancel(ACME, old.id, "")
        assert world.restart(old.id, version=PublishedVersion()).line is Line.INBOXED

    def test_a_run_at_a_shared_start_event_waits_for_nobody(self, world):
        world.publish(with_shared_start())
        world.outside.fail("charge")
        first = world.start(business_key="k")
        world.deliver()

        shared = world.start({"looking": True}, business_key="k")
        world.deliver()

        assert (shared.line, world.run(shared.id).status) == (None, RunStatus.COMPLETED)
        assert world.run(first.id).line is Line.AT_WORK
        again = world.restart(shared.id, start=At((BeforeActivity(ActivityId("ship")),)))
        assert again.line is Line.INBOXED  # it begins at no start event

    def test_a_full_line_takes_nobody(self, obj, monkeypatch):
        monkeypatch.setattr(lines, "MOST_IN_LINE", 2)
        for _ in range(2):
            obj.start(business_key="k")
        before = obj.everything()

        with pytest.raises(LineFull):
            obj.start(business_key="k")

        assert obj.everything() == before

    def test_a_lost_ring_is_made_good_by_the_sweep(self, obj):
        first, second = (obj.start(business_key="k") for _ in range(2))
        obj.deliver()
        obj.messages()  # the ring for the second is lost

        obj.settle()

        assert order_of_work(obj) == [first.id, second.id]

    def test_whoever_stands_far_behind_is_looked_at_less_often(self, world):
        world.publish(an("object", Ask("decide")))
        runs = [world.start(business_key="k") for _ in range(9)]

        world.deliver()

        waits = [world.run(run.id).wake_at - world.clock() for run in runs[1:]]
        assert waits == [LOOK_AGAIN_MS * min(n, MOST_LOOKS) for n in range(1, 9)]

    def test_a_run_whose_line_moves_at_every_look_is_not_canceled_for_now(self, world, monkeypatch):
        world.publish(an("object", Ask("decide")))
        _, second = (world.start(business_key="k") for _ in range(2))
        monkeypatch.setattr(runs, "let_leave", lambda to, run, place: lines.let_leave(to, run, place + 1))

        with pytest.raises(Busy):
            world.services.runs.cancel(ACME, second.id, "")


class TestWorkflow:
    @pytest.fixture
    def flow(self, world: World) -> World:
        world.publish(an("workflow"))
        return world

    def test_a_second_run_of_a_key_is_refused_with_the_first_ones_name(self, flow):
        first = flow.start(business_key="k")
        flow.settle()
        before = flow.everything()

        with pytest.raises(WorkflowRunExists) as told:
            flow.start(business_key="k")

        assert told.value.details == {"business_key": "k", "run_id": first.id}
        assert flow.everything() == before
        assert flow.start(business_key="another").id != first.id

    def test_the_same_request_again_is_answered_with_the_run(self, flow):
        first = flow.start(business_key="k", key="i")

        assert flow.start(business_key="k", key="i").id == first.id

    def test_a_key_is_free_when_its_run_is_deleted(self, flow):
        first = flow.start(business_key="k")
        flow.settle()
        flow.services.runs.delete(ACME, first.id)
        assert flow.rows("slots") == []

        assert flow.start(business_key="k").line is Line.ONLY

    def test_a_restart_is_no_second_start(self, flow):
        first = flow.start(business_key="k")
        flow.settle()

        new = flow.restart(first.id)
        flow.settle()
        flow.services.runs.delete(ACME, new.id)

        assert new.line is None
        with pytest.raises(WorkflowRunExists):
            flow.start(business_key="k")

    def test_a_restart_that_turns_a_services_run_into_a_workflows_takes_the_key(self, world):
        world.publish(an("service"))
        runs = [world.start(business_key="k") for _ in range(2)]
        world.settle()
        world.publish(an("workflow"))
        world.restart(runs[0].id, version=PublishedVersion())

        with pytest.raises(WorkflowRunExists):
            world.restart(runs[1].id, version=PublishedVersion())

    def test_who_does_not_restart_workflows_is_refused_before_a_version_is_looked_for(self, flow):
        first = flow.start(business_key="k")
        flow.settle()

        with pytest.raises(WorkflowNotRestarted):
            flow.restart(first.id, version=NamedVersion(9), is_restarting_workflows=False)

    def test_a_key_that_is_freed_while_a_second_is_refused_may_be_asked_for_again(self, flow, monkeypatch):
        flow.start(business_key="k")
        find = Calls.find

        def freed(calls: Calls, model: Any, *key: Any) -> Any:
            return None if model is SlotRow else find(calls, model, *key)

        monkeypatch.setattr(Calls, "find", freed)

        with pytest.raises(Busy):
            flow.start(business_key="k")


def crowd(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a line have room for one more."""
    world.start(business_key="k")
    monkeypatch.setattr(lines, "MOST_IN_LINE", 2)


class TestMany:
    """Bulk restarts, batches and restarts together: several runs of one line in one transaction."""

    @pytest.fixture
    def letters(self, world: World) -> list[Run]:
        """Three runs that failed, of an object's two keys, the oldest first."""
        world.publish(an("object"))
        world.outside.fail("charge", is_retryable=False)
        failed = []
        for key in ("k", "k", "other"):
            failed.append(world.start(business_key=key))
            world.clock.advance(1)
            world.deliver()
        world.outside.heal("charge")
        return failed

    @staticmethod
    def page(world: World) -> RebornPage:
        command = Command(ACME, "ops", "restart", "dead-letters", "a page")
        wish = RestartRequest(RunId(""), CAUSE)
        return world.services.dead_letters.restart_page(command, LetterFilter(), wish, before=None, limit=50)

    def test_a_page_of_letters_is_one_transaction_that_changes_each_line_once(self, world, letters, calls):
        calls.made.clear()

        made = [reborn.run for reborn in self.page(world).made]

        assert calls.made == ["dynamodb.Query", TRANSACT, "sqs.SendMessage"]
        assert [run.lineage.source for run in made] == [run.id for run in reversed(letters)]
        assert line(world, made[1]) == [made[1].id, made[2].id]
        assert line(world, made[0]) == [made[0].id]

    def test_letters_whose_line_is_full_stay_and_the_others_are_restarted(self, world, letters, monkeypatch):
        crowd(world, monkeypatch)

        made = self.page(world).made

        assert [reborn.run.business_key for reborn in made] == ["other"]
        assert len(self.page(world).made) == 0

    def test_letters_that_are_named_are_restarted_whole_or_not_at_all(self, world, letters, monkeypatch):
        crowd(world, monkeypatch)
        ids = [world.run(run.id).dead_letter for run in letters]
        command, wish = Command(ACME, "ops", "restart", "dead-letters", "named"), RestartRequest(RunId(""), CAUSE)
        before = world.everything()

        with pytest.raises(LineFull):
            world.services.dead_letters.restart(command, ids, wish)

        assert world.everything() == before

    def order(self, world: World) -> Order:
        version = world.services.definitions.find(ACME, ORDER, PublishedVersion())
        start = Start((BeforeActivity(ActivityId("charge")),))
        return Order(ORDER, version.number or 0, version.snapshot, start)

    def test_runs_that_are_restarted_together_find_their_line_full_together(self, world, letters, monkeypatch):
        crowd(world, monkeypatch)
        command = Command(ACME, "camunda", "restart", "order", {})
        before = world.everything()

        with pytest.raises(LineFull):
            world.services.together.restart(command, self.order(world), [run.id for run in letters], CAUSE)

        assert world.everything() == before

    def test_a_job_whose_line_is_full_fails_and_says_so(self, world, letters, monkeypatch):
        crowd(world, monkeypatch)
        command = Command(ACME, "camunda", "restart-async", "order", {})
        sources = [run.id for run in letters]
        batch = world.services.batches.create(command, self.order(world), sources, CAUSE, Sizes(per_job=3))
        world.services.batch_worker.look(batch_key(ACME, batch.id))

        world.services.batch_worker.work(batch_key(ACME, batch.id), 0)

        [job] = world.services.batches.jobs(batch, after=-1, limit=9)
        assert job.failure.code == "line_full"

    def test_a_transaction_has_room_for_the_lines_that_its_runs_enter(self, world):
        world.publish(an("object"))
        run = world.start(business_key="k")
        runs = [replace(run, business_key=f"k{n // 2}") for n in range(80)]  # two of each key
        parts = [Part(Plan(run, ()), puts=[None]) for run in runs]

        assert [len(chunk) for chunk in chunks(parts)] == [66, 14]


class TestCosts:
    def test_a_start_of_an_objects_run_takes_as_many_calls_as_a_services(self, obj, calls):
        calls.made.clear()

        obj.start(business_key="k")

        assert calls.made == [READ, TRANSACT, SEND]

    def test_a_turn_takes_three_calls_more_and_an_end_two(self, obj, calls):
        obj.start(business_key="k")
        calls.made.clear()

        obj.deliver()

        taken = [UPDATE, READ, READ, UPDATE]  # claimed in vain; the head, the line; claimed
        assert calls.made == [*taken, PUT, TRANSACT, READ, DELETE]

    def test_a_ring_before_its_turn_takes_four_calls(self, world, calls):
        world.publish(an("object", Ask("decide")))
        world.start(business_key="k")
        world.deliver()
        world.start(business_key="k")
        calls.made.clear()

        world.deliver()

        assert calls.made == [UPDATE, READ, READ, UPDATE]
