"""Use cases of apps: register one, make a build, say which version is active for a caller."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.core.apps import App, AppName, AppNotFound, Build, BuildId, BuildNotFound, build_of_published
from chalicelib.core.ids import AccountId, DefinitionKey
from chalicelib.core.refusals import DefinitionNotFound
from chalicelib.core.versions import NamedVersion, PublishedVersion, Version, VersionChoice
from chalicelib.service.definitions import Definitions
from chalicelib.stores.apps import AppStore

REMEMBERED_MS = 60_000  # after at most this time a changed policy is heeded everywhere
MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Active:
    """What runs of an app's definition run on: a choice of version, and the build that it belongs to if it is fixed."""

    name: AppName
    choice: VersionChoice
    build: BuildId | None

    def build_id(self, account: AccountId, version: Version) -> BuildId:
        return self.build or build_of_published(account, self.name, version.snapshot)


@dataclass(frozen=True, slots=True)
class Apps:
    store: AppStore
    definitions: Definitions
    now: Callable[[], int]
    new_id: Callable[[], str]
    _remembered: dict[tuple[AccountId, AppName], tuple[App, int]] = field(default_factory=dict)

    # -- administration

    def save(self, account: AccountId, name: AppName, fixed: BuildId | None, overrides: Mapping[str, BuildId]) -> App:
        """Register an app, or change its policy; raise `BuildNotFound` for a build that it has not."""
        for build in {fixed, *overrides.values()} - {None}:
            self.build(account, name, BuildId(str(build)))
        app = App(name, fixed, overrides)
        self.store.save(account, app, self.now())
        self._remembered.clear()
        return app

    def load(self, account: AccountId, name: AppName) -> App:
        """Answer an app as it is now."""
        app = self.store.load(account, name)
        if app is None:
            raise AppNotFound(name)
        return app

    def make_build(self, account: AccountId, name: AppName, keys: Iterable[DefinitionKey]) -> Build:
        """Put what is published now of these definitions into a build that never changes."""
        self.load(account, name)
        published = PublishedVersion()
        versions = {key: self.definitions.find(account, key, published).snapshot for key in keys}
        build = Build(BuildId(self.new_id()), versions, self.now())
        self.store.create_build(account, name, build)
        return build

    def build(self, account: AccountId, name: AppName, build: BuildId) -> Build:
        found = self.store.build(account, name, build)
        if found is None:
            raise BuildNotFound(build)
        return found

    # -- what is active

    def active(self, account: AccountId, name: AppName, key: DefinitionKey, key_id: str) -> Active:
        """Say which version of a definition an app runs for a caller; raise `AppNotFound`, `DefinitionNotFound`."""
        return self._active(account, name, key, self._known(account, name).build_for(key_id))

    def pinned(self, account: AccountId, name: AppName, key: DefinitionKey, build: BuildId) -> Active:
        """Say which version of a definition one build of an app has."""
        self._known(account, name)
        return self._active(account, name, key, build)

    def active_build(self, account: AccountId, name: AppName, key_id: str) -> BuildId | None:
        """Answer the fixed build that is active for a caller; None: what is published."""
        return self._known(account, name).build_for(key_id)

    def _active(self, account: AccountId, name: AppName, key: DefinitionKey, build: BuildId | None) -> Active:
        if build is None:
            return Active(name, PublishedVersion(), None)
        snapshot = self.build(account, name, build).versions.get(key)
        if snapshot is None:
            raise DefinitionNotFound(key)
        return Active(name, NamedVersion(snapshot), build)

    def _known(self, account: AccountId, name: AppName) -> App:
        """Answer an app, read once a minute at most."""
        at = self.now()
        app, until = self._remembered.get((account, name), (None, 0))
        if app is not None and at < until:
            return app
        app = self.load(account, name)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[account, name] = app, at + REMEMBERED_MS
        return app
