"""Cancel the runs of a batch's job: as many as one transaction holds in each, the job gone with the last of them.

Between two transactions the job's row says how many of its sources have been dealt with, so that whoever goes on
after a crash does not take what was canceled then for somebody else's work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pynamodb.transactions import TransactWrite

from chalicelib.core.batches import Batch, Job
from chalicelib.core.cancellations import Canceled
from chalicelib.core.ids import RunId
from chalicelib.core.job_logs import JobEvent
from chalicelib.stores.batch_rows import batch_key, ending_row, job_part
from chalicelib.stores.bulk import Part, chunks
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.run_tables import JournalRow, RunRow
from chalicelib.stores.runs import RunStore
from chalicelib.stores.tables import BatchRow

_OF_THE_JOB = 2  # actions of a transaction


@dataclass(frozen=True, slots=True)
class CancellationStore:
    calls: Calls
    runs: RunStore

    def part(self, plan: Canceled, writer: str) -> Part:
        """Answer all that ends a run, and how much it takes; raise what is too large."""
        head, rows = self.runs.moved_rows(plan.run, plan.index, (plan.entry,), writer)
        size = len(head.input) + len(head.variables or b"") + sum(len(row.entries) for row in rows)
        return Part(plan, [head, *rows], size=size)

    def groups(self, job: Job, parts: Sequence[Part]) -> Iterator[tuple[list[Part], int]]:
        """Cut parts into transactions, and say for each how many of the job's sources are dealt with after it."""
        groups = [*chunks(parts, spared=_OF_THE_JOB)] or [[]]
        for group in groups[:-1]:
            yield group, job.sources.index(run_of(group[-1])) + 1
        yield groups[-1], len(job.sources)

    def cancel(self, batch: Batch, job: Job, parts: Sequence[Part], done: int, at: int) -> frozenset[RunId] | None:
        """End these runs, whole or not at all, and with the last of its sources the job.

        Answer which of them have moved meanwhile: if any, nothing was written. None says that the job has.
        """
        is_last = done == len(job.sources)
        write = partial(self._finish, at=at) if is_last else partial(self._go_on, done=done)
        token = [batch.id, str(job.index), str(done), str(at)]
        token += [str([run_of(part), part.subject.run.revision, part.puts[0].writer]) for part in parts]
        try:
            self.calls.transact(partial(write, batch, job, parts), *token)
        except Refused as refused:
            puts = [part for part in parts for _ in part.puts]
            if refused.is_refused(0 if is_last else len(puts)):
                return None
            first = int(is_last)
            return frozenset(run_of(part) for n, part in enumerate(puts) if refused.is_refused(first + n))
        return frozenset()

    def _finish(self, batch: Batch, job: Job, parts: Sequence[Part], transaction: TransactWrite, *, at: int) -> None:
        transaction.delete(_row(batch, job), condition=BatchRow.done == job.done)
        _end(parts, transaction)
        transaction.save(ending_row(batch, job, JobEvent.DONE, at))

    def _go_on(self, batch: Batch, job: Job, parts: Sequence[Part], transaction: TransactWrite, *, done: int) -> None:
        _end(parts, transaction)
        transaction.update(_row(batch, job), actions=[BatchRow.done.set(done)], condition=BatchRow.done == job.done)


def run_of(part: Part) -> RunId:
    """Name the run that a part ends."""
    canceled: Canceled = part.subject
    return canceled.run.id


def _row(batch: Batch, job: Job) -> BatchRow:
    return BatchRow(batch_key(batch.account, batch.id), job_part(job.index))


def _end(parts: Sequence[Part], transaction: TransactWrite) -> None:
    """Write the heads, if they are as they were read, and their journals' last entries."""
    for part in parts:
        head, *rows = part.puts
        transaction.save(head, condition=RunRow.revision == part.subject.run.revision)
        for row in rows:
            transaction.save(row, condition=JournalRow.pk.does_not_exist())
