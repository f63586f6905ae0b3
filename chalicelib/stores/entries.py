"""Core values as JSON and back: journal entries, starts, and the flat ones (failures, causes, overrides)."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, assert_never, cast

from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.journal import (
    Changed,
    Closed,
    Entry,
    Failure,
    Input,
    Opened,
    Output,
    Passed,
    Performed,
    Signal,
    SignalName,
)
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start
from chalicelib.stores.conversions import convert
from chalicelib.stores.packing import pack, unpack

_ENTRIES: dict[str, type[Entry]] = {
    "input": Input,
    "passed": Passed,
    "performed": Performed,
    "opened": Opened,
    "closed": Closed,
    "changed": Changed,
    "signal": Signal,
    "output": Output,
}
_ENTRY_NAMES = {kind: name for name, kind in _ENTRIES.items()}
_NESTED: dict[str, Callable[[Any], object]] = {
    "failure": lambda data: convert(data, Failure),
    "name": SignalName,
    "removed": tuple,
}


def plain(value: object) -> Variables:
    """Write a dataclass of the core as JSON, leaving out what is None."""
    assert is_dataclass(value)
    named = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: _plain(field) for name, field in named.items() if field is not None}


def _plain(value: object) -> Json:
    if is_dataclass(value):
        return plain(value)
    if isinstance(value, Enum):
        return cast("Json", value.value)
    return cast("Json", value)


def entry_name(entry: Entry) -> str:
    return _ENTRY_NAMES[type(entry)]


def plain_entry(entry: Entry) -> Variables:
    return {"type": entry_name(entry), **plain(entry)}


def pack_entries(entries: tuple[Entry, ...]) -> bytes:
    return pack([plain_entry(entry) for entry in entries])


def unpack_entries(data: bytes) -> list[Entry]:
    return [_read_entry(entry) for entry in cast("list[Variables]", unpack(data))]


def _read_entry(data: Variables) -> Entry:
    named = {name: _NESTED[name](value) if name in _NESTED else value for name, value in data.items() if name != "type"}
    return _ENTRIES[str(data["type"])](**cast("dict[str, Any]", named))


def plain_start(start: Start) -> Variables:
    return {**plain(start), "places": [_plain_place(place) for place in start.places]}


def _plain_place(place: Place) -> Json:
    match place:
        case BeforeActivity(activity):
            return ["before", activity]
        case AfterActivity(activity):
            return ["after", activity]
        case AlongTransition(transition):
            return ["along", transition]
        case _:
            assert_never(place)


def read_start(data: Json) -> Start:
    named = dict(cast("dict[str, Any]", data))
    places = tuple(_read_place(kind, element) for kind, element in named.pop("places"))
    return Start(places, **named)


def _read_place(kind: str, element: str) -> Place:
    if kind == "before":
        return BeforeActivity(ActivityId(element))
    if kind == "after":
        return AfterActivity(ActivityId(element))
    return AlongTransition(TransitionId(element))
