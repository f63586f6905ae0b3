"""A worker with a run in its hands: it tries, tries again, gives up, and leaves the run in good order."""

import pytest

from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.effects import HttpCall, Outcome, Succeeded
from chalicelib.core.errors import Busy
from chalicelib.core.journal import Failure, Output
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.restart_requests import FromFailure
from chalicelib.core.runs import GRACE_MS, Lease, Run, RunStatus, Tries
from chalicelib.service.work import LEASE_MS, MAX_CLAIMS
from tests.graphs import Ask, Call, Fork, Pause, steps
from tests.service.stories import begun, journal, kinds
from tests.stores.faults import SILENCES
from tests.stores.test_journals import sized
from tests.world import ACME, BEGINNING, MINUTE, World

TRANSACT = "dynamodb.TransactWriteItems"
SECOND = 1_000


def letters(world: World) -> tuple[DeadLetter, ...]:
    return world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=10).items


def key_of(run: Run) -> str:
    return f"{ACME}#{run.id}"


def retry(**policy: Json) -> Variables:
    return {"retry": {"attempts": 3, **policy}}


class TestARunThatGoesWell:
    def test_is_taken_from_its_first_action_to_its_end_by_one_message(self, world, order):
        world.publish(order)
        run = world.start()

        world.deliver()

        ended = world.run(run.id)
        assert (ended.status, ended.journal_length, ended.wake_at) == (RunStatus.COMPLETED, 5, None)
        assert ended.variables["shipment_id"] == "shipment-1"
        assert [key.split("/")[:2] for key in world.outside.keys] == [
            [run.id, step] for step in ("charge", "reserve", "ship")
        ]
        assert (world.messages(), letters(world)) == ([], ())

    def test_waits_for_a_person_with_nobody_at_work_on_it(self, world):
        run = begun(world, steps(Call("work"), Ask("decide")))

        world.deliver()

        waiting = world.run(run.id)
        assert (waiting.status, waiting.lease, waiting.claims, waiting.wake_at) == (RunStatus.WAITING, None, 0, None)
        assert kinds(world, run.id) == ["Performed", "Opened"]

    def test_is_not_touched_by_a_message_that_comes_again(self, world, order):
        world.publish(order)
        run = world.start()
        world.deliver()
        before = world.everything()

        world.services.worker.advance(key_of(run), lambda: MINUTE)

        assert world.everything() == before


