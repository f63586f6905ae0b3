r"""Write JUEL's trees as our expressions.

| JUEL                      | ours                                                                               |
|---------------------------|------------------------------------------------------------------------------------|
| `a ? b : c`               | `b if a else c`                                                                    |
| `a == b == c`             | `(a == b) == c`: ours would chain                                                  |
| `!a == b`                 | `(not a) == b`: `not` binds looser here                                            |
| `a % b`                   | `a % abs(b) if a >= 0 else -(-a % abs(b))`: Java's remainder has the dividend's sign |
| `empty a`                 | `a in [null, "", [], {}]`                                                          |
| `a.class`                 | `a["class"]`, where a word means something here                                    |
| `execution.hasVariable()` | `exists(a)`                                                                        |

Values are not converted: JUEL compares `'1'` and `1` as numbers, takes null for 0 and for false, and answers null for a
field that is not there. Here the first are unequal, and the others fail the run.
"""

import json
import keyword
import math
import re
from collections.abc import Mapping
from typing import assert_never

from chalicelib.core.expressions import MAX_TEXT, ExpressionInvalid, check_expression
from chalicelib.core.json_values import Json
from chalicelib.dialects.camunda.bpmn.juel import (
    Binary,
    Choice,
    Field,
    Has,
    JuelInvalid,
    Literal,
    Name,
    Node,
    SetVariable,
    Unary,
    read_embedded,
)

Known = Mapping[str, Node | None]
"""Names that stand for something else; None for what no expression can say."""

NOTHING_KNOWN: Known = {}

