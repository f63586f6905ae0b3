"""A refusal as Camunda's REST layer says it: `{"type", "message", "code"}`."""

from typing import NotRequired, TypedDict

from chalicelib.core.access import ScopeMissing, Unauthenticated
from chalicelib.core.errors import Busy, Invalid, NotAllowed, NotFound, RestartError
from chalicelib.dialects.camunda.refusals import ENGINE, INVALID_REQUEST, REST, EngineRefusal
from chalicelib.dialects.edge import Answer, MediaTypeUnknown, MethodUnknown, RouteUnknown
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.statuses import status_of, statuses


class MissingDto(TypedDict):
    """A permission that somebody has not."""

    permissionName: str
    resourceName: None
    resourceId: None


class ProblemDto(TypedDict):
    """What is wrong with a file, and where (0: nobody knows)."""

    message: str
    line: int
    column: int
    mainElementId: str | None
    elementIds: list[str]


class ProblemsDto(TypedDict):
    errors: list[ProblemDto]
    warnings: list[ProblemDto]


class Error(TypedDict):
    """Why nothing was done: the engine's class of error, its message, and a code of the engine's own.

    Files that cannot be deployed are told of in `details`, by their names; who may not do something, what is missing.
    """

    type: str
    message: str
    code: int | None
    details: NotRequired[dict[str, ProblemsDto]]
    userId: NotRequired[None]
    permissionName: NotRequired[str]
    resourceName: NotRequired[None]
    resourceId: NotRequired[None]
    missingAuthorizations: NotRequired[list[MissingDto]]


_STATUSES = statuses({})
_KINDS: dict[type[Exception], str] = {
    NotAllowed: "AuthorizationException",
    Busy: ENGINE,
    RouteUnknown: "NotFoundException",
    MethodUnknown: "NotAllowedException",
    MediaTypeUnknown: "NotSupportedException",
    NotFound: INVALID_REQUEST,
    Invalid: INVALID_REQUEST,
    RestartError: REST,
}


def write_error(error: RestartError) -> Answer:
    """Write a refusal; who is not known is answered as Basic authentication asks for."""
    if isinstance(error, Unauthenticated):
        return Answer(401, "", {"WWW-Authenticate": 'Basic realm="default"'})
    if isinstance(error, EngineRefusal):
        return answer(_told(error.kind, error.message, error.engine_code), error.status)
    if isinstance(error, ScopeMissing):
        return answer(_unauthorized(error), 403)
    kind = next(_KINDS[one] for one in type(error).__mro__ if one in _KINDS)
    return answer(_told(kind, error.message), status_of(error, _STATUSES))


def _told(kind: str, message: str, code: int | None = None) -> Error:
    return {"type": kind, "message": message, "code": code}


def _unauthorized(error: ScopeMissing) -> Error:
    """Write who may not do what, as far as a key's scopes tell: the permission is the scope that is missing."""
    missing: MissingDto = {
        "permissionName": str(error.details["scope"]).upper(),
        "resourceName": None,
        "resourceId": None,
    }
    return {
        "type": "AuthorizationException",
        "message": error.message,
        "code": 0,
        "userId": None,
        "permissionName": missing["permissionName"],
        "resourceName": None,
        "resourceId": None,
        "missingAuthorizations": [missing],
    }
