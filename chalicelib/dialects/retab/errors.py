"""A refusal as FastAPI says it: `{"detail": …}`, a text, an object with a code, or the list of a validation error.

Retab's clients read `code` and `details` from an object alone, and show a text as it is (SDK 0.0.137, client.py).
"""

from typing import Any, TypeAlias, TypedDict

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import Invalid, NotAllowed, NotFound, RestartError
from chalicelib.core.refusals import (
    DefinitionNotFound,
    NothingPublished,
    RunNotFound,
    SourceNotStarted,
    SourceStillRunning,
    VersionNotFound,
)
from chalicelib.dialects.edge import Answer, MediaTypeUnknown, MethodUnknown, RouteUnknown
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import FieldInvalid
from chalicelib.dialects.retab.refusals import CursorUnknown, QueryInvalid
from chalicelib.dialects.statuses import status_of, statuses
from chalicelib.service.runs import RunNotEnded


class Coded(TypedDict):
    code: str
    message: str
    details: dict[str, Any]


class Misread(TypedDict):
    """What cannot be taken of a request, and where it stands: in the body or in the query."""

    loc: list[str]
    msg: str
    type: str


Detail: TypeAlias = str | Coded | list[Misread]


class Error(TypedDict):
    """Why nothing was done: a text, an object with a code, or the list of a validation error (422)."""

    detail: Detail


_STATUSES = statuses({Invalid: 422, CursorUnknown: 400})

_TEXTS: dict[type[Exception], str] = {
    Unauthenticated: "Not authenticated",
    RunNotFound: "Workflow run not found",
    DefinitionNotFound: "Workflow not found",
    VersionNotFound: "Workflow version not found",
    RouteUnknown: "Not Found",
    MethodUnknown: "Method Not Allowed",
    MediaTypeUnknown: "Unsupported Media Type",
}
_CODES: dict[type[Exception], str] = {
    SourceStillRunning: "run_not_terminal",
    SourceNotStarted: "run_not_terminal",
    RunNotEnded: "run_not_terminal",
    NothingPublished: "workflow_not_published",
}


def write_error(error: RestartError) -> Answer:
    status = status_of(error, _STATUSES)
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    return answer(Error(detail=_detail(error, status)), status, headers)


def _detail(error: RestartError, status: int) -> Detail:
    if type(error) in _TEXTS:
        return _TEXTS[type(error)]
    if status == 422:  # noqa: PLR2004 - FastAPI's validation errors, which alone are lists
        return [{"loc": _place(error), "msg": error.message, "type": error.code}]
    if isinstance(error, NotFound | NotAllowed | CursorUnknown):
        return error.message
    return {"code": _CODES.get(type(error), error.code), "message": error.message, "details": dict(error.details)}


def _place(error: RestartError) -> list[str]:
    if isinstance(error, FieldInvalid):
        path = str(error.details["path"]).removeprefix("$").lstrip(".")
        return ["body", *path.split(".")] if path else ["body"]
    where = "query" if isinstance(error, QueryInvalid) else "body"
    return [where, str(error.details["field"])] if "field" in error.details else [where]