class TestRetries:
    def test_are_made_later_and_later_as_the_policy_says(self, world):
        world.outside.fail("work")
        run = begun(world, Call("work", retry(delay_s=4, factor=3)))
        world.deliver()
        assert world.run(run.id).tries == {1: Tries(1, BEGINNING + 4 * SECOND)}
        assert world.run(run.id).wake_at == BEGINNING + 4 * SECOND + GRACE_MS

        world.clock.advance(4 * SECOND - 1)
        assert world.deliver() == 0
        world.clock.advance(1)
        assert world.deliver() == 1

        at = BEGINNING + 4 * SECOND
        assert world.run(run.id).tries == {1: Tries(2, at + 12 * SECOND)}
        assert kinds(world, run.id) == []

    def test_honour_a_longer_wish_of_the_other_side(self, world):
        world.outside.fail("work", retry_after_s=30)
        run = begun(world, Call("work", retry(delay_s=1)))

        world.deliver()

        assert world.run(run.id).not_before == BEGINNING + 30 * SECOND
        world.clock.advance(29 * SECOND)
        assert world.deliver() == 0
        world.clock.advance(SECOND)
        assert world.deliver() == 1

    def test_beyond_the_reach_of_a_message_are_left_to_the_sweep(self, world):
        world.outside.fail("work", retry_after_s=3600)
        run = begun(world, Call("work"))

        world.deliver()

        assert (world.run(run.id).wake_at, world.messages()) == (BEGINNING + 60 * MINUTE, [])

    def test_repeat_the_very_same_effect(self, world):
        world.outside.fail("work")
        begun(world, Call("work", retry(delay_s=0)))

        world.deliver()

        assert len(world.outside.keys) == 3
        assert len(set(world.outside.keys)) == 1

    def test_end_when_one_succeeds(self, world):
        world.outside.fail("work")
        run = begun(world, Call("work", retry(delay_s=60)))
        world.deliver()
        world.outside.heal("work")

        world.settle()

        ended = world.run(run.id)
        assert (ended.status, ended.tries, ended.failure) == (RunStatus.COMPLETED, {}, None)
        assert letters(world) == ()

    def test_that_are_used_up_fail_the_run_and_leave_a_dead_letter_in_one_transaction(self, world, calls):
        world.outside.fail("work")
        run = begun(world, Call("work", retry(delay_s=0)), business_key="order-7", labels=("blue",))
        calls.made.clear()
        calls.requests.clear()

        world.deliver()

        ended, failure = world.run(run.id), Failure("work", "http_503", "unwell", tries=3)
        assert (ended.status, ended.failure, ended.wake_at) == (RunStatus.FAILED, failure, None)
        assert kinds(world, run.id) == ["Performed", "Output"]
        [letter] = letters(world)
        assert (letter.id, letter.at, letter.consumed_by) == (ended.dead_letter, BEGINNING, None)
        told = letter.run
        assert (told.id, told.definition, told.failure, told.input) == (run.id, run.definition, failure, run.input)
        assert (told.business_key, told.labels) == ("order-7", ("blue",))
        [written] = [request for name, request in zip(calls.made, calls.requests, strict=True) if name == TRANSACT]
        tables = {action["Put"]["TableName"] for action in written["TransactItems"]}
        assert tables == {"reprise-runs-test", "reprise-journal-test", "reprise-dead-letters-test"}

    def test_are_not_made_for_what_will_always_fail(self, world):
        world.outside.fail("work", is_retryable=False)
        run = begun(world, Call("work"))

        world.deliver()

        assert world.outside.asked == {"work": 1}
        assert world.run(run.id).status is RunStatus.FAILED

    def test_are_not_made_for_an_effect_that_cannot_even_be_asked_for(self, world):
        action: Variables = {"type": "http", "url": "${nobody}"}
        run = begun(world, Call("work", {"action": action}))

        world.deliver()

        assert world.outside.keys == []
        assert world.run(run.id).failure.code == "expression_failed"

    def test_of_one_branch_do_not_hold_up_another(self, world):
        world.outside.fail("left")
        run = begun(world, Fork((Call("left"), steps(Call("right"), Call("further")))))

        world.deliver()

        assert world.outside.asked == {"left": 1, "right": 1, "further": 1}
        assert world.run(run.id).status is RunStatus.RUNNING
        world.outside.heal("left")
        world.settle()
        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.outside.asked == {"left": 2, "right": 1, "further": 1}


class TestShortTime:
    def test_lets_no_effect_begin_that_might_not_end_and_rings_again(self, world):
        run = begun(world, Call("work"))
        [message] = world.messages()

        world.services.worker.advance(key_of(run), lambda: 15_000)

        world.forget(message)
        left = world.run(run.id)
        assert (left.lease, left.not_before, left.wake_at) == (None, BEGINNING, BEGINNING + GRACE_MS)
        assert world.outside.keys == []
        assert world.deliver() == 1
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_keeps_what_was_done_before_it_ran_out(self, world):
        run = begun(world, steps(Call("first"), Call("second")))
        left = iter([MINUTE, MINUTE, 15_000])

        world.services.worker.advance(key_of(run), left.__next__)

        assert (world.outside.asked, kinds(world, run.id)) == ({"first": 1}, ["Performed"])
        assert world.run(run.id).claims == 0
        world.settle()
        assert world.outside.asked == {"first": 1, "second": 1}

    def test_that_never_suffices_for_one_effect_fails_the_run_in_the_end(self, world):
        run = begun(world, Call("work", {"action": {"type": "http", "url": "http://example.test/work"}}))

        for _ in range(MAX_CLAIMS + 1):
            world.services.worker.advance(key_of(run), lambda: 0)

        assert world.run(run.id).failure.code == "attempts_exhausted"


