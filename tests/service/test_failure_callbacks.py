"""Telling somebody that a run has failed: what, how often, and what is left of it when others act meanwhile."""

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.callbacks import CallbackState
from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.effects import Answered, Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.errors import Busy
from chalicelib.core.ids import DeadLetterId, RunId
from chalicelib.core.json_values import canonical_json
from chalicelib.core.overrides import FailureCallback, Overrides
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.runs import GRACE_MS, Lease, Run, RunStatus
from chalicelib.core.settings import AccountSettings
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import MAX_COLLISIONS, CallbackStateWrong, DeadLettersGone
from chalicelib.service.failure_callbacks import MAX_CLAIMS
from chalicelib.service.work import LEASE_MS
from tests.aws_calls import Killed, watched
from tests.graphs import Ask, Block, Call, Compute, document, steps
from tests.service.stories import begun, complete, journal
from tests.service.test_budgets import CLAIM, PUT, READ, SEND, TRANSACT
from tests.service.test_two_workers import at_once
from tests.stores.faults import SILENCES
from tests.world import ACME, BEGINNING, CAUSE, INPUT, MINUTE, OTHER, World

SECOND = 1_000
TOLD = Overrides(failure_callback=FailureCallback("https://example.test/failed", {"X": "y"}))
ONE_CALL = replace(TOLD, retries=0)
WORK = Call("work", {"retry": {"attempts": 1}})
BROKEN = Compute("sum", "${nobody}")
IN_PROGRESS, TOLD_WELL, NOT_TOLD, CANCELED = CallbackState

NO_STOCK = Answered(503, {"content-type": "text/plain"}, "no stöck")
OUT = Failed("http_503", "no stöck", is_retryable=True, answer=NO_STOCK)
OOPS = Answered(500, {"x-request-id": "7"}, "oops")
UNWELL = Failed("http_500", "oops", is_retryable=True, answer=OOPS)
HEARD = Succeeded({"status": 202, "headers": {"x-request-id": "8"}, "body": {"ok": True}})
NOT_FOUND = "upstash-workflow-failure-callback-notfound"
UNCARING = Succeeded({"status": 200, "headers": {NOT_FOUND: "True"}, "body": ""})
ENDS = [pytest.param(HEARD, TOLD_WELL, id="heard"), pytest.param(UNWELL, NOT_TOLD, id="unwell")]


class Endpoint:
    """What stands behind the URL: it answers so in turn, and as the last time ever after."""

    def __init__(self, world: World, *answers: Outcome | Callable[[HttpCall], Outcome]) -> None:
        self.answers, self.calls = [*answers], list[HttpCall]()
        world.outside.answers["failed"] = self

    def __call__(self, call: HttpCall) -> Outcome:
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Succeeded | Failed) else answer(call)

    @property
    def bodies(self) -> list[Any]:
        return [call.body for call in self.calls]


def acting(act: Callable[[], object], outcome: Outcome) -> Callable[[HttpCall], Outcome]:
    """Let somebody act during a call, which then ends so."""

    def answer(_call: HttpCall) -> Outcome:
        act()
        return outcome

    return answer


def fail(world: World, overrides: Overrides = TOLD, block: Block = WORK) -> Run:
    """Let a run use up its tries; nobody has been told of it yet."""
    world.outside.answers["work"] = lambda _call: OUT
    run = begun(world, block, overrides=overrides)
    world.deliver()
    while not (stands := world.run(run.id)).status.is_ended:
        assert stands.not_before is not None
        world.clock.advance(stands.not_before - world.clock.ms)
        world.deliver()
    assert stands.status is RunStatus.FAILED
    return stands


def come_to(world: World, end: CallbackState | None) -> Run:
    """Let a run fail, and its callback come to this state; to none, if nobody there cares for failures."""
    answers: dict[CallbackState | None, Outcome] = {NOT_TOLD: UNWELL, None: UNCARING}
    Endpoint(world, answers.get(end, HEARD))
    run = fail(world, ONE_CALL)
    if end is CANCELED:
        cancel(world, run)
    if end is not IN_PROGRESS:
        world.settle()
    assert states(world, run) == (end, end)
    return world.run(run.id)


def letter_of(run: Run) -> DeadLetterId:
    assert run.dead_letter is not None
    return run.dead_letter


