"""Deployments: published versions, by their graphs. The same graph published under several keys is one deployment.

A deployment of ours is run by this service itself: it has no `uri`, no `arn` and no protocol versions, and none are
told. Versions are published elsewhere, and never taken back: what would do either is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.ids import DefinitionKey, SnapshotId
from chalicelib.core.versions import PublishedAs
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.ids import IdInvalid, read_version_id, write_version_id
from chalicelib.dialects.restate.query_strings import pairs_of, read_force
from chalicelib.dialects.restate.refusals import BodyUndecodable
from chalicelib.dialects.restate.registry_refusals import (
    DeploymentUnknown,
    DeploymentUnreadable,
    DeploymentUnregistered,
    NotOffered,
)
from chalicelib.dialects.restate.services import ServiceMetadata, write_service
from chalicelib.dialects.services import Services
from chalicelib.dialects.times import write_time

_NOT_DISCOVERED: Final = (
    "Deployments are not discovered from endpoints here. Publish a definition: PUT /ops/v1/definitions/{key}, then"
    " POST /ops/v1/definitions/{key}/publish; or deploy BPMN: POST /engine-rest/deployment/create."
)
_NOT_DELETED: Final = "Published versions are never taken back: runs may be restarted on them."

_Versions = Mapping[DefinitionKey, Sequence[PublishedAs]]


class ServiceRevision(msgspec.Struct, frozen=True):
    name: str
    revision: int


class Deployment(msgspec.Struct, frozen=True):
    """`created_at` is when its graph was first published."""

    id: str
    created_at: str
    services: list[ServiceRevision]


class DetailedDeployment(msgspec.Struct, frozen=True):
    id: str
    created_at: str
    services: list[ServiceMetadata]


class DeploymentList(msgspec.Struct, frozen=True):
    deployments: list[Deployment]


# -- looking


def list_deployments(services: Services, call: Call) -> Answer:
    """List every deployment, the oldest first."""
    definitions = services.definitions
    versions = definitions.every_version(call.account, definitions.every_key(call.account))
    snapshots = {as_.snapshot for listed in versions.values() for as_ in listed}
    deployments = [_deployment(snapshot, versions) for snapshot in snapshots]
    return answer(DeploymentList(sorted(deployments, key=lambda one: (one.created_at, one.id))))


def get_deployment(services: Services, call: Call) -> Answer:
    """Tell of a deployment, and of the services that it has."""
    snapshot = _read_id(call)
    versions = _versions_of(services, call, snapshot)
    if not versions:
        raise DeploymentUnknown(call.params["deployment"])
    deployment = _deployment(snapshot, versions)
    told = [
        write_service(services.definitions.of_snapshot(call.account, DefinitionKey(one.name), snapshot, one.revision))
        for one in deployment.services
    ]
    return answer(DetailedDeployment(deployment.id, deployment.created_at, told))


def _deployment(snapshot: SnapshotId, versions: _Versions) -> Deployment:
    """Tell of a graph that some definitions have published, by the newest number that each gave it."""
    published = {key: [as_ for as_ in listed if as_.snapshot == snapshot] for key, listed in versions.items()}
    return Deployment(
        write_version_id(snapshot),
        write_time(min(as_.at for listed in published.values() for as_ in listed)),
        [ServiceRevision(key, _newest(listed)) for key, listed in published.items() if listed],
    )


def _newest(listed: Iterable[PublishedAs]) -> int:
    return max(as_.number for as_ in listed)


def _versions_of(services: Services, call: Call, snapshot: SnapshotId) -> _Versions:
    """Answer the versions of the definitions that have published a graph; a frozen draft is no deployment."""
    keys = services.definitions.holding(call.account, snapshot)
    versions = services.definitions.every_version(call.account, keys)
    return {key: listed for key, listed in versions.items() if any(as_.snapshot == snapshot for as_ in listed)}


def _read_id(call: Call) -> SnapshotId:
    given = call.params["deployment"]
    try:
        return read_version_id(given)
    except IdInvalid as error:
        raise DeploymentUnreadable(given, error.reason) from error


# -- changing


class RegisterDeploymentRequest(msgspec.Struct, frozen=True):
    """`uri` or `arn`: where the server would ask for services."""

    uri: str | None = None
    arn: str | None = None


def register_deployment(_services: Services, call: Call) -> Answer:
    """Refuse to discover services at an endpoint."""
    asked: Any = read_json(call.body)
    if not isinstance(asked, dict) or not any(isinstance(asked.get(place), str) for place in ("uri", "arn")):
        raise BodyUndecodable("data did not match any variant of untagged enum RegisterDeploymentRequest")
    raise NotOffered(_NOT_DISCOVERED)


def delete_deployment(services: Services, call: Call) -> Answer:
    """Refuse to take a deployment away; without force, as the server does, with no word."""
    snapshot = _read_id(call)
    if not read_force(pairs_of(call.query)):
        return Answer(501)
    if not _versions_of(services, call, snapshot):
        raise DeploymentUnregistered(call.params["deployment"])
    raise NotOffered(_NOT_DELETED)


_DEPLOYMENT = frozenset({"deployment"})
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        Route("GET", "/deployments", Scope.READ, list_deployments),
        "List deployments",
        answers={200: (DeploymentList,)},
        refusals=(413,),
    ),
    Operation(
        Route("POST", "/deployments", Scope.WRITE, register_deployment, JSON_TYPE),
        "Register a deployment: refused",
        answers={},
        body=RegisterDeploymentRequest,
        refusals=(422, 501),
    ),
    Operation(
        Route("GET", "/deployments/{deployment}", Scope.READ, get_deployment, free=_DEPLOYMENT),
        "Get a deployment",
        answers={200: (DetailedDeployment,)},
        refusals=(413,),
    ),
    Operation(
        Route("DELETE", "/deployments/{deployment}", Scope.WRITE, delete_deployment, free=_DEPLOYMENT),
        "Delete a deployment: refused",
        answers={},
        refusals=(413, 501),
    ),
)
