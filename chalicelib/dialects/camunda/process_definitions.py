"""Process definitions over Camunda's routes: list, show, their XML, suspend and activate; and what engine this is."""

import operator
from collections.abc import Iterable, Sequence
from typing import TypedDict

from chalicelib.core.access import Scope
from chalicelib.core.deployments import SeenVersion
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.json_values import Variables
from chalicelib.dialects.camunda.ids import definition_key
from chalicelib.dialects.camunda.instances import ProcessInstanceDto
from chalicelib.dialects.camunda.lookups import (
    ProcessDefinitionDto,
    find_by_id,
    id_of,
    is_name,
    load_by_key,
    write_version,
)
from chalicelib.dialects.camunda.operations import FREE, Handler, counting, listing, showing
from chalicelib.dialects.camunda.queries import (
    Filter,
    Row,
    equal,
    filtered,
    flag,
    like,
    list_parameters,
    moment,
    number,
    one_of,
    parameters_of,
    refuse_unknown_answers,
    shown,
    tenants,
    windowed,
)
from chalicelib.dialects.camunda.reading import Parameters, as_bool, as_text, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid, malformed, not_found
from chalicelib.dialects.camunda.starts import START, ProcessInstanceWithVariablesDto, start_by_id, start_by_key
from chalicelib.dialects.camunda.wire_types import body_of
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services

VERSION = "7.24.0"

_AT = "_at"  # the column of a row that is not shown: when it was published
_FILTERS: tuple[Filter, ...] = (
    equal("processDefinitionId", "id"),
    one_of("processDefinitionIdIn", "id"),
    equal("key", "key"),
    one_of("keysIn", "key"),
    like("keyLike", "key"),
    equal("name", "name"),
    like("nameLike", "name"),
    number("version", "version"),
    equal("versionTag", "versionTag"),
    like("versionTagLike", "versionTag"),
    flag("withoutVersionTag", lambda row: row["versionTag"] is None),
    equal("deploymentId", "deploymentId"),
    moment("deployedAfter", operator.gt, _AT),
    moment("deployedAt", operator.eq, _AT),
    equal("resourceName", "resource"),
    like("resourceNameLike", "resource"),
    tenants("includeProcessDefinitionsWithoutTenantId"),
    flag("withoutTenantId", lambda row: row["tenantId"] is None),
    flag("suspended", lambda row: row["suspended"] is True),
    flag("active", lambda row: row["suspended"] is False),
    flag("startableInTasklist", lambda row: row["startableInTasklist"] is True),
    flag("notStartableInTasklist", lambda row: row["startableInTasklist"] is False),
)
_REFUSED = (
    "category",
    "categoryLike",
    "startableBy",
    "startablePermissionCheck",
    "incidentId",
    "incidentType",
    "incidentMessage",
    "incidentMessageLike",
)
_SORTED_BY = {
    "id": "id",
    "key": "key",
    "name": "name",
    "version": "version",
    "versionTag": "versionTag",
    "deploymentId": "deploymentId",
    "deployTime": _AT,
    "tenantId": "tenantId",
}


class ProcessDefinitionDiagramDto(TypedDict):
    """The BPMN that a process definition was made of."""

    id: str
    bpmn20Xml: str


class VersionDto(TypedDict):
    version: str


class ProcessEngineDto(TypedDict):
    name: str


# -- lists