def kept(world: World, run: Run) -> DeadLetter:
    """Answer a run's dead letter, live or consumed."""
    letter = world.services.dead_letters.letters.find(ACME, letter_of(run))
    assert letter is not None
    return letter


def state(run: Run) -> CallbackState | None:
    return run.callback.state if run.callback else None


def states(world: World, run: Run) -> tuple[CallbackState | None, CallbackState | None]:
    """Answer how the callback stands, on the head and on the dead letter."""
    return state(world.run(run.id)), state(kept(world, run).run)


def listed(world: World) -> list[RunId]:
    """Answer the runs whose letters are live."""
    page = world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=10)
    return [letter.run.id for letter in page.items]


def key_of(run: Run) -> str:
    return f"{ACME}#{run.id}"


def tell_again(world: World, run: Run) -> Run:
    return world.services.dead_letters.tell_again(ACME, letter_of(run))


def cancel(world: World, run: Run) -> Run:
    return world.services.dead_letters.cancel_callback(ACME, letter_of(run))


def remove(world: World, run: Run) -> None:
    assert world.services.dead_letters.remove(ACME, [letter_of(run)]) == 1


def delete(world: World, run: Run) -> None:
    world.services.runs.delete(ACME, run.id)


def restart_run(world: World, run: Run) -> None:
    """Restart a run, and let the new one go well."""
    world.outside.heal("work")
    world.restart(run.id)


def restart_letter(world: World, run: Run) -> None:
    """Restart a dead letter, and let the new run go well."""
    world.outside.heal("work")
    command = Command(ACME, "upstash", "restart", "letters", {}, None)
    world.services.dead_letters.restart(command, [letter_of(run)], RestartRequest(RunId(""), CAUSE))


def decoded(data: object) -> bytes:
    return base64.b64decode(str(data), validate=True)


class TestACallback:
    def test_is_owed_from_the_moment_on_in_which_its_run_fails(self, world):
        endpoint = Endpoint(world, HEARD)

        run = fail(world)

        assert states(world, run) == (IN_PROGRESS, IN_PROGRESS)
        assert (run.not_before, run.wake_at) == (BEGINNING, BEGINNING + GRACE_MS)
        assert (listed(world), endpoint.calls) == ([run.id], [])

    def test_is_one_call_with_the_body_and_the_headers_of_the_contract(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world, replace(TOLD, retries=2, headers={"Tenant": "7"}), Call("work"))

        world.deliver()

        [call], [body] = endpoint.calls, endpoint.bodies
        assert (call.method, call.url, call.keeps) == ("POST", "https://example.test/failed", (NOT_FOUND,))
        name = f"wfr_{run.id.replace('-', '')}"
        assert call.headers == {"X": "y", "Upstash-Workflow-RunId": name, "Upstash-Retried": "0"}
        assert decoded(body.pop("body")).decode() == "no stöck"
        assert decoded(body.pop("sourceBody")) == canonical_json(INPUT)
        assert body.pop("sourceMessageId").startswith("msg_")
        assert body == {
            "status": 503,
            "header": {"content-type": ["text/plain"]},
            "retried": 2,
            "maxRetries": 2,
            "dlqId": run.dead_letter,
            "url": "reprise:order",
            "method": "POST",
            "sourceHeader": {"Tenant": ["7"]},
            "notBefore": BEGINNING,
            "createdAt": BEGINNING,
            "callerIP": "",
            "workflowRunId": name,
            "workflowCreatedAt": BEGINNING,
        }

    def test_tells_of_the_initial_input_and_of_the_tries_that_the_definition_grants(self, world):
        endpoint = Endpoint(world, HEARD)
        fail(world, block=steps(Compute("amount", 9), Call("work", {"retry": {"attempts": 3, "delay_s": 0}})))

        world.deliver()

        [body] = endpoint.bodies
        assert decoded(body["sourceBody"]) == canonical_json(INPUT)
        assert (body["retried"], body["maxRetries"]) == (2, 2)

    def test_has_succeeded_with_the_first_success_and_nobody_is_told_twice(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        world.deliver()
        before = world.everything()

        world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.clock.advance(LEASE_MS + GRACE_MS)
        swept = world.services.sweep.run(lambda: MINUTE)

        assert states(world, run) == (TOLD_WELL, TOLD_WELL)
        assert world.run(run.id).callback.answer == Answered(202, {"x-request-id": "8"}, '{"ok":true}')
        assert (world.everything(), swept, world.messages(), len(endpoint.calls)) == (before, 0, [], 1)

    def test_keeps_no_more_of_an_answer_than_its_begin(self, world):
        Endpoint(world, Succeeded({"status": 200, "body": "long " * 1_000}))
        run = fail(world)

        world.deliver()

        assert world.run(run.id).callback.answer == Answered(200, {}, ("long " * 1_000)[:2048])

    def test_has_failed_when_the_tries_that_its_run_has_are_used_up(self, world):
        endpoint = Endpoint(world, UNWELL)
        run = fail(world, replace(TOLD, retries=2, retry_delay="60000"))

        for tried in (1, 2):
            world.deliver()
            assert (states(world, run), len(endpoint.calls)) == ((IN_PROGRESS, IN_PROGRESS), tried)
            assert world.run(run.id).callback.answer == OOPS
            world.clock.advance(MINUTE)
        world.deliver()

        assert (states(world, run), world.run(run.id).callback.answer) == ((NOT_TOLD, NOT_TOLD), OOPS)
        assert (world.waking(), world.run(run.id).tries) == ([], {})
        assert [call.headers["Upstash-Retried"] for call in endpoint.calls] == ["0", "1", "2"]
        assert len({(call.idempotency_key, canonical_json(call.body)) for call in endpoint.calls}) == 1

    def test_has_succeeded_if_any_of_its_tries_does(self, world):
        endpoint = Endpoint(world, UNWELL, HEARD)
        run = fail(world)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)

    def test_has_failed_at_once_of_what_will_always_fail(self, world):
        endpoint = Endpoint(world, replace(UNWELL, is_retryable=False))
        run = fail(world)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((NOT_TOLD, NOT_TOLD), 1)

    def test_is_none_at_all_once_the_endpoint_says_that_it_has_no_use_for_failures(self, world):
        endpoint = Endpoint(world, UNCARING)
        run = fail(world)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((None, None), 1)
        assert (listed(world), world.waking()) == ([run.id], [])


