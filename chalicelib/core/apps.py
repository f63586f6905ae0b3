"""Apps: which version of a definition runs for whom.

An app belongs to a workspace. A build is a set of versions that never changes. Which build is active for a caller,
the app's policy says: what is published now, or one fixed build, for all or for one API key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import AccountId, DefinitionKey, SnapshotId, derived_uuid

BuildId = NewType("BuildId", str)


@dataclass(frozen=True, slots=True)
class AppName:
    workspace: str
    app: str


@dataclass(frozen=True, slots=True)
class App:
    """`fixed`: the build that is active; None: what is published. `overrides`: another build for an API key."""

    name: AppName
    fixed: BuildId | None = None
    overrides: Mapping[str, BuildId] = field(default_factory=dict)

    def build_for(self, key_id: str) -> BuildId | None:
        return self.overrides.get(key_id, self.fixed)


@dataclass(frozen=True, slots=True)
class Build:
    """What belongs together: each definition of an app in one version. `at` in ms."""

    id: BuildId
    versions: Mapping[DefinitionKey, SnapshotId]
    at: int


def build_of_published(account: AccountId, name: AppName, snapshot: SnapshotId) -> BuildId:
    """Name what is published now: the same id for as long as nothing else is published."""
    return BuildId(derived_uuid(account, name.workspace, name.app, snapshot))


class AppNotFound(NotFound):
    code = "app_not_found"

    def __init__(self, name: AppName) -> None:
        super().__init__(f"There is no app '{name.app}' in workspace '{name.workspace}'.")


class BuildNotFound(NotFound):
    code = "build_not_found"

    def __init__(self, build: BuildId) -> None:
        super().__init__(f"The app has no build '{build}'.", build=build)
