"""Camunda 7's dialect as a whole: every route at the root, under `/engine-rest`, and with the engine's name."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any

import msgspec

from chalicelib.core.access import Scope
from chalicelib.dialects.camunda import (
    batches,
    deletions,
    deployments,
    history,
    instance_variables,
    job_log,
    jobs,
    process_definitions,
    restarts,
    runtime,
    tasks,
)
from chalicelib.dialects.camunda.errors import write_error
from chalicelib.dialects.camunda.reading import read_secret
from chalicelib.dialects.camunda.refusals import invalid
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.services import Services

Told = dict[str, Any]
Handler = Callable[[Services, Call], Answer]

ENGINE_REST = "/engine-rest"
_MOUNTS = ("", ENGINE_REST, f"{ENGINE_REST}/engine/{{engine}}")
_RESTARTS = "/process-definition/{id}/restart"
_BY_KEY = "/process-definition/key/{key}"
_BY_TENANT = f"{_BY_KEY}/tenant-id/{{tenant}}"
_NAMES = frozenset({"id", "key", "tenant", "engine"})


class Error(msgspec.Struct, frozen=True):
    """Why nothing was done: the engine's class of error, its message, and a code of the engine's own."""

    type: str
    message: str | None
    code: int | None


ABOUT = About(
    title="Reprise: Camunda 7",
    description="The routes of Camunda 7's REST API around restarts of process instances, at once and in batches.",
    error=Error,
    security={"basic": {"type": "http", "scheme": "basic"}, "bearer": {"type": "http", "scheme": "bearer"}},
)


def _restart(path: str, handler: Handler) -> Route:
    return Route("POST", path, Scope.RESTART, handler, JSON_TYPE, _NAMES)


_RESTART_ROUTES = (
    _restart(_RESTARTS, restarts.restart),
    _restart(f"{_RESTARTS}-async", restarts.restart_async),
    *(_restart(f"{path}/restart", restarts.restart_by_key) for path in (_BY_KEY, _BY_TENANT)),
    *(_restart(f"{path}/restart-async", restarts.restart_async_by_key) for path in (_BY_KEY, _BY_TENANT)),
)
ROUTES: tuple[Route, ...] = (
    *deployments.ROUTES,
    *process_definitions.ROUTES,
    *_RESTART_ROUTES,
    *runtime.ROUTES,
    *instance_variables.ROUTES,
    *tasks.ROUTES,
    *batches.ROUTES,
    *deletions.ROUTES,
    *jobs.ROUTES,
    *job_log.ROUTES,
    *history.ROUTES,
)


def _of_engine(handler: Handler) -> Handler:
    """Let a handler answer for the engine `default` alone: there is no other."""

    @wraps(handler)
    def answer(services: Services, call: Call) -> Answer:
        if call.params["engine"] != "default":
            raise invalid("No process engine available")
        return handler(services, call)

    return answer


def _mounted() -> Iterator[Route]:
    for mount in _MOUNTS:
        for route in ROUTES:
            if (mount, route.path) == ("", "/version"):
                continue  # at the root it is Restate's, whose clients know no other path
            handler = _of_engine(route.handler) if "{engine}" in mount else route.handler
            yield replace(route, path=mount + route.path, handler=handler, free=route.free | _NAMES)


def _operation(route: Route) -> Operation:
    """Describe a route: its summary is the first line of its handler's docstring, else its own name."""
    summary = (route.handler.__doc__ or f"{route.method} {route.path}").partition("\n")[0].rstrip(".")
    return Operation(route, summary, answers={200: (Told, list[Told]), 204: ()}, refusals=(404, 409, 413))


OPERATIONS = described(f"{ENGINE_REST}/openapi.json", ABOUT, tuple(map(_operation, _mounted())))

DIALECT = Dialect(
    name="camunda",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=read_secret,
    write_error=write_error,
)
