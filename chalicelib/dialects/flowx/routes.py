"""FlowX's dialect as a whole. Every route stands at the root, and under the one prefix that the stage names."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.core.access import Scope
from chalicelib.dialects.credentials import bearer_or_api_key
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Dialect, Route, RouteUnknown
from chalicelib.dialects.flowx import processes, starts
from chalicelib.dialects.flowx.answers import InstanceStatus, Started
from chalicelib.dialects.flowx.problems import Error, write_error
from chalicelib.dialects.flowx.processes import BuildInfo
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.services import Services

_APP = "/api/runtime/wks/{workspace}/app/{app}"
_START = f"{_APP}/process-name/{{process}}/start"
_PROCESS = "/api/runtime/process/{uuid}"


ABOUT = About(
    title="Reprise: FlowX.AI",
    description="Starting process instances, with the data of others or without.",
    error=Error,
    security={"bearer": {"type": "http", "scheme": "bearer"}},
    error_types=("application/problem+json",),
)


def _start(path: str, scope: Scope, handler: Callable[[Services, Call], Answer], summary: str) -> Operation:
    return Operation(
        Route("POST", path, scope, handler, ANY_TYPE),
        summary,
        answers={200: (Started,)},
        body=dict[str, Any],
        is_body_needed=False,
        is_idempotent=True,
    )


def _read(
    path: str, handler: Callable[[Services, Call], Answer], summary: str, answered: Any, *refusals: int
) -> Operation:
    return Operation(Route("GET", path, Scope.READ, handler), summary, answers={200: (answered,)}, refusals=refusals)


_AT_ROOT = (
    _start(_START, Scope.WRITE, starts.start, "Start a process on the active build"),
    _start(
        f"{_START}/copyDataFrom/{{uuid}}",
        Scope.RESTART,
        starts.copy_data,
        "Start a process with another instance's data, and the body laid over it",
    ),
    _start(
        f"{_START}/inherit-from/{{uuid}}",
        Scope.RESTART,
        starts.inherit,
        "Start a process with some of another instance's data",
    ),
    _start(
        f"{_APP}/build/{{build}}/process-name/{{process}}/start",
        Scope.WRITE,
        starts.start_of_build,
        "Start a process on one build",
    ),
    _read(f"{_APP}/build/info", processes.build_info, "Say which build is active for the caller", BuildInfo),
    _read(f"{_PROCESS}/status", processes.status, "Say how an instance stands (a convenience)", InstanceStatus),
    _read(f"{_PROCESS}/data", processes.data, "Show an instance's data (a convenience)", dict[str, Any], 413),
)


@dataclass(frozen=True, slots=True)
class _Prefixed:
    """A handler under a prefix, which must be the stage's."""

    handler: Callable[[Services, Call], Answer]

    def __call__(self, services: Services, call: Call) -> Answer:
        params = dict(call.params)
        if params.pop("prefix") != services.flowx_prefix:
            raise RouteUnknown
        return self.handler(services, replace(call, params=params))


def _under_prefix(operation: Operation) -> Operation:
    route = operation.route
    return replace(operation, route=replace(route, path=f"/{{prefix}}{route.path}", handler=_Prefixed(route.handler)))


OPERATIONS = described(
    "/api/runtime/openapi.json",
    ABOUT,
    (
        *_AT_ROOT,
        *map(_under_prefix, _AT_ROOT),
    ),
)

DIALECT = Dialect(
    name="flowx",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=bearer_or_api_key,
    write_error=write_error,
)
