"""What a query names, read from a JSON object or from GET parameters: the same filters, written in two ways."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.dates import read_date
from chalicelib.dialects.camunda.reading import Parameters, as_bool, as_list, as_object, as_text, as_texts, cannot_set
from chalicelib.dialects.camunda.refusals import BAD_USER_REQUEST, EngineRefusal, engine
from chalicelib.dialects.camunda.wire_types import Date, Listed

_NO_TEXTS: frozenset[str] = frozenset()
_COMPARISON_PARTS = 3  # name_operator_value


class Kind(Enum):
    """What a filter's value is."""

    TEXT = "text"
    TEXTS = "texts"
    FLAG = "flag"
    DATE = "date"


class Fields(Protocol):
    """A query as it was sent."""

    def text(self, name: str) -> str | None: ...
    def texts(self, name: str) -> Sequence[str | None] | None: ...
    def flag(self, name: str) -> bool | None: ...
    def date(self, name: str) -> int | None: ...
    def value(self, name: str) -> Json: ...
    def comparisons(self, name: str) -> list[Variables]: ...


class JsonFields:
    """A query in a body."""

    def __init__(self, given: Variables) -> None:
        self.given = given

    def text(self, name: str) -> str | None:
        return as_text(self.given.get(name))

    def texts(self, name: str) -> Sequence[str | None] | None:
        return as_texts(self.given.get(name))

    def flag(self, name: str) -> bool | None:
        return as_bool(self.given.get(name))

    def date(self, name: str) -> int | None:
        given = self.given.get(name)
        return None if given is None else read_date(given)

    def value(self, name: str) -> Json:
        return self.given.get(name)

    def comparisons(self, name: str) -> list[Variables]:
        """Answer a list of `{name, operator, value}`."""
        given = self.given.get(name)
        return [] if given is None else [as_object(one) for one in as_list(given)]


class UrlFields(Parameters):
    """A query in an address."""

    def date(self, name: str) -> int | None:
        given = self.text(name)
        if given is None:
            return None
        try:
            return read_date(given)
        except EngineRefusal as error:
            why = f"Cannot convert value {given} to java type java.util.Date"
            raise cannot_set(name, given, why) from error

    def value(self, name: str) -> Json:
        return self.text(name)

    def comparisons(self, name: str) -> list[Variables]:
        """Answer what is written as `name_operator_value`, with commas between: each value is a text."""
        given = self.text(name)
        return [] if given is None else [self._comparison(name, given, one) for one in given.split(",")]

    def _comparison(self, name: str, given: str, one: str) -> Variables:
        parts = one.split("_")
        if len(parts) != _COMPARISON_PARTS:
            raise cannot_set(name, given, "variable query parameter has to have format KEY_OPERATOR_VALUE.")
        return {"name": parts[0], "operator": parts[1], "value": parts[2]}


def read_fields(given: Fields, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Answer the filters that act; null, `false` and an empty list ask for nothing."""
    read = {name: _READERS[kind](given, name) for name, kind in kinds.items()}
    return {
        name: value for name, value in read.items() if value is not None and value is not False and value != frozenset()
    }


def _texts(given: Fields, name: str) -> frozenset[str] | None:
    texts = given.texts(name)
    if texts is None:
        return None
    if None in texts:
        raise engine(f"{name} contains null value", BAD_USER_REQUEST, 400)
    return frozenset(text for text in texts if text is not None) or _NO_TEXTS


_READERS: Mapping[Kind, Callable[[Fields, str], Any]] = {
    Kind.TEXT: lambda given, name: given.text(name),
    Kind.TEXTS: _texts,
    Kind.FLAG: lambda given, name: given.flag(name),
    Kind.DATE: lambda given, name: given.date(name),
}


# -- in the document

_IN_ADDRESS: Mapping[Kind, Any] = {Kind.TEXT: str, Kind.TEXTS: Listed, Kind.FLAG: bool, Kind.DATE: Date}
_IN_BODY: Mapping[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.TEXTS: list[str] | None,
    Kind.FLAG: bool | None,
    Kind.DATE: Date | int | None,
}


def parameters_of(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Answer the types of filters in an address."""
    return {name: _IN_ADDRESS[kind] for name, kind in kinds.items()}


def fields_of(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Answer the types of filters in a body."""
    return {name: _IN_BODY[kind] for name, kind in kinds.items()}
