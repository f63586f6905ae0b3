"""Waits: tasks that a person completes, and timers that time completes."""

import pytest

from chalicelib.core.advance import CompletionRefused
from chalicelib.core.errors import Busy, TooLarge
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Closed
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import GRACE_MS, RunStatus
from chalicelib.service.runs import MAX_COLLISIONS, RunEnded, TaskClosed, TaskNotFound
from tests.core.elements import ask, between
from tests.graphs import Ask, Call, Fork, Pause, steps
from tests.service.stories import begun, complete, journal, kinds, task
from tests.stores.faults import refusal
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, BEGINNING, INPUT, MINUTE, OTHER, World

TRANSACT = "dynamodb.TransactWriteItems"
OVERTAKEN = refusal("TransactionCanceledException", "ConditionalCheckFailed")
SECOND = 1_000


def asking(**fields: Json) -> Variables:
    """Describe a definition of one user task with these fields."""
    return between(ask("decide", **fields)).document


class TestCompletingATask:
    def test_sets_its_variables_and_lets_the_run_go_on(self, world):
        run = begun(world, steps(Ask("decide"), Call("work")))

        left = complete(world, run.id, "decide", answer=1)

        assert (left.status, left.variables, left.not_before) == (RunStatus.RUNNING, {**INPUT, "answer": 1}, BEGINNING)
        assert world.deliver() == 1
        assert world.run(run.id).status is RunStatus.COMPLETED
        assert journal(world, run.id)[2] == Closed(1, BEGINNING, {"answer": 1}, {"answer": 1})

    def test_sets_what_its_output_mapping_says_and_nothing_else(self, world):
        world.publish(asking(output={"decision": "${result.answer + amount}"}))
        run = world.start()

        ended = complete(world, run.id, "decide", answer=1)

        assert ended.variables == {**INPUT, "decision": 4}
        assert ended.status is RunStatus.COMPLETED

    def test_leaves_the_other_tasks_open(self, world):
        run = begun(world, Fork((Ask("left"), Ask("right"))))

        assert complete(world, run.id, "right").status is RunStatus.WAITING
        assert complete(world, run.id, "left").status is RunStatus.COMPLETED

    def test_is_one_transaction_and_one_ring(self, world, calls):
        run = begun(world, steps(Ask("decide"), Call("work")))
        opened = task(world, run.id, "decide")
        calls.made.clear()

        world.services.runs.complete(ACME, run.id, opened, {})

        assert calls.made == ["dynamodb.GetItem", "dynamodb.Query", TRANSACT, "sqs.SendMessageBatch"]

    def test_is_decided_again_when_somebody_was_faster(self, world, faults):
        run = begun(world, Fork((Ask("left"), Ask("right"))))
        faults.meanwhile(TRANSACT, lambda: complete(world, run.id, "left"))

        assert complete(world, run.id, "right").status is RunStatus.COMPLETED

    def test_is_answered_again_when_it_is_repeated(self, world):
        run = begun(world, steps(Ask("decide"), Ask("confirm")))
        complete(world, run.id, "decide", answer=1)
        before = world.everything()

        assert complete(world, run.id, "decide", answer=1) == world.run(run.id)

        assert world.everything() == before

    def test_gives_up_for_now_when_somebody_is_faster_every_time(self, world, faults):
        run = begun(world, Ask("decide"))
        before = world.everything()
        faults.refuse(TRANSACT, [OVERTAKEN] * MAX_COLLISIONS)

        with pytest.raises(Busy):
            complete(world, run.id, "decide")

        assert world.everything() == before


