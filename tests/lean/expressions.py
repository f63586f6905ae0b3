"""DynamoDB's expressions as functions: read once by their text, then called with an item, names and values.

Attribute paths are top-level names, and places in their lists (`#0[3]`): whatever else this project keeps inside an
item is bytes. A path with a dot, or with two brackets, is refused by name rather than misread.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

Value = dict[str, Any]
"""An attribute as the API writes it: `{"S": "text"}`."""
Item = Mapping[str, Value]


class Given(NamedTuple):
    """The names and values that a request declares."""

    names: Mapping[str, str]
    values: Mapping[str, Value]


Operand = Callable[[Item, Given], Value | None]
Condition = Callable[[Item, Given], bool]


class Assignment(NamedTuple):
    """One clause of an update: SET, REMOVE, ADD or DELETE of an attribute."""

    verb: str
    path: str
    value: Operand | None


class Unreadable(Exception):
    """An expression that DynamoDB would refuse, or that this engine does not know."""


_TOKEN = re.compile(r"\s*(:\w+|(?:#\w+|[A-Za-z_]\w*)(?:\[\d+\])?|<=|>=|<>|[=<>(),+\-])")
_PLACE = re.compile(r"([#\w]+)(?:\[(\d+)\])?")
_PLACES = re.compile(r"[#:]\w+")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_VERBS = frozenset({"SET", "REMOVE", "ADD", "DELETE"})


def plain(value: Value) -> Any:
    """Answer what a value holds, as Python compares it."""
    ((kind, held),) = value.items()
    return Decimal(held) if kind == "N" else held


def places(*expressions: str | None) -> frozenset[str]:
    """Name the placeholders that expressions use."""
    return frozenset(place for text in expressions if text for place in _PLACES.findall(text))


@lru_cache(maxsize=4_096)
def read_condition(text: str) -> Condition:
    """Read a condition, filter or key condition."""
    reader = _Reader(text)
    condition = reader.disjunction()
    reader.end()
    return condition


@lru_cache(maxsize=4_096)
def read_update(text: str) -> tuple[Assignment, ...]:
    reader = _Reader(text)
    assignments = tuple(reader.assignments())
    reader.end()
    return assignments


@lru_cache(maxsize=4_096)
def read_names(text: str) -> tuple[str, ...]:
    """Read a projection: names, or placeholders of names."""
    return tuple(name.strip() for name in text.split(","))


@lru_cache(maxsize=4_096)
def hash_place(text: str) -> tuple[str, str]:
    """Answer which name a key condition demands to equal which value, first of all."""
    found = re.match(r"\s*\(*\s*([#\w]+)\s*=\s*(:\w+)", text)
    if found is None:
        raise Unreadable(f"no equality of the hash key comes first in '{text}'")
    return found[1], found[2]


def read_path(text: str, names: Mapping[str, str]) -> tuple[str, int | None]:
    """Answer which attribute a path names, and which place in its list."""
    found = _PLACE.fullmatch(text)
    assert found is not None
    return names.get(found[1], found[1]), None if found[2] is None else int(found[2])


def _at(item: Item, given: Given, path: str) -> Value | None:
    """Answer what stands at a path; nothing, behind the end of a list or in what is none."""
    name, place = read_path(path, given.names)
    value = item.get(name)
    if place is None or value is None:
        return value
    members: list[Value] = value.get("L", [])
    return members[place] if place < len(members) else None


def is_equal(a: Value | None, b: Value | None) -> bool:
    """Compare as DynamoDB does: numbers by value, sets without order."""
    if a is None or b is None or a.keys() != b.keys():
        return False
    (kind,) = a
    match kind:
        case "N":
            return bool(plain(a) == plain(b))
        case "NS":
            return {Decimal(n) for n in a["NS"]} == {Decimal(n) for n in b["NS"]}
        case "SS" | "BS":
            return set(a[kind]) == set(b[kind])
        case _:
            return bool(a == b)


def _size(value: Value) -> int:
    ((kind, held),) = value.items()
    if kind in {"N", "BOOL", "NULL"}:
        raise Unreadable(f"size() of a {kind}")
    return len(held.encode()) if kind == "S" else len(held)


class _Reader:
    """Recursive descent over tokens."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise Unreadable(f"'{text[at:]}'")
            self._tokens.append(found[1])
            at = found.end()
        self._at = 0

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].upper() if at < len(self._tokens) else ""

    def _take(self, wanted: str | None = None) -> str:
        if not self._peek() or (wanted is not None and self._peek() != wanted):
            raise Unreadable(f"'{wanted}' is due in {self._tokens}")
        self._at += 1
        return self._tokens[self._at - 1]

    def end(self) -> None:
        if self._peek():
            raise Unreadable(f"'{self._peek()}' is too much")

    # -- conditions

    def disjunction(self) -> Condition:
        terms = [self._conjunction()]
        while self._peek() == "OR":
            self._take()
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else lambda item, given: any(term(item, given) for term in terms)

    def _conjunction(self) -> Condition:
        terms = [self._negation()]
        while self._peek() == "AND":
            self._take()
            terms.append(self._negation())
        return terms[0] if len(terms) == 1 else lambda item, given: all(term(item, given) for term in terms)

    def _negation(self) -> Condition:
        if self._peek() == "NOT":
            self._take()
            inner = self._negation()
            return lambda item, given: not inner(item, given)
        if self._peek() == "(":
            self._take()
            inner = self.disjunction()
            self._take(")")
            return inner
        if self._peek(1) == "(" and self._peek() != "SIZE":
            return self._test(self._take().lower(), self._arguments())
        return self._comparison()

    def _test(self, name: str, arguments: list[Operand]) -> Condition:
        first = arguments[0]
        match name:
            case "attribute_exists":
                return lambda item, given: first(item, given) is not None
            case "attribute_not_exists":
                return lambda item, given: first(item, given) is None
            case "begins_with":
                return lambda item, given: _begins(first(item, given), arguments[1](item, given))
            case "contains":
                return lambda item, given: _contains(first(item, given), arguments[1](item, given))
            case _:
                raise Unreadable(f"the function '{name}'")

    def _comparison(self) -> Condition:
        left, sign = self._operand(), self._take().upper()
        match sign:
            case "IN":
                choices = self._arguments()
                return lambda item, given: any(is_equal(left(item, given), one(item, given)) for one in choices)
            case "BETWEEN":
                low = self._operand()
                self._take("AND")
                high = self._operand()
                return lambda item, given: (
                    _is("<=", low(item, given), left(item, given)) and _is("<=", left(item, given), high(item, given))
                )
            case _:
                right = self._operand()
                return lambda item, given: _is(sign, left(item, given), right(item, given))

    # -- operands

    def _arguments(self) -> list[Operand]:
        self._take("(")
        arguments = [self._operand()]
        while self._peek() == ",":
            self._take()
            arguments.append(self._operand())
        self._take(")")
        return arguments

    def _operand(self) -> Operand:
        token = self._take()
        if self._peek() == "(":
            return _function(token.lower(), self._arguments())
        if token.startswith(":"):
            return lambda _item, given: given.values[token]
        return lambda item, given: _at(item, given, token)

    # -- updates

    def assignments(self) -> list[Assignment]:
        made: list[Assignment] = []
        while self._peek() in _VERBS:
            verb = self._take().upper()
            made.append(self._assignment(verb))
            while self._peek() == ",":
                self._take()
                made.append(self._assignment(verb))
        return made

    def _assignment(self, verb: str) -> Assignment:
        path = self._take()
        if verb == "REMOVE":
            return Assignment(verb, path, None)
        if verb != "SET":
            return Assignment(verb, path, self._operand())
        self._take("=")
        value = self._operand()
        if self._peek() in {"+", "-"}:
            value = _sum(value, self._operand() if self._take() == "+" else _negative(self._operand()))
        return Assignment(verb, path, value)


