"""Read what happened to the jobs of batches, from the rows that stand for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from pynamodb.expressions.condition import Condition

from chalicelib.core.batches import Batch
from chalicelib.core.job_logs import JobEntry, JobEvent
from chalicelib.stores.batch_rows import batch_key, entries_from, job_part, log_part
from chalicelib.stores.calls import Calls
from chalicelib.stores.tables import BatchRow

_PAGE = 1_000  # rows that one call reads


@dataclass(frozen=True, slots=True)
class JobLogs:
    calls: Calls

    def of_batch(self, batch: Batch) -> Iterator[JobEntry]:
        """Go through what happened to all jobs of a batch, each thing once, in no order."""
        return self._told_once(self._rows(batch, "job#", "log#~"))

    def of_job(self, batch: Batch, index: int) -> Iterator[JobEntry]:
        """Go through what happened to a job, each thing once, in no order."""
        rows = [*self._rows(batch, job_part(index), job_part(index))]
        return self._told_once([*rows, *self._rows(batch, log_part(index, ""), log_part(index, "~"))])

    def _told_once(self, rows: Iterable[BatchRow]) -> Iterator[JobEntry]:
        """Leave out the second creation of a job that ended between two pages: its ending tells of it too."""
        created: set[int] = set()
        for row in rows:
            for entry in entries_from(row):
                if entry.event is not JobEvent.CREATED:
                    yield entry
                elif entry.index not in created:
                    created.add(entry.index)
                    yield entry

    def _rows(self, batch: Batch, first: str, last: str) -> Iterator[BatchRow]:
        """Read rows from one part to another; those of jobs come first, so that none is missed that ends meanwhile."""
        key = batch_key(batch.account, batch.id)
        while True:
            rows = self.calls.make(partial(self._page, key, BatchRow.part.between(first, last)))
            yield from rows
            if len(rows) < _PAGE:
                return
            first = f"{rows[-1].part}!"  # beyond it, and before any other

    def _page(self, key: str, between: Condition) -> list[BatchRow]:
        return list(BatchRow.query(key, between, consistent_read=True, limit=_PAGE))
