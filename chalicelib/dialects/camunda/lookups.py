"""Which version an id, or a key and a tenant, speaks of; and how a version is written."""

from typing import TypedDict

from chalicelib.core.deployments import SeenVersion
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import AccountId
from chalicelib.dialects.camunda.ids import (
    DefinitionName,
    definition_key,
    is_id_of,
    name_of,
    split_definition_id,
    tenant_of,
    write_definition_id,
)
from chalicelib.dialects.camunda.refusals import REST, EngineRefusal
from chalicelib.dialects.edge import PARAMETER, Call
from chalicelib.dialects.services import Services


class ProcessDefinitionDto(TypedDict):
    """A version of a process definition; one that no deployment made has neither resource nor deployment."""

    id: str
    key: str
    category: None
    description: None
    name: str | None
    version: int
    resource: str | None
    deploymentId: str | None
    diagram: None
    suspended: bool
    tenantId: str | None
    versionTag: str | None
    historyTimeToLive: int | None
    startableInTasklist: bool


def is_name(text: str) -> bool:
    """Say whether a text can be the id or the key of anything."""
    return PARAMETER.fullmatch(text) is not None


def find_definition_name(services: Services, account: AccountId, definition_id: str) -> DefinitionName | None:
    """Answer which version an id names; None if it names none that ever was, or was written for another account."""
    split = split_definition_id(definition_id)
    if split is None or not is_name(split[0]):
        return None
    key, number, uuid = split
    if is_id_of(account, definition_key(key), number, uuid):
        return DefinitionName(key, number)
    for definition in services.deployments.keys_like(account, f"{key}("):
        if is_id_of(account, definition, number, uuid):
            return DefinitionName(key, number, tenant_of(definition))
    return None


def find_by_id(services: Services, account: AccountId, definition_id: str) -> SeenVersion | None:
    name = find_definition_name(services, account, definition_id)
    if name is None:
        return None
    try:
        return services.deployments.version(account, name.definition, name.version)
    except NotFound:
        return None


def load_by_key(services: Services, call: Call) -> SeenVersion:
    """Answer the newest version of a path's key, for its tenant or for none; raise Camunda's refusal."""
    key, tenant = call.params["key"], call.params.get("tenant")
    definition = definition_key(key, tenant)
    try:
        if is_name(definition) and name_of(definition, 0) == DefinitionName(key, 0, tenant):
            return services.deployments.latest(call.account, definition)
    except NotFound:
        pass
    told = "no tenant-id" if tenant is None else f"tenant-id: {tenant}"
    raise EngineRefusal(404, REST, f"No matching process definition with key: {key} and {told}")


def id_of(account: AccountId, version: SeenVersion) -> str:
    return write_definition_id(account, version.definition, version.number)


def write_version(account: AccountId, version: SeenVersion) -> ProcessDefinitionDto:
    name = name_of(version.definition, version.number)
    return {
        "id": name.write(account),
        "key": name.key,
        "category": None,
        "description": None,
        "name": version.traits.name,
        "version": version.number,
        "resource": version.file.name if version.file else None,
        "deploymentId": version.deployment,
        "diagram": None,
        "suspended": version.is_suspended,
        "tenantId": name.tenant,
        "versionTag": version.traits.tag,
        "historyTimeToLive": version.traits.history_time_to_live,
        "startableInTasklist": version.traits.is_startable,
    }
