"""Restate's dialect as a whole: the admin API at the root, and under `/v2`, `/v3` and `/v4`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from chalicelib.dialects.credentials import bearer_or_api_key
from chalicelib.dialects.edge import Dialect
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.restate import (
    batch_operations,
    deployments,
    invocations,
    meta,
    queries,
    restart_points,
    restarts,
    services,
    unserved,
)
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
    error_types=("application/json", "text/plain"),
)
_UNVERSIONED: tuple[Operation, ...] = (*meta.OPERATIONS, *unserved.OPERATIONS)
_VERSIONED: tuple[Operation, ...] = (
    *restarts.OPERATIONS,
    *restart_points.OPERATIONS,
    *invocations.OPERATIONS,
    *batch_operations.OPERATIONS,
    *queries.OPERATIONS,
    *deployments.OPERATIONS,
    *services.OPERATIONS,
)
"""What every version of the admin API has."""


def _mounted() -> Iterator[Operation]:
    yield from _UNVERSIONED
    for mount in _MOUNTS:
        for operation in _VERSIONED:
            route = operation.route
            yield replace(operation, route=replace(route, path=mount + route.path))


OPERATIONS = described("/restate/openapi.json", ABOUT, tuple(_mounted()))

DIALECT = Dialect(
    name="restate",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=bearer_or_api_key,
    write_error=write_error,
)
