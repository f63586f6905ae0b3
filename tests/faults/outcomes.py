"""What a schedule leaves where no runs are: whatever struck it, the same as if nothing had.

Left aside is what a repeat may change: ids that are made at random, and moments.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.stores.packing import unpack
from tests.faults.engines import Row
from tests.faults.play import Play
from tests.world import ACME

Outcome = Mapping[str, Counter[str]]
"""How often each row stands in a table."""

SETTLED = ("definitions", "apps", "deployments", "accounts", "keys")
_MOMENTS = frozenset({"at", "created_at", "published_at"})
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRET_HASH = re.compile("[0-9a-f]{64}")


def outcome(play: Play) -> Outcome:
    return {table: Counter(_written(row) for row in play.rows(table) if _is_ours(row)) for table in SETTLED}


def differences(found: Outcome, undisturbed: Outcome, unlike: set[str]) -> Iterator[str]:
    for table in SETTLED:
        if table not in unlike and found[table] != undisturbed[table]:
            more, fewer = found[table] - undisturbed[table], undisturbed[table] - found[table]
            yield f"UNLIKE: {table} has {[*more.elements()]} too many, and lacks {[*fewer.elements()]}"


def _is_ours(row: Row) -> bool:
    return ACME in (row.get("account", {}).get("S"), row["pk"]["S"].partition("#")[0])


def _written(row: Row) -> str:
    timeless = {name: _read(row, name, value) for name, value in row.items() if name not in _MOMENTS}
    return _SECRET_HASH.sub("*", _UUID.sub("?", repr(sorted(timeless.items()))))


def _read(row: Row, name: str, value: Any) -> Any:
    """Answer an attribute; a document without its moments, a deployed file as it is."""
    if name != "document" or str(row.get("part", {}).get("S")).startswith("file#"):
        return value
    return _timeless(unpack(value["B"]))


def _timeless(value: Any) -> Any:
    match value:
        case dict():
            return {name: _timeless(one) for name, one in value.items() if name not in _MOMENTS}
        case list():
            return [_timeless(one) for one in value]
        case _:
            return value
