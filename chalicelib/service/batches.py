"""Use cases of batches: restart or cancel many runs under one id, watch how far it is, hold it, end it.

What a batch does by itself, its worker does (batch_work.py): here it is made, told of and changed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.core.batch_sizes import Sizes
from chalicelib.core.batches import MAX_SOURCES, Batch, Cancellation, Job, Order
from chalicelib.core.causes import Cause
from chalicelib.core.errors import Busy, Invalid, NotFound, TooLarge
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.job_logs import JobEntry
from chalicelib.core.refusals import KeyReused
from chalicelib.core.runs import GRACE_MS
from chalicelib.service.batch_log import log_batch_made
from chalicelib.service.commands import Command
from chalicelib.stores.batch_rows import batch_key
from chalicelib.stores.batches import BatchStore
from chalicelib.stores.calls import Refused
from chalicelib.stores.job_logs import JobLogs
from chalicelib.stores.pages import Page
from chalicelib.stores.queues import BatchRing, RunQueue

MAX_RETRIES = 100


class BatchNotFound(NotFound):
    code = "batch_not_found"

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"There is no batch '{batch_id}'.", batch_id=batch_id)
        self.batch_id = batch_id


class BatchEmpty(Invalid):
    code = "batch_empty"

    def __init__(self) -> None:
        super().__init__("A batch needs a source at least.")


class BatchTooLarge(TooLarge):
    code = "batch_too_large"

    def __init__(self, sources: int) -> None:
        super().__init__(f"The batch has {sources} sources; {MAX_SOURCES} is the most.", size=sources, most=MAX_SOURCES)


@dataclass(frozen=True, slots=True)
class Statistics:
    """A batch, and how many of its jobs are not done; `failed` of them have no retries left."""

    batch: Batch
    remaining: int
    failed: int

    @property
    def completed(self) -> int:
        return self.batch.jobs - self.remaining


@dataclass(frozen=True, slots=True)
class Batches:
    batches: BatchStore
    logs: JobLogs
    queue: RunQueue
    now: Callable[[], int]
    new_id: Callable[[], str]

    def earlier(self, command: Command) -> Batch | None:
        """Answer the batch that a command with a key has made before; raise `KeyReused` if another one has."""
        if command.key is None:
            return None
        batch = self.batches.load(command.account, command.run_id(self.new_id))
        if batch is not None and batch.request_hash != command.request_hash:
            raise KeyReused
        return batch

    def create(
        self, command: Command, order: Order | Cancellation, sources: Sequence[RunId], cause: Cause, sizes: Sizes
    ) -> Batch:
        """Write a batch, and ring for it; nothing is looked at yet. Each source counts once.

        The same command with a key makes the same batch.
        """
        chosen = list(dict.fromkeys(sources))
        if not chosen:
            raise BatchEmpty
        if len(chosen) > MAX_SOURCES:
            raise BatchTooLarge(len(chosen))
        at = self.now()
        batch = Batch(
            account=command.account,
            id=command.run_id(self.new_id),
            order=order,
            cause=cause,
            sources=len(chosen),
            per_job=sizes.per_job,
            per_seed=sizes.per_seed,
            created_at=at,
            request_hash=command.request_hash,
        )
        try:
            self.batches.create(batch, chosen, at + GRACE_MS, self.new_id())
        except Refused:
            earlier = self.earlier(command)  # made meanwhile, or by an attempt whose answer was lost
            if earlier is None:
                raise Busy from None
            batch = earlier
        else:
            log_batch_made(batch)
        self._ring(batch)
        return batch

    # -- looking

    def load(self, account: AccountId, batch_id: str) -> Batch:
        """Answer a batch, ended or not; raise `BatchNotFound`."""
        batch = self.batches.load(account, batch_id)
        if batch is None or batch.is_gone:
            raise BatchNotFound(batch_id)
        return batch

    def page(self, account: AccountId, *, before: str | None, limit: int) -> Page[Batch]:
        return self.batches.page(account, before=before, limit=limit)

    def statistics(self, batch: Batch) -> Statistics:
        """Count the jobs that are not done, those that were not created yet among them."""
        if batch.is_over:
            return Statistics(batch, 0, 0)
        waiting, failed = self.batches.count_jobs(batch)
        return Statistics(batch, batch.jobs - batch.jobs_created + waiting, failed)

    def jobs(self, batch: Batch, *, after: int, limit: int) -> list[Job]:
        """List the jobs that are not done, beyond an index."""
        return self.batches.jobs(batch.account, batch.id, after=after, limit=limit)

    def job(self, account: AccountId, batch_id: str, index: int) -> tuple[Batch, Job] | None:
        """Answer a job that is not done, and its batch."""
        batch, job = self.batches.find_job(batch_key(account, batch_id), index)
        return None if batch is None or job is None or batch.is_over else (batch, job)

    def log(self, batch: Batch, index: int | None = None) -> Iterator[JobEntry]:
        """Go through what happened to a batch's jobs, or to one of them, in no order."""
        return self.logs.of_batch(batch) if index is None else self.logs.of_job(batch, index)

    # -- changing

    def suspend(self, account: AccountId, batch_id: str, *, is_suspended: bool) -> Batch:
        """Begin no job of a batch any more, or go on with it; raise `BatchNotFound` if it is over."""
        batch = self.load(account, batch_id)
        if not self.batches.suspend(batch, is_suspended=is_suspended, wake_at=self.now() + GRACE_MS):
            raise BatchNotFound(batch_id)
        if not is_suspended:
            self._ring(batch)
        return batch

    def delete(self, account: AccountId, batch_id: str, *, is_cascading: bool) -> None:
        """End a batch as it stands: what it has done stays, and nothing more is; raise `BatchNotFound`."""
        batch = self.load(account, batch_id)
        if not self.batches.delete(batch, self.now(), self.new_id(), is_hidden=is_cascading):
            raise BatchNotFound(batch_id)
        self._ring(batch)

    def hide(self, account: AccountId, batch_id: str) -> None:
        """Show a batch's history to nobody any more; what it does goes on. Raise `BatchNotFound` the second time."""
        batch = self.load(account, batch_id)
        if batch.is_hidden:
            raise BatchNotFound(batch_id)
        self.batches.hide(batch, self.now())

    def set_retries(self, batch: Batch, index: int, retries: int) -> bool:
        """Give a job so many retries, and ring for it; say no if it is gone.

        A batch may have come to rest over its jobs: it is woken before one of them changes, so that the sweep goes on
        with what is interrupted here.
        """
        if not 0 <= retries <= MAX_RETRIES:
            raise Invalid(f"A job has 0 to {MAX_RETRIES} retries.", retries=retries)
        if retries > 0:
            self.batches.rouse(batch, self.now() + GRACE_MS)
        if not self.batches.set_retries(batch, index, retries):
            return False
        if retries > 0 and not batch.is_suspended:
            self.queue.put([BatchRing(batch_key(batch.account, batch.id), index)])
        return True

    def delete_job(self, batch: Batch, index: int) -> bool:
        """Take a job away undone, which counts as completed; say no if it is gone."""
        _, job = self.batches.find_job(batch_key(batch.account, batch.id), index)
        if job is None:
            return False
        self.batches.rouse(batch, self.now() + GRACE_MS)
        is_gone = self.batches.delete_jobs(batch, [job], self.now())
        self._ring(batch)
        return is_gone

    def _ring(self, batch: Batch) -> None:
        self.queue.put([BatchRing(batch_key(batch.account, batch.id))])