class TestAskingForItAgain:
    def test_calls_once_more_with_all_the_tries_of_the_first_time(self, world):
        Endpoint(world, UNWELL)
        run = fail(world, replace(TOLD, retries=1))
        world.settle()
        endpoint = Endpoint(world, UNWELL, HEARD)

        again = tell_again(world, run)

        assert (state(again), again, endpoint.calls) == (IN_PROGRESS, world.run(run.id), [])
        assert states(world, run) == (IN_PROGRESS, IN_PROGRESS)
        world.settle()
        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)

    def test_rings_at_once(self, world):
        run = come_to(world, NOT_TOLD)
        endpoint = Endpoint(world, HEARD)

        tell_again(world, run)

        assert (world.deliver(), len(endpoint.calls)) == (1, 1)

    @pytest.mark.parametrize("stands", [IN_PROGRESS, TOLD_WELL, CANCELED, None])
    def test_is_refused_unless_it_has_failed_and_nothing_is_written(self, world, stands):
        run = come_to(world, stands)
        before = world.everything()

        with pytest.raises(CallbackStateWrong):
            tell_again(world, run)

        assert world.everything() == before


class TestCanceling:
    def test_keeps_it_from_being_called_whatever_was_on_its_way(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)

        canceled = cancel(world, run)

        assert (state(canceled), canceled.wake_at, canceled) == (CANCELED, None, world.run(run.id))
        assert world.deliver() == 1
        world.clock.advance(LEASE_MS + GRACE_MS)
        assert world.services.sweep.run(lambda: MINUTE) == 0
        assert (states(world, run), endpoint.calls) == ((CANCELED, CANCELED), [])

    def test_holds_even_if_a_worker_begins_at_the_same_moment(self, world, faults):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        faults.meanwhile(TRANSACT, lambda: claim_in_vain(world, run, 1))

        cancel(world, run)

        world.clock.advance(LEASE_MS)
        world.deliver()
        assert (states(world, run), endpoint.calls) == ((CANCELED, CANCELED), [])

    def test_too_late_is_refused_and_the_endpoint_has_been_told(self, world, faults):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        faults.meanwhile(TRANSACT, world.deliver)

        with pytest.raises(CallbackStateWrong):
            cancel(world, run)

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_of_what_moves_all_the_time_is_to_be_tried_later(self, world, faults):
        run = fail(world)
        for _ in range(MAX_COLLISIONS):
            faults.meanwhile(TRANSACT, lambda: claim_in_vain(world, run, 1))

        with pytest.raises(Busy):
            cancel(world, run)

    @pytest.mark.parametrize("outcome", [HEARD, UNWELL, UNCARING], ids=["heard", "unwell", "uncaring"])
    def test_holds_even_if_a_worker_is_just_calling_whatever_it_is_answered(self, world, outcome):
        endpoint = Endpoint(world, acting(lambda: cancel(world, run), outcome))
        run = fail(world)

        world.settle()
        world.clock.advance(10 * MINUTE)
        world.deliver()

        assert (states(world, run), len(endpoint.calls)) == ((CANCELED, CANCELED), 1)

    @pytest.mark.parametrize("stands", [NOT_TOLD, TOLD_WELL, CANCELED, None])
    def test_is_refused_unless_it_is_in_progress_and_nothing_is_written(self, world, stands):
        run = come_to(world, stands)
        before = world.everything()

        with pytest.raises(CallbackStateWrong):
            cancel(world, run)

        assert world.everything() == before


