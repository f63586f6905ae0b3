"""Use cases of definitions: save the draft, publish it, find a version."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from chalicelib.actions.addresses import AddressPolicy
from chalicelib.core.definition_documents import read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import AccountId, DefinitionKey, SnapshotId
from chalicelib.core.json_values import Json
from chalicelib.core.overrides import FailureCallback
from chalicelib.core.refusals import DefinitionNotFound, NothingPublished, UrlUnknown, VersionNotFound
from chalicelib.core.retention import Retention
from chalicelib.core.runs import Run
from chalicelib.core.versions import (
    DraftVersion,
    NamedVersion,
    PublishedAs,
    PublishedVersion,
    SameVersion,
    Version,
    VersionChoice,
)
from chalicelib.service.action_checks import check_actions, check_callback
from chalicelib.stores.definitions import DefinitionStore, DefinitionSummary

MAX_LISTED = 500  # definitions that are looked at for one answer
MAX_VERSIONS = 1_000  # of one of them
_AT_ONCE = 100  # keys of one batch read


class DefinitionsTooMany(TooLarge):
    """What was asked for is told whole or not at all."""

    code = "definitions_too_many"

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"There are more than {most} {what}: this list tells of all or of none.", most=most)


REMEMBERED_MS = 60_000  # after at most this time a changed setting is heeded everywhere
MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class DefinitionSettings:
    """What holds for new runs of a definition, and whether it was settled: else its document says so."""

    retention: Retention
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Definitions:
    store: DefinitionStore
    policy: AddressPolicy
    now: Callable[[], int]
    _settled: dict[tuple[AccountId, DefinitionKey], tuple[Retention | None, int]] = field(default_factory=dict)

    def save_draft(self, account: AccountId, key: DefinitionKey, document: Json) -> SnapshotId:
        """Check a document and make it the draft; raise `DefinitionInvalid` with every defect."""
        self.check(document)
        return self.store.save_draft(account, key, document, self.now())

    def check_callback(self, callback: FailureCallback | None) -> None:
        """Raise `CallbackRefused` for a failure callback that could never be called."""
        check_callback(callback, self.policy)

    def publish(self, account: AccountId, key: DefinitionKey) -> Version:
        """Make the draft the newest published version; publishing the same graph again changes nothing."""
        draft = self.draft(account, key)
        newest = self._newest(account, key)
        if newest is not None and newest.snapshot == draft.snapshot:
            return newest
        return self.store.publish(account, draft, newest, self.now())

    def check(self, document: Json) -> Definition:
        """Answer the definition that a document is; raise `DefinitionInvalid` with every defect."""
        definition = read_definition(document)
        check_actions(definition, self.policy)
        return definition

    def deploy(self, account: AccountId, key: DefinitionKey, document: Json, origin: str) -> Version:
        """Make a document the draft and the next version, even if the graph is the same; once for each origin."""
        definition = self.check(document)
        newest = self._newest(account, key)
        snapshot = self.store.save_draft(account, key, document, self.now())
        if newest is not None and (newest.origin, newest.snapshot) == (origin, snapshot):
            return newest
        return self.store.publish(account, Version(key, snapshot, definition, origin=origin), newest, self.now())

    def at_url(self, account: AccountId, url: str) -> DefinitionKey:
        """Answer which definition is published under a URL; raise `UrlUnknown`."""
        key = self.store.at_url(account, url)
        if key is None:
            raise UrlUnknown(url)
        return key

    def list(self, account: AccountId, *, after: str | None, limit: int) -> list[DefinitionSummary]:
        return self.store.list(account, after=after, limit=limit)

    def every_key(self, account: AccountId) -> Sequence[DefinitionKey]:
        """List all of an account's definitions; raise `DefinitionsTooMany`."""
        listed = self.store.list(account, after=None, limit=MAX_LISTED + 1)
        if len(listed) > MAX_LISTED:
            raise DefinitionsTooMany("definitions", MAX_LISTED)
        return [one.key for one in listed]

    def every_published(self, account: AccountId) -> Sequence[Version]:
        """Answer the newest published version of each of an account's definitions; raise `DefinitionsTooMany`."""
        keys = self.every_key(account)
        found: dict[DefinitionKey, Version] = {}
        for first in range(0, len(keys), _AT_ONCE):
            found |= self.store.published_all(account, keys[first : first + _AT_ONCE])
        return [found[key] for key in keys if key in found]

    def every_version(
        self, account: AccountId, keys: Iterable[DefinitionKey]
    ) -> dict[DefinitionKey, Sequence[PublishedAs]]:
        """Answer all published versions of some definitions, newest first; raise `DefinitionsTooMany`."""
        versions = {key: self.store.numbers(account, key, MAX_VERSIONS + 1) for key in keys}
        if any(len(listed) > MAX_VERSIONS for listed in versions.values()):
            raise DefinitionsTooMany("versions of a definition", MAX_VERSIONS)
        return versions

    def holding(self, account: AccountId, snapshot: SnapshotId) -> Sequence[DefinitionKey]:
        """List the definitions that have a version with this graph, published or frozen."""
        return self.store.holding(account, snapshot)

    def published_versions(self, account: AccountId, key: DefinitionKey, *, limit: int) -> Sequence[PublishedAs]:
        """List a definition's published versions, newest first; raise `DefinitionNotFound` if nobody knows it."""
        versions = self.store.numbers(account, key, limit)
        if not versions:
            self.draft(account, key)
        return versions

    def draft(self, account: AccountId, key: DefinitionKey) -> Version:
        draft = self.store.draft(account, key)
        if draft is None:
            raise DefinitionNotFound(key)
        return draft

    def find(self, account: AccountId, key: DefinitionKey, choice: VersionChoice, source: Run | None = None) -> Version:
        """Answer the version that a choice means, for a run that is to come from `source`."""
        match choice:
            case SameVersion():
                assert source is not None
                return self.of(source)
            case PublishedVersion():
                return self._published(account, key)
            case DraftVersion():
                return self.draft(account, key)
            case NamedVersion(name):
                return self._named(account, key, name)
            case _:
                assert_never(choice)

    # -- how long runs are kept

    def settings(self, account: AccountId, key: DefinitionKey) -> DefinitionSettings:
        """Answer what holds for new runs of a published definition; raise `NothingPublished`."""
        return _settings_of(self._published(account, key))

    def retain(self, account: AccountId, key: DefinitionKey, retention: Retention | None) -> DefinitionSettings:
        """Settle how long new runs of a published definition are kept, on whatever version.

        With None, what each version's document says holds again. Heeded at once by runs that start on what is
        published, and within a minute by those on a version that they name. Raises `NothingPublished`.
        """
        published = self._published(account, key)
        self.store.retain(account, key, retention)
        self._remember(account, key, retention)
        return _settings_of(replace(published, settled=retention))

    def settled(self, account: AccountId, key: DefinitionKey) -> Retention | None:
        """Answer how long new runs are kept if that was settled, as of a minute ago at the earliest."""
        settled, until = self._settled.get((account, key), (None, 0))
        if self.now() < until:
            return settled
        newest = self._newest(account, key)
        return None if newest is None else newest.settled

    def freeze(self, account: AccountId, version: Version, choice: VersionChoice) -> None:
        """Keep a draft as it stands, so that the run on it can always find its graph."""
        if isinstance(choice, DraftVersion):
            self.store.freeze(account, version)

    def of(self, run: Run) -> Version:
        """Answer the version that a run runs on."""
        version = self.store.snapshot(run.account, run.definition, run.snapshot)
        if version is None:
            raise VersionNotFound(run.definition, run.snapshot)
        return replace(version, number=run.version)

    def of_snapshot(self, account: AccountId, key: DefinitionKey, snapshot: SnapshotId, number: int) -> Version:
        """Answer a published version of which snapshot and number are known."""
        version = self.store.snapshot(account, key, snapshot)
        if version is None:
            raise VersionNotFound(key, str(number))
        return replace(version, number=number)

    def _published(self, account: AccountId, key: DefinitionKey) -> Version:
        published = self._newest(account, key)
        if published is None:
            self.draft(account, key)  # an unknown definition is another refusal than an unpublished one
            raise NothingPublished(key)
        return published

    def _newest(self, account: AccountId, key: DefinitionKey) -> Version | None:
        """Read what is published, and remember what is settled with it."""
        newest = self.store.published(account, key)
        self._remember(account, key, None if newest is None else newest.settled)
        return newest

    def _remember(self, account: AccountId, key: DefinitionKey, settled: Retention | None) -> None:
        if len(self._settled) >= MAX_REMEMBERED:
            self._settled.clear()
        self._settled[account, key] = settled, self.now() + REMEMBERED_MS

    def _named(self, account: AccountId, key: DefinitionKey, name: int | SnapshotId) -> Version:
        found = (
            self.store.numbered(account, key, name)
            if isinstance(name, int)
            else self.store.snapshot(account, key, name)
        )
        if found is None:
            raise VersionNotFound(key, str(name))
        return found


def _settings_of(published: Version) -> DefinitionSettings:
    return DefinitionSettings(published.retention, is_settled=published.settled is not None)
