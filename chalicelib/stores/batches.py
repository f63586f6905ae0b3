"""Batches in DynamoDB. How far a batch is, its rows say: a job is a row until it is done, and then it is none.

head and sources  ─►  jobs, as many as the head counts  ─►  runs, in the transaction in which their job goes

What happened to a job is written in the transaction that changes it: its failures, and its ending as its row goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.batches import Batch, Job, JobFailure
from chalicelib.core.births import Plan
from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.job_logs import JobEvent
from chalicelib.core.run_summaries import list_position
from chalicelib.stores.batch_rows import (
    DUE,
    HEAD,
    PER_ROW,
    batch_from,
    batch_key,
    ending_row,
    failure_row,
    head_row,
    job_from,
    job_part,
    job_row,
    source_part,
    source_rows,
    sources_from,
)
from chalicelib.stores.bulk import Part, birth, check_lines, chunks, put_parts
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.dead_letters import unlisted
from chalicelib.stores.entries import plain
from chalicelib.stores.packing import pack
from chalicelib.stores.pages import Page, ShardedList
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards
from chalicelib.stores.tables import BatchRow

SEEDED_AT_ONCE = 50  # jobs of one transaction
_JOBS = "job#"
_UNKNOWN = -1  # how many jobs are not done
_ASLEEP: tuple[Action, Action] = (BatchRow.wake_at.remove(), BatchRow.due_shard.remove())


class TogetherTooLarge(TooLarge):
    code = "together_too_large"

    def __init__(self) -> None:
        super().__init__("The new runs take more room than one transaction has. Restart them as a batch.")


@dataclass(frozen=True, slots=True)
class BatchStore:
    calls: Calls
    runs: RunStore
    shards: Shards

    # -- a batch

    def create(self, batch: Batch, sources: Sequence[RunId], wake_at: int, writer: str) -> None:
        """Write a batch and its sources, whole or not at all; raise `Refused` if there is one under its id."""
        rows = [head_row(batch, self.shards, wake_at), *source_rows(batch, sources)]

        def put(transaction: TransactWrite) -> None:
            for row in rows:
                transaction.save(row, condition=BatchRow.pk.does_not_exist())

        self.calls.transact(put, batch.account, batch.id, writer)

    def load(self, account: AccountId, batch_id: str) -> Batch | None:
        return self.load_key(batch_key(account, batch_id))

    def load_key(self, key: str) -> Batch | None:
        row = self.calls.find(BatchRow, key, HEAD)
        return None if row is None else batch_from(row)

    def page(self, account: AccountId, *, before: str | None, limit: int) -> Page[Batch]:
        """List an account's batches, newest first."""

        def scan(shard: str, beyond: str | None, size: int) -> list[Batch]:
            below = None if beyond is None else BatchRow.created < beyond
            rows = BatchRow.by_account.query(shard, below, scan_index_forward=False, limit=size, page_size=size)
            return [batch_from(row) for row in rows]

        def position(batch: Batch) -> str:
            return list_position(batch.created_at, RunId(batch.id))

        listed = ShardedList(self.shards.all(account), scan, position, lambda batch: not batch.is_gone)
        return self.calls.make(lambda: listed.page(before=before, limit=limit))

    # -- its jobs

    def sources(self, batch: Batch, first: int, last: int) -> list[RunId]:
        """Read the ids of some sources, by their places."""
        if first >= last:
            return []
        rows = range(first // PER_ROW, (last - 1) // PER_ROW + 1)
        key = batch_key(batch.account, batch.id)
        found: list[RunId] = []
        for number in rows:
            row = self.calls.find(BatchRow, key, source_part(number))
            found += [] if row is None else sources_from(row)
        skipped = rows.start * PER_ROW
        return found[first - skipped : last - skipped]

    def seed(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Create the next jobs; raise `Refused` if somebody else did, or if they are not wanted any more."""
        head = BatchRow(batch_key(batch.account, batch.id), HEAD)
        is_next = (BatchRow.jobs_created == batch.jobs_created) & BatchRow.ended_at.does_not_exist()
        created = batch.jobs_created + len(jobs)
        counts: list[Action] = [BatchRow.jobs_created.set(created)]
        if created == batch.jobs:
            counts.append(BatchRow.seeded_at.set(jobs[-1].created_at))

        def put(transaction: TransactWrite) -> None:
            for job in jobs:
                transaction.save(job_row(batch, job), condition=BatchRow.pk.does_not_exist())
            transaction.update(head, actions=counts, condition=is_next)

        self.calls.transact(put, head.pk, "seed", str(batch.jobs_created), *(str(job.created_at) for job in jobs))

    def find_job(self, key: str, index: int) -> tuple[Batch | None, Job | None]:
        """Read a job and its batch in one call, consistently."""
        parts = [(key, HEAD), (key, job_part(index))]
        rows = self.calls.find_all(BatchRow, parts)
        head = next((row for row in rows if row.part == HEAD), None)
        job = next((row for row in rows if row.part != HEAD), None)
        return None if head is None else batch_from(head), None if job is None else job_from(job)

    def jobs(self, account: AccountId, batch_id: str, *, after: int = -1, limit: int) -> list[Job]:
        """List a batch's jobs that are not done, beyond an index."""
        key, beyond = batch_key(account, batch_id), BatchRow.part.between(job_part(after + 1), "job#~")
        query = lambda: list(BatchRow.query(key, beyond, consistent_read=True, limit=limit))  # noqa: E731
        return [job_from(row) for row in self.calls.make(query)]

    def count_jobs(self, batch: Batch) -> tuple[int, int]:
        """Count the jobs that are not done, and those of them that have no retries left."""
        key, is_job = batch_key(batch.account, batch.id), BatchRow.part.startswith(_JOBS)
        query = lambda: list(BatchRow.query(key, is_job, consistent_read=True, attributes_to_get=["retries"]))  # noqa: E731
        retries = [int(row.retries) for row in self.calls.make(query)]
        return len(retries), retries.count(0)

    def finish(self, batch: Batch, job: Job, plans: Sequence[Plan], writer: str, at: int) -> bool:
        """Write the runs of a job, and take the job away with the last of them; say no if it was gone before.

        Runs that an earlier delivery of the job has written are left as they are. Raises `LineFull`.
        """
        parts = [self._birth(plan, writer) for plan in plans]
        ending = ending_row(batch, job, JobEvent.DONE, at)
        closing = Part(job, [ending], removes=(self._job(batch, job.index), BatchRow.pk.exists()))
        groups = [*chunks(parts, spared=closing.actions)] or [[]]
        for number, group in enumerate(groups):
            is_last = number == len(groups) - 1
            if not self._transact(batch, job, [*group, closing] if is_last else group, f"{writer}{number}"):
                return False
        return True

    def bear(self, plans: Sequence[Plan], writer: str) -> None:
        """Write some plans in one transaction, all or none; a dead letter that is gone by now is not consumed.

        Raises `Refused`, or `LineFull`, if one cannot be.
        """
        parts = [self._birth(plan, writer) for plan in plans]
        if len([*chunks(parts)]) > 1:
            raise TogetherTooLarge
        names = [plan.run.id for plan in plans]
        while True:
            consumes = [part.consumes is not None for part in parts]
            try:
                self.calls.transact(partial(put_parts, parts), writer, str(consumes), *names)
            except Refused as refused:
                check_lines(parts, refused, self.calls)
                is_born = len(_without(parts, refused, 0)) < len(parts)
                if is_born or consumes == [part.consumes is not None for part in parts]:
                    raise
            else:
                return

    def _transact(self, batch: Batch, job: Job, parts: list[Part], writer: str) -> bool:
        """Write parts, without those that stand already; say no if the job is gone."""
        row, is_closing = self._job(batch, job.index), any(part.removes for part in parts)
        left = parts
        while True:

            def put(transaction: TransactWrite, left: list[Part] = left) -> None:
                if not is_closing:
                    transaction.condition_check(BatchRow, row.pk, row.part, condition=BatchRow.pk.exists())
                put_parts(left, transaction)

            token = [part.subject.run.id for part in left if isinstance(part.subject, Plan)]
            consumes = str([part.consumes is not None for part in left])
            try:
                self.calls.transact(put, row.pk, row.part, writer, consumes, *token)
            except Refused as refused:
                if refused.is_refused(0):
                    return False
                check_lines(left, refused, self.calls)
                left = _without(left, refused, int(not is_closing))
                if not left:
                    return True
            else:
                return True

    def _birth(self, plan: Plan, writer: str) -> Part:
        part, letter = birth(self.runs, plan, writer), plan.consumed
        if letter is not None:
            part.consumes = lambda to: unlisted(to, plan.run.account, letter, plan.run.id)
        return part

    def fail(self, batch: Batch, job: Job, failure: JobFailure, at: int, writer: str) -> int | None:
        """Take one retry from a job, if it has any, and answer how many are left; None if somebody else was at it."""
        left, row = max(0, job.retries - 1), self._job(batch, job.index)
        is_unmoved = (BatchRow.retries == job.retries) & (BatchRow.failures == job.failures)
        actions: list[Action] = [
            BatchRow.retries.set(left),
            BatchRow.failures.set(job.failures + 1),
            BatchRow.failure.set(pack(plain(failure))),
            BatchRow.failed_at.set(at),
        ]

        def put(transaction: TransactWrite) -> None:
            transaction.save(failure_row(batch, job, failure, at))
            transaction.update(row, actions=actions, condition=is_unmoved)

        try:
            self.calls.transact(put, row.pk, row.part, "fail", writer)
        except Refused:
            return None
        return left

    def set_retries(self, batch: Batch, index: int, retries: int) -> bool:
        """Give a job so many retries; say no if it is gone."""
        row = self._job(batch, index)
        return self.calls.updates(row, [BatchRow.retries.set(retries)], BatchRow.pk.exists())

    def delete_jobs(self, batch: Batch, jobs: Sequence[Job], at: int) -> bool:
        """Take up to fifty jobs away undone, all or none; say no if one of them was gone."""

        def put(transaction: TransactWrite) -> None:
            for job in jobs:
                transaction.delete(self._job(batch, job.index), condition=BatchRow.pk.exists())
                transaction.save(ending_row(batch, job, JobEvent.DELETED, at))

        names = [str([job.index, job.retries]) for job in jobs]
        try:
            self.calls.transact(put, batch.account, batch.id, "delete", str(at), *names)
        except Refused:
            return False
        return True

    def _job(self, batch: Batch, index: int) -> BatchRow:
        return BatchRow(batch_key(batch.account, batch.id), job_part(index))

    # -- its head

    def change(self, batch: Batch, *actions: Action) -> bool:
        """Change the head of a batch that has not ended; say no if it has."""
        row = BatchRow(batch_key(batch.account, batch.id), HEAD)
        return self.calls.updates(row, [*actions], BatchRow.ended_at.does_not_exist())

    def suspend(self, batch: Batch, *, is_suspended: bool, wake_at: int) -> bool:
        """Let no job of a batch be worked on, or let them be; say no if it has ended."""
        waking = _ASLEEP if is_suspended else _waking(wake_at)
        return self.change(batch, BatchRow.is_suspended.set(is_suspended), BatchRow.remaining.remove(), *waking)

    def wake(self, batch: Batch, wake_at: int | None, remaining: int) -> bool:
        """Note how many jobs are not done, and let the sweep look again from a time (ms) on, or not at all."""
        waking = _ASLEEP if wake_at is None else _waking(wake_at)
        return self.change(batch, BatchRow.remaining.set(remaining), *waking)

    def rouse(self, batch: Batch, wake_at: int) -> None:
        """Let the sweep look from a time (ms) on at a batch that may have come to rest; one that is suspended rests."""
        if not batch.is_suspended:
            self.wake(batch, wake_at, _UNKNOWN)

    def begin(self, batch: Batch, at: int) -> None:
        """Note when a job of a batch first succeeded."""
        self.change(batch, BatchRow.started_at.set(BatchRow.started_at | at))

    def end(self, batch: Batch, at: int, writer: str, *more: Action) -> bool:
        """Let a batch be over: nothing of it is done from here on; say no if somebody else has ended it.

        The sweep looks at it once more, for somebody to clear it.
        """
        ending = (BatchRow.ended_at.set(at), BatchRow.writer.set(writer), *_waking(at))
        if self.change(batch, *ending, *more):
            return True
        stands = self.calls.find(BatchRow, batch_key(batch.account, batch.id), HEAD)
        return stands is not None and stands.writer == writer  # ours: its answer was lost

    def delete(self, batch: Batch, at: int, writer: str, *, is_hidden: bool) -> bool:
        """Let a batch be over before it came to its end; say no if it has."""
        hiding = [BatchRow.is_hidden.set(is_hidden)] if is_hidden else []
        return self.end(batch, at, writer, BatchRow.is_deleted.set(True), *hiding)

    def hide(self, batch: Batch, wake_at: int) -> None:
        """Show a batch's history to nobody any more; of one that has ended, let the sweep look whether all is gone."""
        hiding, row = BatchRow.is_hidden.set(True), BatchRow(batch_key(batch.account, batch.id), HEAD)
        if not self.change(batch, hiding):
            self.calls.update(row, [hiding, *_waking(wake_at)])

    # -- what is left of one that is over

    def clear(self, batch: Batch, limit: int) -> bool:
        """Take away what nobody needs of a batch that is over, and say whether there may be more.

        That is all beside its head if its history is shown to nobody. Else the log stays, and what jobs are left come
        into it: they were deleted when the batch was.
        """
        jobs = [] if batch.is_hidden else self.jobs(batch.account, batch.id, limit=limit)
        for first in range(0, len(jobs), SEEDED_AT_ONCE):
            self.delete_jobs(batch, jobs[first : first + SEEDED_AT_ONCE], batch.ended_at or 0)
        return bool(jobs) or self._remove(batch, "i" if batch.is_hidden else "sources#", limit)

    def _remove(self, batch: Batch, since: str, limit: int) -> bool:
        key, others = batch_key(batch.account, batch.id), BatchRow.part.between(since, "z")
        query = lambda: list(BatchRow.query(key, others, attributes_to_get=["pk", "part"], limit=limit))  # noqa: E731
        rows = self.calls.make(query)
        for row in rows:
            self.calls.make(row.delete)
        return len(rows) == limit

    def rest(self, batch: Batch) -> None:
        """Let nobody look at a batch any more."""
        row = BatchRow(batch_key(batch.account, batch.id), HEAD)
        self.calls.make(lambda: row.update([*_ASLEEP]))

    # -- the sweep

    def overdue(self, at: int, limit: int) -> list[str]:
        """List the keys of batches that should have been looked at by now (ms), the longest overdue first."""
        query = lambda: list(BatchRow.due.query(DUE, BatchRow.wake_at <= at, limit=limit, page_size=limit))  # noqa: E731
        return [row.pk for row in self.calls.make(query)]


def _waking(wake_at: int) -> tuple[Action, Action]:
    return BatchRow.wake_at.set(wake_at), BatchRow.due_shard.set(DUE)


def _without(parts: Sequence[Part], refused: Refused, checks: int) -> list[Part]:
    """Leave out what stands already; who only consumed a dead letter that is gone is born all the same."""
    removed = [part for part in parts if part.removes is not None]
    puts = [part for part in parts for _ in part.puts]
    first = checks + len(removed)
    standing = {id(part) for number, part in enumerate(puts) if refused.is_refused(first + number)}
    left: list[Part] = []
    number = first + len(puts)
    for part in parts:
        if part.consumes is not None:
            part.consumes = None if refused.is_refused(number) else part.consumes
            number += 1
        if id(part) not in standing:
            left.append(part)
    return left