@pytest.mark.parametrize(("act", "stands"), [("tell_again", NOT_TOLD), ("cancel_callback", IN_PROGRESS)])
class TestALetterThatIsNotThere:
    @pytest.fixture
    def refused(self, world, act, stands) -> Callable[..., None]:
        """Say that what could be done with a run's letter is refused now, and writes nothing."""
        run = come_to(world, stands)

        def check(happens: Callable[[World, Run], None] = lambda *_: None, account=ACME, letter=None) -> None:
            happens(world, run)
            before = world.everything()
            with pytest.raises(DeadLettersGone):
                getattr(world.services.dead_letters, act)(account, letter or run.dead_letter)
            assert world.everything() == before

        return check

    @pytest.mark.parametrize("happens", [restart_run, restart_letter, remove, delete])
    def test_any_more_cannot_be_told_of_again_nor_canceled(self, refused, happens):
        refused(happens)

    def test_any_more_because_its_time_is_over_cannot_either(self, refused):
        refused(lambda world, _run: world.clock.advance(AccountSettings().retention_s * SECOND))

    def test_at_all_cannot_either(self, refused):
        refused(letter=DeadLetterId("1700000000000-00000000-0000-4000-8000-000000000000"))

    def test_for_another_account_cannot_either(self, refused):
        refused(account=OTHER)


