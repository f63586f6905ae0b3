"""Deployments: files that came together, and the versions of definitions that were made of them.

A version that names a deployment is seen as long as that deployment is: before its head is written, and after it is
deleted, there is no such version for those who look for deployments.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import DefinitionKey, digest
from chalicelib.core.json_values import Json

DeploymentId = NewType("DeploymentId", str)
FileId = NewType("FileId", str)


@dataclass(frozen=True, slots=True)
class File:
    """A deployed file: `digest` names its content."""

    id: FileId
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Traits:
    """What an author says of a version beside its graph."""

    name: str | None = None
    tag: str | None = None
    history_time_to_live: int | None = None
    """In days."""
    is_startable: bool = True


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version that a deployment made, and the file that it made it of."""

    definition: DefinitionKey
    number: int
    file: str
    traits: Traits


@dataclass(frozen=True, slots=True)
class Deployment:
    """`at` is when (ms); `request` tells the request that made it from another one under the same key."""

    id: DeploymentId
    name: str | None
    source: str | None
    tenant: str | None
    at: int
    files: tuple[File, ...]
    versions: tuple[MadeVersion, ...]
    request: str

    def made(self, definition: DefinitionKey, number: int) -> MadeVersion | None:
        """Answer what it made of a definition under this number."""
        return next((it for it in self.versions if (it.definition, it.number) == (definition, number)), None)

    def file_of(self, name: str) -> File | None:
        return next((it for it in self.files if it.name == name), None)


@dataclass(frozen=True, slots=True)
class NewProcess:
    """A definition that stands in a file that is to be deployed."""

    file: str
    definition: DefinitionKey
    document: Json
    traits: Traits = Traits()


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """What is to be deployed. Of files that are as they were, all (`is_filtering`) or each are left out."""

    files: Mapping[str, bytes]
    processes: tuple[NewProcess, ...]
    name: str | None = None
    source: str | None = None
    tenant: str | None = None
    is_filtering: bool = False
    is_changed_only: bool = False

    @property
    def request(self) -> str:
        files: dict[str, Json] = {name: content_digest(content) for name, content in self.files.items()}
        wishes = [self.is_filtering, self.is_changed_only]
        return digest([self.name, self.source, self.tenant, files, *wishes])

    def is_like(self, earlier: Deployment) -> bool:
        """Say whether an earlier deployment is one that this one's files are compared with."""
        wanted = (self.name, self.source, self.tenant)
        return wanted == (earlier.name, earlier.source, earlier.tenant)


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """A published version as those see it who look for deployments; `deployment`: None if none made it."""

    definition: DefinitionKey
    number: int
    at: int
    traits: Traits
    deployment: DeploymentId | None = None
    file: File | None = None
    is_suspended: bool = False


class DeploymentNotFound(NotFound):
    code = "deployment_not_found"

    def __init__(self, deployment: str) -> None:
        super().__init__(f"There is no deployment '{deployment}'.", deployment=deployment)


class FileNotFound(NotFound):
    code = "file_not_found"

    def __init__(self, deployment: str, file: str) -> None:
        super().__init__(f"The deployment '{deployment}' has no file '{file}'.", deployment=deployment, file=file)


def content_digest(content: bytes) -> str:
    """Name a file's content."""
    return hashlib.sha256(content).hexdigest()
