"""Workflows over Retab's routes: publish, list the published versions; and who a key is."""

from typing import Any

from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import Unsupported
from chalicelib.core.versions import PublishedAs, Version
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.retab.ids import write_version_id
from chalicelib.dialects.retab.reading import read_body
from chalicelib.dialects.retab.requests import Publish
from chalicelib.dialects.services import Services
from chalicelib.dialects.times import write_time

MAX_VERSIONS = 100


def publish(services: Services, call: Call) -> Answer:
    """Make the draft the newest version."""
    key = DefinitionKey(call.params["workflow_id"])
    asked = read_body(call, Publish)
    version = services.definitions.publish(call.account, key)
    published = {**_told(version), "description": asked.description}
    return answer({"id": key, "name": version.definition.name or key, "published": published})


def snapshots(services: Services, call: Call) -> Answer:
    """List the published versions, newest first."""
    key = DefinitionKey(call.params["workflow_id"])
    versions = services.definitions.published_versions(call.account, key, limit=MAX_VERSIONS)
    told = [{**_told(version), "workflow_id": key} for version in versions]
    return answer({"data": told, "list_metadata": {"before": None, "after": None}})


def status(_services: Services, call: Call) -> Answer:
    """Say which organization and environment a key opens."""
    key = call.key
    return answer(
        {
            "status": "authenticated",
            "auth_method": "api_key",
            "api_key_id": key.id,
            "organization_id": call.account,
            "environment": {"id": key.environment, "name": key.environment, "type": key.environment},
        }
    )


def export(_services: Services, _call: Call) -> Answer:
    raise Unsupported("export_payload")


def _told(version: Version | PublishedAs) -> dict[str, Any]:
    return {
        "id": version.snapshot,
        "snapshot_id": version.snapshot,
        "version_id": write_version_id(version.snapshot),
        "version": version.number,
        "published_at": write_time(version.at),
    }
