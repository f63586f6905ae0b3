"""From a path to the route that it means, as API Gateway finds it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Place:
    """Where routes part: by a segment as it is written, or else by any segment."""

    written: dict[str, "Place"] = field(default_factory=dict)
    any: "Place | None" = None
    route: str | None = None

    @classmethod
    def of(cls, routes: Iterable[str]) -> "Place":
        """Answer the place where all of these routes begin."""
        root = cls()
        for route in routes:
            place = root
            for segment in segments_of(route):
                place = place.beyond(segment)
            place.route = route
        return root

    def route_of(self, path: str) -> str | None:
        """Answer the route that a path means; what is written goes before what may be anything, as on API Gateway."""
        return self.find(segments_of(path))

    def beyond(self, segment: str) -> "Place":
        """Answer the place behind a segment of a route's path, which is made if need be."""
        if not segment.startswith("{"):
            return self.written.setdefault(segment, Place())
        self.any = self.any or Place()
        return self.any

    def find(self, segments: Sequence[str]) -> str | None:
        """Answer the route that stands so many segments further on."""
        if not segments:
            return self.route
        for place in (self.written.get(segments[0]), self.any):
            if place is not None and (found := place.find(segments[1:])) is not None:
                return found
        return None


def segments_of(path: str) -> list[str]:
    """Cut a path, which a slash may end; what is encoded stays so, and is no slash."""
    return path.strip("/").split("/")
