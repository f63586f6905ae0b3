"""What must be true of every row that matches, as far as an index could use it.

A hint is a superset: a row that matches is always within it, one that does not may be. What is joined by AND narrows,
what is joined by OR widens; anything else says nothing.

| condition                                              | says                                        |
|--------------------------------------------------------|---------------------------------------------|
| `id = 'inv_1…'`, `id IN (…)`                           | which runs                                  |
| `target_service_name = 'S'`, `target = 'S/h'`, IN, …   | which services                              |
| `target LIKE 'S/%'`                                    | which service: what stands before the slash |
| `status = 's'`, `IN`, `<>`, `NOT IN`                   | which statuses                              |
| `created_at >= …`, `<`, `=`, BETWEEN                   | from when, up to when                       |
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import cast

from chalicelib.dialects.restate.sql.conditions import fixed_prefix
from chalicelib.dialects.restate.sql.queries import (
    All,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Like,
    Not,
    OneOf,
    Operator,
    Query,
    Test,
)

_Names = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Hints:
    """None: any. Times are milliseconds, both included. No ids: nothing matches."""

    ids: frozenset[str] | None = None
    services: frozenset[str] | None = None
    statuses: frozenset[str] | None = None
    created_from: int | None = None
    created_to: int | None = None


_NOTHING = Hints(ids=frozenset())
_ANYTHING = Hints()


def hints(query: Query) -> Hints:
    """Answer where every row that matches is found."""
    return _hints(query.where, query.table.statuses)


def _hints(condition: Condition, statuses: frozenset[str]) -> Hints:
    match condition:
        case Constant(truth):
            return _ANYTHING if truth else _NOTHING
        case All(conditions):
            return reduce(_both, (_hints(one, statuses) for one in conditions))
        case AnyOf(conditions):
            return reduce(_either, (_hints(one, statuses) for one in conditions))
        case Not(inner):
            return _denied(inner, statuses)
        case Compare("status", Operator.NOT_EQUAL, value):
            return Hints(statuses=statuses - {str(value)})
        case _:
            return _said(condition)


def _denied(condition: Condition, statuses: frozenset[str]) -> Hints:
    """Answer what follows from a condition that does not hold."""
    match condition:
        case Compare("status", Operator.EQUAL, value):
            return Hints(statuses=statuses - {str(value)})
        case OneOf("status", values):
            return Hints(statuses=statuses - {str(value) for value in values})
        case _:
            return _ANYTHING


def _said(test: Test) -> Hints:
    match test:
        case Compare(column, Operator.EQUAL, value):
            return _among(column, frozenset({value}))
        case OneOf(column, values):
            return _among(column, values)
        case Compare("created_at", operator, int(at)):
            return _times(operator, at)
        case Like("target", pattern, True) if "/" in (prefix := fixed_prefix(pattern)):
            return Hints(services=frozenset({_service(prefix)}))
        case _:
            return _ANYTHING


def _among(column: str, values: frozenset[object]) -> Hints:
    """Say what follows if a column has one of these values; it never equals NULL."""
    known = values - {None}
    names = frozenset(str(value) for value in known)
    match column:
        case "id":
            return Hints(ids=names)
        case "status":
            return Hints(statuses=names)
        case "target_service_name":
            return Hints(services=names)
        case "target":
            return Hints(services=frozenset(map(_service, names)))
        case "created_at" if known:
            times = cast("frozenset[int]", known)
            return Hints(created_from=min(times), created_to=max(times))
        case _:
            return _ANYTHING if known else _NOTHING


def _service(target: str) -> str:
    return target.partition("/")[0]


def _times(operator: Operator, at: int) -> Hints:
    match operator:
        case Operator.GREATER:
            return Hints(created_from=at + 1)
        case Operator.GREATER_OR_EQUAL:
            return Hints(created_from=at)
        case Operator.LESS:
            return Hints(created_to=at - 1)
        case Operator.LESS_OR_EQUAL:
            return Hints(created_to=at)
        case _:
            return _ANYTHING


# -- two hints


def _both(one: Hints, other: Hints) -> Hints:
    return Hints(
        ids=_common(one.ids, other.ids),
        services=_common(one.services, other.services),
        statuses=_common(one.statuses, other.statuses),
        created_from=_known(max, one.created_from, other.created_from),
        created_to=_known(min, one.created_to, other.created_to),
    )


def _either(one: Hints, other: Hints) -> Hints:
    if _NOTHING in (one, other):
        return other if one == _NOTHING else one
    return Hints(
        ids=_joined(one.ids, other.ids),
        services=_joined(one.services, other.services),
        statuses=_joined(one.statuses, other.statuses),
        created_from=_if_both(min, one.created_from, other.created_from),
        created_to=_if_both(max, one.created_to, other.created_to),
    )


def _common(one: _Names, other: _Names) -> _Names:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _joined(one: _Names, other: _Names) -> _Names:
    return None if one is None or other is None else one | other


def _known(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _if_both(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else choose(one, other)
