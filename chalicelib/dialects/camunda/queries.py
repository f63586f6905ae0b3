"""What the GET queries of deployments and of process definitions share: filters as a table, order, window.

A filter names its parameters with their types, and reads them: it answers a predicate, or None where none of them
acts. Unknown parameters are ignored, as in Camunda; those whose answer we do not know are refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.dialects.camunda.dates import read_date
from chalicelib.dialects.camunda.reading import Parameters, cannot_set, is_like
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid
from chalicelib.dialects.camunda.wire_types import WINDOW, Date, Listed, sorting

T = TypeVar("T")
Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]

MOST_ROWS = 2_000  # of one answer; a row has about 400 bytes


@dataclass(frozen=True, slots=True)
class Filter:
    parameters: Mapping[str, Any]
    read: Callable[[Parameters], Predicate | None]


def equal(parameter: str, column: str) -> Filter:
    def read(given: Parameters) -> Predicate | None:
        wanted = given.text(parameter)
        return None if wanted is None else lambda row: row[column] == wanted

    return Filter({parameter: str}, read)


def number(parameter: str, column: str) -> Filter:
    def read(given: Parameters) -> Predicate | None:
        wanted = given.number(parameter)
        return None if wanted is None else lambda row: row[column] == wanted

    return Filter({parameter: int}, read)


def like(parameter: str, column: str) -> Filter:
    def read(given: Parameters) -> Predicate | None:
        pattern = given.text(parameter)
        return None if pattern is None else lambda row: is_like(row[column], pattern)

    return Filter({parameter: str}, read)


def one_of(parameter: str, column: str) -> Filter:
    """Compare with a list that is written with commas."""

    def read(given: Parameters) -> Predicate | None:
        wanted = given.texts(parameter)
        return None if wanted is None else lambda row: row[column] in wanted

    return Filter({parameter: Listed}, read)


def flag(parameter: str, holds: Predicate) -> Filter:
    """Ask for rows of which something holds: `true` acts, `false` does nothing."""

    def read(given: Parameters) -> Predicate | None:
        return holds if given.flag(parameter) else None

    return Filter({parameter: bool}, read)


def either(parameter: str, holds: Predicate) -> Filter:
    """Ask for rows of which something holds, or with `false` does not."""

    def read(given: Parameters) -> Predicate | None:
        wanted = given.flag(parameter)
        return None if wanted is None else lambda row: holds(row) is wanted

    return Filter({parameter: bool}, read)


def moment(parameter: str, holds: Callable[[int, int], bool], column: str) -> Filter:
    """Compare a row's time (ms) with a date."""

    def read(given: Parameters) -> Predicate | None:
        text = given.text(parameter)
        if text is None:
            return None
        try:
            wanted = read_date(text)
        except EngineRefusal as error:
            raise cannot_set(parameter, text, "Cannot convert value to java type java.util.Date") from error
        return lambda row: holds(row[column], wanted)

    return Filter({parameter: Date}, read)


def tenants(parameter: str) -> Filter:
    """Ask for the rows of some tenants and, if `parameter` is set, for those of none beside them."""

    def read(given: Parameters) -> Predicate | None:
        wanted: Sequence[str | None] | None = given.texts("tenantIdIn")
        is_none_too = bool(given.flag(parameter))
        if wanted is None:
            return None
        return lambda row: row["tenantId"] in wanted or (is_none_too and row["tenantId"] is None)

    return Filter({"tenantIdIn": Listed, parameter: bool}, read)


def refuse_unknown_answers(given: Parameters, refused: Iterable[str]) -> None:
    """Raise a refusal for a filter that would be answered wrongly if it were ignored."""
    for name in refused:
        if given.text(name) is not None:
            raise invalid(f"The query parameter '{name}' is not supported")


def filtered(rows: Iterable[Row], given: Parameters, filters: Iterable[Filter]) -> list[Row]:
    """Answer the rows of which every filter that acts holds."""
    acting = [predicate for predicate in (one.read(given) for one in filters) if predicate is not None]
    return [row for row in rows if all(predicate(row) for predicate in acting)]


def windowed(rows: list[Row], given: Parameters, columns: Mapping[str, str]) -> list[Row]:
    """Sort rows as asked, else by id, and answer those of the window; `columns` says by what may be sorted."""
    by, is_upwards = given.sorting(frozenset(columns)) or ("id", True)
    column = columns.get(by, by)
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    ordered.sort(key=lambda row: nulls_first(row[column]), reverse=not is_upwards)
    first, most = given.window(MOST_ROWS)
    return ordered[first : first + most]


def nulls_first(value: Any) -> tuple[bool, Any]:
    """Let nulls come first."""
    return (value is not None, value if value is not None else 0)


def shown(row: Row) -> dict[str, Any]:
    """Answer a row without the columns that are there to be asked for alone: their names begin with `_`."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


# -- in the document


def parameters_of(filters: Iterable[Filter]) -> dict[str, Any]:
    """Answer the parameters of a count."""
    return {name: type_ for one in filters for name, type_ in one.parameters.items()}


def list_parameters(filters: Iterable[Filter], columns: Iterable[str]) -> dict[str, Any]:
    """Answer the parameters of a list that is filtered and windowed."""
    return {**parameters_of(filters), **sorting([*columns]), **WINDOW}
