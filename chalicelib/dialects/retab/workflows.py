"""Workflows over Retab's routes: publish, list the published versions; and who a key is."""

from typing import Literal, TypedDict

from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import Unsupported
from chalicelib.core.versions import PublishedAs, Version
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.retab.ids import write_version_id
from chalicelib.dialects.retab.lists import WHOLE, Ends
from chalicelib.dialects.retab.reading import read_body
from chalicelib.dialects.retab.requests import Publish
from chalicelib.dialects.services import Services
from chalicelib.dialects.times import write_time

MAX_VERSIONS = 100


class WorkflowVersion(TypedDict):
    """A published version, under the names of all eras."""

    id: str
    snapshot_id: str
    version_id: str
    version: int
    published_at: str


class Published(WorkflowVersion):
    description: str | None


class Workflow(TypedDict):
    id: str
    name: str
    published: Published


class WorkflowSnapshot(WorkflowVersion):
    workflow_id: str


class SnapshotList(TypedDict):
    data: list[WorkflowSnapshot]
    list_metadata: Ends


class KeyEnvironment(TypedDict):
    id: str
    name: str
    type: str


class AuthStatus(TypedDict):
    """Which organization and environment a key opens."""

    status: Literal["authenticated"]
    auth_method: Literal["api_key"]
    api_key_id: str
    organization_id: str
    environment: KeyEnvironment


def publish(services: Services, call: Call) -> Answer:
    """Make the draft the newest version."""
    key = DefinitionKey(call.params["workflow_id"])
    asked = read_body(call, Publish)
    version = services.definitions.publish(call.account, key)
    published: Published = {**_told(version), "description": asked.description}
    return answer(Workflow(id=key, name=version.definition.name or key, published=published))


def snapshots(services: Services, call: Call) -> Answer:
    """List the published versions, newest first."""
    key = DefinitionKey(call.params["workflow_id"])
    versions = services.definitions.published_versions(call.account, key, limit=MAX_VERSIONS)
    told: list[WorkflowSnapshot] = [{**_told(version), "workflow_id": key} for version in versions]
    return answer(SnapshotList(data=told, list_metadata=WHOLE))


def status(_services: Services, call: Call) -> Answer:
    key = call.key
    told: AuthStatus = {
        "status": "authenticated",
        "auth_method": "api_key",
        "api_key_id": key.id,
        "organization_id": call.account,
        "environment": {"id": key.environment, "name": key.environment, "type": key.environment},
    }
    return answer(told)


def export(_services: Services, _call: Call) -> Answer:
    raise Unsupported("export_payload")


def _told(version: Version | PublishedAs) -> WorkflowVersion:
    assert version.number is not None  # it is published
    return {
        "id": version.snapshot,
        "snapshot_id": version.snapshot,
        "version_id": write_version_id(version.snapshot),
        "version": version.number,
        "published_at": write_time(version.at),
    }