class TestTheRun:
    def test_stays_failed_throughout_with_its_journal_and_its_data(self, world):
        seen: list[RunStatus] = []
        Endpoint(world, acting(lambda: seen.append(world.run(run.id).status), UNWELL), HEARD)
        run = fail(world, block=steps(Compute("amount", 9), WORK))
        before, entries = world.run(run.id), journal(world, run.id)

        world.settle()

        ended = world.run(run.id)
        head = {"callback", "revision", "updated_at", "not_before", "wake_at"}
        assert {name: getattr(ended, name) for name in head} != {name: getattr(before, name) for name in head}
        assert replace(ended, **{name: getattr(before, name) for name in head}) == before
        assert (seen, journal(world, run.id)) == ([RunStatus.FAILED], entries)

    def test_without_a_callback_owes_nothing(self, world):
        run = fail(world, Overrides(retries=0))

        assert (run.callback, run.not_before, run.wake_at, world.messages()) == (None, None, None, [])
        assert states(world, run) == (None, None)

    @pytest.mark.parametrize("end", ["completed", "canceled"])
    def test_that_has_not_failed_owes_nothing_either(self, world, end):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, Ask("decide"), overrides=TOLD)
        if end == "completed":
            complete(world, run.id, "decide")
        else:
            world.services.runs.cancel(ACME, run.id, "enough")

        world.settle()

        assert (world.run(run.id).status.value, world.run(run.id).callback, endpoint.calls) == (end, None, [])

    def test_that_fails_at_its_birth_is_told_of(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, BROKEN, overrides=TOLD)
        assert (run.status, states(world, run)) == (RunStatus.FAILED, (IN_PROGRESS, IN_PROGRESS))

        assert world.deliver() == 1

        [body], failure = endpoint.bodies, run.failure
        assert (body["status"], body["retried"], body["maxRetries"]) == (0, 0, 0)
        assert failure is not None
        assert decoded(body["body"]).decode() == failure.message
        assert states(world, run) == (TOLD_WELL, TOLD_WELL)

    def test_that_fails_of_what_a_person_does_is_told_of(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, steps(Ask("decide"), BROKEN), overrides=TOLD)

        failed = complete(world, run.id, "decide")

        assert (states(world, failed), world.deliver()) == ((IN_PROGRESS, IN_PROGRESS), 1)
        assert (states(world, failed), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_that_its_worker_breaks_off_is_told_of(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, WORK, overrides=TOLD)
        claim_in_vain(world, run)

        world.settle()

        [body], failed = endpoint.bodies, world.run(run.id)
        assert failed.failure.code == "attempts_exhausted"
        assert decoded(body["body"]).decode() == failed.failure.message
        assert (failed.status, states(world, failed)) == (RunStatus.FAILED, (TOLD_WELL, TOLD_WELL))

    def test_that_its_worker_breaks_off_is_told_of_without_waiting_for_the_sweep(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, WORK, overrides=TOLD)
        claim_in_vain(world, run)

        while world.deliver():
            pass

        assert (world.run(run.id).status, len(endpoint.calls)) == (RunStatus.FAILED, 1)


def claim_in_vain(world: World, run: Run, times: int = MAX_CLAIMS) -> None:
    """Let workers claim a run and never be heard of again."""
    for n in range(times):
        lease = Lease(f"dead-{n}", world.clock.ms + LEASE_MS)
        assert world.services.runs.runs.claim(key_of(run), lease, world.clock.ms) is not None
        world.clock.advance(LEASE_MS)


class TestNothingIsLost:
    def test_by_a_ring_that_is(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        for message in world.messages():
            world.forget(message)
        world.clock.advance(GRACE_MS)
        assert world.deliver() == 0

        assert world.services.sweep.run(lambda: MINUTE) == 1

        world.deliver()
        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_by_a_worker_that_dies_while_it_calls(self, world):
        def die(_call: HttpCall) -> Outcome:
            raise Killed

        endpoint = Endpoint(world, die, HEARD)
        run = fail(world)
        with pytest.raises(Killed):
            world.deliver()

        world.clock.advance(LEASE_MS - 1)
        world.services.worker.advance(key_of(run), lambda: MINUTE)
        assert (states(world, run), len(endpoint.calls)) == ((IN_PROGRESS, IN_PROGRESS), 1)
        world.clock.advance(1)
        assert world.services.sweep.run(lambda: MINUTE) == 1
        world.deliver()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_at_whichever_call_to_aws_a_worker_dies(self, when):
        for number in range(1, 20):
            world = World()
            endpoint = Endpoint(world, UNWELL, HEARD)
            run = fail(world, replace(TOLD, retries=1))
            with watched(kill_at=number, when=when) as calls, suppress(Killed):
                world.deliver()
            world.settle()
            assert states(world, run) == (TOLD_WELL, TOLD_WELL)
            assert len(endpoint.calls) == 2
            if len(calls) < number:
                break
        assert number > 5

    @pytest.mark.parametrize("call", [CLAIM, TRANSACT])
    def test_by_an_answer_of_aws_that_is(self, world, faults, call):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        faults.lose(call, SILENCES[:1])

        world.deliver()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_by_an_answer_of_aws_that_is_when_there_is_no_letter_any_more(self, world, faults):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        remove(world, run)
        faults.lose(PUT, SILENCES[:1])

        world.deliver()

        assert (state(world.run(run.id)), world.waking(), len(endpoint.calls)) == (TOLD_WELL, [], 1)

    def test_by_two_workers_that_are_given_the_same_message_and_they_call_once(self, world):
        endpoint = Endpoint(world, HEARD)
        for number in range(1, 51):
            run = fail(world)
            [message] = world.messages()

            at_once(world, key_of(run))

            world.forget(message)
            assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), number)

    def test_but_a_callback_of_which_every_worker_dies_has_failed_after_twenty(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        claim_in_vain(world, run)

        world.settle()

        assert (states(world, run), endpoint.calls) == ((NOT_TOLD, NOT_TOLD), [])
        assert world.run(run.id).callback.answer is None
        tell_again(world, run)
        world.settle()
        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_after_one_dead_worker_less(self, world):
        endpoint = Endpoint(world, UNWELL, HEARD)
        run = fail(world)
        claim_in_vain(world, run, MAX_CLAIMS - 1)
        world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.clock.advance(SECOND)
        claim_in_vain(world, run, MAX_CLAIMS - 1)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)


