"""Literals, read as what the column beside them holds.

Times are texts (ISO 8601, UTC unless they say otherwise), casts of such texts, `now()`, and these plus or minus an
interval. DataFusion compares a number with a text that is one, and a text with a number as it was written.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlglot import exp

from chalicelib.dialects.restate.sql.queries import Value
from chalicelib.dialects.restate.sql.refusals import QueryMeaningless
from chalicelib.dialects.restate.sql.syntax import operands, unsupported
from chalicelib.dialects.restate.sql.tables import Kind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE: Final = re.compile(r"-?[0-9]{1,30}")
_DECIMAL: Final = re.compile(r"-?[0-9]{0,30}\.?[0-9]{1,30}(?:[eE][+-]?[0-9]{1,3})?")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_TIMES: Final = frozenset({exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.DATE})
_UNITS: Final = {
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
    "WEEK": timedelta(weeks=1),
}


def read_value(node: exp.Expr, kind: Kind, at: int) -> Value:
    """Read a literal that is compared with a column of this kind; `at` is `now()` (ms)."""
    if isinstance(node, exp.Null):
        return None
    match kind:
        case Kind.TEXT:
            return _read_text(node)
        case Kind.NUMBER:
            return read_number(node)
        case Kind.BOOLEAN:
            return _read_boolean(node)
        case Kind.TIME:
            return _read_time(node, at)
        case _:
            raise unsupported(node)


def _read_text(node: exp.Expr) -> str:
    match node:
        case exp.Literal() | exp.Neg():
            return str(node.name) if isinstance(node, exp.Literal) else f"-{_read_text(node.this)}"
        case _:
            raise unsupported(node)


def read_number(node: exp.Expr) -> int | float:
    text = _read_text(node)
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    raise QueryMeaningless(f"{node.sql()} is no number")


def _read_boolean(node: exp.Expr) -> bool:
    if not isinstance(node, exp.Boolean):
        raise unsupported(node)
    return bool(node.this)


def _read_time(node: exp.Expr, at: int) -> int:
    match node:
        case exp.Literal(is_string=True):
            return _instant(node.name)
        case exp.Cast(to=exp.DataType(this=target)) if target in _TIMES:
            return _read_time(node.this, at)
        case exp.UnixToTime(this=exp.Literal(is_string=True) as text):
            return _instant(text.name)
        case exp.CurrentTimestamp():
            return at
        case exp.Sub(this=moment, expression=exp.Interval() as interval):
            return _read_time(moment, at) - _read_interval(interval)
        case exp.Add(this=moment, expression=exp.Interval() as interval):
            return _read_time(moment, at) + _read_interval(interval)
        case _:
            raise unsupported(node)


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise QueryMeaningless(f"'{text[:40]}' is no time") from error
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (known - _EPOCH) // timedelta(milliseconds=1)


def _read_interval(node: exp.Interval) -> int:
    count, unit = operands(node, "this", "unit")
    length = _UNITS.get(unit.name.upper().removesuffix("S"))
    if length is None or not _COUNT.fullmatch(count.name):
        raise unsupported(node)
    return int(count.name) * (length // timedelta(milliseconds=1))
