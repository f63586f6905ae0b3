"""How a call of our own dialect is read: query and body as structs, lists page by page."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from chalicelib.core.errors import Invalid
from chalicelib.core.json_values import Json
from chalicelib.dialects.edge import Call, Services
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.ops.requests import NoFields
from chalicelib.service.cursors import Cursor, Cursors

S = TypeVar("S", bound=msgspec.Struct)


class GivenTwice(Invalid):
    code = "given_twice"

    def __init__(self, name: str) -> None:
        super().__init__(f"The query parameter '{name}' is given more than once.", parameter=name)


def read_query(call: Call, kind: type[S]) -> S:
    """Answer the query as a struct; refuse a parameter that it does not name, or that comes twice."""
    for name, values in call.query.items():
        if len(values) > 1:
            raise GivenTwice(name)
    return read_struct({name: values[0] for name, values in call.query.items()}, kind, is_text=True)


def read_no_query(call: Call) -> None:
    read_query(call, NoFields)


def read_body(call: Call) -> Json:
    """Answer the body as JSON; nothing at all is an empty object."""
    return read_json(call.body or b"{}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a page begins (None: at its head), and how the next page is named."""

    cursors: Cursors
    listed: Json
    position: str | None
    first_page_at: int

    def next_cursor(self, position: str | None) -> str | None:
        if position is None:
            return None
        return self.cursors.write(Cursor(position, self.first_page_at), self.listed)


def read_place(services: Services, call: Call, cursor: str | None, *, listed: Json) -> Place:
    """Find a page's place in the caller's list; `listed` tells it from all other lists."""
    listed = [call.account, listed]
    if cursor is None:
        return Place(services.cursors, listed, None, services.now())
    opened = services.cursors.read(cursor, listed)
    return Place(services.cursors, listed, opened.position, opened.first_page_at)