class TestAnotherMeanwhile:
    """Somebody acts before the callback is called, or while it is: `during` says which."""

    @pytest.fixture(params=[False, True], ids=["before the call", "during the call"])
    def met(self, request, world) -> Callable[..., tuple[Run, Endpoint]]:
        def meet(act: Callable[[World, Run], object], outcome: Outcome) -> tuple[Run, Endpoint]:
            """Let somebody act on a failed run, and take its callback to its end."""
            endpoint = Endpoint(world, acting(lambda: act(world, run), outcome) if request.param else outcome, outcome)
            run = fail(world, replace(TOLD, retries=1))
            if not request.param:
                act(world, run)
            world.settle()
            assert world.waking() == []
            return run, endpoint

        return meet

    @pytest.mark.parametrize(("outcome", "end"), ENDS)
    @pytest.mark.parametrize("restarts", [restart_run, restart_letter])
    def test_who_restarts_the_run_finds_its_callback_come_to_its_end(self, world, met, restarts, outcome, end):
        run, endpoint = met(restarts, outcome)

        new = kept(world, run).consumed_by
        assert states(world, run) == (end, end)
        assert {body["dlqId"] for body in endpoint.bodies} == {run.dead_letter}
        assert listed(world) == []
        assert (world.run(new).lineage.source, world.run(new).status) == (run.id, RunStatus.COMPLETED)

    @pytest.mark.parametrize(("outcome", "end"), ENDS)
    def test_who_removes_the_letter_never_sees_it_again_and_the_callback_comes_to_its_end(
        self, world, met, outcome, end
    ):
        run, endpoint = met(remove, outcome)

        assert (world.rows("dead-letters"), state(world.run(run.id))) == ([], end)
        assert len(endpoint.calls) == (1 if end is TOLD_WELL else 2)

    def test_who_removes_the_letter_of_an_endpoint_without_use_for_failures_leaves_no_callback(self, world, met):
        run, _ = met(remove, UNCARING)

        assert (world.rows("dead-letters"), world.run(run.id).callback) == ([], None)

    @pytest.mark.parametrize("outcome", [HEARD, UNWELL], ids=["heard", "unwell"])
    def test_who_deletes_the_run_leaves_nothing_of_it(self, world, met, outcome):
        run, endpoint = met(delete, outcome)

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])
        assert len(endpoint.calls) <= 1


class TestADeletion:
    def test_at_the_last_moment_is_not_undone_by_what_the_endpoint_answered(self, world, faults):
        Endpoint(world, acting(lambda: remove(world, run), HEARD))
        run = fail(world)
        faults.meanwhile(PUT, lambda: delete(world, run))

        world.deliver()

        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])

    @pytest.mark.parametrize("call", range(1, 8))
    def test_that_is_broken_off_at_any_call_to_aws_is_not_undone_by_what_the_endpoint_answered(self, world, call):
        """The second call is the transaction from which on there is no such run."""
        Endpoint(world, acting(lambda: break_off(world, run, call), HEARD))
        run = fail(world)

        world.deliver()

        assert (world.services.runs.runs.load(ACME, run.id) is None) == (call > 2)
        with suppress(RunNotFound):
            delete(world, run)
        assert (world.rows_of([run.id]), world.rows("dead-letters")) == ([], [])

    def test_that_is_broken_off_lets_nobody_be_rung_for(self, world):
        Endpoint(world, HEARD)
        run = fail(world)

        break_off(world, run, 3)

        assert world.waking() == []


def break_off(world: World, run: Run, call: int) -> None:
    """Let whoever deletes a run die before this call to AWS."""
    with watched(kill_at=call), suppress(Killed):
        delete(world, run)


