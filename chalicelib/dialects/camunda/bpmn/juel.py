r"""Read JUEL, Camunda's expression language, into a tree.

    choice := or ["?" choice ":" choice]        compare := add {("<" | ">" | "<=" | ">=") add}
    or     := and {"||" and}                    add     := mul {("+" | "-") mul}
    and    := equal {"&&" equal}                mul     := unary {("*" | "/" | "%") unary}
    equal  := compare {("==" | "!=") compare}   unary   := ("!" | "-" | "empty") unary | value

Every operator has its word (`or and eq ne lt gt le ge div mod not`). A value is a literal, a variable, `a.b`,
`a['b']`, or one of `execution`'s `getVariable`, `hasVariable` and, alone, `setVariable`. In a literal text a backslash
stands before a backslash or the text's own quote only.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib.core.json_values import Json
from chalicelib.core.operations import MAX_DIGITS


class JuelInvalid(Exception):
    """A text is no expression, or one that has no meaning here."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Json


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Has:
    """Whether there is a variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    holder: "Node"
    key: "Node"


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Choice:
    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class SetVariable:
    """What a listener does; it has no value."""

    name: str
    value: "Node"


Node = Literal | Name | Has | Field | Unary | Binary | Choice

MAX_DEPTH = 32  # operations in one another: our expressions allow no more
MAX_TOKENS = 250  # more than ours has parts

_WORDS = {
    "or": "||", "and": "&&", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
    "div": "/", "mod": "%", "not": "!", "empty": "empty",
}  # fmt: skip
_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<name>[^\W\d][\w$]*|\$[\w$]*)
      | (?P<mark>\|\||&&|==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])
      | (?P<end>\})
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_OBJECTS = frozenset({"execution", "task"})
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    end: int


def read_embedded(text: str, start: int) -> tuple[Node | SetVariable, int]:
    """Read the expression that begins behind a `${`; answer it and where the text goes on."""
    reading = _Reading(text, start)
    return reading.whole(), reading.end


def _tokens(text: str, start: int) -> Iterator[_Token]:
    while match := _TOKEN.match(text, start):
        kind, start = match.lastgroup or "", match.end()
        word = _WORDS.get(match[kind]) if kind == "name" else None
        yield _Token("mark", word, start) if word else _Token(kind, match[kind], start)
        if kind == "end":
            return
    rest = text[start:].strip()
    raise JuelInvalid(f"syntax error at '{rest[:20]}'" if rest else "the expression is not closed by '}'")


class _Reading:
    def __init__(self, text: str, start: int) -> None:
        self._tokens = list(islice(_tokens(text, start), MAX_TOKENS))
        if self._tokens[-1].kind != "end":
            raise JuelInvalid(f"the expression has more than {MAX_TOKENS} parts")
        self._next = 0
        self._depth = 0
        self.end = self._tokens[-1].end

    def whole(self) -> Node | SetVariable:
        read = self._assignment() or self._choice()
        if self._tokens[self._next].kind != "end":
            raise self._unexpected()
        return read

    # -- tokens

    def _peek(self) -> str:
        token = self._tokens[self._next]
        return token.text if token.kind == "mark" else ""

    def _is(self, *marks: str) -> bool:
        return self._peek() in marks

    def _take(self, kind: str = "mark") -> str:
        token = self._tokens[self._next]
        if token.kind != kind:
            raise self._unexpected()
        self._next += 1
        return token.text

    def _skip(self, mark: str) -> None:
        if not self._is(mark):
            raise self._unexpected()
        self._next += 1

    def _unexpected(self) -> JuelInvalid:
        return JuelInvalid(f"'{self._tokens[self._next].text}' is not expected there")

    # -- the grammar

    def _nested(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise JuelInvalid(f"more than {MAX_DEPTH} operations in one another")
        node = read()
        self._depth -= 1
        return node

    def _choice(self) -> Node:
        condition = self._level(0)
        if not self._is("?"):
            return condition
        self._skip("?")
        then = self._nested(self._choice)
        self._skip(":")
        return Choice(condition, then, self._nested(self._choice))

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self._is(*_LEVELS[level]):
            operator = self._take()
            left = Binary(operator, left, self._level(level + 1))
        return left

    def _unary(self) -> Node:
        if not self._is("!", "-", "empty"):
            return self._path()
        operator = self._take()
        return Unary(operator, self._nested(self._unary))

    def _path(self) -> Node:
        node = self._value()
        while self._is(".", "["):
            if self._take() == ".":
                node = Field(node, Literal(self._take("name")))
            else:
                node = Field(node, self._nested(self._choice))
                self._skip("]")
            if self._is("("):
                raise JuelInvalid("methods of objects cannot be called")
        return node

    def _value(self) -> Node:
        kind = self._tokens[self._next].kind
        if self._is("("):
            self._skip("(")
            node = self._nested(self._choice)
            self._skip(")")
            return node
        if kind == "number":
            return Literal(_number(self._take("number")))
        if kind == "text":
            return Literal(_unquoted(self._take("text")))
        return self._named(self._take("name"))

    def _named(self, name: str) -> Node:
        if self._is("(", ":"):
            self._refuse_function(name)
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name])
        if name not in _OBJECTS:
            return Name(name)
        self._check_object(name)
        method = self._method()
        variable = self._first_argument()
        self._skip(")")
        return Name(variable) if method == "getVariable" else Has(variable)

    def _refuse_function(self, name: str) -> None:
        following = self._tokens[self._next + 1 : self._next + 3]
        if self._is("(") or (len(following) > 1 and following[0].kind == "name" and following[1].text == "("):
            raise JuelInvalid(f"the function '{name}' is not supported")

    def _check_object(self, name: str) -> None:
        following = self._tokens[self._next : self._next + 3]
        if [following[0].text, following[-1].text] != [".", "("]:
            raise JuelInvalid(f"of '{name}' only getVariable, hasVariable and setVariable are supported")

    def _method(self) -> str:
        self._skip(".")
        method = self._take("name")
        self._skip("(")
        if method == "setVariable":
            raise JuelInvalid("'setVariable' must stand alone")
        if method not in {"getVariable", "hasVariable"}:
            raise JuelInvalid(f"the method '{method}' is not supported")
        return method

    def _first_argument(self) -> str:
        if self._tokens[self._next].kind != "text":
            raise JuelInvalid("a variable must be named by a literal text")
        return _unquoted(self._take("text"))

    def _assignment(self) -> SetVariable | None:
        first = [token.text for token in self._tokens[:4]]
        if first[0] not in _OBJECTS or first[1:] != [".", "setVariable", "("]:
            return None
        self._next = 4
        name = self._first_argument()
        self._skip(",")
        value = self._choice()
        self._skip(")")
        return SetVariable(name, value)


def _number(text: str) -> int | float:
    if text.isdecimal() and len(text) > MAX_DIGITS:
        raise JuelInvalid("a number is too large")
    return int(text) if text.isdecimal() else float(text)


def _unquoted(text: str) -> str:
    """Answer what a literal text says."""
    quote, inner = text[0], text[1:-1]

    def meant(escape: re.Match[str]) -> str:
        if escape[1] not in {"\\", quote}:
            raise JuelInvalid(f"invalid escape sequence \\{escape[1]}")
        return escape[1]

    return re.sub(r"\\(.)", meant, inner, flags=re.DOTALL)
