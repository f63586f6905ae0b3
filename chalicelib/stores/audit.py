"""The audit's records as an account's list, newest first; what is older than `KEPT_S` is shown to nobody."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import attrgetter

from chalicelib.core.audit import Asked, AuditFilter, AuditRecord
from chalicelib.core.ids import AccountId
from chalicelib.stores.audit_records import KEPT_S, Trail, leaving
from chalicelib.stores.calls import Calls
from chalicelib.stores.conversions import convert
from chalicelib.stores.packing import unpack
from chalicelib.stores.pages import Page, ShardedList, between
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

        def query(shard: str, first: str, last: str, most: int) -> Iterator[AuditRecord]:
            within = AuditRow.position.between(first, last)
            rows = AuditRow.query(shard, within, scan_index_forward=False, limit=most, page_size=most)
            return map(_record, rows)

        position = attrgetter("position")
        scan = between(lowest, highest, query, position)
        listed = ShardedList(self.shards.all(account), scan, position, filter_.keeps)
        return self.calls.make(lambda: listed.page(before=before, limit=limit))


def _record(row: AuditRow) -> AuditRecord:
    return convert(unpack(row.document), AuditRecord)
