"""What a caller is told of a run: its result, its failure, or that it was accepted."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from chalicelib.core.json_values import Json
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.edge import Answer
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.restate.ids import write_run_id
from chalicelib.dialects.restate.ingress.errors import ID_HEADER, write_failure
from chalicelib.dialects.restate.ingress.refusals import NotReady
from chalicelib.service.births import Made

RESULT: Final = "result"  # the variable that is a run's result, if it has one at its end


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A send's answer: `executionTime` (RFC 3339) is told of what was to wait."""

    invocation_id: str
    execution_time: str | None = None
    status: Literal["Accepted", "PreviouslyAccepted"]


def id_of(run: Run) -> str:
    return write_run_id(run.id, run.lineage.root)


def result_of(run: Run) -> Json:
    """Answer what a completed run's caller is told: the variable `result`, else all variables."""
    return run.variables.get(RESULT, run.variables)


def write_end(run: Run) -> Answer:
    """Say how a run has ended; raise `NotReady` if it has not."""
    invocation = id_of(run)
    if run.status is RunStatus.COMPLETED:
        return answer(result_of(run), 200, {ID_HEADER: invocation})
    if run.status is RunStatus.CANCELED:
        return write_failure(409, "canceled", invocation)
    if run.failure is None:
        raise NotReady(invocation)
    return write_failure(500, run.failure.message, invocation)


def write_sent(made: Made) -> Answer:
    run, status = made.run, "PreviouslyAccepted" if made.is_repeat else "Accepted"
    sent: dict[str, Any] = {"invocation_id": id_of(run), "status": status}
    if run.overrides.delay_s > 0:
        sent["execution_time"] = _time(run.created_at + round(run.overrides.delay_s * 1000))
    return answer(Sent(**sent), 202, {ID_HEADER: id_of(run)})


def _time(at: int) -> str:
    """Write a time as Rust's humantime does: nine digits of a second, unless it is a whole one."""
    seconds, ms = divmod(at, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms:03d}000000Z" if ms else f"{text}Z"
