"""Services: definitions that have been published, by their newest version. Handlers: their start events.

What a version of ours does not have (timeouts, a retry policy of the whole, lazy state) is left out, as the server's
own schema allows; clients take its defaults for it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.definitions import Definition, DefinitionType, StartEvent
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import DefinitionNotFound, NothingPublished
from chalicelib.core.retention import Retention
from chalicelib.core.versions import PublishedVersion, Version
from chalicelib.dialects.edge import JSON_TYPE, PARAMETER, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import FieldInvalid, read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.durations import DurationInvalid, read_seconds
from chalicelib.dialects.restate.ids import write_version_id
from chalicelib.dialects.restate.refusals import BodyUndecodable
from chalicelib.dialects.restate.registry_refusals import (
    HandlerUnknown,
    NotOffered,
    ServiceUnknown,
    ServiceUnregistered,
)
from chalicelib.dialects.restate.sql.results import write_duration
from chalicelib.dialects.services import Services

_TYPES: Final[Mapping[DefinitionType, str]] = {
    DefinitionType.SERVICE: "Service",
    DefinitionType.OBJECT: "VirtualObject",
    DefinitionType.WORKFLOW: "Workflow",
}
_EXCLUSIVE: Final[Mapping[DefinitionType, str]] = {
    DefinitionType.OBJECT: "Exclusive",
    DefinitionType.WORKFLOW: "Workflow",
}
_VARIABLES = "JSON object"


# -- what is told


class HandlerMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """`ty`: Exclusive, Shared or Workflow; a service's handlers have none."""

    name: str
    input_description: str
    output_description: str
    input_json_schema: dict[str, Any]
    ty: str | None = None


class ServiceMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """`revision` is the version's number; `metadata` holds its `name` and its `url`, if it has them.

    A retention that is left out is none: what has ended is kept for ever.
    """

    name: str
    ty: str
    handlers: tuple[HandlerMetadata, ...]
    deployment_id: str
    revision: int
    public: bool
    metadata: dict[str, str] = {}
    idempotency_retention: str | None = None
    workflow_completion_retention: str | None = None
    journal_retention: str | None = None


class ServiceList(msgspec.Struct, frozen=True):
    services: list[ServiceMetadata]


class HandlerList(msgspec.Struct, frozen=True):
    handlers: tuple[HandlerMetadata, ...]


def write_service(version: Version) -> ServiceMetadata:
    """Tell of a published version, and for how long its new runs are kept."""
    definition = version.definition
    retention = version.retention
    is_workflow = definition.type is DefinitionType.WORKFLOW
    named = {"name": definition.name, "url": definition.url}
    return ServiceMetadata(
        name=version.key,
        ty=_TYPES[definition.type],
        handlers=_handlers(definition),
        deployment_id=write_version_id(version.snapshot),
        revision=version.number or 0,
        public=True,
        metadata={name: text for name, text in named.items() if text},
        idempotency_retention=None if is_workflow else _write_s(retention.completion_s),
        workflow_completion_retention=_write_s(retention.completion_s) if is_workflow else None,
        journal_retention=_write_s(retention.journal_s),
    )


def _write_s(seconds: float | None) -> str | None:
    return None if seconds is None else write_duration(round(seconds * 1000))


def _handlers(definition: Definition) -> tuple[HandlerMetadata, ...]:
    outermost = (activity for activity in definition.activities.values() if activity.parent is None)
    return tuple(
        HandlerMetadata(
            name=activity.id,
            input_description=_VARIABLES,
            output_description=_VARIABLES,
            input_json_schema={"type": "object", "required": [*definition.required]},
            ty=_handler_type(definition, activity.kind),
        )
        for activity in outermost
        if isinstance(activity.kind, StartEvent)
    )


def _handler_type(definition: Definition, start: StartEvent) -> str | None:
    exclusive = _EXCLUSIVE.get(definition.type)
    return "Shared" if exclusive is not None and start.is_shared else exclusive


# -- looking


def list_services(services: Services, call: Call) -> Answer:
    """List every service, by name."""
    return answer(ServiceList([*map(write_service, services.definitions.every_published(call.account))]))


def get_service(services: Services, call: Call) -> Answer:
    """Tell of a service."""
    return answer(_find(services, call))


def list_handlers(services: Services, call: Call) -> Answer:
    """List the handlers of a service."""
    return answer(HandlerList(_find(services, call).handlers))


