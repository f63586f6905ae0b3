"""From the tree of refusals to HTTP: what most dialects say of a kind, and what one says otherwise."""

from collections.abc import Mapping

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import Busy, Conflict, Invalid, NotAllowed, NotFound, RestartError, TooLarge
from chalicelib.dialects.edge import MediaTypeUnknown, MethodUnknown

Statuses = Mapping[type[Exception], int]

_USUAL: Statuses = {
    Invalid: 400,
    Unauthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    MethodUnknown: 405,
    Conflict: 409,
    TooLarge: 413,
    MediaTypeUnknown: 415,
    RestartError: 500,
    Busy: 503,
}
"""The nearest ancestor counts."""


def statuses(otherwise: Statuses) -> Statuses:
    """Answer a dialect's table: the usual one, and what it says of some refusals otherwise."""
    return {**_USUAL, **otherwise}


def status_of(error: RestartError, table: Statuses = _USUAL) -> int:
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
