"""An account's deployments in DynamoDB, all under its own name:

| sort key                    | what                                                                |
|-----------------------------|---------------------------------------------------------------------|
| `head#<deployment>`         | what it is and what it made; written last, removed first            |
| `file#<deployment>#<file>`  | one file's bytes, compressed                                        |
| `suspended#<definition>#n`  | version n of a definition is suspended; no row: it is not           |

What has no head is no deployment: whoever was interrupted has left files that nobody sees.
"""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from chalicelib.core.deployments import Deployment, DeploymentId, FileId
from chalicelib.core.ids import AccountId, DefinitionKey
from chalicelib.core.json_values import Json
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.conversions import convert
from chalicelib.stores.packing import check_size, pack, unpack
from chalicelib.stores.tables import DeploymentRow

_HEAD, _FILE, _SUSPENDED = "head#", "file#", "suspended#"


@dataclass(frozen=True, slots=True)
class DeploymentStore:
    calls: Calls

    # -- deployments

    def load(self, account: AccountId, deployment: DeploymentId) -> Deployment | None:
        row = self.calls.find(DeploymentRow, account, f"{_HEAD}{deployment}")
        return _deployment(row) if row else None

    def list(self, account: AccountId) -> Sequence[Deployment]:
        """List an account's deployments, in no order that says anything."""
        return [_deployment(row) for row in self._rows(account, _HEAD)]

    def save(self, account: AccountId, deployment: Deployment) -> None:
        """Let a deployment be seen; saving the same one again changes nothing."""
        document = pack(cast("Json", msgspec.to_builtins(deployment)))
        check_size(document)
        self.calls.save(DeploymentRow(account, f"{_HEAD}{deployment.id}", document=document, at=deployment.at))

    def delete(self, account: AccountId, deployment: DeploymentId) -> None:
        """Let a deployment be seen no more, then remove its files; what is interrupted is completed by a repeat."""
        head = DeploymentRow(account, f"{_HEAD}{deployment}")
        with suppress(Refused):  # whoever was interrupted has removed it
            self.calls.delete(head, DeploymentRow.pk.exists())
        self.remove_files(account, deployment)

    def remove_files(self, account: AccountId, deployment: DeploymentId) -> bool:
        """Remove a deployment's files, and say whether there were any."""
        rows = self._rows(account, f"{_FILE}{deployment}#", ["pk", "part"])
        for row in rows:
            self.calls.make(row.delete)
        return bool(rows)

    # -- files

    def file(self, account: AccountId, deployment: DeploymentId, file: FileId) -> bytes | None:
        row = self.calls.find(DeploymentRow, account, f"{_FILE}{deployment}#{file}")
        return zlib.decompress(row.document) if row else None

    @staticmethod
    def packed(content: bytes) -> bytes:
        """Compress a file's content; raise `ItemTooLarge` for one that is not kept."""
        document = zlib.compress(content)
        check_size(document)
        return document

    def save_file(self, account: AccountId, deployment: DeploymentId, file: FileId, packed: bytes, at: int) -> None:
        self.calls.make(DeploymentRow(account, f"{_FILE}{deployment}#{file}", document=packed, at=at).save)

    # -- suspended versions

    def suspended(self, account: AccountId) -> frozenset[tuple[str, int]]:
        """Answer which versions of an account's definitions are suspended."""
        parts = [row.part.split("#") for row in self._rows(account, _SUSPENDED)]
        return frozenset((key, int(number)) for _, key, number in parts)

    def is_suspended(self, account: AccountId, key: DefinitionKey, number: int) -> bool:
        return self.calls.find(DeploymentRow, account, _suspended(key, number)) is not None

    def seen(
        self, account: AccountId, deployment: DeploymentId | None, key: DefinitionKey, number: int
    ) -> tuple[Deployment | None, bool]:
        """Answer, in one call, a deployment and whether a version is suspended."""
        suspended = _suspended(key, number)
        parts = [suspended] if deployment is None else [suspended, f"{_HEAD}{deployment}"]
        places = [(account, part) for part in parts]
        rows = self.calls.find_all(DeploymentRow, places)
        head = next((_deployment(row) for row in rows if row.part != suspended), None)
        return head, any(row.part == suspended for row in rows)

    def suspend(self, account: AccountId, key: DefinitionKey, number: int, at: int) -> None:
        self.calls.save(DeploymentRow(account, _suspended(key, number), document=pack(None), at=at))

    def activate(self, account: AccountId, key: DefinitionKey, number: int) -> None:
        self.calls.delete(DeploymentRow(account, _suspended(key, number)))

    # -- rows

    def _rows(
        self, account: AccountId, prefix: str, attributes: Sequence[str] | None = None
    ) -> Sequence[DeploymentRow]:
        begins = DeploymentRow.part.startswith(prefix)
        query = lambda: [*DeploymentRow.query(account, begins, consistent_read=True, attributes_to_get=attributes)]  # noqa: E731
        return self.calls.make(query)


def _suspended(key: DefinitionKey, number: int) -> str:
    return f"{_SUSPENDED}{key}#{number:08d}"


def _deployment(row: DeploymentRow) -> Deployment:
    document: Any = unpack(row.document)
    return convert(document, Deployment)
