"""What an expression may do with values: operators, functions and look-ups, each within limits.

An operation that its values do not allow raises what Python raises for it: an ArithmeticError, a LookupError, a
TypeError or a ValueError. So does one that would give a number out of range or take too much work.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import partial
from types import NoneType
from typing import Any

from chalicelib.core.json_values import Json, canonical_json

MAX_INTEGER = 10**38  # DynamoDB's numbers have 38 digits
MAX_EXPONENT = 126  # 2 ** 127 is above MAX_INTEGER
MAX_DIGITS = 38  # to round to; round(1, -(10**9)) would make a number of a billion digits
MAX_REPEATED = 256 * 1024  # characters that one `*` gives: no more than a result may have
MAX_WORK = 1024 * 1024  # characters that one evaluation handles: four results of the largest size

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    NoneType: "null",
}


def as_text(value: Json) -> str:
    """Write a value into a text: a text as it is, anything else as compact JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def is_in_range(value: object) -> bool:
    """Tell whether a value, if it is a number, is one that JSON and we can hold."""
    match value:
        case int():
            return abs(value) <= MAX_INTEGER
        case float():
            return math.isfinite(value)
        case _:
            return not isinstance(value, complex)


def field(container: Json, name: str) -> Json:
    """Answer a field of an object; never an attribute of a Python object."""
    if isinstance(container, dict) and name in container:
        return container[name]
    raise LookupError(f"{_KINDS[type(container)]} has no field '{name}'")


def item(container: Json, key: object) -> Json:
    """Answer a field of an object, or an element or a slice of a list or a text."""
    if isinstance(key, str):
        return field(container, key)
    if isinstance(container, list | str) and isinstance(key, int | slice):
        return container[key]
    raise LookupError(f"{_KINDS[type(container)]} has no such element")


class Meter:
    """The operations by key, each charged with the texts, lists and objects that it handles."""

    def __init__(self) -> None:
        self._left = MAX_WORK

    def __getitem__(self, key: type[ast.AST] | str) -> Callable[..., Json]:
        function = OPERATORS[key] if isinstance(key, type) else FUNCTIONS[key]
        return function if function in _FREE else partial(self._apply, function)

    def charge(self, *values: Json) -> None:
        """Take these values' size from what is left; raise ValueError when nothing is."""
        self._left -= sum(map(_size, values))
        if self._left < 0:
            raise ValueError("too much work")

    def _apply(self, function: Callable[..., Json], *operands: Json) -> Json:
        self.charge(*operands)
        result = function(*operands)
        if not is_in_range(result):
            raise OverflowError("a number is too large, or not a number")
        return result


def _size(value: Json) -> int:
    match value:
        case str():
            return len(value)
        case list() | dict():
            return len(canonical_json(value))
        case _:
            return 0


def _multiply(left: Any, right: Any) -> Any:
    for repeated, times in ((left, right), (right, left)):
        if isinstance(times, int) and _size(repeated) * times > MAX_REPEATED:
            raise ValueError("a repetition is too long")
    return left * right


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):  # in Python this formats, to any width
        raise TypeError("a text has no remainder")
    return left % right


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int):
        is_growing = abs(base) > 1 and exponent > MAX_EXPONENT
        if is_growing or not is_in_range(base):
            raise OverflowError("a power is too large")
    return base**exponent


def _contains(element: Any, container: Any) -> bool:
    return element in container


def _lacks(element: Any, container: Any) -> bool:
    return element not in container


def _smallest(first: Any, *others: Any) -> Any:
    return min(first, *others)


def _largest(first: Any, *others: Any) -> Any:
    return max(first, *others)


def _total(numbers: Any) -> Any:
    return sum(numbers)


def _rounded(number: Any, digits: int | None = None) -> Any:
    if digits is not None and abs(digits) > MAX_DIGITS:
        raise ValueError(f"more than {MAX_DIGITS} digits")
    return round(number, digits)


def _integer(value: Any) -> int:
    return int(value)


def _float(value: Any) -> float:
    return float(value)


OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _remainder,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _contains,
    ast.NotIn: _lacks,
}

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "float": _float,
    "int": _integer,
    "len": len,
    "lower": str.lower,
    "max": _largest,
    "min": _smallest,
    "round": _rounded,
    "str": as_text,
    "sum": _total,
    "upper": str.upper,
}

_FREE = frozenset({len, operator.not_})  # they do not look inside
