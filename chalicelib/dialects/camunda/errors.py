"""A refusal as Camunda's REST layer says it: `{"type", "message", "code"}`."""

from typing import Any

from chalicelib.core.access import ScopeMissing, Unauthenticated
from chalicelib.core.errors import Busy, Invalid, NotAllowed, NotFound, RestartError
from chalicelib.dialects.camunda.refusals import ENGINE, INVALID_REQUEST, REST, EngineRefusal
from chalicelib.dialects.edge import Answer, MediaTypeUnknown, MethodUnknown, RouteUnknown
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.statuses import status_of, statuses

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
        return answer({"type": error.kind, "message": error.message, "code": error.engine_code}, error.status)
    if isinstance(error, ScopeMissing):
        return answer(_unauthorized(error), 403)
    kind = next(_KINDS[one] for one in type(error).__mro__ if one in _KINDS)
    return answer({"type": kind, "message": error.message, "code": None}, status_of(error, _STATUSES))


def _unauthorized(error: ScopeMissing) -> dict[str, Any]:
    """Write who may not do what, as far as a key's scopes tell: the permission is the scope that is missing."""
    missing: dict[str, Any] = {
        "permissionName": str(error.details["scope"]).upper(),
        "resourceName": None,
        "resourceId": None,
    }
    told = {"type": "AuthorizationException", "message": error.message, "code": 0, "userId": None}
    return {**told, **missing, "missingAuthorizations": [missing]}
