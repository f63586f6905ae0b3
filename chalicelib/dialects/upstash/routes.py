"""Upstash's dialect as a whole: the routes that @upstash/workflow, @upstash/qstash and qstash call.

The dead letter queue stands on two paths: `/v2/dlq` is what the SDKs call, `/v2/workflows/dlq` what the pages say.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from chalicelib.core.access import Scope
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash import cancels, dlq, logs, triggers
from chalicelib.dialects.upstash.errors import write_error
from chalicelib.dialects.upstash.parameters import read_secret

Told = dict[str, Any]
_DLQ = "/v2/workflows/dlq"
_RUNS = "/v2/workflows/runs"
_QSTASH_DLQ = "/v2/dlq"


class Error(msgspec.Struct, frozen=True):
    """Why nothing was done. Of dead letters that are gone, `became` names the runs that they became."""

    error: str
    code: str
    missing: list[str] | None = None
    became: dict[str, str] | None = None


class Made(msgspec.Struct, frozen=True, rename="camel"):
    workflow_run_id: str
    workflow_created_at: int
    dlq_id: str


class NotMade(msgspec.Struct, frozen=True, rename="camel"):
    """A dead letter that a filter kept and that could not be restarted; it stays."""

    dlq_id: str
    error: str
    code: str


class MadeMany(msgspec.Struct, frozen=True, rename="camel"):
    """New runs in the order of their dead letters; an empty cursor says that there are no more."""

    cursor: str
    workflow_runs: list[Made]
    refused: list[NotMade] = []


class Selected(msgspec.Struct, frozen=True, rename="camel"):
    """Which dead letters: these ids, or those of which all that is given holds. The query says the same."""

    dlq_ids: list[str] | None = None
    cursor: str | None = None
    count: int | None = None
    from_date: int | None = None
    to_date: int | None = None
    workflow_url: str | list[str] | None = None
    workflow_run_id: str | None = None
    workflow_created_at: int | None = None
    label: str | list[str] | None = None
    failure_function_state: str | list[str] | None = None
    caller_ip: str | list[str] | None = None
    flow_control_key: str | list[str] | None = None
    response_status: int | list[int] | None = None


ABOUT = About(
    title="Reprise: Upstash Workflow",
    description=(
        "Dead letters of workflow runs restarted in bulk, and what stands around that. Restarts, resumes and triggers"
        " read the headers Upstash-Retries, -Retry-Delay, -Delay, -Flow-Control-Key, -Flow-Control-Value, -Label and"
        " -Failure-Callback."
    ),
    error=Error,
    security={
        "bearer": {"type": "http", "scheme": "bearer"},
        "token": {"type": "apiKey", "in": "query", "name": "qstash_token"},
    },
)

Handler = Callable[[Services, Call], Answer]


def _get(path: str, handler: Handler, summary: str, scope: Scope = Scope.READ) -> Operation:
    return Operation(Route("GET", path, scope, handler), summary, answers={200: (Told,)}, refusals=(404, 429))


def _many(path: str, handler: Handler, summary: str, *, status: int = 200, answers: Any = MadeMany) -> Operation:
    return Operation(
        Route("POST", path, Scope.RESTART, handler, ANY_TYPE),
        summary,
        answers={status: (answers,)},
        body=Selected,
        is_body_needed=False,
        query=Selected,
        is_idempotent=True,
        refusals=(404, 412, 429),
    )


def _one(path: str, handler: Handler, summary: str) -> Operation:
    return Operation(
        Route("POST", path, Scope.RESTART, handler, ANY_TYPE),
        summary,
        answers={200: (Made,)},
        is_idempotent=True,
        refusals=(412, 429),
    )


def _delete(path: str, handler: Handler, summary: str, *, body: Any = None, status: int = 200) -> Operation:
    return Operation(
        Route("DELETE", path, Scope.WRITE, handler, ANY_TYPE),
        summary,
        answers={status: (Told,) if body is not None else ()},
        body=body,
        is_body_needed=False,
        refusals=(404, 429),
    )


def _trigger(path: str, handler: Handler, summary: str, *, status: int, body: Any, answers: Any) -> Operation:
    return Operation(
        Route("POST", path, Scope.WRITE, handler, ANY_TYPE, frozenset({"url"})),
        summary,
        answers={status: (answers,)},
        body=body,
        is_idempotent=True,
        refusals=(404, 412, 429),
    )


_LETTERS = (
    _get(_DLQ, dlq.listed, "List dead letters, newest first"),
    _get(_QSTASH_DLQ, dlq.listed, "List dead letters (the SDKs' path)"),
    _get(f"{_DLQ}/{{dlq_id}}", dlq.show, "Show a dead letter"),
    _get(f"{_QSTASH_DLQ}/{{dlq_id}}", dlq.show, "Show a dead letter (the SDKs' path)"),
    _many(f"{_DLQ}/restart", dlq.restart_many, "Restart dead letters from the beginning, 50 at a time"),
    _many(f"{_DLQ}/resume", dlq.resume_many, "Restart dead letters from their failure on, 50 at a time"),
    _one(f"{_DLQ}/restart/{{dlq_id}}", dlq.restart_one, "Restart a dead letter from the beginning"),
    _one(f"{_DLQ}/resume/{{dlq_id}}", dlq.resume_one, "Restart a dead letter from its failure on"),
    _many(f"{_QSTASH_DLQ}/retry", dlq.retry_many, "Resume dead letters (QStash's word)", status=201, answers=Told),
    _delete(_DLQ, dlq.remove_many, "Remove dead letters", body=Selected),
    _delete(_QSTASH_DLQ, dlq.remove_many, "Remove dead letters (the SDKs' path)", body=Selected),
    _delete(f"{_DLQ}/{{dlq_id}}", dlq.remove_one, "Remove a dead letter"),
    _delete(f"{_QSTASH_DLQ}/{{dlq_id}}", dlq.remove_one, "Remove a dead letter (the SDKs' path)"),
    _delete(f"{_DLQ}/delete/{{dlq_id}}", dlq.remove_one, "Remove a dead letter (the MCP server's path)"),
    Operation(
        Route("POST", f"{_DLQ}/callback/{{dlq_id}}", Scope.RESTART, dlq.tell_again, ANY_TYPE),
        "Call a failure callback again that failed",
        answers={200: (Told,)},
        refusals=(429,),
    ),
    _delete(f"{_DLQ}/callback/{{dlq_id}}", dlq.cancel_callback, "Call a failure callback no more", status=302),
)
_WORKFLOWS = (
    _trigger("/v2/batch", triggers.batch, "Trigger runs", status=200, body=triggers.Triggers, answers=list[Told]),
    _trigger(
        "/v2/batch/trigger",
        triggers.batch_trigger,
        "Trigger runs",
        status=201,
        body=triggers.Triggers,
        answers=list[Told],
    ),
    _trigger("/v2/trigger/{url}", triggers.trigger, "Trigger a run", status=200, body=Any, answers=Told),
    _delete(_RUNS, cancels.cancel_many, "Cancel runs", body=Told),
    _delete(f"{_RUNS}/{{run_id}}", cancels.cancel_one, "Cancel a run"),
    _get("/v2/workflows/events", logs.events, "List runs with their steps (the SDK's path)"),
    _get("/v2/workflows/logs", logs.logs, "List runs with their steps"),
    _get("/v2/flowControl/{key}", logs.flow_control, "Show how much of a flow-control key's limits is in use"),
    _get("/v2/keys", logs.keys, "Show the signing keys", Scope.WRITE),
)
OPERATIONS = described("/v2/openapi.json", ABOUT, (*_LETTERS, *_WORKFLOWS))

DIALECT = Dialect(
    name="upstash",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=read_secret,
    write_error=write_error,
)
