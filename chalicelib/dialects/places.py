"""Where in a list a page begins, and how the next one is named: an opaque, sealed cursor."""

from dataclasses import dataclass

from chalicelib.core.json_values import Json
from chalicelib.dialects.edge import Call
from chalicelib.dialects.services import Services
from chalicelib.service.cursors import Cursor, Cursors


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