def listed(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    rows = windowed(_found(services, call, given), given, _SORTED_BY)
    return answer([shown(row) for row in rows])


def count(services: Services, call: Call) -> Answer:
    return answer({"count": len(_found(services, call, Parameters(call.query)))})


def _found(services: Services, call: Call, given: Parameters) -> list[Row]:
    refuse_unknown_answers(given, _REFUSED)
    versions = services.deployments.versions(call.account, _keys(services, call, given))
    if given.flag("latestVersion"):
        versions = _newest(versions)
    return filtered([{**write_version(call.account, it), _AT: it.at} for it in versions], given, _FILTERS)


def _keys(services: Services, call: Call, given: Parameters) -> list[DefinitionKey] | None:
    """Answer the definitions that alone can be meant; None: any. A key is any tenant's."""
    keys = [key] if (key := given.text("key")) is not None else given.texts("keysIn")
    if keys is None:
        return None
    named = [key for key in keys if is_name(key)]
    of_tenants = [it for key in named for it in services.deployments.keys_like(call.account, f"{key}(")]
    return [*map(definition_key, named), *of_tenants]


def _newest(versions: Iterable[SeenVersion]) -> list[SeenVersion]:
    """Keep the first version of each definition: they come newest first."""
    newest: dict[DefinitionKey, SeenVersion] = {}
    for version in versions:
        newest.setdefault(version.definition, version)
    return [*newest.values()]


# -- one


def show(services: Services, call: Call) -> Answer:
    return answer(write_version(call.account, _load(services, call, 404)))


def show_by_key(services: Services, call: Call) -> Answer:
    return answer(write_version(call.account, load_by_key(services, call)))


def xml(services: Services, call: Call) -> Answer:
    """Show the BPMN that a process definition was made of; an unknown id is 400, as in Camunda."""
    return _xml(services, call, _load(services, call, 400))


def xml_by_key(services: Services, call: Call) -> Answer:
    return _xml(services, call, load_by_key(services, call))


def _load(services: Services, call: Call, status: int) -> SeenVersion:
    definition_id = call.params["id"]
    version = find_by_id(services, call.account, definition_id)
    if version is None:
        raise EngineRefusal(status, "InvalidRequestException", f"No matching definition with id {definition_id}", 0)
    return version


def _xml(services: Services, call: Call, version: SeenVersion) -> Answer:
    definition_id = id_of(call.account, version)
    if version.deployment is None or version.file is None:
        raise not_found(f"Process definition {definition_id} was made from no BPMN")
    try:
        _, content = services.deployments.content(call.account, version.deployment, version.file.id)
    except NotFound as error:
        raise not_found(f"No matching definition with id {definition_id}", 0) from error
    told: ProcessDefinitionDiagramDto = {"id": definition_id, "bpmn20Xml": content.decode()}
    return answer(told)


# -- suspended or active


def suspend(services: Services, call: Call) -> Answer:
    is_suspended = _wish(_body(call))
    services.deployments.suspend(call.account, _load(services, call, 404), is_suspended=is_suspended)
    return Answer(204)


def suspend_by_key(services: Services, call: Call) -> Answer:
    is_suspended = _wish(_body(call))
    services.deployments.suspend(call.account, load_by_key(services, call), is_suspended=is_suspended)
    return Answer(204)


def suspend_all(services: Services, call: Call) -> Answer:
    body = _body(call)
    if as_text(body.get("processDefinitionId")) is not None:
        raise invalid("Only processDefinitionKey can be set to update the suspension state.")
    key = as_text(body.get("processDefinitionKey"))
    if key is None:
        raise invalid(
            "Either processDefinitionId or processDefinitionKey should be set to update the suspension state."
        )
    is_suspended = _wish(body)
    for version in _versions_of(services, call, key, body):
        services.deployments.suspend(call.account, version, is_suspended=is_suspended)
    return Answer(204)


def _versions_of(services: Services, call: Call, key: str, body: Variables) -> Sequence[SeenVersion]:
    """Answer a key's versions: of one tenant, of none, or (where nothing is said) of all."""
    if not is_name(key):
        return []
    tenant = as_text(body.get("processDefinitionTenantId"))
    keys = [definition_key(key, tenant)]
    if tenant is None and not as_bool(body.get("processDefinitionWithoutTenantId")):
        keys += services.deployments.keys_like(call.account, f"{key}(")
    return services.deployments.versions(call.account, keys)


def _body(call: Call) -> Variables:
    body = read_object(call)
    if body is None:
        raise malformed()
    return body


def _wish(body: Variables) -> bool:
    """Answer whether to suspend; raise a refusal for what would have to be done to instances, or later."""
    for name in ("includeProcessInstances", "includeProcessDefinitions"):
        if as_bool(body.get(name)):
            raise invalid(f"'{name}' is not supported")
    if as_text(body.get("executionDate")) is not None:
        raise invalid("'executionDate' is not supported")
    return as_bool(body.get("suspended"))


# -- the engine


def version(_services: Services, _call: Call) -> Answer:
    return answer({"version": VERSION})


def engines(_services: Services, _call: Call) -> Answer:
    return answer([{"name": "default"}])


_SUSPENSION = {"suspended": bool | None}
_ONE_SUSPENSION = body_of("ProcessDefinitionSuspensionStateDto", _SUSPENSION)
_ALL_SUSPENSION = body_of(
    "ProcessDefinitionsSuspensionStateDto",
    {
        "processDefinitionKey": str,
        "processDefinitionTenantId": str | None,
        "processDefinitionWithoutTenantId": bool | None,
        **_SUSPENSION,
    },
    needed=("processDefinitionKey",),
)
_ALL = "/process-definition"
_ID = f"{_ALL}/{{id}}"
_KEY = f"{_ALL}/key/{{key}}"
_TENANT = f"{_KEY}/tenant-id/{{tenant}}"
_BY_KEYS = ((_KEY, "the newest version of a key"), (_TENANT, "the newest version of a tenant's key"))


def _suspending(path: str, handler: Handler, what: str) -> Operation:
    return Operation(
        Route("PUT", f"{path}/suspended", Scope.WRITE, handler, JSON_TYPE, FREE),
        f"Suspend or activate {what}: no instance starts on what is suspended",
        answers={204: ()},
        body=_ONE_SUSPENSION,
        is_body_needed=False,
    )


def _starting(path: str, handler: Handler, what: str) -> Operation:
    return Operation(
        Route("POST", f"{path}/start", Scope.WRITE, handler, JSON_TYPE, FREE),
        f"Start an instance of {what}",
        answers={200: (ProcessInstanceDto, ProcessInstanceWithVariablesDto)},
        body=START,
        is_body_needed=False,
        is_idempotent=True,
    )


def _xml_of(path: str, handler: Handler, what: str) -> Operation:
    return showing(f"{path}/xml", handler, f"Show the BPMN of {what}", ProcessDefinitionDiagramDto, is_long=True)


OPERATIONS = (
    listing(
        _ALL,
        listed,
        "List process definitions: every version, unless the newest alone is asked for",
        list[ProcessDefinitionDto],
        {"latestVersion": bool, **list_parameters(_FILTERS, _SORTED_BY)},
    ),
    counting(f"{_ALL}/count", count, "Count process definitions", {"latestVersion": bool, **parameters_of(_FILTERS)}),
    Operation(
        Route("PUT", f"{_ALL}/suspended", Scope.WRITE, suspend_all, JSON_TYPE),
        "Suspend or activate every version of a key",
        answers={204: ()},
        body=_ALL_SUSPENSION,
    ),
    showing(_ID, show, "Show a process definition", ProcessDefinitionDto),
    _xml_of(_ID, xml, "a process definition"),
    _suspending(_ID, suspend, "a process definition"),
    _starting(_ID, start_by_id, "a process definition"),
    *(showing(path, show_by_key, f"Show {what}", ProcessDefinitionDto) for path, what in _BY_KEYS),
    *(_xml_of(path, xml_by_key, what) for path, what in _BY_KEYS),
    *(_suspending(path, suspend_by_key, what) for path, what in _BY_KEYS),
    *(_starting(path, start_by_key, what) for path, what in _BY_KEYS),
    showing("/version", version, "Say which version of Camunda's API this is", VersionDto),
    showing("/engine", engines, "List the engines: there is one", list[ProcessEngineDto]),
)
"""Paths from the root."""
