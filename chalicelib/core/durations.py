"""Durations as people write them: `10s`, `1d10h30m`."""

import re

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhd])+", re.ASCII)
_PART = re.compile(r"([0-9]+)([smhd])", re.ASCII)


def read_duration(text: str) -> int | None:
    """Answer the seconds that a text of numbers and units means, in any order; None if it is no such text."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def write_duration(seconds: int) -> str:
    """Write whole seconds with as few parts as there are: 0 is `0s`."""
    parts: list[str] = []
    for unit, size in _UNITS.items():
        number, seconds = divmod(seconds, size)
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts) or "0s"
