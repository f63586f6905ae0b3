"""Times on the wire: ISO 8601 in UTC with milliseconds out; the same with any offset, or milliseconds, in."""

import re
from datetime import UTC, datetime, timedelta

from chalicelib.core.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST = 9_999_999_999_999  # ms: positions in lists have thirteen digits


class TimeInvalid(Invalid):
    code = "invalid_time"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"'{field}' must be an ISO 8601 time with an offset (or Z), or milliseconds since 1970.", field=field
        )


def write_time(at: int) -> str:
    """Write milliseconds since 1970 as a time."""
    return (_EPOCH + at * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_time_or_none(at: int | None) -> str | None:
    return None if at is None else write_time(at)


def read_time(given: int | str, field: str) -> int:
    """Answer a time in milliseconds since 1970; raise `TimeInvalid`."""
    if isinstance(given, str):
        given = int(given) if re.fullmatch(r"[0-9]{1,13}", given) else _from_iso(given, field)
    if not 0 <= given <= _MOST:
        raise TimeInvalid(field)
    return given


def _from_iso(text: str, field: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeInvalid(field) from error
    if moment.tzinfo is None:
        raise TimeInvalid(field)
    return (moment - _EPOCH) // _MILLISECOND