def get_handler(services: Services, call: Call) -> Answer:
    """Tell of a handler of a service."""
    service, name = _find(services, call), call.params["handler"]
    for handler in service.handlers:
        if handler.name == name:
            return answer(handler)
    raise HandlerUnknown(service.name, name)


def _find(services: Services, call: Call) -> ServiceMetadata:
    return write_service(_published(services, call))


def _published(services: Services, call: Call) -> Version:
    """Answer the newest version of the service that a path names; raise `ServiceUnknown`."""
    name = call.params["service"]
    if not PARAMETER.fullmatch(name):
        raise ServiceUnknown(name)
    try:
        return services.definitions.find(call.account, DefinitionKey(name), PublishedVersion())
    except (DefinitionNotFound, NothingPublished) as error:
        raise ServiceUnknown(name) from error


# -- changing


class ModifyServiceRequest(msgspec.Struct, frozen=True):
    """What is null stays as it is. Retentions are durations: `PT24H`, `1 day`."""

    public: bool | None = None
    idempotency_retention: str | None = None
    workflow_completion_retention: str | None = None
    journal_retention: str | None = None
    inactivity_timeout: str | None = None
    abort_timeout: str | None = None


def modify_service(services: Services, call: Call) -> Answer:
    """Change for how long new invocations of a service are kept; whatever else is wanted otherwise is refused."""
    wanted = _read_changes(call.body)
    try:
        version = _published(services, call)
    except ServiceUnknown as error:
        raise (error if wanted == ModifyServiceRequest() else ServiceUnregistered(call.params["service"])) from error
    refused = _not_offered(wanted, version.definition.type)
    if refused:
        raise NotOffered(f"A service's {', '.join(refused)} cannot be changed here.", fields=[*refused])
    kept = _retention(wanted)
    if kept != Retention():
        settled = services.definitions.retain(call.account, version.key, _over(version.retention, kept))
        version = replace(version, settled=settled.retention)
    return answer(write_service(version))


def _retention(wanted: ModifyServiceRequest) -> Retention:
    """Read how long to keep what has ended; raise `BodyUndecodable`."""
    completion = wanted.idempotency_retention or wanted.workflow_completion_retention
    return Retention(_read_s(completion), _read_s(wanted.journal_retention))


def _read_s(text: str | None) -> float | None:
    try:
        return None if text is None else read_seconds(text)
    except DurationInvalid as error:
        raise BodyUndecodable(str(error)) from error


def _over(old: Retention, new: Retention) -> Retention:
    return Retention(
        old.completion_s if new.completion_s is None else new.completion_s,
        old.journal_s if new.journal_s is None else new.journal_s,
    )


def _read_changes(body: bytes) -> ModifyServiceRequest:
    try:
        return read_struct(read_json(body), ModifyServiceRequest)
    except FieldInvalid as error:
        raise BodyUndecodable(error.message) from error


def _not_offered(wanted: ModifyServiceRequest, type_: DefinitionType) -> list[str]:
    """Name what cannot be honoured. Every service is public, and is so already."""
    is_workflow = type_ is DefinitionType.WORKFLOW
    completion = "workflow_completion_retention" if is_workflow else "idempotency_retention"
    given = {name: getattr(wanted, name) for name in ModifyServiceRequest.__struct_fields__}
    taken = {completion, "journal_retention"} | ({"public"} if wanted.public else set())
    return [name for name, value in given.items() if value is not None and name not in taken]


_SERVICE, _BOTH = frozenset({"service"}), frozenset({"service", "handler"})
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        Route("GET", "/services", Scope.READ, list_services),
        "List services",
        answers={200: (ServiceList,)},
        refusals=(413,),
    ),
    Operation(
        Route("GET", "/services/{service}", Scope.READ, get_service, free=_SERVICE),
        "Get a service",
        answers={200: (ServiceMetadata,)},
    ),
    Operation(
        Route("PATCH", "/services/{service}", Scope.WRITE, modify_service, JSON_TYPE, _SERVICE),
        "Modify a service",
        answers={200: (ServiceMetadata,)},
        body=ModifyServiceRequest,
        refusals=(422, 501),
    ),
    Operation(
        Route("GET", "/services/{service}/handlers", Scope.READ, list_handlers, free=_SERVICE),
        "List the handlers of a service",
        answers={200: (HandlerList,)},
    ),
    Operation(
        Route("GET", "/services/{service}/handlers/{handler}", Scope.READ, get_handler, free=_BOTH),
        "Get a handler of a service",
        answers={200: (HandlerMetadata,)},
    ),
)
