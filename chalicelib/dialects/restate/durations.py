"""A duration as restate-server reads it (jiff's `Span`): ISO 8601, or as people write it. Days have 24 hours.

    PT1M30S   P1DT12H   90s   1h 30m   1 hour, 30 minutes   1.5h

Units stand from large to small, each once; the last one, of hours or less, may have a fraction.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

MAX_S: Final = 36_500 * 86_400  # a hundred years: times have thirteen digits (ms)

_WEEK, _DAY, _HOUR, _MINUTE, _SECOND = (Decimal(seconds) for seconds in (604_800, 86_400, 3_600, 60, 1))
_CALENDAR: Final = frozenset(["years", "year", "yrs", "yr", "y", "months", "month", "mos", "mo"])
_SIZES: Final[Mapping[str, Decimal]] = {
    name: size
    for names, size in (
        ("weeks week wks wk w", _WEEK),
        ("days day d", _DAY),
        ("hours hour hrs hr h", _HOUR),
        ("minutes minute mins min m", _MINUTE),
        ("seconds second secs sec s", _SECOND),
        ("milliseconds millisecond millis milli msecs msec ms", _SECOND / 10**3),
        ("microseconds microsecond micros micro usecs usec us µs μs", _SECOND / 10**6),
        ("nanoseconds nanosecond nanos nano nsecs nsec ns", _SECOND / 10**9),
    )
    for name in names.split()
}
_NUMBER = r"[0-9]{1,15}(?:[.,][0-9]{1,9})?"
_ISO = re.compile(rf"P((?:{_NUMBER}[YMWD])*)(?:T((?:{_NUMBER}[HMS])+))?", re.IGNORECASE)
_FRIENDLY = re.compile(rf"(?:{_NUMBER}\s*[a-zµμ]+(?:,\s+|\s*))+")
_PART = re.compile(rf"({_NUMBER})\s*([a-zµμ]+)", re.IGNORECASE)

Parts = Sequence[tuple[str, str]]
"""Numbers and units, as they were written."""


class DurationInvalid(Exception):
    """A text is no duration; its message says why."""


def read_seconds(text: str) -> float:
    """Answer the seconds that a text means; raise `DurationInvalid`."""
    return _seconds(_parts(text))


def _parts(text: str) -> Parts:
    iso = _ISO.fullmatch(text)
    if iso is not None and (iso[1] or iso[2]):
        dates = [(number, {"m": "mo"}.get(unit.lower(), unit.lower())) for number, unit in _PART.findall(iso[1])]
        return [*dates, *((number, unit.lower()) for number, unit in _PART.findall(iso[2] or ""))]
    if _FRIENDLY.fullmatch(text):
        return _PART.findall(text)
    raise DurationInvalid("expected a duration such as 'PT10S' or '10 seconds'")


def _seconds(parts: Parts) -> float:
    """Add the parts up, if they stand in order and mean a length that is the same everywhere."""
    if any(unit in _CALENDAR for _, unit in parts):
        raise DurationInvalid("Please use units of days or smaller")
    unknown = [unit for _, unit in parts if unit not in _SIZES]
    if unknown:
        raise DurationInvalid(f"'{unknown[0]}' is no unit")
    sizes = [_SIZES[unit] for _, unit in parts]
    if sizes != sorted(set(sizes), reverse=True):
        raise DurationInvalid("units must stand from large to small, each once")
    numbers = [Decimal(number.replace(",", ".")) for number, _ in parts]
    if any(number % 1 for number in numbers[:-1]) or (numbers[-1] % 1 and sizes[-1] > _HOUR):
        raise DurationInvalid("only the last unit can have a fraction, if it is of hours or smaller")
    seconds = sum((number * size for number, size in zip(numbers, sizes, strict=True)), Decimal(0))
    if seconds > MAX_S:
        raise DurationInvalid("a hundred years is the most")
    return float(seconds)
