"""The audit: while a caller is answered, each transaction carries a record of who asked for it, and why.

So there is no change without its record, and no record without its change; and it takes no call of its own. A
transaction that is full has no room for it: then the record is written just before, and says that it was. What workers
and sweeps write carries none: a run's journal tells of that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import msgspec
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.core.audit import Asked, AuditRecord, Thing
from chalicelib.stores.packing import pack
from chalicelib.stores.run_tables import RunRow
from chalicelib.stores.tables import (
    URL,
    AccountRow,
    AppRow,
    AuditRow,
    BatchRow,
    DeadLetterRow,
    DefinitionRow,
    DeploymentRow,
    KeyRow,
)

KEPT_S = 400 * 86_400
MOST_ACTIONS = 100  # of one transaction

IS_NEW = AuditRow.pk.does_not_exist()

_IN_KEY: dict[type[Model], str] = {
    RunRow: "run",
    DeadLetterRow: "dead_letter",
    DefinitionRow: "definition",
    BatchRow: "batch",
    AppRow: "app",
    AccountRow: "account",
}
"""What is named by a partition key, behind its account. Journals, lines and slots are parts of runs."""


@dataclass(slots=True)
class Trail:
    """What one request leaves behind: its records, all in one shard of its account's list."""

    asked: Asked
    shard: str
    records: int = 0

    def next(self) -> AuditRecord:
        """Begin the record of one more transaction."""
        self.records += 1
        return AuditRecord(self.asked, self.records)


_TRAIL: ContextVar[Trail | None] = ContextVar("trail", default=None)


@contextmanager
def leaving(trail: Trail | None) -> Iterator[None]:
    """Let every transaction made meanwhile leave a record on a trail; with None, let none."""
    token = _TRAIL.set(trail)
    try:
        yield
    finally:
        _TRAIL.reset(token)


def trail() -> Trail | None:
    """Answer the trail of the request that is being answered; None for a worker, who is nobody's."""
    return _TRAIL.get()


class Rehearsal:
    """Stands for a transaction, sends nothing, and knows what one would touch, and with how many actions."""

    def __init__(self) -> None:
        self._things: dict[Thing, None] = {}
        self._actions = 0

    @property
    def is_full(self) -> bool:
        return self._actions >= MOST_ACTIONS

    @property
    def things(self) -> tuple[Thing, ...]:
        return tuple(self._things)

    def condition_check(self, *_check: object, **_more: object) -> None:
        self._actions += 1

    def save(self, row: Model, *_more: object, **_named: object) -> None:
        self._actions += 1
        thing = _thing(row)
        if thing is not None:
            self._things[thing] = None

    update = delete = save


def record_in(transaction: TransactWrite, shard: str, record: AuditRecord) -> None:
    """Add a record behind all other actions: as an update, since those are sent last, in the order of adding."""
    transaction.update(*_written(shard, record), condition=IS_NEW)


def record_alone(shard: str, record: AuditRecord) -> None:
    row, actions = _written(shard, record)
    row.update(actions, condition=IS_NEW)


def _written(shard: str, record: AuditRecord) -> tuple[AuditRow, list[Action]]:
    told, until = pack(msgspec.to_builtins(record)), record.asked.at // 1000 + KEPT_S
    return AuditRow(shard, record.position), [AuditRow.document.set(told), AuditRow.expires_at.set(until)]


def _thing(row: Model) -> Thing | None:
    """Say what a row is part of, in words that a caller knows; None for what nobody is shown by itself."""
    match row:
        case KeyRow():
            return Thing("key", row.key_id)
        case DeploymentRow():
            return Thing("deployment", row.part.partition("#")[2])
        case DefinitionRow() if row.version == URL:
            return Thing("definition", row.key)
    kind, key = _IN_KEY.get(type(row)), str(row.attribute_values.get("pk"))
    return None if kind is None else Thing(kind, key.partition("#")[2] or key)
