"""Hold a request against the audit: what it changes, it changes together with a record of who asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient

from chalicelib.stores.audit_records import trail
from tests.aws_calls import is_harness

_OPERATIONS = ("PutItem", "UpdateItem", "DeleteItem")
_VERBS = ("Put", "Update", "Delete")


def written(name: str, request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """List what a call writes: a table's name without its stage, and what is said of the row."""
    service, operation = name.split(".")
    if service != "dynamodb":
        return
    if operation in _OPERATIONS:
        yield _table(request), request
    if operation == "TransactWriteItems":
        for item in request["TransactItems"]:
            yield from ((_table(of), of) for verb, of in item.items() if verb in _VERBS)


def _table(request: Mapping[str, Any]) -> str:
    return str(request["TableName"]).removeprefix("reprise-").rpartition("-")[0]


@dataclass(slots=True)
class Changes:
    """What was written in a caller's name while it looked on, and how many records of it."""

    tables: set[str] = field(default_factory=set)
    records: int = 0

    def before(self, client: BaseClient, name: str, request: dict[str, Any]) -> None:
        if is_harness(client) or trail() is None:  # a worker's: it writes in nobody's name
            return
        for table, _ in written(name, request):
            self.records += table == "audit"
            self.tables.add(table)

    def after(self, client: BaseClient, name: str) -> None:
        pass

    @property
    def is_secret(self) -> bool:
        """Say whether something was changed, and nobody will know who asked for it."""
        return bool(self.tables) and not self.records
