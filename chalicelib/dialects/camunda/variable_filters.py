"""Comparisons with variables: `{name, operator, value}`.

Numbers compare with numbers of any type, texts with texts, dates with dates: a value of another type is never equal,
greater, less or like. `neq` is the opposite of `eq`, so that a variable of another type is unequal too.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.dates import read_date
from chalicelib.dialects.camunda.reading import as_text, is_like
from chalicelib.dialects.camunda.refusals import NOT_VALID, EngineRefusal, engine, invalid
from chalicelib.dialects.camunda.values import shown, write_value
from chalicelib.dialects.camunda.wire_types import body_of, one_of_words

_ORDERED = {
    "gt": "greater than",
    "gteq": "greater than or equal",
    "lt": "less than",
    "lteq": "less than or equal",
}
_OPERATORS = frozenset({*_ORDERED, "eq", "neq", "like"})
COMPARISON = body_of(
    "VariableQueryParameterDto",
    {"name": str, "operator": one_of_words(_OPERATORS), "value": str | float | bool | None},
    needed=("name", "operator"),
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "like": is_like,
}


@dataclass(frozen=True, slots=True)
class Folding:
    """Whether capitals count, in names and in values."""

    names: bool = False
    values: bool = False

    def name(self, text: str) -> str:
        return text.lower() if self.names else text

    def value(self, value: Json) -> Json:
        return value.lower() if self.values and isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Comparison:
    """What some variable of a run must be; `kind` says what the wanted value is."""

    name: str
    operator: str
    kind: str
    value: Json
    folding: Folding

    def holds(self, variables: Variables) -> bool:
        """Say whether a variable of this name is as wanted."""
        name = self.folding.name(self.name)
        return any(self.is_held_by(variables, one) for one in shown(variables) if self.folding.name(one) == name)

    def is_held_by(self, variables: Variables, name: str) -> bool:
        """Say whether this very variable has such a value."""
        written = write_value(variables, name)
        assert written is not None
        kind, value = _kind(str(written["type"]), variables[name])
        is_negated = self.operator == "neq"
        compare = _COMPARE["eq" if is_negated else self.operator]
        is_held = kind == self.kind and compare(self.folding.value(value), self.value)
        return is_held is not is_negated


def read_comparison(given: Variables, folding: Folding, *, is_reading_dates: bool) -> Comparison:
    """Read a comparison; raise the engine's refusals of its parts."""
    name, operator_ = as_text(given.get("name")), as_text(given.get("operator"))
    value = given.get("value")
    if operator_ is None:
        raise EngineRefusal(500, "NullPointerException", 'Cannot invoke "String.equals(Object)" because "op" is null')
    if operator_ not in _OPERATORS:
        raise invalid(f"Invalid variable comparator specified: {operator_}")
    if name is None:
        raise engine("name is null", NOT_VALID, 400)
    if operator_ == "like":
        value = "null" if value is None else _like_text(value)
        return Comparison(name, operator_, "text", folding.value(value), folding)
    if operator_ in _ORDERED and (value is None or isinstance(value, bool)):
        raise engine(f"Booleans and null cannot be used in '{_ORDERED[operator_]}' condition", NOT_VALID, 400)
    kind, wanted = _wanted(value, is_reading_dates=is_reading_dates)
    return Comparison(name, operator_, kind, folding.value(wanted), folding)


def _like_text(value: Json) -> str:
    if isinstance(value, dict | list):
        raise engine("Object values cannot be used to query")
    return as_text(value) or ""


def _wanted(value: Json, *, is_reading_dates: bool) -> tuple[str, Json]:
    if isinstance(value, dict | list):
        raise engine("Object values cannot be used to query")
    if is_reading_dates and isinstance(value, str):
        try:
            return "date", read_date(value)
        except EngineRefusal:
            return "text", value
    return _kind("", value)


def _kind(type_: str, value: Json) -> tuple[str, Json]:
    """Answer what a value is compared as, and with what."""
    match value:
        case None:
            return "null", None
        case bool():
            return "boolean", value
        case int() | float():
            return "number", value
        case str() if type_ == "Date":
            return "date", read_date(value)
        case str() if type_ in {"", "String"}:
            return "text", value
        case _:
            return "other", None