class TestACompletionIsRefused:
    def check(self, world: World, refusal: type[Exception], run_id: RunId, opened: int, **variables: Json) -> None:
        before = world.everything()

        with pytest.raises(refusal):
            world.services.runs.complete(ACME, run_id, opened, variables)

        assert world.everything() == before
        assert world.messages() == []

    def test_the_second_time(self, world):
        run = begun(world, steps(Ask("decide"), Ask("confirm")))
        complete(world, run.id, "decide", answer=1)

        self.check(world, TaskClosed, run.id, task(world, run.id, "decide"), answer=2)

    def test_while_another_completion_is_being_written(self, world, faults):
        run = begun(world, steps(Ask("decide"), Ask("confirm")))
        faults.meanwhile(TRANSACT, lambda: complete(world, run.id, "decide", answer=1))

        with pytest.raises(TaskClosed):
            complete(world, run.id, "decide")

        assert kinds(world, run.id) == ["Opened", "Closed", "Opened"]

    @pytest.mark.parametrize(
        "opened", [-1, 0, 1, 4, 5, 99], ids=["negative", "input", "action", "timer", "beyond", "far beyond"]
    )
    def test_for_an_entry_that_opened_no_task(self, world, opened):
        run = begun(world, Fork((Ask("decide"), Pause("later"))))
        world.messages()
        assert kinds(world, run.id) == ["Performed", "Opened", "Performed", "Opened"]

        self.check(world, TaskNotFound, run.id, opened)

    def test_when_the_run_has_ended(self, world):
        run = begun(world, Ask("decide"))
        world.services.runs.cancel(ACME, run.id, "")

        self.check(world, RunEnded, run.id, 1)

    def test_in_a_run_that_nobody_knows_or_another_account_has(self, world):
        run = begun(world, Ask("decide"))

        self.check(world, RunNotFound, RunId("unknown"), 1)
        with pytest.raises(RunNotFound):
            world.services.runs.complete(OTHER, run.id, 1, {})

    def test_when_its_output_mapping_cannot_be_evaluated(self, world):
        world.publish(asking(output={"decision": "${result.answer}"}))
        run = world.start()

        self.check(world, CompletionRefused, run.id, 1, reply="yes")
        assert complete(world, run.id, "decide", answer="yes").status is RunStatus.COMPLETED

    def test_when_it_brings_more_than_is_kept(self, world):
        run = begun(world, Ask("decide"))

        self.check(world, TooLarge, run.id, 1, blob=INCOMPRESSIBLE)


class TestTimers:
    def test_within_reach_of_a_message_close_when_it_comes(self, world):
        run = begun(world, steps(Pause("later", 60), Call("work")))
        assert (run.status, run.not_before, run.wake_at) == (
            RunStatus.WAITING,
            BEGINNING + MINUTE,
            BEGINNING + MINUTE + GRACE_MS,
        )

        world.clock.advance(MINUTE - SECOND)
        assert world.deliver() == 0
        world.clock.advance(SECOND)
        assert world.deliver() == 1

        assert journal(world, run.id)[2] == Closed(1, BEGINNING + MINUTE, writes={})
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_beyond_the_reach_of_a_message_are_left_to_the_sweep(self, world):
        run = begun(world, Pause("later", 7 * 24 * 3600))
        week = 7 * 24 * 60 * MINUTE
        assert (run.wake_at, world.messages()) == (BEGINNING + week, [])

        world.clock.advance(week - 1)
        assert world.services.sweep.run(lambda: MINUTE) == 0
        world.clock.advance(1)
        assert world.services.sweep.run(lambda: MINUTE) == 1
        world.deliver()

        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_are_looked_at_one_after_the_other(self, world):
        run = begun(world, Fork((Pause("soon", 10), Pause("later", 20))))

        world.clock.advance(10 * SECOND)
        world.deliver()
        assert world.run(run.id).not_before == BEGINNING + 20 * SECOND
        world.clock.advance(10 * SECOND)
        world.deliver()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert kinds(world, run.id).count("Closed") == 2

    def test_stand_still_while_a_task_beside_them_is_completed(self, world):
        run = begun(world, Fork((Pause("later", 60), Ask("decide"))))
        world.clock.advance(10 * SECOND)

        left = complete(world, run.id, "decide")

        assert (left.status, left.not_before) == (RunStatus.WAITING, BEGINNING + MINUTE)


class TestWhatARunWaitsFor:
    def waits(self, world: World, run_id: RunId) -> list[tuple[str, int, int | None]]:
        found = world.services.runs.waits(world.run(run_id))
        return [(wait.activity, wait.entry, wait.due) for wait in found]

    def test_are_its_open_tasks_and_timers(self, world):
        run = begun(world, Fork((Ask("decide"), Pause("later", 60), Ask("confirm"))))
        open_ = [("decide", 2, None), ("later", 4, BEGINNING + MINUTE), ("confirm", 6, None)]
        assert self.waits(world, run.id) == open_

        complete(world, run.id, "decide")

        assert self.waits(world, run.id) == open_[1:]

    def test_shows_what_a_task_s_input_mapping_says(self, world):
        world.publish(asking(input={"question": "Ship ${order}?"}))
        run = world.start()

        [wait] = world.services.runs.waits(run)

        assert (wait.input, wait.since) == ({"question": "Ship 7?"}, BEGINNING)

    def test_are_none_before_it_has_begun_and_after_it_has_ended(self, world):
        delayed = begun(world, Ask("decide"), overrides=Overrides(delay_s=60))
        ended = world.start()
        world.services.runs.cancel(ACME, ended.id, "")

        assert (self.waits(world, delayed.id), self.waits(world, ended.id)) == ([], [])
