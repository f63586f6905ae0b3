"""Read ISO 8601 times as BPMN writes them."""

import re
from datetime import datetime

_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_REPEATED = re.compile(r"R(\d{1,4})/(P.*)", re.ASCII)
_MAX_DIGITS = 40  # of a whole duration: more is no time that anybody waits


def read_seconds(text: str) -> float | None:
    """Answer a duration in seconds; None if it is none, or one of years or months, which have no fixed length."""
    match = _DURATION.fullmatch(text)
    if match is None or len(text) > _MAX_DIGITS:
        return None
    seconds = sum((float(match[unit] or 0) * size for unit, size in _SECONDS.items()), 0.0)
    return int(seconds) if seconds.is_integer() else seconds


def read_repetition(text: str) -> tuple[int, float] | None:
    """Answer how often and how far apart (s) `R3/PT10M` means; None if it is no such text."""
    match = _REPEATED.fullmatch(text)
    seconds = read_seconds(match[2]) if match else None
    return None if match is None or seconds is None else (int(match[1]), seconds)


def read_days(text: str) -> int | None:
    """Answer the days of `30` or `P30D`; None if it is neither."""
    match = re.fullmatch(r"(\d{1,9})|P(\d{1,9})D", text, re.ASCII)
    return int(match[1] or match[2]) if match else None


def is_date(text: str) -> bool:
    """Say whether a text is an ISO 8601 time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
