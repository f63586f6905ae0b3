"""What Camunda's routes have in common: they list, count and show by their paths, or change something."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from chalicelib.core.access import Scope
from chalicelib.dialects.edge import ANY_TYPE, JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services

Handler = Callable[[Services, Call], Answer]
Query = Mapping[str, Any]

FREE = frozenset({"engine", "id", "key", "name", "resource", "tenant"})
"""Every name in a path: what cannot be one is refused in the words for what there is not."""
_ANSWER_TOO_LARGE = 413


class CountResultDto(TypedDict):
    count: int


def listing(path: str, handler: Handler, summary: str, row: Any, query: Query) -> Operation:
    """Describe a list by an address."""
    route = Route("GET", path, Scope.READ, handler, free=FREE)
    return Operation(route, summary, {200: (row,)}, query=query, refusals=(*_unless_numbers(query), _ANSWER_TOO_LARGE))


def counting(path: str, handler: Handler, summary: str, query: Query) -> Operation:
    """Describe a count by an address."""
    route = Route("GET", path, Scope.READ, handler, free=FREE)
    return Operation(route, summary, {200: (CountResultDto,)}, query=query, refusals=_unless_numbers(query))


def _unless_numbers(query: Query) -> tuple[int, ...]:
    """Answer the status of a parameter that is no whole number, if one is to be: to Camunda that is no resource."""
    return (404,) if int in query.values() else ()


def query_route(path: str, handler: Handler, content_types: tuple[str, ...] = JSON_TYPE) -> Route:
    return Route("POST", path, Scope.READ, handler, content_types, FREE)


def asking(route: Route, summary: str, told: Any, body: Any, query: Query | None = None) -> Operation:
    """Describe a list, or a count, by a query in the body."""
    refusals = _unless_numbers(query or {})
    return Operation(route, summary, {200: (told,)}, body=body, is_body_needed=False, query=query, refusals=refusals)


def showing(path: str, handler: Handler, summary: str, *answers: Any, is_long: bool = False) -> Operation:
    """Describe what one thing is shown by; what `is_long` may be too much for one answer."""
    route = Route("GET", path, Scope.READ, handler, free=FREE)
    return Operation(route, summary, {200: answers}, refusals=(_ANSWER_TOO_LARGE,) if is_long else ())


def deleting(path: str, handler: Handler, summary: str, scope: Scope, query: Query | None = None) -> Operation:
    route = Route("DELETE", path, scope, handler, ANY_TYPE, FREE)
    return Operation(route, summary, {204: ()}, query=query)
