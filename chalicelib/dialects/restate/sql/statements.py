"""A SELECT over one table, as a query; what DataFusion can do beyond that is refused by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from chalicelib.dialects.restate.sql.predicates import Names, read_condition
from chalicelib.dialects.restate.sql.queries import Aggregate, Condition, Constant, Order, Query, Source, Summary
from chalicelib.dialects.restate.sql.refusals import NotSupported, QueryMeaningless, TableUnknown
from chalicelib.dialects.restate.sql.syntax import list_of, name_of, operands, tree_of, unsupported
from chalicelib.dialects.restate.sql.tables import TABLES, Kind

MAX_COUNT: Final = 2**53  # of LIMIT and OFFSET
_DATABASE: Final = "public"
_SUMMARIES: Final[dict[type[exp.Expr], Summary]] = {
    exp.Count: Summary.COUNT,
    exp.Min: Summary.MIN,
    exp.Max: Summary.MAX,
}


def read_query(text: str, at: int) -> Query:
    """Read a query; `at` is its `now()` (ms). Raises `QueryRefused`."""
    select = tree_of(text)
    if not isinstance(select, exp.Select):
        raise unsupported(select)
    (source,) = operands(
        select,
        "from_",
        flags=("where", "group", "order", "limit", "offset", "distinct"),
        lists=("expressions",),
    )
    return _Reader(_read_table(source), at).read(select)


def _read_table(source: exp.Expr) -> Names:
    (table,) = operands(source, "this")
    if not isinstance(table, exp.Table):
        raise unsupported(table)
    (identifier,) = operands(table, "this", flags=("alias", "db"))
    name, database, alias = name_of(identifier), table.args.get("db"), table.args.get("alias")
    if name not in TABLES or (database is not None and name_of(database) != _DATABASE):
        raise TableUnknown(table.sql())
    if alias is None:
        return Names(TABLES[name], name)
    (other,) = operands(alias, "this")
    return Names(TABLES[name], name_of(other))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the clauses of one statement. `at` is `now()` (ms)."""

    names: Names
    at: int

    def read(self, select: exp.Select) -> Query:
        outputs = self._read_outputs(select)
        groups = self._read_groups(select, outputs)
        return Query(
            self.names.table,
            outputs,
            self._read_where(select),
            groups,
            tuple(self._read_order(one, outputs, groups) for one in _clause(select, "order")),
            _read_count(select, "limit"),
            _read_count(select, "offset") or 0,
        )

    def _read_where(self, select: exp.Select) -> Condition:
        where = select.args.get("where")
        return Constant(truth=True) if where is None else read_condition(where.this, self.names, self.at)

    # -- what is shown

    def _read_outputs(self, select: exp.Select) -> dict[str, Source]:
        outputs: dict[str, Source] = {}
        for node in list_of(select, "expressions"):
            for name, source in self._read_output(node):
                if name in outputs:
                    raise QueryMeaningless(f"two columns of the result are named {name}")
                outputs[name] = source
        return outputs

    def _read_output(self, node: exp.Expr) -> Iterator[tuple[str, Source]]:
        if self._is_star(node):
            yield from ((column, column) for column in self.names.table.columns)
        elif isinstance(node, exp.Alias):
            what, name = operands(node, "this", "alias")
            yield name_of(name), self._read_source(what)
        else:
            source = self._read_source(node)
            yield source if isinstance(source, str) else _unnamed(source, node, self.names.alias), source

    def _is_star(self, node: exp.Expr) -> bool:
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            return self._is_star(node.this) and name_of(node.args["table"]) == self.names.alias
        return isinstance(node, exp.Star) and not operands(node)

    def _read_source(self, node: exp.Expr) -> Source:
        summary = _SUMMARIES.get(type(node))
        if summary is None:
            return self.names.column(node)
        (what,) = operands(node, "this")
        if summary is Summary.COUNT and (isinstance(what, exp.Star) or _is_number(what)):
            return Aggregate(summary)
        return Aggregate(summary, self._comparable(self.names.column(what)))

    # -- how it is grouped and sorted

    def _read_groups(self, select: exp.Select, outputs: dict[str, Source]) -> tuple[str, ...] | None:
        """Answer by which columns rows are merged: DISTINCT merges by all that is shown."""
        shown = dict.fromkeys(source for source in outputs.values() if isinstance(source, str))
        is_summary = any(isinstance(source, Aggregate) for source in outputs.values())
        given = [self._read_group(node, outputs) for node in _clause(select, "group")]
        distinct = select.args.get("distinct")
        if distinct is not None:
            operands(distinct)
            if is_summary or given:
                raise unsupported(select)
            return tuple(self._comparable(column) for column in shown)
        if not is_summary and not given:
            return None
        missing = shown.keys() - set(given)
        if missing:
            raise QueryMeaningless(f"column {min(missing)} must appear in the GROUP BY clause or in an aggregate")
        return tuple(dict.fromkeys(given))

    def _read_group(self, node: exp.Expr, outputs: dict[str, Source]) -> str:
        source = self._named_source(node, outputs)
        if not isinstance(source, str):
            raise QueryMeaningless("GROUP BY takes columns")
        return self._comparable(source)

    def _comparable(self, column: str) -> str:
        """Answer a column whose values can be told apart, or sorted."""
        if self.names.table.columns[column] is Kind.OPAQUE:
            raise NotSupported(f"to compare values of {column}")
        return column

    def _read_order(self, node: exp.Expr, outputs: dict[str, Source], groups: tuple[str, ...] | None) -> Order:
        (by,) = operands(node, "this", flags=("desc", "nulls_first"))
        source = self._named_source(by, outputs)
        is_aggregate = isinstance(source, Aggregate)
        if (groups is None and is_aggregate) or (groups is not None and not is_aggregate and source not in groups):
            raise QueryMeaningless(f"the result cannot be sorted by {by.sql()}")
        if isinstance(source, str):
            self._comparable(source)
        return Order(source, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))

    def _named_source(self, node: exp.Expr, outputs: dict[str, Source]) -> Source:
        """Read what is shown by its name or its number (from 1), or a column that is not shown."""
        if _is_number(node):
            number = _read_whole(node)
            if not 1 <= number <= len(outputs):
                raise QueryMeaningless(f"the result has no column {number}")
            return list(outputs.values())[number - 1]
        if isinstance(node, exp.Column) and not node.args.get("table"):
            shown = outputs.get(name_of(node.this))
            if shown is not None:
                return shown
        return self._read_source(node)


def _clause(select: exp.Select, name: str) -> list[exp.Expr]:
    clause = select.args.get(name)
    if clause is None:
        return []
    operands(clause, lists=("expressions",))
    return list_of(clause, "expressions")


def _read_count(select: exp.Select, name: str) -> int | None:
    clause = select.args.get(name)
    if clause is None:
        return None
    (count,) = operands(clause, "expression")
    if not _is_number(count):
        raise unsupported(clause)
    return _read_whole(count)


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


def _read_whole(node: exp.Expr) -> int:
    text = node.name
    if not text.isdecimal() or len(text) > len(str(MAX_COUNT)):
        raise NotSupported(f"the number {text[:40]} here")
    return int(text)


def _unnamed(aggregate: Aggregate, node: exp.Expr, table: str) -> str:
    """Name a column of the result as DataFusion does where nobody has."""
    if aggregate.column is None:
        return f"count({'*' if isinstance(node.this, exp.Star) else f'Int64({node.this.name})'})"
    return f"{aggregate.summary.value}({table}.{aggregate.column})"
