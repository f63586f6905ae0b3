"""The audit's records as an account's list, newest first; what is older than `KEPT_S` is shown to nobody."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import msgspec

from chalicelib.core.audit import Asked, AuditFilter, AuditRecord
from chalicelib.core.ids import AccountId
from chalicelib.stores.audit_records import KEPT_S, Trail, leaving
from chalicelib.stores.calls import Calls
from chalicelib.stores.packing import unpack
from chalicelib.stores.pages import Page, ShardedList
from chalicelib.stores.shards import Shards
from chalicelib.stores.tables import AuditRow


@dataclass(frozen=True, slots=True)
class AuditStore:
    calls: Calls
    shards: Shards
    now: Callable[[], int]

    def recorded(self, asked: Asked) -> AbstractContextManager[None]:
        """Let every transaction made meanwhile leave a record of this request."""
        return leaving(Trail(asked, self.shards.of(asked.account, asked.id)))

    def page(self, account: AccountId, filter_: AuditFilter, *, before: str | None, limit: int) -> Page[AuditRecord]:
        """List the records that a filter keeps, newest first, below a position."""
        oldest = self.now() - KEPT_S * 1000
        lowest = f"{max(filter_.since or 0, oldest):013d}"
        highest = "~" if filter_.until is None else f"{filter_.until:013d}~"
        if lowest > highest:
            return Page((), None)  # DynamoDB refuses a range that ends before it begins

        def scan(shard: str, beyond: str | None, size: int) -> list[AuditRecord]:
            last = min(beyond or highest, highest)
            if last < lowest:
                return []
            between = AuditRow.position.between(lowest, last)
            rows = AuditRow.query(shard, between, scan_index_forward=False, limit=size + 1, page_size=size + 1)
            return [record for record in map(_record, rows) if record.position != beyond][:size]

        listed = ShardedList(self.shards.all(account), scan, lambda record: record.position, filter_.keeps)
        return self.calls.make(lambda: listed.page(before=before, limit=limit))


def _record(row: AuditRow) -> AuditRecord:
    return msgspec.convert(unpack(row.document), AuditRecord)
