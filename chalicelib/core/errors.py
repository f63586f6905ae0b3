"""Everything this service refuses, in one tree.

    RestartError
    ├── Invalid        the request itself is wrong; the same request will always be wrong
    │   └── TooLarge   it is well-formed, and more than we keep
    ├── NotFound       no such thing in this account (another account's thing is the same answer)
    ├── NotAllowed     this key may not do that
    ├── Conflict       the state of things forbids it now; later it may not
    └── Busy           nobody knows yet; the same request may be sent again
        └── Throttled  since there is more to do than capacity for it

A leaf is a fact. It builds its own message and keeps what it speaks of in `details`.
The core knows no status codes: each dialect maps the tree in one table.
"""

from collections.abc import Mapping
from typing import ClassVar

from chalicelib.core.json_values import Json


class RestartError(Exception):
    """Refuse, finally (Busy excepted): nothing was written."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **details: Json) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Json] = details


class Invalid(RestartError):
    code = "invalid"


class TooLarge(Invalid):
    code = "too_large"


class NotFound(RestartError):
    code = "not_found"


class NotAllowed(RestartError):
    code = "not_allowed"


class Conflict(RestartError):
    code = "conflict"


class Busy(RestartError):
    """Say that the outcome is unknown and that the caller may send the same request again."""

    code = "busy"

    def __init__(self, message: str = "The service is busy. Send the same request again.", **details: Json) -> None:
        super().__init__(message, **details)


class Throttled(Busy):
    """Say that there is more to do than capacity for it."""

    code = "throttled"
