"""A refusal as Restate's admin API says it (observed on restate-server 1.7.12).

| refused                                         | body                                             |
|-------------------------------------------------|--------------------------------------------------|
| before a handler is reached (404, 405), and 429 | none                                             |
| URL, media type or body that cannot be decoded  | text                                             |
| a query                                         | `{"message"}`                                    |
| everything else                                 | `{"message", "restate_code"}`, the code null     |
"""

from typing import Any

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import RestartError, Throttled
from chalicelib.dialects.edge import Answer, MediaTypeUnknown, MethodUnknown, RouteUnknown
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import NotJson
from chalicelib.dialects.restate.refusals import BodyNotJson, Refused, Undecodable
from chalicelib.dialects.restate.registry_refusals import NotOffered
from chalicelib.dialects.restate.sql.refusals import QueryRefused
from chalicelib.dialects.statuses import status_of, statuses

_STATUSES = statuses({Throttled: 429, NotOffered: 501})
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_MEDIA_TYPE = "Expected request with `Content-Type: application/json`"


def write_error(error: RestartError) -> Answer:
    status = http_status(error)
    match error:
        case RouteUnknown() | MethodUnknown() | Throttled():
            return Answer(status)
        case Undecodable():
            return Answer(status, error.message, _TEXT)
        case NotJson():
            return Answer(status, BodyNotJson(error.message).message, _TEXT)
        case MediaTypeUnknown():
            return Answer(status, _MEDIA_TYPE, _TEXT)
        case QueryRefused():
            return answer({"message": error.message}, status)
        case _:
            return answer(_body(error), status, _challenge(error))


def _body(error: RestartError) -> dict[str, Any]:
    return {"message": error.message, "restate_code": None}


def _challenge(error: RestartError) -> dict[str, str]:
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}


def http_status(error: RestartError) -> int:
    match error:
        case Refused() | Undecodable() | QueryRefused():
            return error.status
        case _:
            return status_of(error, _STATUSES)