class TestTheRunsSettings:
    def test_are_inherited_by_its_restarts(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world, ONE_CALL)
        world.deliver()

        new = world.restart(run.id)
        world.settle()

        assert new.overrides == run.overrides
        assert states(world, world.run(new.id)) == (TOLD_WELL, TOLD_WELL)
        assert [(call.url, call.headers["X"]) for call in endpoint.calls] == [("https://example.test/failed", "y")] * 2
        assert [body["dlqId"] for body in endpoint.bodies] == [run.dead_letter, world.run(new.id).dead_letter]

    def test_are_inherited_by_a_restart_that_fails_at_its_birth(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, BROKEN, overrides=TOLD)
        world.deliver()

        new = world.restart(run.id)

        assert (new.status, world.deliver(), len(endpoint.calls)) == (RunStatus.FAILED, 1, 2)
        assert states(world, new) == (TOLD_WELL, TOLD_WELL)

    def test_yield_to_what_a_restart_wishes(self, world):
        run = fail(world, ONE_CALL)
        endpoint = Endpoint(world, HEARD)
        world.restart(run.id, failure_callback=FailureCallback("https://example.test/other/failed"))

        world.settle()

        assert [call.url for call in endpoint.calls] == [
            "https://example.test/failed",
            "https://example.test/other/failed",
        ]

    def test_without_retries_mean_one_call(self, world):
        endpoint = Endpoint(world, UNWELL)
        run = fail(world, ONE_CALL)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((NOT_TOLD, NOT_TOLD), 1)

    def test_of_a_run_without_any_mean_three_retries(self, world):
        endpoint = Endpoint(world, UNWELL)
        fail(world)

        world.settle()

        assert len(endpoint.calls) == 4

    @pytest.mark.parametrize(
        ("wishes", "waits_s"),
        [
            ({"retry_delay_s": 120}, [120, 240]),
            ({"retry_delay": "1000 + retried * 5000"}, [1, 6]),
            ({"retry_delay": "1800000"}, [1800, 1800]),
            ({}, [1, 2]),
        ],
        ids=["seconds", "an expression", "beyond the reach of a message", "none"],
    )
    def test_say_how_long_to_wait_between_two_calls(self, world, wishes, waits_s):
        endpoint = Endpoint(world, UNWELL)
        run = fail(world, replace(TOLD, **wishes))
        world.deliver()

        for calls, wait_s in enumerate(waits_s, start=1):
            stands = world.run(run.id)
            assert (stands.not_before, len(endpoint.calls)) == (world.clock.ms + wait_s * SECOND, calls)
            world.clock.advance(wait_s * SECOND - 1)
            world.services.worker.advance(key_of(run), lambda: MINUTE)
            assert (world.deliver(), len(endpoint.calls)) == (0, calls)
            world.clock.advance(1)
            world.services.sweep.run(lambda: MINUTE)
            world.deliver()
        assert len(endpoint.calls) == 3

    def test_yield_to_a_longer_wish_of_the_endpoint(self, world):
        Endpoint(world, replace(UNWELL, retry_after_s=30))
        run = fail(world, replace(TOLD, retry_delay="1000"))

        world.deliver()

        assert world.run(run.id).not_before == world.clock.ms + 30 * SECOND


class TestCosts:
    @pytest.fixture
    def spent(self, world, calls) -> Callable[..., list[str]]:
        """Let a run fail on a warm service, with all that follows, and answer the calls to AWS."""

        def spend(overrides: Overrides, *answers: Outcome) -> list[str]:
            Endpoint(world, *answers)
            world.publish(document(WORK))
            fail(world, Overrides(retries=0))
            calls.made.clear()
            run = world.start(overrides=overrides)
            while world.deliver():
                world.clock.advance(SECOND)
            assert calls.made[:3] == [READ, PUT, SEND]
            made = list[str](calls.made[3:])
            assert (world.run(run.id).status, world.waking()) == (RunStatus.FAILED, [])
            return made

        return spend

    def test_of_a_failing_run_without_a_callback_are_two_calls_after_its_start(self, spent):
        assert spent(Overrides(retries=0)) == [CLAIM, TRANSACT]

    def test_of_a_callback_are_a_ring_and_four_calls_more(self, spent):
        assert spent(ONE_CALL, HEARD) == [CLAIM, TRANSACT, SEND, CLAIM, READ, CLAIM, TRANSACT]

    def test_of_each_retry_are_a_ring_and_four_calls_too(self, spent):
        told = [CLAIM, READ, CLAIM, TRANSACT]
        overrides = replace(TOLD, retries=1, retry_delay="0")

        assert spent(overrides, UNWELL, HEARD)[-9:] == [*told, SEND, *told]
