"""By what rows are sorted: `sortBy` with `sortOrder`, or in a body a list of both, `sorting`."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from chalicelib.core.json_values import Variables
from chalicelib.dialects.camunda.query_fields import Fields, JsonFields, UrlFields
from chalicelib.dialects.camunda.reading import as_list, as_object, as_text
from chalicelib.dialects.camunda.refusals import NOT_VALID, engine, invalid, malformed
from chalicelib.dialects.camunda.wire_types import body_of, several, sorting

_DIRECTIONS = frozenset({"asc", "desc"})


@dataclass(frozen=True, slots=True)
class Order:
    by: str
    is_ascending: bool


@dataclass(frozen=True, slots=True)
class Sorting:
    """What was asked for; what is wrong with it is said after all that is wrong with the filters."""

    by: str | None
    direction: str | None
    more: tuple[tuple[str | None, str | None], ...]
    known: frozenset[str]

    def check(self) -> None:
        if (self.by is None) != (self.direction is None):
            raise invalid("Only a single sorting parameter specified. sortBy and sortOrder required")
        for by, direction in self.more:
            if by not in self.known:
                message = "You should call any of the orderBy methods first before specifying a direction"
                raise engine(f"{message}: currentOrderingProperty is null", NOT_VALID, 400)
            if direction not in _DIRECTIONS:
                message = "Invalid query: call asc() or desc() after using orderByXX()"
                raise engine(f"{message}: direction is null", NOT_VALID, 400)

    @property
    def orders(self) -> tuple[Order, ...]:
        asked = [(self.by, self.direction), *self.more]
        return tuple(Order(by, direction == "asc") for by, direction in asked if by is not None)


def read_order(given: Fields, known: frozenset[str]) -> Sorting:
    """Read what rows are sorted by; raise at once what the reading of JSON or of an address refuses."""
    if isinstance(given, UrlFields):
        asked = given.sorting(known)
        return Sorting(None, None, () if asked is None else ((asked[0], "asc" if asked[1] else "desc"),), known)
    assert isinstance(given, JsonFields)
    for name, words in (("sortBy", known), ("sortOrder", _DIRECTIONS)):
        if name in given.given and given.text(name) not in words:
            raise malformed()
    listed = given.value("sorting")
    more = [] if listed is None else [_pair(as_object(one)) for one in as_list(listed)]
    return Sorting(given.text("sortBy"), given.text("sortOrder"), tuple(more), known)


def _pair(given: Variables) -> tuple[str | None, str | None]:
    return as_text(given.get("sortBy")), as_text(given.get("sortOrder"))


def sorting_fields(name: str, columns: Collection[str]) -> dict[str, Any]:
    """Answer the fields of a body that say by what its rows are sorted; `name` is the body's own."""
    given = sorting(columns)
    return {**given, "sorting": several(body_of(f"{name}Sorting", given, needed=given)) | None}