_CHOICE, _OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _NEGATE, _ATOM = range(9)
_OPERATORS = {
    "||": ("or", _OR), "&&": ("and", _AND), "+": ("+", _ADD), "-": ("-", _ADD), "*": ("*", _MULTIPLY),
    "/": ("/", _MULTIPLY), **{mark: (mark, _COMPARE) for mark in ("==", "!=", "<", ">", "<=", ">=")},
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_CONSTANTS = frozenset({"true", "false", "null"})
_OPENING = re.compile(r"(\\?)[$#]\{")


def write_expression(node: Node) -> str:
    """Write a tree as an expression of ours; raise `JuelInvalid` for what ours cannot say."""
    text, _ = _written(node)
    try:
        check_expression(text)
    except ExpressionInvalid as error:
        raise JuelInvalid(error.reason) from error
    return text


def _written(node: Node) -> tuple[str, int]:
    text, level = _text(node)
    if len(text) > MAX_TEXT:  # at once, since an operand may be written several times
        raise JuelInvalid(f"more than {MAX_TEXT} characters")
    return text, level


def _text(node: Node) -> tuple[str, int]:
    """Answer a text, and how tightly it holds together."""
    match node:
        case Literal(value):
            return _literal(value), _ATOM
        case Name(name):
            return _variable(name), _ATOM
        case Has(name):
            return f"exists({_variable(name)})", _ATOM
        case Field(holder, key):
            return _field(holder, key), _ATOM
        case Unary(operator, operand):
            return _unary(operator, operand)
        case Binary(operator, left, right):
            return _binary(operator, left, right)
        case Choice(condition, then, otherwise):
            return f"{_at(then, _OR)} if {_at(condition, _OR)} else {_at(otherwise, _CHOICE)}", _CHOICE
        case _:
            assert_never(node)


def _at(node: Node, level: int) -> str:
    text, own = _written(node)
    return text if own >= level else f"({text})"


def _literal(value: Json) -> str:
    if isinstance(value, float) and math.isinf(value):
        raise JuelInvalid("a number is too large")
    return json.dumps(value, ensure_ascii=False)


def _is_plain(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not keyword.iskeyword(name)


def _variable(name: str) -> str:
    if not _is_plain(name) or name in _CONSTANTS:
        raise JuelInvalid(f"'{name}' cannot be the name of a variable in an expression")
    return name


def _field(holder: Node, key: Node) -> str:
    inside = f"({_literal(holder.value)})" if isinstance(holder, Literal) else _at(holder, _ATOM)
    if isinstance(key, Literal) and isinstance(key.value, str) and _is_plain(key.value):
        return f"{inside}.{key.value}"
    return f"{inside}[{_at(key, _CHOICE)}]"


def _unary(operator: str, operand: Node) -> tuple[str, int]:
    match operator:
        case "!":
            return f"not {_at(operand, _NOT)}", _NOT
        case "-":
            return f"-{_at(operand, _NEGATE)}", _NEGATE
        case _:
            return f'{_at(operand, _ADD)} in [null, "", [], {{}}]', _COMPARE


def _binary(operator: str, left: Node, right: Node) -> tuple[str, int]:
    if operator == "%":
        return _remainder(left, right)
    if operator == "+" and any(isinstance(one, Literal) and isinstance(one.value, str) for one in (left, right)):
        raise JuelInvalid("'+' adds numbers, and does not join texts")
    word, level = _OPERATORS[operator]
    is_chaining = level == _COMPARE
    return f"{_at(left, level + is_chaining)} {word} {_at(right, level + 1)}", level


def _remainder(left: Node, right: Node) -> tuple[str, int]:
    is_positive = isinstance(right, Literal)
    divisor = _at(right, _NEGATE) if is_positive else f"abs({_at(right, _CHOICE)})"
    minus = Unary("-", left)
    text = f"{_at(left, _MULTIPLY)} % {divisor} if {_at(left, _ADD)} >= 0 else -({_at(minus, _MULTIPLY)} % {divisor})"
    return text, _CHOICE


# -- names


def names_in(node: Node) -> frozenset[str]:
    """Answer the variables that an expression reads."""
    match node:
        case Literal():
            return frozenset()
        case Name(name) | Has(name):
            return frozenset({name})
        case Field(left, right) | Binary(_, left, right):
            return names_in(left) | names_in(right)
        case Unary(_, operand):
            return names_in(operand)
        case Choice(condition, then, otherwise):
            return names_in(condition) | names_in(then) | names_in(otherwise)
        case _:
            assert_never(node)


def put_in(node: Node, known: Known) -> Node:
    """Put what is known of names in their places."""
    match node:
        case Literal():
            return node
        case Name(name):
            return _meant(name, known)
        case Has(name):
            return Literal(value=True) if name in known else node
        case Field(holder, key):
            return Field(put_in(holder, known), put_in(key, known))
        case Unary(operator, operand):
            return Unary(operator, put_in(operand, known))
        case Binary(operator, left, right):
            return Binary(operator, put_in(left, known), put_in(right, known))
        case Choice(condition, then, otherwise):
            return Choice(put_in(condition, known), put_in(then, known), put_in(otherwise, known))
        case _:
            assert_never(node)


def _meant(name: str, known: Known) -> Node:
    meant = known.get(name, Name(name))
    if meant is None:
        raise JuelInvalid(f"'{name}' cannot be read there: it is a local variable of the element")
    return meant


# -- texts


def read_parts(text: str) -> list[str | Node | SetVariable]:
    """Divide a text into what stands as it is and its expressions; nothing is empty."""
    parts: list[str | Node | SetVariable] = []
    plain, end = "", 0
    while opening := _OPENING.search(text, end):
        plain += text[end : opening.start()]
        end = opening.end()
        if opening[1]:
            plain += opening[0][1:]
            continue
        expression, end = read_embedded(text, end)
        parts += [plain, expression] if plain else [expression]
        plain = ""
    plain += text[end:]
    return [*parts, plain] if plain else parts


def read_expression(text: str) -> Node | SetVariable:
    """Read a text that is one expression and nothing else."""
    match read_parts(text.strip()):
        case [part] if not isinstance(part, str):
            return part
        case _:
            raise JuelInvalid("'${…}' is expected, and nothing beside it")


def read_value(text: str) -> Node:
    """Read a text that is one expression with a value."""
    node = read_expression(text)
    if isinstance(node, SetVariable):
        raise JuelInvalid("'setVariable' has no value")
    return node


def template(parts: list[str | Node | SetVariable], known: Known = NOTHING_KNOWN) -> str:
    """Write a text with expressions as a template of ours: null is written as nothing, as JUEL does."""
    match parts:
        case [part] if not isinstance(part, str | SetVariable):
            return "${" + write_expression(put_in(part, known)) + "}"
        case _:
            return "".join(_template_part(part, parts[index + 1 :], known) for index, part in enumerate(parts))


def _template_part(part: str | Node | SetVariable, following: list[str | Node | SetVariable], known: Known) -> str:
    if isinstance(part, SetVariable):
        raise JuelInvalid("'setVariable' has no value")
    if isinstance(part, str):
        text = part.replace("${", "$${")
        return f'{text[:-1]}${{"$"}}' if following and text.endswith("$") else text
    node = put_in(part, known)
    if isinstance(node, Name | Field | Choice):
        node = Choice(Binary("==", node, Literal(None)), Literal(""), node)
    return "${" + write_expression(node) + "}"
