"""The way in on AWS: API Gateway has one greedy path, and here each request finds the route that it means.

API Gateway takes 300 resources of an API, and raises that only for an API that exists already; the dialects need more.
It would also answer what is no route by itself, in one shape for all dialects. So every request comes to the function,
as one for `/{proxy+}`, and goes on as API Gateway would have sent it, had it known the routes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

GREEDY = "/{proxy+}"

Event = dict[str, Any]
Refuse = Callable[[str, str, int, str], tuple[int, dict[str, str], str]]
"""Answers a request that means no route (method, path, status, request id) with a status, headers and a body."""


@dataclass(slots=True)
class _Place:
    """Where routes part: by a segment as it is written, or else by any segment."""

    written: dict[str, "_Place"] = field(default_factory=dict)
    any: "_Place | None" = None
    route: str | None = None

    def beyond(self, segment: str) -> "_Place":
        """Answer the place behind a segment of a route's path, which is made if need be."""
        if not segment.startswith("{"):
            return self.written.setdefault(segment, _Place())
        self.any = self.any or _Place()
        return self.any

    def find(self, segments: Sequence[str]) -> str | None:
        """Answer the route of a path; what is written goes before what may be anything, as on API Gateway."""
        if not segments:
            return self.route
        for place in (self.written.get(segments[0]), self.any):
            if place is not None and (found := place.find(segments[1:])) is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """A Lambda handler: `handle` takes what has found its route, `refuse` the rest."""

    handle: Callable[[Event, Any], Event]
    refuse: Refuse
    _root: _Place

    @classmethod
    def of(cls, routes: Iterable[str], handle: Callable[[Event, Any], Event], refuse: Refuse) -> "FrontDoor":
        root = _Place()
        for route in routes:
            place = root
            for segment in _segments(route):
                place = place.beyond(segment)
            place.route = route
        return cls(handle, refuse, root)

    def __call__(self, event: Event, context: Any) -> Event:
        """Answer a request that API Gateway hands over."""
        path = (event.get("pathParameters") or {}).get("proxy", "")
        route = self._root.find(_segments(path))
        if route is None:
            asked = event["requestContext"]
            status, headers, body = self.refuse(
                asked["httpMethod"], f"/{path}", HTTPStatus.NOT_FOUND, asked["requestId"]
            )
            return {"statusCode": status, "headers": headers, "multiValueHeaders": {}, "body": body}
        return self.handle(_sent_to(route, path, event), context)


def _segments(path: str) -> list[str]:
    """Cut a path, which a slash may end; what is encoded stays so, and is no slash."""
    return path.strip("/").split("/")


def _sent_to(route: str, path: str, event: Event) -> Event:
    """Answer a request as if API Gateway had known its route."""
    pairs = zip(_segments(route), _segments(path), strict=True)
    return {
        **event,
        "resource": route,
        "pathParameters": {name[1:-1]: value for name, value in pairs if name.startswith("{")},
        "requestContext": {**event["requestContext"], "resourcePath": route},
    }
