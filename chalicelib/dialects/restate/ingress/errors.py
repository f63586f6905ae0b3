"""A refusal as the ingress says it: `{"code", "message", "source"}`, and the source once more as a header (1.7.4).

| source       | what went wrong                                                                  |
|--------------|----------------------------------------------------------------------------------|
| `ingress`    | the request, or our handling of it: the status is the ingress's own              |
| `invocation` | the invocation ended so: the code is the one with which it failed                 |

Clients repeat what an ingress could not do (408, 425, 429, 5xx), and never what an invocation has answered. So a call
whose time is over is told 470, which is the server's own word for an output that is not ready, and is not repeated.
"""

from collections.abc import Callable, Mapping
from typing import Final

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import Busy, RestartError, Throttled
from chalicelib.core.ids import RunId
from chalicelib.core.lines import WorkflowRunExists, WorkflowRunNotFound
from chalicelib.core.refusals import RunNotFound
from chalicelib.dialects.edge import Answer, MethodUnknown, RouteUnknown
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import BodyTooLarge
from chalicelib.dialects.restate.ids import write_run_id
from chalicelib.dialects.restate.ingress.refusals import InvocationUnknown, NotReady
from chalicelib.dialects.statuses import status_of, statuses

ID_HEADER: Final = "x-restate-id"
SOURCE_HEADER: Final = "x-restate-error-source"
NOT_READY: Final = 470

_STATUSES = statuses({NotReady: NOT_READY, Throttled: 429})
_WORDS: Mapping[type[RestartError], Callable[[RestartError], str]] = {
    RouteUnknown: lambda _error: "not found",
    MethodUnknown: lambda _error: "method not allowed",
    RunNotFound: lambda _error: InvocationUnknown().message,
    WorkflowRunNotFound: lambda _error: InvocationUnknown().message,
    BodyTooLarge: lambda error: f"cannot read body: {error.message}",
    Throttled: lambda _error: "too many requests, the ingress is overloaded. Retry later.",
    Busy: lambda error: (
        f"internal routing error: {error.message} If the request has an 'idempotency-key', it can be safely retried,"
        " otherwise submitting it again may result in executing the invocation twice."
    ),
}
"""What the server says of refusals that are not the ingress's alone; every other one says it itself."""


def write_error(error: RestartError) -> Answer:
    if isinstance(error, WorkflowRunExists):
        run_id = RunId(str(error.details["run_id"]))
        return write_failure(409, "the workflow method was already invoked", write_run_id(run_id, root=run_id))
    words = _WORDS.get(type(error))
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    if isinstance(error, NotReady):
        headers[ID_HEADER] = error.invocation
    return _written(status_of(error, _STATUSES), words(error) if words else error.message, "ingress", headers)


def write_failure(code: int, message: str, invocation: str) -> Answer:
    """Say with what an invocation has ended, which is no refusal of ours."""
    return _written(code, message, "invocation", {ID_HEADER: invocation})


def _written(code: int, message: str, source: str, headers: dict[str, str]) -> Answer:
    told = {"code": code, "message": message, "source": source}
    return answer(told, code, {**headers, SOURCE_HEADER: source})
