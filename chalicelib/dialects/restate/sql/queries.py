"""What a query asks, with no trace of how it was written: a closed tree over the columns of one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from chalicelib.dialects.restate.sql.tables import Table

Value = str | int | float | bool | None
"""A literal, as rows hold what it is compared with: a time is milliseconds. None is NULL."""


class Operator(Enum):
    EQUAL = "="
    NOT_EQUAL = "<>"
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


# -- conditions: true, false, or unknown (NULL)


@dataclass(frozen=True, slots=True)
class Constant:
    truth: bool | None


@dataclass(frozen=True, slots=True)
class Compare:
    column: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    column: str
    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class Like:
    """`%` stands for any characters, `_` for one; a backslash before them takes their meaning away."""

    column: str
    pattern: str
    is_case_sensitive: bool = True


@dataclass(frozen=True, slots=True)
class IsNull:
    column: str


@dataclass(frozen=True, slots=True)
class Not:
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: "tuple[Condition, ...]"


Test = Compare | OneOf | Like | IsNull
Condition = Constant | Test | Not | All | AnyOf


# -- what is shown


class Summary(Enum):
    COUNT = "count"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value of many rows; NULLs of the column do not count. Without a column every row counts."""

    summary: Summary
    column: str | None = None


Source = str | Aggregate


@dataclass(frozen=True, slots=True)
class Order:
    source: Source
    is_descending: bool
    is_null_first: bool


@dataclass(frozen=True, slots=True)
class Query:
    """`outputs` are shown by name. `groups`: the columns whose equal values make one row; None: no rows are merged."""

    table: Table
    outputs: Mapping[str, Source]
    where: Condition = Constant(truth=True)
    groups: tuple[str, ...] | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def enough(self) -> int | None:
        """Answer how many of the rows that match suffice, whichever they are; None if all are needed."""
        if self.limit is None or self.order or self.groups is not None:
            return None
        return self.offset + self.limit
