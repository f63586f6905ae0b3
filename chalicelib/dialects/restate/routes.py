"""Restate's dialect as a whole: the admin API at the root, and under `/v2`, `/v3` and `/v4`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from chalicelib.dialects.credentials import bearer_or_api_key
from chalicelib.dialects.edge import Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.restate import batch_operations, invocations, meta, restart_points, restarts, unserved
from chalicelib.dialects.restate.errors import write_error

Told = dict[str, Any]
_MOUNTS = ("", "/v2", "/v3", "/v4")


class Error(msgspec.Struct, frozen=True):
    """Why nothing was done. The code is null but for errors of schemas, which are not ours."""

    message: str
    restate_code: str | None = None


ABOUT = About(
    title="Reprise: Restate",
    description="Restarting, resuming, pausing, ending and purging invocations, over Restate's admin API.",
    error=Error,
    security={"bearer": {"type": "http", "scheme": "bearer"}},
)
_VERSIONED: tuple[Route, ...] = ()
"""What every version of the admin API has."""
_UNVERSIONED: tuple[Route, ...] = meta.ROUTES
_DESCRIBED: tuple[Operation, ...] = (
    *restarts.OPERATIONS,
    *restart_points.OPERATIONS,
    *invocations.OPERATIONS,
    *batch_operations.OPERATIONS,
)
"""What every version has too, and what it says of itself."""


def _mounted() -> Iterator[Operation]:
    yield from map(_operation, _UNVERSIONED)
    yield from unserved.OPERATIONS
    for mount in _MOUNTS:
        for operation in (*map(_operation, _VERSIONED), *_DESCRIBED):
            route = operation.route
            yield replace(operation, route=replace(route, path=mount + route.path))


def _operation(route: Route) -> Operation:
    """Describe a route: its summary is the first line of its handler's docstring, else its own name."""
    summary = (route.handler.__doc__ or f"{route.method} {route.path}").partition("\n")[0].rstrip(".")
    return Operation(route, summary, answers={200: (Told,)})


OPERATIONS = described("/restate/openapi.json", ABOUT, tuple(_mounted()))

RESTATE = Dialect(
    name="restate",
    prefixes=(
        "/invocations",
        "/v2/",
        "/v3/",
        "/v4/",
        "/v5/",
        "/query",
        "/internal/",
        "/deployments",
        "/services",
        "/version",
        "/restate/",
    ),
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=bearer_or_api_key,
    write_error=write_error,
)
