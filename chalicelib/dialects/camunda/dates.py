"""Camunda's dates: `2026-11-21T00:17:29.230+0000`, in and out; a number is milliseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta

from chalicelib.dialects.camunda.refusals import malformed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
DATE_PATTERN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}"
_DATE = re.compile(DATE_PATTERN)
_MOST = 9_999_999_999_999  # ms: positions in lists have thirteen digits


def write_date(at: int) -> str:
    """Write milliseconds since 1970 as a date."""
    return (_EPOCH + at * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def write_date_or_none(at: int | None) -> str | None:
    return None if at is None else write_date(at)


def read_date(given: object) -> int:
    """Answer a date in milliseconds since 1970; raise Camunda's refusal without a message."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= _MOST:
        return given
    if not isinstance(given, str) or not _DATE.fullmatch(given) or not given.isascii():
        raise malformed()
    try:
        moment = datetime.strptime(given, "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError as error:
        raise malformed() from error
    return max(0, (moment - _EPOCH) // _MILLISECOND)
