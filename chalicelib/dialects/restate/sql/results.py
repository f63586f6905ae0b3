"""From the rows that match to the rows that are shown: grouped, in order, from the offset to the limit, as JSON.

Of NULL nothing is shown. Times and durations are ISO 8601, as the server writes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from chalicelib.core.json_values import Json
from chalicelib.dialects.restate.sql.queries import Aggregate, Order, Query, Source, Summary
from chalicelib.dialects.restate.sql.tables import Kind, Row, Table
from chalicelib.dialects.times import write_time

_Record = Mapping[Any, Any]
"""Values by their sources."""


def shown(query: Query, rows: Iterable[Row]) -> list[dict[str, Json]]:
    """Answer the rows of a query's result, of all the rows that match (see `conditions.matches`)."""
    records: Iterable[_Record] = rows if query.groups is None else _grouped(query, query.groups, rows)
    in_order = _sorted(list(records), query.order)
    end = None if query.limit is None else query.offset + query.limit
    return [_written(query, record) for record in in_order[query.offset : end]]


def _grouped(query: Query, groups: tuple[str, ...], rows: Iterable[Row]) -> list[_Record]:
    """Merge rows that are equal in some columns; without a column all are one, even if there is none."""
    members: dict[tuple[Json, ...], list[Row]] = {} if groups else {(): []}
    for row in rows:
        members.setdefault(tuple(row.get(column) for column in groups), []).append(row)
    wanted = {source for source in _sources(query) if isinstance(source, Aggregate)}
    return [
        {**dict(zip(groups, key, strict=True)), **{one: _aggregated(one, merged) for one in wanted}}
        for key, merged in members.items()
    ]


def _sources(query: Query) -> list[Source]:
    return [*query.outputs.values(), *(order.source for order in query.order)]


def _aggregated(aggregate: Aggregate, rows: Sequence[Row]) -> Any:
    if aggregate.column is None:
        return len(rows)
    held: list[Any] = [row[aggregate.column] for row in rows if row.get(aggregate.column) is not None]
    match aggregate.summary:
        case Summary.COUNT:
            return len(held)
        case Summary.MIN:
            return min(held, default=None)
        case Summary.MAX:
            return max(held, default=None)
        case _:
            assert_never(aggregate.summary)


def _sorted(records: list[_Record], orders: Sequence[Order]) -> list[_Record]:
    """Sort by the last order first: sorting keeps the order of equals."""
    for order in reversed(orders):
        nulls = [record for record in records if record.get(order.source) is None]
        others = [record for record in records if record.get(order.source) is not None]
        others.sort(key=lambda record: record[order.source], reverse=order.is_descending)
        records = nulls + others if order.is_null_first else others + nulls
    return records


# -- JSON


def _written(query: Query, record: _Record) -> dict[str, Json]:
    return {
        name: _value(_kind(query.table, source), record[source])
        for name, source in query.outputs.items()
        if record.get(source) is not None
    }


def _kind(table: Table, source: Source) -> Kind:
    match source:
        case str():
            return table.columns[source]
        case Aggregate(Summary.MIN | Summary.MAX, str(column)):
            return table.columns[column]
        case _:
            return Kind.NUMBER


def _value(kind: Kind, value: Any) -> Json:
    match kind:
        case Kind.TIME:
            return write_time(value)
        case Kind.DURATION:
            return write_duration(value)
        case _:
            plain: Json = value
            return plain


def write_duration(milliseconds: int) -> str:
    """Write a duration as chrono does: seconds alone, and none as days."""
    if milliseconds == 0:
        return "P0D"
    seconds, rest = divmod(milliseconds, 1000)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"PT{seconds}{fraction}S"
