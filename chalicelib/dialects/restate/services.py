"""Services: definitions that have been published, by their newest version. Handlers: their start events.

What a version of ours does not have (timeouts, a retry policy of the whole, lazy state) is left out, as the server's
own schema allows; clients take its defaults for it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.definitions import Definition, DefinitionType, StartEvent
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import DefinitionNotFound, NothingPublished
from chalicelib.core.versions import PublishedVersion, Version
from chalicelib.dialects.edge import JSON_TYPE, PARAMETER, Answer, Call, Route, Services
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import FieldInvalid, read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.ids import write_version_id
from chalicelib.dialects.restate.refusals import BodyUndecodable
from chalicelib.dialects.restate.registry_refusals import (
    HandlerUnknown,
    NotOffered,
    ServiceUnknown,
    ServiceUnregistered,
)

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
    """`revision` is the version's number; `metadata` holds its `name` and its `url`, if it has them."""

    name: str
    ty: str
    handlers: tuple[HandlerMetadata, ...]
    deployment_id: str
    revision: int
    public: bool
    metadata: dict[str, str] = {}


class ServiceList(msgspec.Struct, frozen=True):
    services: list[ServiceMetadata]


class HandlerList(msgspec.Struct, frozen=True):
    handlers: tuple[HandlerMetadata, ...]


def write_service(version: Version) -> ServiceMetadata:
    """Tell of a published version."""
    definition = version.definition
    named = {"name": definition.name, "url": definition.url}
    return ServiceMetadata(
        name=version.key,
        ty=_TYPES[definition.type],
        handlers=_handlers(definition),
        deployment_id=write_version_id(version.snapshot),
        revision=version.number or 0,
        public=True,
        metadata={name: text for name, text in named.items() if text},
    )


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
    """Answer the service that a path names; raise `ServiceUnknown`."""
    name = call.params["service"]
    if not PARAMETER.fullmatch(name):
        raise ServiceUnknown(name)
    try:
        return write_service(services.definitions.find(call.account, DefinitionKey(name), PublishedVersion()))
    except (DefinitionNotFound, NothingPublished) as error:
        raise ServiceUnknown(name) from error


# -- changing


class ModifyServiceRequest(msgspec.Struct, frozen=True):
    """What is null stays as it is."""

    public: bool | None = None
    idempotency_retention: str | None = None
    workflow_completion_retention: str | None = None
    journal_retention: str | None = None
    inactivity_timeout: str | None = None
    abort_timeout: str | None = None


def modify_service(services: Services, call: Call) -> Answer:
    """Change a service's settings: what is wanted otherwise than it is, is refused."""
    wanted = _read_changes(call.body)
    try:
        service = _find(services, call)
    except ServiceUnknown as error:
        raise (error if wanted == ModifyServiceRequest() else ServiceUnregistered(call.params["service"])) from error
    refused = _not_offered(wanted)
    if refused:
        raise NotOffered(f"A service's {', '.join(refused)} cannot be changed here.", fields=[*refused])
    return answer(service)


def _read_changes(body: bytes) -> ModifyServiceRequest:
    try:
        return read_struct(read_json(body), ModifyServiceRequest)
    except FieldInvalid as error:
        raise BodyUndecodable(error.message) from error


def _not_offered(wanted: ModifyServiceRequest) -> list[str]:
    """Name what cannot be honoured. Every service is public, and is so already."""
    given = {name: getattr(wanted, name) for name in ModifyServiceRequest.__struct_fields__}
    return [name for name, value in given.items() if value is not None and (name, value) != ("public", True)]


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
