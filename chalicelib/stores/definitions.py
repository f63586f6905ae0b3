"""Definitions in DynamoDB: rows of one key side by side.

| sort key          | what                                                                     |
|-------------------|--------------------------------------------------------------------------|
| `draft`           | the draft's document; may change                                         |
| `published`       | a copy of the newest published version, so that finding it is one read;  |
|                   | with it, how long runs are kept, if that was settled                     |
| `n#00000001`      | which snapshot is version 1                                              |
| `s#snap_…`        | a graph, by its content; never changes                                   |

and, under `account#url#` and a digest of it, one row for each URL: `url` says whose it is.

Parsed graphs are kept in memory by account, key and snapshot: what never changes needs no second read.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.definition_documents import read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.errors import Conflict
from chalicelib.core.ids import AccountId, DefinitionKey, SnapshotId, digest
from chalicelib.core.json_values import Json
from chalicelib.core.retention import Retention
from chalicelib.core.versions import PublishedAs, Version, snapshot_id
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.conversions import convert
from chalicelib.stores.entries import plain
from chalicelib.stores.numbers import whole
from chalicelib.stores.packing import check_size, pack, unpack
from chalicelib.stores.tables import URL, DefinitionRow

KEPT_IN_MEMORY = 128  # parsed graphs
_DRAFT, _PUBLISHED = "draft", "published"


class PublishedMeanwhile(Conflict):
    code = "published_meanwhile"

    def __init__(self, key: DefinitionKey) -> None:
        super().__init__(f"Somebody else published '{key}' at the same time. Look, and publish again.", definition=key)


class UrlTaken(Conflict):
    code = "url_taken"

    def __init__(self, url: str) -> None:
        super().__init__(f"Another definition is published under the URL '{url}'.", url=url)


class DefinitionSummary(NamedTuple):
    key: DefinitionKey
    draft: SnapshotId
    updated_at: int


@dataclass(frozen=True, slots=True)
class DefinitionStore:
    calls: Calls
    _parsed: OrderedDict[tuple[str, str], Definition] = field(default_factory=OrderedDict)
    _numbers: OrderedDict[tuple[str, int], PublishedAs] = field(default_factory=OrderedDict)

    # -- reading

    def draft(self, account: AccountId, key: DefinitionKey) -> Version | None:
        return self._version(account, key, _DRAFT)

    def published(self, account: AccountId, key: DefinitionKey) -> Version | None:
        return self._version(account, key, _PUBLISHED)

    def published_all(self, account: AccountId, keys: Iterable[DefinitionKey]) -> dict[DefinitionKey, Version]:
        """Read the newest published versions of up to 100 definitions in one call; who has none is left out."""
        keyed = {_pk(account, key): key for key in keys}
        places = [(pk, _PUBLISHED) for pk in keyed]
        rows = self.calls.find_all(DefinitionRow, places)
        return {keyed[row.pk]: self._read(row, keyed[row.pk]) for row in rows}

    def snapshot(self, account: AccountId, key: DefinitionKey, snapshot: SnapshotId) -> Version | None:
        """Answer a frozen graph, without its number."""
        parsed = self._known(_pk(account, key), snapshot)
        if parsed is not None:
            return Version(key, snapshot, parsed)
        return self._version(account, key, f"s#{snapshot}")

    def numbered(self, account: AccountId, key: DefinitionKey, number: int) -> Version | None:
        """Answer a published version; which snapshot it is never changes, and is read once."""
        place = (_pk(account, key), number)
        if place not in self._numbers:
            row = self._row(account, key, _numbered(number))
            if row is None:
                return None
            self._numbers[place] = PublishedAs(number, SnapshotId(row.snapshot_id), int(row.at), row.origin)
            while len(self._numbers) > KEPT_IN_MEMORY:
                self._numbers.popitem(last=False)
        as_ = self._numbers[place]
        found = self.snapshot(account, key, as_.snapshot)
        return None if found is None else Version(key, as_.snapshot, found.definition, number, as_.at, as_.origin)

    def numbers(self, account: AccountId, key: DefinitionKey, limit: int) -> Sequence[PublishedAs]:
        """List the published versions of a definition, newest first."""
        numbered = DefinitionRow.version.startswith("n#")
        query = lambda: [*DefinitionRow.query(_pk(account, key), numbered, scan_index_forward=False, limit=limit)]  # noqa: E731
        rows = self.calls.make(query)
        return [PublishedAs(int(row.number or 0), SnapshotId(row.snapshot_id), int(row.at), row.origin) for row in rows]

    def at_url(self, account: AccountId, url: str) -> DefinitionKey | None:
        """Answer which definition is published under a URL."""
        row = self.calls.find(DefinitionRow, f"{account}#url#{digest(url)}", "url")
        return DefinitionKey(row.key) if row else None

    def list(self, account: AccountId, *, after: str | None, limit: int) -> list[DefinitionSummary]:
        """List an account's definitions by key."""
        condition = None if after is None else DefinitionRow.key > after
        rows = self.calls.make(lambda: [*DefinitionRow.by_account.query(account, condition, limit=limit)])
        return [DefinitionSummary(DefinitionKey(row.key), SnapshotId(row.snapshot_id), int(row.at)) for row in rows]

    def _version(self, account: AccountId, key: DefinitionKey, sort: str) -> Version | None:
        row = self._row(account, key, sort)
        return None if row is None else self._read(row, key)

    def _read(self, row: DefinitionRow, key: DefinitionKey) -> Version:
        """Read a row that has a document."""
        assert row.document is not None
        snapshot = SnapshotId(row.snapshot_id)
        parsed = self._known(row.pk, snapshot) or read_definition(unpack(row.document))
        if row.version != _DRAFT:  # a draft is no version until it is frozen: by its snapshot it must not be found
            self._keep(row.pk, snapshot, parsed)
        settled = convert(unpack(row.retention), Retention) if row.retention else None
        return Version(key, snapshot, parsed, whole(row.number), int(row.at), row.origin, settled)

    def holding(self, account: AccountId, snapshot: SnapshotId) -> Sequence[DefinitionKey]:
        """List the definitions that have a version with this graph, published or frozen."""
        rows = self.calls.make(lambda: [*DefinitionRow.by_snapshot.query(f"{account}#{snapshot}")])
        return sorted(DefinitionKey(row.pk.removeprefix(f"{account}#")) for row in rows)

    def _row(self, account: AccountId, key: DefinitionKey, sort: str) -> DefinitionRow | None:
        return self.calls.find(DefinitionRow, _pk(account, key), sort)

    def _known(self, pk: str, snapshot: SnapshotId) -> Definition | None:
        parsed = self._parsed.get((pk, snapshot))
        if parsed is not None:
            self._parsed.move_to_end((pk, snapshot))
        return parsed

    def _keep(self, pk: str, snapshot: SnapshotId, parsed: Definition) -> None:
        self._parsed[pk, snapshot] = parsed
        while len(self._parsed) > KEPT_IN_MEMORY:
            self._parsed.popitem(last=False)

    # -- writing

    def save_draft(self, account: AccountId, key: DefinitionKey, document: Json, at: int) -> SnapshotId:
        """Put a checked document in the draft's place."""
        snapshot = snapshot_id(document)
        packed = pack(document)
        check_size(packed)
        row = DefinitionRow(
            _pk(account, key), _DRAFT, snapshot_id=snapshot, document=packed, at=at, account=account, key=key
        )
        self.calls.save(row)
        return snapshot

    def freeze(self, account: AccountId, version: Version) -> None:
        """Keep a graph under its content's name for ever; keeping it twice is keeping it once."""
        self.calls.make(_snapshot_row(account, version).save)
        self._keep(_pk(account, version.key), version.snapshot, version.definition)

    def retain(self, account: AccountId, key: DefinitionKey, retention: Retention | None) -> bool:
        """Settle how long a published definition's runs are kept, whatever their versions' documents say.

        With None, those hold again. Says no if nothing is published.
        """
        row, settled = DefinitionRow(_pk(account, key), _PUBLISHED), DefinitionRow.retention
        action = settled.remove() if retention is None else settled.set(pack(plain(retention)))
        return self.calls.updates(row, [action], DefinitionRow.pk.exists())

    def publish(self, account: AccountId, draft: Version, newest: Version | None, at: int) -> Version:
        """Make the draft the next version; raise `PublishedMeanwhile` if `newest` is not the newest any more.

        Its origin is kept with it, in the same transaction.
        """
        number = 1 + ((newest.number or 0) if newest else 0)
        published = Version(draft.key, draft.snapshot, draft.definition, number, at, draft.origin)
        before, url = newest.definition.url if newest else "", draft.definition.url

        def put(transaction: TransactWrite) -> None:
            if before and before != url:
                transaction.delete(_url_row(account, before, draft.key, at), DefinitionRow.key == draft.key)
            transaction.save(_snapshot_row(account, published))
            transaction.save(_row(account, published, _numbered(number)), DefinitionRow.pk.does_not_exist())
            if url:
                is_ours = DefinitionRow.pk.does_not_exist() | (DefinitionRow.key == draft.key)
                transaction.save(_url_row(account, url, draft.key, at), is_ours)
            is_next = DefinitionRow.pk.does_not_exist() if number == 1 else DefinitionRow.number == number - 1
            transaction.update(DefinitionRow(_pk(account, draft.key), _PUBLISHED), _renewal(published, number), is_next)

        try:
            self.calls.transact(put, account, draft.key, draft.snapshot, str(number), str(at))
        except Refused as refused:
            if url and refused.is_refused(-2):
                raise UrlTaken(url) from refused
            raise PublishedMeanwhile(draft.key) from refused
        self._keep(_pk(account, draft.key), draft.snapshot, draft.definition)
        return published


