"""How long to wait before the n-th retry, as an arithmetic expression that gives milliseconds.

| construct                                     | meaning                                     |
|-----------------------------------------------|---------------------------------------------|
| `1000`, `0.5`, `1e3`                          | numbers; all are calculated with as floats  |
| `retried`                                     | how often it was tried again: 0 at first    |
| `+ - * /`, parentheses                        | as in arithmetic                            |
| `pow sqrt abs exp floor ceil round min max`   | functions                                   |

What is accepted has a value for every retry that there can be.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from chalicelib.core.errors import Invalid

MAX_RETRIES = 19
MAX_DELAY_MS = 7 * 86_400_000
MAX_TEXT = 500  # characters
_MAX_DEPTH = 32  # operations in one another
_MAX_QUOTED = 100

_WRITTEN = re.compile(r"[A-Za-z0-9.+\-*/(), ]+")
_NO_NUMBER = re.compile(r"[0-9][a-df-zA-DF-Z]")  # `0x10`, `1if`: numbers are decimal, and stand by themselves
_OPERATORS: Mapping[type[ast.AST], Callable[..., float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.USub: lambda value: -value,
    ast.UAdd: lambda value: value,
}
_FUNCTIONS: Mapping[str, tuple[Callable[..., float], range]] = {
    "pow": (math.pow, range(2, 3)),
    "sqrt": (math.sqrt, range(1, 2)),
    "abs": (abs, range(1, 2)),
    "exp": (math.exp, range(1, 2)),
    "floor": (math.floor, range(1, 2)),
    "ceil": (math.ceil, range(1, 2)),
    "round": (round, range(1, 2)),
    "min": (min, range(2, 20)),
    "max": (max, range(2, 20)),
}
"""Each with the numbers of arguments that it takes."""


class RetryDelayInvalid(Invalid):
    code = "invalid_retry_delay"

    def __init__(self, text: str, problem: str) -> None:
        quoted = text[:_MAX_QUOTED].encode(errors="backslashreplace").decode()
        super().__init__(f"The retry delay '{quoted}' is no expression that can be used: {problem}.", problem=problem)


def check_retry_delay(text: str) -> None:
    """Raise `RetryDelayInvalid` unless a text has a finite value for every retry that there can be."""
    for retried in range(MAX_RETRIES + 1):
        retry_delay_ms(text, retried)


def retry_delay_ms(text: str, retried: int) -> int:
    """Answer the delay (ms) before one more retry: none for a negative one, `MAX_DELAY_MS` for a longer one."""
    tree = _parsed(text)
    try:
        value = _value(tree, float(retried))
    except (ArithmeticError, ValueError) as error:
        raise RetryDelayInvalid(text, f"it has no value for retried = {retried}") from error
    if not math.isfinite(value):
        raise RetryDelayInvalid(text, f"it has no finite value for retried = {retried}")
    return min(max(0, round(value)), MAX_DELAY_MS)


@lru_cache(maxsize=128)
def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_TEXT:
        raise RetryDelayInvalid(text, f"it has more than {MAX_TEXT} characters")
    if not _WRITTEN.fullmatch(text) or _NO_NUMBER.search(text):
        raise RetryDelayInvalid(text, "it may hold numbers, names, + - * / and parentheses alone")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise RetryDelayInvalid(text, "it is not well-formed") from error
    _check(text, tree, _MAX_DEPTH)
    return tree


def _check(text: str, node: ast.expr, depth: int) -> None:
    """Raise `RetryDelayInvalid` for whatever the table above does not have."""
    if depth == 0:
        raise RetryDelayInvalid(text, f"it is nested more than {_MAX_DEPTH} deep")
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            operands: list[ast.expr] = []
        case ast.Name(id="retried"):
            operands = []
        case ast.UnaryOp(op, operand) if type(op) in _OPERATORS:
            operands = [operand]
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            operands = [left, right]
        case ast.Call(ast.Name(id=name), args, []) if name in _FUNCTIONS and len(args) in _FUNCTIONS[name][1]:
            operands = args
        case _:
            raise RetryDelayInvalid(text, "it knows 'retried', numbers, + - * / and a few functions alone")
    for operand in operands:
        _check(text, operand, depth - 1)


def _value(node: ast.expr, retried: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name():
            return retried
        case ast.UnaryOp(op, operand):
            return _OPERATORS[type(op)](_value(operand, retried))
        case ast.BinOp(left, op, right):
            return _OPERATORS[type(op)](_value(left, retried), _value(right, retried))
        case _:
            assert isinstance(node, ast.Call)  # `_check` has refused everything else
            assert isinstance(node.func, ast.Name)
            return float(_FUNCTIONS[node.func.id][0](*(_value(argument, retried) for argument in node.args)))
