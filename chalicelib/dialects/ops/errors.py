"""A refusal in our own words: one shape, and one table from the tree of refusals to HTTP."""

import msgspec

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import Busy, Conflict, Invalid, NotAllowed, NotFound, RestartError, TooLarge
from chalicelib.core.refusals import KeyReused
from chalicelib.dialects.edge import Answer, MediaTypeUnknown, MethodUnknown
from chalicelib.dialects.ops.answers import Error, Problem

_STATUSES: dict[type[Exception], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    MethodUnknown: 405,
    Conflict: 409,
    TooLarge: 413,
    MediaTypeUnknown: 415,
    KeyReused: 422,
    RestartError: 500,
    Busy: 503,
}
"""The nearest ancestor counts."""


def status_of(error: RestartError) -> int:
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def write_error(error: RestartError) -> Answer:
    problem = Error(Problem(error.code, error.message, dict(error.details)))
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    return Answer(status_of(error), msgspec.json.encode(problem).decode(), headers)
