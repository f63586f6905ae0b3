"""Upstash's dialect as a whole: the routes that @upstash/workflow, @upstash/qstash and qstash call.

The dead letter queue stands on two paths: `/v2/dlq` is what the SDKs call, `/v2/workflows/dlq` what the pages say.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.core.access import Scope
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash import cancels, dlq, logs, triggers
from chalicelib.dialects.upstash.cancels import Canceled, ToCancel, ToEnd
from chalicelib.dialects.upstash.dlq import Born, Deleted, LetterPage, Made, MadeMany, Redeliveries
from chalicelib.dialects.upstash.errors import Error, write_error
from chalicelib.dialects.upstash.letter_answers import Letter
from chalicelib.dialects.upstash.letter_filters import Listed, Selected, Shown
from chalicelib.dialects.upstash.logs import FlowUse, Logged, LogPage, SigningKeys
from chalicelib.dialects.upstash.parameters import read_secret
from chalicelib.dialects.upstash.triggers import Triggered, TriggeredMessage, Triggers

_DLQ = "/v2/workflows/dlq"
_RUNS = "/v2/workflows/runs"
_QSTASH_DLQ = "/v2/dlq"


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


_ALWAYS = (413, 429)
"""Every call may have a body, and ask for more than there is capacity for."""


def _get(path: str, handler: Handler, summary: str, answered: Any, *, query: Any = None) -> Operation:
    route = Route("GET", path, Scope.READ, handler)
    return Operation(route, summary, answers={200: (answered,)}, query=query, refusals=_ALWAYS)


def _many(path: str, handler: Handler, summary: str, *, status: int = 200, answered: Any = MadeMany) -> Operation:
    return Operation(
        Route("POST", path, Scope.RESTART, handler, ANY_TYPE),
        summary,
        answers={status: (answered,)},
        body=Selected,
        is_body_needed=False,
        query=Selected,
        is_idempotent=True,
        refusals=(404, 412, *_ALWAYS),
    )


def _one(path: str, handler: Handler, summary: str) -> Operation:
    return Operation(
        Route("POST", path, Scope.RESTART, handler, ANY_TYPE),
        summary,
        answers={200: (Made,)},
        is_idempotent=True,
        refusals=(412, *_ALWAYS),
    )


def _delete_many(path: str, handler: Handler, summary: str, selected: Any, answered: Any) -> Operation:
    return Operation(
        Route("DELETE", path, Scope.WRITE, handler, ANY_TYPE),
        summary,
        answers={200: (answered,)},
        body=selected,
        is_body_needed=False,
        query=selected,
        refusals=_ALWAYS,
    )


def _delete(path: str, handler: Handler, summary: str, *, status: int = 200, query: Any = None) -> Operation:
    route = Route("DELETE", path, Scope.WRITE, handler, ANY_TYPE)
    return Operation(route, summary, answers={status: ()}, query=query, refusals=_ALWAYS)


def _trigger(path: str, handler: Handler, summary: str, *, body: Any, answers: dict[int, tuple[Any]]) -> Operation:
    return Operation(
        Route("POST", path, Scope.WRITE, handler, ANY_TYPE, frozenset({"url"})),
        summary,
        answers=answers,
        body=body,
        is_idempotent=True,
        refusals=(404, 412, *_ALWAYS),
    )


def _listing(path: str, summary: str) -> Operation:
    return replace(_get(path, dlq.listed, summary, LetterPage, query=Listed), refusals=(404, *_ALWAYS))


_LETTERS = (
    _listing(_DLQ, "List dead letters, newest first"),
    _listing(_QSTASH_DLQ, "List dead letters (the SDKs' path)"),
    _get(f"{_DLQ}/{{dlq_id}}", dlq.show, "Show a dead letter", Letter, query=Shown),
    _get(f"{_QSTASH_DLQ}/{{dlq_id}}", dlq.show, "Show a dead letter (the SDKs' path)", Letter, query=Shown),
    _many(f"{_DLQ}/restart", dlq.restart_many, "Restart dead letters from the beginning, 50 at a time"),
    _many(f"{_DLQ}/resume", dlq.resume_many, "Restart dead letters from their failure on, 50 at a time"),
    _one(f"{_DLQ}/restart/{{dlq_id}}", dlq.restart_one, "Restart a dead letter from the beginning"),
    _one(f"{_DLQ}/resume/{{dlq_id}}", dlq.resume_one, "Restart a dead letter from its failure on"),
    _many(
        f"{_QSTASH_DLQ}/retry",
        dlq.retry_many,
        "Resume dead letters (QStash's word)",
        status=201,
        answered=Redeliveries,
    ),
    _delete_many(_DLQ, dlq.remove_many, "Remove dead letters", Selected, Deleted),
    _delete_many(_QSTASH_DLQ, dlq.remove_many, "Remove dead letters (the SDKs' path)", Selected, Deleted),
    _delete(f"{_DLQ}/{{dlq_id}}", dlq.remove_one, "Remove a dead letter"),
    _delete(f"{_QSTASH_DLQ}/{{dlq_id}}", dlq.remove_one, "Remove a dead letter (the SDKs' path)"),
    _delete(f"{_DLQ}/delete/{{dlq_id}}", dlq.remove_one, "Remove a dead letter (the MCP server's path)"),
    Operation(
        Route("POST", f"{_DLQ}/callback/{{dlq_id}}", Scope.RESTART, dlq.tell_again, ANY_TYPE),
        "Call a failure callback again that failed",
        answers={200: (Born,)},
        refusals=_ALWAYS,
    ),
    _delete(f"{_DLQ}/callback/{{dlq_id}}", dlq.cancel_callback, "Call a failure callback no more", status=302),
)
_WORKFLOWS = (
    _trigger("/v2/batch", triggers.batch, "Trigger runs", body=Triggers, answers={200: (list[TriggeredMessage],)}),
    _trigger(
        "/v2/batch/trigger", triggers.batch_trigger, "Trigger runs", body=Triggers, answers={201: (list[Triggered],)}
    ),
    _trigger("/v2/trigger/{url}", triggers.trigger, "Trigger a run", body=Any, answers={200: (Triggered,)}),
    _delete_many(_RUNS, cancels.cancel_many, "Cancel runs", ToCancel, Canceled),
    _delete(f"{_RUNS}/{{run_id}}", cancels.cancel_one, "Cancel a run", query=ToEnd),
    _get("/v2/workflows/events", logs.events, "List runs with their steps (the SDK's path)", LogPage, query=Logged),
    _get("/v2/workflows/logs", logs.logs, "List runs with their steps", LogPage, query=Logged),
    _get("/v2/flowControl/{key}", logs.flow_control, "Show how much of a flow-control key's limits is in use", FlowUse),
    Operation(
        Route("GET", "/v2/keys", Scope.WRITE, logs.keys),
        "Show the signing keys",
        answers={200: (SigningKeys,)},
        refusals=(404, *_ALWAYS),
    ),
)
OPERATIONS = described("/v2/openapi.json", ABOUT, (*_LETTERS, *_WORKFLOWS))

DIALECT = Dialect(
    name="upstash",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=read_secret,
    write_error=write_error,
)
