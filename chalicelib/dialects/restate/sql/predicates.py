"""What stands after WHERE, as a condition on one row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from chalicelib.dialects.restate.sql.conditions import compared
from chalicelib.dialects.restate.sql.literals import read_value
from chalicelib.dialects.restate.sql.queries import (
    All,
    AnyOf,
    Compare,
    Condition,
    Constant,
    IsNull,
    Like,
    Not,
    OneOf,
    Operator,
    Value,
)
from chalicelib.dialects.restate.sql.refusals import ColumnUnknown, NotSupported, QueryMeaningless
from chalicelib.dialects.restate.sql.syntax import list_of, name_of, operands, unsupported
from chalicelib.dialects.restate.sql.tables import Kind, Table

MAX_PATTERN: Final = 1_000  # characters

_OPERATORS: Final[dict[type[exp.Expr], Operator]] = {
    exp.EQ: Operator.EQUAL,
    exp.NEQ: Operator.NOT_EQUAL,
    exp.LT: Operator.LESS,
    exp.LTE: Operator.LESS_OR_EQUAL,
    exp.GT: Operator.GREATER,
    exp.GTE: Operator.GREATER_OR_EQUAL,
}
_TURNED: Final = {
    Operator.EQUAL: Operator.EQUAL,
    Operator.NOT_EQUAL: Operator.NOT_EQUAL,
    Operator.LESS: Operator.GREATER,
    Operator.LESS_OR_EQUAL: Operator.GREATER_OR_EQUAL,
    Operator.GREATER: Operator.LESS,
    Operator.GREATER_OR_EQUAL: Operator.LESS_OR_EQUAL,
}


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean in a query: the columns of its table, which may have another name there."""

    table: Table
    alias: str

    def column(self, node: exp.Expr) -> str:
        """Answer which column is meant. `to_timestamp` of a time is the time."""
        if isinstance(node, exp.UnixToTime) and isinstance(node.this, exp.Column):
            column = self.column(node.this)
            if self.table.columns[column] is Kind.TIME:
                return column
        if not isinstance(node, exp.Column):
            raise unsupported(node)
        (name,) = operands(node, "this", flags=("table",))
        column, table = name_of(name), node.args.get("table")
        if column not in self.table.columns or (table is not None and name_of(table) != self.alias):
            raise ColumnUnknown(node.sql(), self.alias)
        return column


def read_condition(node: exp.Expr, names: Names, at: int) -> Condition:
    """Read a condition; `at` is `now()` (ms)."""
    return _Reader(names, at).read(node)


@dataclass(frozen=True, slots=True)
class _Reader:
    names: Names
    at: int

    def read(self, node: exp.Expr) -> Condition:
        match node:
            case exp.Paren():
                return self.read(node.this)
            case exp.And() | exp.Or():
                conditions = tuple(self.read(one) for one in node.flatten(unnest=False))
                return All(conditions) if isinstance(node, exp.And) else AnyOf(conditions)
            case exp.Not():
                return Not(self.read(node.this))
            case exp.Boolean() | exp.Null():
                return Constant(None if isinstance(node, exp.Null) else bool(node.this))
            case exp.Column():
                return Compare(self._column(node, Kind.BOOLEAN), Operator.EQUAL, value=True)
            case _:
                return self._read_test(node)

    def _read_test(self, node: exp.Expr) -> Condition:
        match node:
            case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
                return self._read_comparison(node)
            case exp.In():
                return self._read_in(node)
            case exp.Between():
                return self._read_between(node)
            case exp.Is():
                return self._negated(node, self._read_is)
            case exp.Like() | exp.ILike():
                return self._negated(node, self._read_like)
            case _:
                raise unsupported(node)

    def _negated(self, node: exp.Expr, read: Callable[[exp.Expr], Condition]) -> Condition:
        condition = read(node)
        return Not(condition) if node.args.get("negate") else condition

    def _read_comparison(self, node: exp.Expr) -> Condition:
        """Read a column and a value, in either order; two values are true or false by themselves."""
        left, right = operands(node, "this", "expression")
        operator = _OPERATORS[type(node)]
        if isinstance(left, exp.Literal) and isinstance(right, exp.Literal):
            kind = Kind.NUMBER if Kind.NUMBER in (_kind_of(left), _kind_of(right)) else Kind.TEXT
            return Constant(compared(operator, read_value(left, kind, self.at), read_value(right, kind, self.at)))
        if isinstance(right, exp.Column):
            left, right, operator = right, left, _TURNED[operator]
        column = self.names.column(left)
        return Compare(column, operator, self._value(column, right))

    def _read_in(self, node: exp.Expr) -> Condition:
        (column,) = operands(node, "this", lists=("expressions",))
        name = self.names.column(column)
        return OneOf(name, frozenset(self._value(name, one) for one in list_of(node, "expressions")))

    def _read_between(self, node: exp.Expr) -> Condition:
        column, low, high = operands(node, "this", "low", "high")
        name = self.names.column(column)
        return All(
            (
                Compare(name, Operator.GREATER_OR_EQUAL, self._value(name, low)),
                Compare(name, Operator.LESS_OR_EQUAL, self._value(name, high)),
            )
        )

    def _read_is(self, node: exp.Expr) -> Condition:
        """Read IS NULL, and IS TRUE or FALSE, which are never unknown."""
        column, what = operands(node, "this", "expression", flags=("negate",))
        if isinstance(what, exp.Null):
            return IsNull(self.names.column(column))
        name = self._column(column, Kind.BOOLEAN)
        return All((Not(IsNull(name)), Compare(name, Operator.EQUAL, self._value(name, what))))

    def _read_like(self, node: exp.Expr) -> Condition:
        column, pattern = operands(node, "this", "expression", flags=("negate",))
        name = self._column(column, Kind.TEXT)
        if not isinstance(pattern, exp.Literal) or not pattern.is_string:
            raise unsupported(node)
        if len(pattern.name) > MAX_PATTERN:
            raise NotSupported(f"a pattern of more than {MAX_PATTERN} characters")
        return Like(name, pattern.name, is_case_sensitive=isinstance(node, exp.Like))

    def _column(self, node: exp.Expr, kind: Kind) -> str:
        """Answer a column that must hold this kind."""
        name = self.names.column(node)
        if self.names.table.columns[name] is not kind:
            raise QueryMeaningless(f"{node.sql()} is no column of this kind: {kind.name.lower()}")
        return name

    def _value(self, column: str, node: exp.Expr) -> Value:
        return read_value(node, self.names.table.columns[column], self.at)


def _kind_of(literal: exp.Literal) -> Kind:
    return Kind.TEXT if literal.is_string else Kind.NUMBER
