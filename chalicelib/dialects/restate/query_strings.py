"""What a query string asks for, read as restate-server's decoder reads it (serde_urlencoded).

Pairs are read in their order, and the first fault is the answer: a name that is known and comes again, or a value that
is none of its kind. Names that nobody knows are passed over. Whether a deployment is one is asked later, after the
invocation's id (see `ids.read_deployment`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.core.restart_requests import AfterEntry, Beginning, StartPoint
from chalicelib.dialects.restate.refusals import MAX_INDEX, QueryUndecodable

MOST_POINTS: Final = 100

_BOOLEANS: Final = {"true": True, "false": False}
_MODES: Final = ("Cancel", "Kill", "Purge")

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a restart. `dry_run` is ours: say what would be answered, and do nothing."""

    entry: int = 0
    deployment: str | None = None
    is_dry_run: bool = False

    @property
    def start(self) -> StartPoint:
        return AfterEntry(self.entry) if self.entry else Beginning()


def pairs_of(query: Mapping[str, tuple[str, ...]]) -> Pairs:
    """Answer the pairs of a decoded query: a gateway keeps the order of one name's values, and no other."""
    return ((name, value) for name, values in query.items() for value in values)


def read_wish(pairs: Pairs) -> Wish:
    """Read a restart's query; raise `QueryUndecodable`."""
    given = _read(pairs, {"from": _u32, "deployment": str, "dry_run": _boolean})
    return Wish(given.get("from", 0), given.get("deployment"), given.get("dry_run", False))


def read_deployment_wish(pairs: Pairs) -> str | None:
    """Read a resume's query; raise `QueryUndecodable`."""
    deployment: str | None = _read(pairs, {"deployment": str}).get("deployment")
    return deployment


def read_force(pairs: Pairs) -> bool:
    """Read a deletion's query; raise `QueryUndecodable`."""
    is_forced: bool = _read(pairs, {"force": _boolean}).get("force", False)
    return is_forced


@dataclass(frozen=True, slots=True)
class PointsWish:
    """Which entries, from which one on and how many, and on which deployment."""

    deployment: str | None
    first: int
    limit: int


def read_points_wish(pairs: Pairs) -> PointsWish:
    """Read which restart points are wanted, no more than `MOST_POINTS`; raise `QueryUndecodable`."""
    given = _read(pairs, {"deployment": str, "first": _u32, "limit": _u32})
    return PointsWish(given.get("deployment"), given.get("first", 0), min(given.get("limit", MOST_POINTS), MOST_POINTS))


def read_deletion_mode(pairs: Pairs) -> str:
    """Read how an invocation is deleted; raise `QueryUndecodable`."""
    mode: str = _read(pairs, {"mode": _mode}).get("mode", "cancel")
    return mode


def _read(pairs: Pairs, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name not in readers:
            continue
        if name in given:
            raise QueryUndecodable(f"duplicate field `{name}`")
        try:
            given[name] = readers[name](value)
        except ValueError as error:
            raise QueryUndecodable(f"{name}: {error}") from error
    return given


def _u32(text: str) -> int:
    """Read a number as Rust's `u32::from_str` does, which stops at the first digit that is one too many."""
    if not text:
        raise ValueError("cannot parse integer from empty string")
    digits, number = text.removeprefix("+"), 0
    for digit in digits or "+":
        if digit not in "0123456789":
            raise ValueError("invalid digit found in string")
        number = number * 10 + int(digit)
        if number > MAX_INDEX:
            raise ValueError("number too large to fit in target type")
    return number


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError("provided string was not `true` or `false`")
    return _BOOLEANS[text]


def _mode(text: str) -> str:
    """Read a mode, whose first letter may be large (serde's name and its alias)."""
    if text not in {spelt for mode in _MODES for spelt in (mode, mode.lower())}:
        known = ", ".join(f"`{spelt}`" for mode in _MODES for spelt in (mode, mode.lower()))
        raise ValueError(f"unknown variant `{text}`, expected one of {known}")
    return text.lower()