def _function(name: str, arguments: list[Operand]) -> Operand:
    first = arguments[0]
    match name:
        case "size":

            def size(item: Item, given: Given) -> Value | None:
                value = first(item, given)
                return None if value is None else {"N": str(_size(value))}

            return size
        case "if_not_exists":

            def either(item: Item, given: Given) -> Value | None:
                value = first(item, given)
                return arguments[1](item, given) if value is None else value

            return either
        case "list_append":
            return lambda item, given: {"L": [*_list(first(item, given)), *_list(arguments[1](item, given))]}
        case _:
            raise Unreadable(f"the function '{name}'")


def _list(value: Value | None) -> list[Value]:
    if value is None or "L" not in value:
        raise Unreadable("list_append of no list")
    held: list[Value] = value["L"]
    return held


def _negative(operand: Operand) -> Operand:
    return lambda item, given: {"N": str(-number(operand(item, given)))}


def _sum(left: Operand, right: Operand) -> Operand:
    return lambda item, given: {"N": str(number(left(item, given)) + number(right(item, given)))}


def number(value: Value | None) -> Decimal:
    if value is None or "N" not in value:
        raise Unreadable("a sum of what is no number")
    return Decimal(value["N"])


def _is(sign: str, a: Value | None, b: Value | None) -> bool:
    """Compare; what is absent differs from everything, and is neither less nor more."""
    if sign == "=":
        return is_equal(a, b)
    if sign == "<>":
        return not is_equal(a, b)
    if a is None or b is None or a.keys() != b.keys() or not a.keys() <= {"S", "N", "B"}:
        return False
    return _COMPARED[sign](plain(a), plain(b))


def _begins(value: Value | None, prefix: Value | None) -> bool:
    if value is None or prefix is None or value.keys() != prefix.keys() or not value.keys() <= {"S", "B"}:
        return False
    return bool(plain(value).startswith(plain(prefix)))


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    ((kind, held),) = value.items()
    if kind == "L":
        return any(is_equal(one, part) for one in held)
    if part.keys() != {kind.removesuffix("S") or "S"}:
        return False
    return plain(part) in ({Decimal(n) for n in held} if kind == "NS" else held)