class TestTooManyClaims:
    def die(self, world: World, run: Run, times: int) -> None:
        """Let workers claim the run and never be heard of again."""
        for n in range(times):
            lease = Lease(f"dead-{n}", world.clock.ms + LEASE_MS)
            assert world.services.runs.runs.claim(key_of(run), lease, world.clock.ms) is not None
            world.clock.advance(LEASE_MS)

    def test_fail_the_run_and_leave_a_dead_letter(self, world):
        run = begun(world, Call("work"))
        self.die(world, run, MAX_CLAIMS)

        world.services.worker.advance(key_of(run), lambda: MINUTE)

        ended = world.run(run.id)
        assert (ended.status, ended.wake_at, ended.lease) == (RunStatus.FAILED, None, None)
        assert [letter.failure for letter in letters(world)] == [ended.failure]
        assert ended.failure.code == "attempts_exhausted"
        assert world.outside.keys == []
        assert journal(world, run.id)[-1] == Output(world.clock.ms, failure=ended.failure)

    def test_are_more_than_the_limit(self, world):
        run = begun(world, Call("work"))
        self.die(world, run, MAX_CLAIMS - 1)

        world.services.worker.advance(key_of(run), lambda: MINUTE)

        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_are_counted_anew_once_a_worker_has_come_to_an_end(self, world):
        run = begun(world, steps(Call("work"), Pause("later"), Call("more")))
        self.die(world, run, MAX_CLAIMS - 1)
        world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.clock.advance(10 * SECOND)
        self.die(world, run, MAX_CLAIMS - 1)

        world.services.worker.advance(key_of(run), lambda: MINUTE)

        assert world.run(run.id).status is RunStatus.COMPLETED


class TestTooMuchData:
    WORK = Call("work", {"output": {"one": "${result}", "other": "${result}"}})

    def succeed_large(self, _call: HttpCall) -> Outcome:
        """Answer as much as an action may; with what is mapped of it, it is more than an item holds."""
        return Succeeded(sized(140_000))

    def check_failed(self, world: World, run: Run, element: str) -> None:
        ended = world.run(run.id)
        assert ended.failure is not None
        assert (ended.failure.code, ended.failure.element) == ("data_too_large", element)
        assert (ended.status, ended.wake_at) == (RunStatus.FAILED, None)
        assert [letter.failure for letter in letters(world)] == [ended.failure]
        assert journal(world, run.id)[-1] == Output(world.clock.ms, failure=ended.failure)
        assert len(journal(world, run.id)) == ended.journal_length

    def test_of_one_result_fails_the_run_at_the_activity_that_had_it(self, world):
        run = begun(world, steps(Call("before"), self.WORK, Call("after")))
        world.outside.answers["work"] = self.succeed_large

        world.deliver()

        self.check_failed(world, run, "work")
        assert kinds(world, run.id) == ["Performed", "Output"]
        assert world.outside.asked == {"before": 1, "work": 1}

    @pytest.mark.parametrize("last", [(), (Ask("decide"),)], ids=["at the end", "at a wait"])
    def test_of_all_variables_together_fails_the_run_with_those_that_its_head_had(self, world, last):
        for n, name in enumerate(("one", "two", "three")):
            text = sized(140_000, n)
            world.outside.answers[name] = lambda _call, text=text: Succeeded(text)
        run = begun(world, steps(Call("one"), Call("two"), Call("three"), *last))

        world.deliver()

        self.check_failed(world, run, "three")
        assert world.run(run.id).variables == run.variables

    def test_leaves_a_run_that_can_be_restarted(self, world):
        run = begun(world, steps(Call("before"), self.WORK))
        world.outside.answers["work"] = self.succeed_large
        world.deliver()
        world.outside.heal("work")

        new = world.restart(run.id, start=FromFailure())
        world.settle()

        assert world.run(new.id).status is RunStatus.COMPLETED
        assert world.outside.asked == {"before": 1, "work": 2}


class TestAWSsSilence:
    def test_before_the_end_is_written_leaves_the_run_to_the_next_worker(self, world, faults):
        run = begun(world, Call("work"))
        faults.refuse(TRANSACT, [SILENCES[0]] * 4)

        with pytest.raises(Busy):
            world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.settle()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.outside.asked == {"work": 2}
        assert len(set(world.outside.keys)) == 1

    def test_after_the_end_is_written_changes_nothing_in_it(self, world, faults):
        run = begun(world, Call("work"))
        faults.lose(TRANSACT, [SILENCES[0]] * 4)

        with pytest.raises(Busy):
            world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.settle()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.outside.asked == {"work": 1}
