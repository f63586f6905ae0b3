"""Types of what Camunda's routes are asked, for the document: what reads a request takes more than these.

| written as    | taken too                                                       |
|---------------|-----------------------------------------------------------------|
| text          | a number, a boolean                                             |
| boolean       | a whole number, `"true"`, `"false"`, and `True` in an address   |
| null          | as if it were not there                                         |
"""

from collections.abc import Collection, Iterable, Mapping
from types import GenericAlias
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.dialects.camunda.dates import DATE_PATTERN

Date = Annotated[str, Meta(pattern=f"^{DATE_PATTERN}$", examples=["2026-11-21T00:17:29.230+0000"])]
Listed = Annotated[str, Meta(description="Several, with commas between.")]
Compared = Annotated[str, Meta(description="`name_operator_value`; several, with commas between.")]
Objects = dict[str, Any]
Nothing = Annotated[list[Any], Meta(max_length=0)]
"""Lists of what there is not here, but in Camunda."""

WINDOW: Mapping[str, Any] = {"firstResult": int, "maxResults": int}


def several(type_: Any) -> Any:
    """Answer the type of a list."""
    return GenericAlias(list, (type_,))


def one_of_words(words: Collection[str]) -> Any:
    """Answer the type of a text that is one of these."""
    return Annotated[str, Meta(extra_json_schema={"enum": sorted(words)})]


def sorting(columns: Collection[str]) -> dict[str, Any]:
    """Answer the fields that say by what rows are sorted."""
    return {"sortBy": one_of_words(columns), "sortOrder": one_of_words(("asc", "desc"))}


def body_of(name: str, fields: Mapping[str, Any], *, needed: Iterable[str] = ()) -> type[msgspec.Struct]:
    """Answer a struct of these fields, of which any may be absent that is not needed."""
    must = frozenset(needed)
    told = [(field, type_) if field in must else (field, type_ | UnsetType, UNSET) for field, type_ in fields.items()]
    return msgspec.defstruct(name, told, kw_only=True, frozen=True, module=__name__)
