"""Camunda 7's dialect as a whole: every route at the root, under `/engine-rest`, and with the engine's name."""

from collections.abc import Iterator
from dataclasses import replace
from functools import wraps

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
from chalicelib.dialects.camunda.errors import Error, write_error
from chalicelib.dialects.camunda.operations import FREE, Handler
from chalicelib.dialects.camunda.reading import read_secret
from chalicelib.dialects.camunda.refusals import invalid
from chalicelib.dialects.edge import Answer, Call, Dialect
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.services import Services

ENGINE_REST = "/engine-rest"
_MOUNTS = ("", ENGINE_REST, f"{ENGINE_REST}/engine/{{engine}}")

ABOUT = About(
    title="Reprise: Camunda 7",
    description=(
        "The routes of Camunda 7's REST API around restarts of process instances, at once and in"
        " batches. A field that is null is as if it were not there. Of a body, texts may be written as numbers or"
        " booleans too, and booleans as texts or numbers; what nobody knows is ignored."
    ),
    error=Error,
    security={"basic": {"type": "http", "scheme": "basic"}, "bearer": {"type": "http", "scheme": "bearer"}},
)


_AT_ROOT: tuple[Operation, ...] = (
    *deployments.OPERATIONS,
    *process_definitions.OPERATIONS,
    *restarts.OPERATIONS,
    *runtime.OPERATIONS,
    *instance_variables.OPERATIONS,
    *tasks.OPERATIONS,
    *batches.OPERATIONS,
    *deletions.OPERATIONS,
    *jobs.OPERATIONS,
    *job_log.OPERATIONS,
    *history.OPERATIONS,
)


def _of_engine(handler: Handler) -> Handler:
    """Let a handler answer for the engine `default` alone: there is no other."""

    @wraps(handler)
    def answer(services: Services, call: Call) -> Answer:
        if call.params["engine"] != "default":
            raise invalid("No process engine available")
        return handler(services, call)

    return answer


def _mounted() -> Iterator[Operation]:
    for mount in _MOUNTS:
        for operation in _AT_ROOT:
            route = operation.route
            if (mount, route.path) == ("", "/version"):
                continue  # at the root it is Restate's, whose clients know no other path
            handler = _of_engine(route.handler) if "{engine}" in mount else route.handler
            yield replace(operation, route=replace(route, path=mount + route.path, handler=handler, free=FREE))


OPERATIONS = described(f"{ENGINE_REST}/openapi.json", ABOUT, tuple(_mounted()))

DIALECT = Dialect(
    name="camunda",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=read_secret,
    write_error=write_error,
)
