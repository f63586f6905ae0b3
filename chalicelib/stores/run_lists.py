"""Lists of runs, read from the indexes: summaries, newest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

from pynamodb.indexes import GlobalSecondaryIndex

from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.run_summaries import RunFilter, RunSummary
from chalicelib.stores.calls import Calls
from chalicelib.stores.pages import Page, ShardedList, between
from chalicelib.stores.run_rows import summary_from
from chalicelib.stores.run_tables import RunRow
from chalicelib.stores.shards import Shards, run_key


@dataclass(frozen=True, slots=True)
class RunLists:
    calls: Calls
    shards: Shards
    now: Callable[[], int]

    def page(
        self, account: AccountId, filter_: RunFilter, *, before: str | None, limit: int, is_ascending: bool = False
    ) -> Page[RunSummary]:
        """List the runs that a filter keeps: newest first below a position, or oldest first above it."""
        index: GlobalSecondaryIndex[Any] = RunRow.by_account
        prefix = str(account)
        if filter_.definition is not None:
            index, prefix = RunRow.by_definition, f"{account}#{filter_.definition}"
        lowest = f"{filter_.created_from or 0:013d}"
        highest = "~" if filter_.created_to is None else f"{filter_.created_to:013d}~"

        def query(shard: str, first: str, last: str, most: int) -> Iterator[RunSummary]:
            created = RunRow.created.between(first, last)
            rows = index.query(shard, created, scan_index_forward=is_ascending, limit=most, page_size=most)
            return map(summary_from, rows)

        def keeps(run: RunSummary) -> bool:
            return run.expiry.has_run(at) and filter_.keeps(run)

        at, shards = self.now(), self.shards.all(prefix)
        position = attrgetter("position")
        scan = between(lowest, highest, query, position, is_ascending=is_ascending)
        listed = ShardedList(shards, scan, position, keeps, is_ascending)
        return self.calls.make(lambda: listed.page(before=before, limit=limit))

    def family(self, account: AccountId, root: RunId, limit: int) -> list[RunSummary]:
        """List a root and all that was restarted from it at any remove, oldest first."""
        at = self.now()

        def members() -> Iterator[RunSummary]:
            listed = map(summary_from, RunRow.by_root.query(run_key(account, root), page_size=limit))
            return (run for run in listed if run.expiry.has_run(at))

        return self.calls.make(lambda: [*islice(members(), limit)])
