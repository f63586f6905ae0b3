"""Apps and their builds in DynamoDB. A build never changes, so one that was read is kept in memory."""

from dataclasses import dataclass, field
from typing import Any, cast

from chalicelib.core.apps import App, AppName, Build, BuildId
from chalicelib.core.ids import AccountId, DefinitionKey, SnapshotId
from chalicelib.core.json_values import Json
from chalicelib.stores.calls import Calls
from chalicelib.stores.packing import pack, unpack
from chalicelib.stores.tables import AppRow

_APP = "app"
KEPT_IN_MEMORY = 256  # builds


@dataclass(frozen=True, slots=True)
class AppStore:
    calls: Calls
    _builds: dict[tuple[str, BuildId], Build] = field(default_factory=dict)

    def load(self, account: AccountId, name: AppName) -> App | None:
        row = self.calls.find(AppRow, _pk(account, name), _APP)
        if row is None:
            return None
        document = cast("dict[str, Any]", unpack(row.document))
        return App(name, document["fixed"], document["overrides"])

    def save(self, account: AccountId, app: App, at: int) -> None:
        """Keep an app as it is now; the last to save it is right."""
        document: Json = {"fixed": app.fixed, "overrides": {**app.overrides}}
        self.calls.save(AppRow(_pk(account, app.name), _APP, document=pack(document), at=at))

    def build(self, account: AccountId, name: AppName, build: BuildId) -> Build | None:
        key = _pk(account, name)
        known = self._builds.get((key, build))
        if known is not None:
            return known
        row = self.calls.find(AppRow, key, _part(build))
        if row is None:
            return None
        versions = cast("dict[str, str]", unpack(row.document))
        found = Build(build, {DefinitionKey(name): SnapshotId(of) for name, of in versions.items()}, int(row.at))
        if len(self._builds) >= KEPT_IN_MEMORY:
            self._builds.clear()
        self._builds[key, build] = found
        return found

    def create_build(self, account: AccountId, name: AppName, build: Build) -> None:
        """Keep a build; keeping the same one again changes nothing."""
        versions: Json = {key: str(snapshot) for key, snapshot in build.versions.items()}
        self.calls.save(AppRow(_pk(account, name), _part(build.id), document=pack(versions), at=build.at))


def _pk(account: AccountId, name: AppName) -> str:
    return f"{account}#{name.workspace}#{name.app}"


def _part(build: BuildId) -> str:
    return f"build#{build}"
