"""Operations on many invocations (POST /internal/invocations_batch_operations/…, which the server has for its UI).

Each list of an answer keeps the order of the request. What fails for one invocation fails for it alone, in words of
its own. What is wrong with the request fails it as a whole: the ids first, then their number, then the deployment.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.runs import Run
from chalicelib.core.versions import VersionChoice
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.bodies import place_of, place_of_end, read_object
from chalicelib.dialects.restate.ids import IdInvalid, read_deployment, read_run_id
from chalicelib.dialects.restate.invocations import KEEP, cancel_run, kill_run
from chalicelib.dialects.restate.refusals import MAX_BATCH, BatchTooLarge, BodyUndecodable, told, write_listed
from chalicelib.dialects.restate.refusals import Operation as Asked
from chalicelib.dialects.restate.restarts import LATEST, request_for, write_id
from chalicelib.dialects.services import Services
from chalicelib.service.bulk_restarts import PATIENCE_MS
from chalicelib.service.commands import Command

Act = Callable[[Services, AccountId, RunId, VersionChoice], object]
"""What is done to one of many runs; the version is for those that ask for one."""


class Batch(msgspec.Struct, frozen=True):
    """Which invocations, 1000 at most; `deployment` is for resume (default: keep) and restart (default: latest)."""

    invocation_ids: list[str]
    deployment: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """An invocation to which nothing was done, and why."""

    invocation_id: str
    error: str


class Done(msgspec.Struct, frozen=True):
    """The invocations that it was done to, and those that it was not."""

    succeeded: list[str]
    failed: list[Failed]


class Reborn(msgspec.Struct, frozen=True):
    """An invocation, and the new one that it was restarted as."""

    old_invocation_id: str
    new_invocation_id: str


class BatchRestarted(msgspec.Struct, frozen=True):
    """The invocations that were restarted, and those that were not."""

    succeeded: list[Reborn]
    failed: list[Failed]


@dataclass(frozen=True, slots=True)
class _Each:
    """An operation on each of many invocations; `default`: the deployment if none is given, None: it takes none."""

    operation: Asked
    act: Act
    default: VersionChoice | None = None

    def __call__(self, services: Services, call: Call) -> Answer:
        batch, runs = _read(call.body)
        version = KEEP if self.default is None else _read_deployment(batch, self.default)
        until, done, failed = services.now() + PATIENCE_MS, [], []
        for text, run in zip(batch.invocation_ids, runs, strict=True):
            try:
                if services.now() > until:
                    raise Busy
                self.act(services, call.account, run, version)
            except RestartError as error:
                failed.append(_failed(self.operation, text, error))
            else:
                done.append(text)
        return answer(Done(done, failed))


def _restart(services: Services, call: Call) -> Answer:
    batch, runs = _read(call.body)
    version, key = _read_deployment(batch, LATEST), read_idempotency_key(call)
    commands = _commands(call.account, batch, runs, key)
    outcomes = services.bulk_restarts.restart(commands, request_for(call, version, key))
    told_of = [*zip(batch.invocation_ids, outcomes, strict=True)]
    reborn = [Reborn(text, write_id(run)) for text, run in told_of if isinstance(run, Run)]
    failed = [_failed(Asked.RESTART, text, error) for text, error in told_of if isinstance(error, RestartError)]
    return answer(BatchRestarted(reborn, failed))


def _commands(account: AccountId, batch: Batch, runs: Sequence[RunId], key: str | None) -> list[Command]:
    """Answer a command for each invocation; under a key, one that comes again in a list has a key of its own."""
    seen: Counter[RunId] = Counter()
    commands: list[Command] = []
    for run in runs:
        own = None if key is None else f"{key}/{seen[run]}"
        wished: dict[str, Any] = {"deployment": batch.deployment or "latest"}
        commands.append(Command(account, "restate", "batch/restart-as-new", run, wished, own))
        seen[run] += 1
    return commands


def _failed(operation: Asked, text: str, error: RestartError) -> Failed:
    return Failed(text, write_listed(told(operation, text, error)))


def _read(body: bytes) -> tuple[Batch, list[RunId]]:
    """Answer what is asked, and which runs are meant; raise `NotJson`, `BodyUndecodable` or `BatchTooLarge`."""
    fields = read_object(body, "BatchInvocationRequest", "invocation_ids")
    ids, deployment = fields["invocation_ids"], fields.get("deployment")
    if not isinstance(ids, list):
        raise BodyUndecodable(f"invocation_ids: invalid type, expected a sequence {place_of_end(body)}")
    runs = [_read_id(number, text, body) for number, text in enumerate(ids)]
    if not isinstance(deployment, str | None):
        raise BodyUndecodable(f"deployment: invalid type, expected a string {place_of_end(body)}")
    if len(ids) > MAX_BATCH:
        raise BatchTooLarge(len(ids))
    return Batch([str(text) for text in ids], deployment), runs


def _read_id(number: int, text: object, body: bytes) -> RunId:
    if not isinstance(text, str):
        raise BodyUndecodable(f"invocation_ids[{number}]: invalid type, expected a string {place_of_end(body)}")
    try:
        return read_run_id(text)
    except IdInvalid as error:
        place = place_of(text, body)
        raise BodyUndecodable(f"invocation_ids[{number}]: {error.reason} {place}") from error


def _read_deployment(batch: Batch, default: VersionChoice) -> VersionChoice:
    return read_deployment(batch.deployment, default, "request field 'deployment'")


def _operation(name: str, scope: Scope, handler: Callable[[Services, Call], Answer], answered: Any) -> Operation:
    return Operation(
        Route("POST", f"/internal/invocations_batch_operations/{name}", scope, handler, JSON_TYPE),
        f"Do the same to many invocations, each for itself: {name}",
        answers={200: (answered,)},
        body=Batch,
        is_idempotent=handler is _restart,
        refusals=(422,),
    )


_EACH = {
    "kill": _Each(Asked.KILL, lambda services, account, run, _: kill_run(services, account, run)),
    "cancel": _Each(Asked.CANCEL, lambda services, account, run, _: cancel_run(services, account, run)),
    "purge": _Each(Asked.PURGE, lambda services, account, run, _: services.runs.delete(account, run)),
    "purge-journal": _Each(
        Asked.PURGE_JOURNAL, lambda services, account, run, _: services.runs.purge_journal(account, run)
    ),
    "pause": _Each(Asked.PAUSE, lambda services, account, run, _: services.runs.pause(account, run, "")),
    "resume": _Each(Asked.RESUME, lambda services, *args: services.resumptions.resume(*args), KEEP),
}

OPERATIONS = (
    _operation("restart-as-new", Scope.RESTART, _restart, BatchRestarted),
    *(_operation(name, Scope.WRITE, each, Done) for name, each in _EACH.items()),
)