def _renewal(version: Version, number: int) -> list[Action]:
    """Say what changes of the `published` row: what was settled for the definition stays with it."""
    origin = DefinitionRow.origin
    return [
        DefinitionRow.snapshot_id.set(version.snapshot),
        DefinitionRow.number.set(number),
        DefinitionRow.document.set(pack(version.definition.document)),
        DefinitionRow.at.set(version.at),
        origin.remove() if version.origin is None else origin.set(version.origin),
    ]


def _url_row(account: AccountId, url: str, key: DefinitionKey, at: int) -> DefinitionRow:
    """Write whose a URL is. It is in no list, so it may not have an account: `by_account` would show it."""
    return DefinitionRow(f"{account}#url#{digest(url)}", URL, snapshot_id="-", key=key, at=at)


def _pk(account: AccountId, key: DefinitionKey) -> str:
    return f"{account}#{key}"


def _numbered(number: int) -> str:
    return f"n#{number:08d}"


def _snapshot_row(account: AccountId, version: Version) -> DefinitionRow:
    row = _row(account, version, f"s#{version.snapshot}", document=pack(version.definition.document))
    row.number, row.origin, row.snapshot = None, None, f"{account}#{version.snapshot}"
    return row


def _row(account: AccountId, version: Version, sort: str, document: bytes | None = None) -> DefinitionRow:
    return DefinitionRow(
        _pk(account, version.key),
        sort,
        snapshot_id=version.snapshot,
        number=version.number,
        document=document,
        at=version.at,
        origin=version.origin,
    )
