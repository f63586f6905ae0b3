"""Failed runs, the endpoint that is told of them, and what others do meanwhile."""

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.callbacks import CallbackState
from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.effects import Answered, Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.ids import DeadLetterId, RunId
from chalicelib.core.overrides import FailureCallback, Overrides
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.runs import Lease, Run, RunStatus
from chalicelib.service.commands import Command
from chalicelib.service.failure_callbacks import MAX_CLAIMS
from chalicelib.service.work import LEASE_MS
from tests.aws_calls import Killed, watched
from tests.graphs import Block, Call, Compute
from tests.service.stories import begun
from tests.world import ACME, CAUSE, World

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


def claim_in_vain(world: World, run: Run, times: int = MAX_CLAIMS) -> None:
    """Let workers claim a run and never be heard of again."""
    for n in range(times):
        lease = Lease(f"dead-{n}", world.clock.ms + LEASE_MS)
        assert world.services.runs.runs.claim(key_of(run), lease, world.clock.ms) is not None
        world.clock.advance(LEASE_MS)


def break_off(world: World, run: Run, call: int) -> None:
    """Let whoever deletes a run die before this call to AWS."""
    with watched(kill_at=call), suppress(Killed):
        delete(world, run)
