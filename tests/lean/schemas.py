"""Tables and their indexes: which attributes are keys, what may stand in one, what an index shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from tests.lean.expressions import Item, Value, plain
from tests.lean.faults import Fault

Request = dict[str, Any]
Key = tuple[Any, ...]

MAX_HASH, MAX_RANGE = 2048, 1024  # bytes of a key


class Row(NamedTuple):
    item: Item
    size: int


class Index(NamedTuple):
    """`held`: the attributes that it shows beside keys; None: all of them."""

    keys: tuple[str, ...]
    held: frozenset[str] | None


@dataclass(slots=True)
class Table:
    keys: tuple[str, ...]
    types: Mapping[str, str]
    indexes: Mapping[str, Index]
    rows: dict[Key, Row] = field(default_factory=dict)

    def key_of(self, given: Item) -> Key:
        """Answer an item's primary key; raise `Fault` for one that DynamoDB would not take."""
        return tuple(self._part(name, given.get(name), is_hash=not at) for at, name in enumerate(self.keys))

    def _part(self, name: str, value: Value | None, *, is_hash: bool) -> Any:
        if value is None or value.keys() != {self.types[name]}:
            raise Fault.invalid(f"the key '{name}' is missing, or of another type")
        held = plain(value)
        if not isinstance(held, Decimal):
            size = len(held.encode()) if isinstance(held, str) else len(held)
            if not 0 < size <= (MAX_HASH if is_hash else MAX_RANGE):
                raise Fault.invalid(f"the key '{name}' has {size} bytes")
        return held

    def check_index_keys(self, item: Item) -> None:
        """Refuse what an index could not hold: DynamoDB takes no empty text or other type there."""
        for index in self.indexes.values():
            for at, name in enumerate(index.keys):
                if name in item:
                    self._part(name, item[name], is_hash=not at)


def key_names(schema: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Answer a key's attributes, the hash key's first."""
    return tuple(it["AttributeName"] for it in sorted(schema, key=lambda it: it["KeyType"]))


def read_index(described: Request) -> Index:
    projection = described["Projection"]
    is_whole = projection["ProjectionType"] == "ALL"
    return Index(
        key_names(described["KeySchema"]), None if is_whole else frozenset(projection.get("NonKeyAttributes", ()))
    )


def index_of(table: Table, request: Request) -> Index | None:
    if "IndexName" not in request:
        return None
    if request.get("ConsistentRead"):
        raise Fault.invalid("an index has no consistent reads")
    if request["IndexName"] not in table.indexes:
        raise Fault.invalid(f"no index {request['IndexName']}")
    return table.indexes[request["IndexName"]]


def exact_key(table: Table, given: Item) -> Key:
    if given.keys() != set(table.keys):
        raise Fault.invalid("The provided key element does not match the schema")
    return table.key_of(given)
