"""Whether a row is meant: SQL's three-valued logic, where what is compared with NULL is neither true nor false."""

import operator
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, assert_never

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
    Query,
    Test,
)
from chalicelib.dialects.restate.sql.tables import Row

_COMPARE: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def matches(query: Query, row: Row) -> bool:
    """Say whether a row of the query's table is meant: what is unknown is not."""
    return truth(query.where, row) is True


def truth(condition: Condition, row: Row) -> bool | None:
    """Answer whether a condition holds of a row; None if that is unknown."""
    match condition:
        case Constant(known):
            return known
        case Not(inner):
            known = truth(inner, row)
            return None if known is None else not known
        case All(conditions):
            return _first_or_unknown((truth(one, row) for one in conditions), decisive=False)
        case AnyOf(conditions):
            return _first_or_unknown((truth(one, row) for one in conditions), decisive=True)
        case _:
            return _tested(condition, row.get(condition.column))


def _tested(test: Test, held: Any) -> bool | None:
    """Answer whether a test holds of what a row has in its column."""
    match test:
        case IsNull():
            return held is None
        case Compare(_, sign, value):
            return compared(sign, held, value)
        case OneOf(_, values):
            return _one_of(held, values)
        case Like():
            return None if held is None else is_like(held, test)
        case _:
            assert_never(test)


def compared(sign: Operator, one: Any, other: Any) -> bool | None:
    """Compare two values of one kind."""
    return None if one is None or other is None else _COMPARE[sign](one, other)


def _one_of(held: Any, values: frozenset[Any]) -> bool | None:
    if held is None:
        return None
    if held in values:
        return True
    return None if None in values else False


def _first_or_unknown(truths: Iterable[bool | None], *, decisive: bool) -> bool | None:
    """Answer the truth that decides alone if there is one, else unknown if any is, else the other."""
    is_unknown = False
    for one in truths:
        if one is decisive:
            return decisive
        is_unknown = is_unknown or one is None
    return None if is_unknown else not decisive


# -- LIKE


def is_like(text: str, like: Like) -> bool:
    """Say whether a text is like a pattern, in time that grows with both and never with their power."""
    (first, _), *rest = _pieces(like.pattern, like.is_case_sensitive)
    if not rest:
        return first.fullmatch(text) is not None
    found = first.match(text)
    for piece, _ in rest[:-1]:
        found = found and piece.search(text, found.end())
    last, width = rest[-1]
    return found is not None and len(text) - width >= found.end() and bool(last.fullmatch(text, len(text) - width))


@lru_cache(maxsize=64)
def _pieces(pattern: str, is_case_sensitive: bool) -> tuple[tuple[re.Pattern[str], int], ...]:
    """Compile what stands between `%`s. Each piece has one length, so the leftmost match of each leaves most room."""
    flags = re.DOTALL if is_case_sensitive else re.DOTALL | re.IGNORECASE
    pieces: list[list[str]] = [[]]
    for wildcard in re.finditer(r"\\([%_\\])|(%)|(_)|(.)", pattern, re.DOTALL):
        escaped, many, one, plain = wildcard.groups()
        if many:
            pieces.append([])
        else:
            pieces[-1].append("." if one else re.escape(escaped or plain))
    return tuple((re.compile("".join(piece), flags), len(piece)) for piece in pieces)


def fixed_prefix(pattern: str) -> str:
    """Answer what every text that is like a pattern begins with."""
    prefix = ""
    for wildcard in re.finditer(r"\\([%_\\])|([%_])|(.)", pattern, re.DOTALL):
        escaped, any_text, plain = wildcard.groups()
        if any_text:
            break
        prefix += escaped or plain
    return prefix
