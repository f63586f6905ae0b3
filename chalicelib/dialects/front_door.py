"""The way in on AWS: API Gateway has one greedy path, and here each request finds the route that it means.

API Gateway takes 300 resources of an API, and raises that only for an API that exists already; the dialects need more.
It would also answer what is no route by itself, in one shape for all dialects. So every request comes to the function,
as one for `/{proxy+}`, and goes on as API Gateway would have sent it, had it known the routes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chalicelib.dialects.paths import segments_of

GREEDY = "/{proxy+}"

Event = dict[str, Any]
Refuse = Callable[[str, str, int, str], tuple[int, dict[str, str], str]]
"""Answers a request that means no route (method, path, status, request id) with a status, headers and a body."""


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """A Lambda handler: `handle` takes what `route_of` finds a route for, `refuse` the rest."""

    route_of: Callable[[str], str | None]
    handle: Callable[[Event, Any], Event]
    refuse: Refuse

    def __call__(self, event: Event, context: Any) -> Event:
        """Answer a request that API Gateway hands over."""
        path = "/" + (event.get("pathParameters") or {}).get("proxy", "").lstrip("/")
        route = self.route_of(path)
        if route is None:
            asked = event["requestContext"]
            status, headers, body = self.refuse(asked["httpMethod"], path, HTTPStatus.NOT_FOUND, asked["requestId"])
            return {"statusCode": status, "headers": headers, "multiValueHeaders": {}, "body": body}
        return self.handle(_sent_to(route, path, event), context)


def _sent_to(route: str, path: str, event: Event) -> Event:
    """Answer a request as if API Gateway had known its route."""
    pairs = zip(segments_of(route), segments_of(path), strict=True)
    return {
        **event,
        "resource": route,
        "pathParameters": {name[1:-1]: value for name, value in pairs if name.startswith("{")},
        "requestContext": {**event["requestContext"], "resourcePath": route},
    }
