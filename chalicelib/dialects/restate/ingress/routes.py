"""Restate's ingress as a whole. A server has it on a port of its own; here it stands under `/ingress`.

What varies at one level of a path has one name there, as API Gateway wants it: `{target}` is a handler of a service,
or the key of an object or workflow, and what follows it follows from that.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import msgspec

from chalicelib.core.access import Scope
from chalicelib.dialects.credentials import bearer_or_api_key
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.restate.ingress import awakeables, calls, outputs
from chalicelib.dialects.restate.ingress.answers import Sent
from chalicelib.dialects.restate.ingress.awakeables import Awakeable
from chalicelib.dialects.restate.ingress.errors import NOT_READY, write_error
from chalicelib.dialects.restate.ingress.outputs import Attach, Find, Output
from chalicelib.dialects.services import Services

_ROOT = "/ingress"
_OURS = f"{_ROOT}/restate"
_FREE = frozenset({"target", "handler", "mode", "key", "id"})
"""Keys are any text, and what stands where a key may stand is read by its handler."""


class Error(msgspec.Struct, frozen=True):
    """What went wrong, and whose it is: the ingress's own, or the end of the invocation."""

    code: int
    message: str
    source: Literal["ingress", "invocation"]


class Delay(msgspec.Struct, frozen=True):
    """For sends alone: ISO 8601 (`PT1M`) or as people write it (`1 minute`)."""

    delay: str | None = None


ABOUT = About(
    title="Reprise: Restate's ingress",
    description="Calling handlers, sending to them, attaching to invocations, resolving awakeables. The header"
    " `idempotency-key` makes calls and sends of one target under one key one invocation.",
    error=Error,
    security={"bearer": {"type": "http", "scheme": "bearer"}},
)


_CALLED: dict[int, tuple[Any, ...]] = {200: (Any,)}
_SENT: dict[int, tuple[Any, ...]] = {202: (Sent,)}


def _invoking(
    path: str, handler: Callable[[Services, Call], Answer], summary: str, answers: dict[int, tuple[Any, ...]]
) -> tuple[Operation, Operation]:
    """Describe a path at which an invocation begins: with a body if posted, without one if got."""
    posted = Operation(
        Route("POST", _ROOT + path, Scope.WRITE, handler, ANY_TYPE, _FREE),
        summary,
        answers=answers,
        body=Any,
        is_body_needed=False,
        query=Delay,
        refusals=(404, 409, 413, 429, *((NOT_READY,) if answers is not _SENT else ())),
    )
    got = replace(posted, route=replace(posted.route, method="GET"), summary=f"{summary}, without a body", body=None)
    return posted, got


def _reading(path: str, find: Find, of: str) -> tuple[Operation, Operation]:
    """Describe how the end of an invocation is waited for, and how it is asked for."""
    attach = Operation(
        Route("GET", f"{_OURS}{path.format('attach')}", Scope.READ, Attach(find), ANY_TYPE, _FREE),
        f"Wait for the end of {of}",
        answers=_CALLED,
        refusals=(404, 409, 429, NOT_READY),
    )
    route = replace(attach.route, path=f"{_OURS}{path.format('output')}", handler=Output(find))
    return attach, replace(attach, route=route, summary=f"Answer the end of {of}, if it has ended")


def _resolving() -> tuple[Operation, Operation]:
    """Describe how an awakeable is resolved, and that none can be rejected."""
    resolve = Operation(
        Route("POST", f"{_OURS}/awakeables/{{id}}/resolve", Scope.WRITE, awakeables.resolve, ANY_TYPE, _FREE),
        "Resolve an awakeable with the body",
        answers={202: ()},
        body=Any,
        is_body_needed=False,
        refusals=(404, 409, 413, 429),
    )
    route = replace(resolve.route, path=f"{_OURS}/awakeables/{{id}}/reject", handler=awakeables.reject)
    return resolve, replace(resolve, route=route, summary="Refuse to reject an awakeable: a user task cannot fail")


_LISTING = Operation(
    Route("GET", f"{_OURS}/invocation/{{service}}/awakeables", Scope.READ, awakeables.list_open),
    "List the awakeables that an invocation waits for (a convenience)",
    answers={200: (list[Awakeable],)},
    refusals=(404, 429),
)

OPERATIONS = described(
    f"{_ROOT}/openapi.json",
    ABOUT,
    (
        *_invoking("/{service}/{target}", calls.invoke, "Call a service's handler", _CALLED),
        *_invoking(
            "/{service}/{target}/{handler}",
            calls.invoke,
            "Call an object's or workflow's handler, or send to a service's",
            {**_CALLED, **_SENT},
        ),
        *_invoking(
            "/{service}/{target}/{handler}/{mode}", calls.invoke, "Send to an object's or workflow's handler", _SENT
        ),
        *_invoking("/restate/call/{service}/{target}", calls.call_handler, "Call a service's handler", _CALLED),
        *_invoking(
            "/restate/call/{service}/{target}/{handler}",
            calls.call_handler,
            "Call an object's or workflow's handler",
            _CALLED,
        ),
        *_invoking("/restate/send/{service}/{target}", calls.send_handler, "Send to a service's handler", _SENT),
        *_invoking(
            "/restate/send/{service}/{target}/{handler}",
            calls.send_handler,
            "Send to an object's or workflow's handler",
            _SENT,
        ),
        *_reading("/{}/{{invocation}}", outputs.by_id, "an invocation"),
        *_reading("/invocation/{{service}}/{}", outputs.by_id, "an invocation"),
        *_reading(
            "/invocation/{{service}}/{{target}}/{{handler}}/{}",
            outputs.by_service_key,
            "a service's invocation, by its idempotency key",
        ),
        *_reading(
            "/invocation/{{service}}/{{target}}/{{handler}}/{{key}}/{}",
            outputs.by_object_key,
            "an object's invocation, by its idempotency key",
        ),
        *_reading("/workflow/{{name}}/{{key}}/{}", outputs.by_workflow, "a workflow's run, by its key"),
        *_resolving(),
        _LISTING,
    ),
)

DIALECT = Dialect(
    name="restate",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=bearer_or_api_key,
    write_error=write_error,
)
