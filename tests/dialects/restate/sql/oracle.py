"""Random rows, conditions and queries, and SQLite as the judge of what they mean.

Both are asked the same, in the words of each: times are numbers to SQLite, LIKE has an explicit escape there, and ILIKE
compares small letters.
"""

import sqlite3
from datetime import UTC, datetime
from typing import assert_never

from hypothesis import strategies as st

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
    Test,
    Value,
)
from chalicelib.dialects.restate.sql.tables import INVOCATION, Kind

AT = 1_795_219_200_000
COLUMNS = ("id", "target", "target_service_name", "status", "retry_count", "created_at")

_NAMES = st.sampled_from(["a", "A", "ab", "a_b", "b", "a%"])
_VALUES = {
    "id": st.sampled_from(["inv_1", "inv_2", "inv_3"]),
    "target": st.builds("{}/{}".format, _NAMES, st.sampled_from(["h", "k/h", "H", "a\\b"])),
    "target_service_name": _NAMES,
    "status": st.sampled_from(sorted(INVOCATION.statuses)),
    "retry_count": st.integers(-2, 3),
    "created_at": st.integers(AT - 2, AT + 2),
}
_TEXTS = ("id", "target", "target_service_name", "status")
_PATTERNS = st.lists(st.sampled_from(["a", "b", "B", "/", "h", "%", "_", "\\%", "\\_", "\\\\"]), max_size=6).map(
    "".join
)


# -- what is asked


@st.composite
def rows(draw):
    """Draw a run's row: its service is what stands before the first slash of its target."""
    row = {name: draw(st.none() | values) for name, values in _VALUES.items()}
    row["target"] = draw(_VALUES["target"])
    row["target_service_name"] = row["target"].partition("/")[0]
    row["status"] = draw(_VALUES["status"])
    return {name: value for name, value in row.items() if value is not None}


def _of_a_column(kind, *arguments):
    return st.sampled_from(COLUMNS).flatmap(lambda column: kind(column, *arguments))


_COMPARED = _of_a_column(
    lambda column: st.builds(Compare, st.just(column), st.sampled_from(Operator), st.none() | _VALUES[column])
)
_LISTED = _of_a_column(
    lambda column: st.builds(OneOf, st.just(column), st.frozensets(st.none() | _VALUES[column], min_size=1, max_size=3))
)
_LIKED = st.builds(Like, st.sampled_from(_TEXTS), _PATTERNS, st.booleans())
_TESTS = _COMPARED | _LISTED | _LIKED | st.builds(IsNull, st.sampled_from(COLUMNS))

conditions = st.recursive(
    _TESTS | st.builds(Constant, st.none() | st.booleans()),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


# -- in whose words


def write(condition: Condition, *, is_sqlite: bool) -> str:
    def inner(one: Condition) -> str:
        return f"({write(one, is_sqlite=is_sqlite)})"

    match condition:
        case Constant(truth):
            return "NULL" if truth is None else str(truth)
        case Not(denied):
            return f"NOT {inner(denied)}"
        case All(several):
            return " AND ".join(map(inner, several))
        case AnyOf(several):
            return " OR ".join(map(inner, several))
        case _:
            return _test(condition, is_sqlite=is_sqlite)


def _test(test: Test, *, is_sqlite: bool) -> str:
    is_time = INVOCATION.columns[test.column] is Kind.TIME and not is_sqlite
    match test:
        case Compare(column, operator, value):
            return f"{column} {operator.value} {_literal(value, is_time=is_time)}"
        case OneOf(column, values):
            return f"{column} IN ({', '.join(_literal(value, is_time=is_time) for value in values)})"
        case Like(column, pattern, is_case_sensitive):
            return _like(column, pattern, is_case_sensitive=is_case_sensitive, is_sqlite=is_sqlite)
        case IsNull(column):
            return f"{column} IS NULL"
        case _:
            assert_never(test)


def _literal(value: Value, *, is_time: bool) -> str:
    if value is None:
        return "NULL"
    if is_time:
        assert isinstance(value, int)
        return f"'{datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec='milliseconds')}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def _like(column: str, pattern: str, *, is_case_sensitive: bool, is_sqlite: bool) -> str:
    if not is_sqlite:
        return f"{column} {'LIKE' if is_case_sensitive else 'ILIKE'} '{pattern}'"
    if is_case_sensitive:
        return f"{column} LIKE '{pattern}' ESCAPE '\\'"
    return f"lower({column}) LIKE lower('{pattern}') ESCAPE '\\'"


# -- the judge


class Judge:
    """SQLite with one table, `sys_invocation`."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("PRAGMA case_sensitive_like = ON")
        types = ", ".join(f"{name} {'TEXT' if name in _TEXTS else 'INTEGER'}" for name in COLUMNS)
        self._connection.execute(f"CREATE TABLE sys_invocation ({types})")

    def fill(self, held) -> None:
        self._connection.execute("DELETE FROM sys_invocation")
        marks = ", ".join("?" * len(COLUMNS))
        values = [[row.get(name) for name in COLUMNS] for row in held]
        self._connection.executemany(f"INSERT INTO sys_invocation VALUES ({marks})", values)

    def ask(self, text: str) -> list[tuple[object, ...]]:
        return self._connection.execute(text).fetchall()

    def close(self) -> None:
        self._connection.close()
