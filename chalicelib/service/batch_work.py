"""What a batch does by itself: its jobs are made in turns, each is done by itself, and the last one ends it.

    look ─► make the next jobs, ring for each ─► look again … ─► the sweep looks every minute whether it goes on
    job  ─► plan every source's restart, or its end ─► write the runs and take the job away ─► ring for the runs

A job that cannot do all that it should writes nothing: it fails, and after some retries waits for somebody.
Whatever is done twice finds its own rows: ids of runs follow from batch and source, and a job is a row that goes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from chalicelib.core.batches import Batch, Cancellation, Job, JobFailure, Order
from chalicelib.core.births import Birth, Plan
from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import RunId, digest
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import GRACE_MS, Run
from chalicelib.service.batch_log import log_batch_ended, log_batch_seen, log_job_done, log_job_failed
from chalicelib.service.cancellations import LOADED, Cancellations
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.orders import plan_order
from chalicelib.service.run_log import log_made_together
from chalicelib.stores.batch_rows import batch_key
from chalicelib.stores.batches import SEEDED_AT_ONCE, BatchStore
from chalicelib.stores.calls import Refused
from chalicelib.stores.queues import BatchRing, RunQueue
from chalicelib.stores.runs import RunStore

PAGE = 500  # jobs that are rung for at once
LAST_ONES = 20  # jobs, by their index, that look whether they were the last
SWEPT = 100


@dataclass(frozen=True, slots=True)
class BatchWorker:
    batches: BatchStore
    runs: RunStore
    definitions: Definitions
    cancellations: Cancellations
    queue: RunQueue
    doorbell: Doorbell
    now: Callable[[], int]
    new_id: Callable[[], str]

    # -- a look at a batch

    def look(self, key: str) -> None:
        """Take a batch on: make jobs, ring for those that wait, or end it."""
        batch = self.batches.load_key(key)
        if batch is not None:
            self.advance(batch)

    def advance(self, batch: Batch) -> None:
        """Do the same with a batch that was read just now."""
        if batch.is_over:
            if self.batches.clear(batch, PAGE):
                self._ring(batch)
            else:
                self.batches.rest(batch)
            return
        if batch.is_suspended:
            return
        if batch.is_seeded:
            self._monitor(batch)
        else:
            self._seed(batch)

    def _seed(self, batch: Batch) -> None:
        """Make the jobs of one seed, and ring for them; somebody else may be at it: then they are made already."""
        if batch.jobs_created and batch.remaining is None:
            self._ring_all(batch)
        last = min(batch.jobs, batch.jobs_created + batch.per_seed)
        while batch.jobs_created < last:
            jobs = [*self._next_jobs(batch, min(last, batch.jobs_created + SEEDED_AT_ONCE))]
            try:
                self.batches.seed(batch, jobs)
            except Refused:
                return
            self.queue.put(self._job_ring(batch, job) for job in jobs)
            batch = replace(batch, jobs_created=batch.jobs_created + len(jobs))
        self.batches.rouse(batch, self.now() + GRACE_MS)
        if not batch.is_seeded:
            self._ring(batch)

    def _next_jobs(self, batch: Batch, last: int) -> Iterator[Job]:
        """Cut jobs up to an index from the sources."""
        first = batch.sources_of(batch.jobs_created).start
        sources = self.batches.sources(batch, first, batch.sources_of(last - 1).stop)
        for index in range(batch.jobs_created, last):
            ours = batch.sources_of(index)
            yield Job(batch.id, index, tuple(sources[ours.start - first : ours.stop - first]), self.now())

    def _monitor(self, batch: Batch) -> None:
        """End a batch without jobs; ring once more for those of one that has not moved since the last look."""
        jobs, failed = self.batches.count_jobs(batch)
        log_batch_seen(batch, left=jobs, failed=failed)
        if not jobs:
            self._end(batch)
            return
        self.batches.wake(batch, self.now() + GRACE_MS if jobs > failed else None, jobs)
        if jobs > failed and batch.remaining in (None, jobs):
            self._ring_all(batch)

    def _ring_all(self, batch: Batch) -> None:
        """Ring for every job that waits and may still be done."""
        after = -1
        while jobs := self.batches.jobs(batch.account, batch.id, after=after, limit=PAGE):
            self.queue.put(self._job_ring(batch, job) for job in jobs if job.retries)
            after = jobs[-1].index

    # -- a job

    def work(self, key: str, index: int) -> None:
        """Do a job, if it is still to be done."""
        batch, job = self.batches.find_job(key, index)
        if batch is None or batch.is_over or batch.is_suspended:
            return
        if job is None:
            self._end_if_done(batch)
        elif job.retries:
            self._execute(batch, job)

    def execute(self, batch: Batch, job: Job) -> JobFailure | None:
        """Do a job now because somebody asks, and answer why it failed; raise `Busy` if nobody knows.

        The batch may have come to rest over it, and is woken before: the sweep goes on with what is interrupted.
        """
        self.batches.rouse(batch, self.now() + GRACE_MS)
        return self._execute(batch, job)

    def _execute(self, batch: Batch, job: Job) -> JobFailure | None:
        try:
            is_done = self._perform(batch, job)
        except Busy:
            raise
        except RestartError as error:
            return self._failed(batch, job, error)
        if not is_done:
            return None
        log_job_done(batch, job)
        if batch.started_at is None:
            self.batches.begin(batch, self.now())
        if job.index >= batch.jobs - LAST_ONES:
            self._end_if_done(batch)
        return None

    def _perform(self, batch: Batch, job: Job) -> bool:
        """Do all that a job says, and take it away; say no if it was gone."""
        match batch.order:
            case Order() as order:
                return self._restart(batch, job, order)
            case Cancellation() as order:
                return self.cancellations.finish(batch, job, order)
            case _:
                assert_never(batch.order)

    def _restart(self, batch: Batch, job: Job, order: Order) -> bool:
        plans = [self._plan(batch, order, source, run) for source, run in self._sources(batch, job)]
        is_done = self.batches.finish(batch, job, plans, self.new_id(), self.now())
        if is_done:
            log_made_together(plan.run for plan in plans)
            self.doorbell.ring_each([plan.run for plan in plans])
        return is_done

    def _sources(self, batch: Batch, job: Job) -> Iterator[tuple[RunId, Run | None]]:
        for first in range(0, len(job.sources), LOADED):
            ids = job.sources[first : first + LOADED]
            found = self.runs.load_all(batch.account, ids)
            yield from ((source, found.get(source)) for source in ids)

    def _plan(self, batch: Batch, order: Order, source: RunId, run: Run | None) -> Plan:
        if run is None:
            raise RunNotFound(source)
        birth = Birth(batch.run_id(source), digest([batch.id, source]), self.now())
        cause = replace(batch.cause, batch=batch.id)
        return plan_order(self.definitions, order, run, birth, cause, is_of_many=True)

    def _failed(self, batch: Batch, job: Job, error: RestartError) -> JobFailure:
        failure = JobFailure(error.code, error.message, dict(error.details))
        log_job_failed(batch, job, failure)
        if self.batches.fail(batch, job, failure, self.now(), self.new_id()):
            self.queue.put([self._job_ring(batch, job)])
        return failure

    def _end_if_done(self, batch: Batch) -> None:
        if batch.is_seeded and not self.batches.jobs(batch.account, batch.id, limit=1):
            self._end(batch)

    def _end(self, batch: Batch) -> None:
        if self.batches.end(batch, self.now(), self.new_id()):
            log_batch_ended(batch)

    # -- rings

    def _ring(self, batch: Batch) -> None:
        self.queue.put([BatchRing(batch_key(batch.account, batch.id))])

    def _job_ring(self, batch: Batch, job: Job) -> BatchRing:
        return BatchRing(batch_key(batch.account, batch.id), job.index)


@dataclass(frozen=True, slots=True)
class BatchSweep:
    """Ring for batches that somebody should look at."""

    batches: BatchStore
    queue: RunQueue
    now: Callable[[], int]

    def run(self) -> int:
        """Ring for the batches that are overdue, and answer how many rings were taken; a look moves each on."""
        return self.queue.put(BatchRing(key) for key in self.batches.overdue(self.now(), SWEPT))
