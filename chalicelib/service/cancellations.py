"""Cancel the runs of a batch's job, each once: those that still go on, or all of them if the batch is strict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.batches import Batch, Cancellation, Job
from chalicelib.core.cancellations import Canceled, plan_cancel
from chalicelib.core.errors import Busy
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run, RunStatus
from chalicelib.service.definitions import Definitions
from chalicelib.service.runs import RunEnded, Runs
from chalicelib.stores.bulk import Part
from chalicelib.stores.cancellations import CancellationStore, run_of
from chalicelib.stores.runs import RunStore

MAX_COLLISIONS = 10  # with workers of the runs; each one means that some of them went on
LOADED = 100  # runs that one call reads


@dataclass(frozen=True, slots=True)
class Cancellations:
    """A run that stands in a line is canceled by itself, before the others: its line changes with it."""

    alone: Runs
    runs: RunStore
    store: CancellationStore
    definitions: Definitions
    now: Callable[[], int]
    new_id: Callable[[], str]

    def finish(self, batch: Batch, job: Job, order: Cancellation) -> bool:
        """Cancel what goes on of a job's sources, and take the job away; say no if somebody else was at it.

        Raises `RunNotFound` for the first source that has ended, or is gone, if the order is strict: then none of
        those that one transaction holds is canceled, but for runs that stand in lines.
        """
        parts = self._parts(batch.account, order, job.sources[job.done :])
        for group, done in self.store.groups(job, parts):
            if not self._cancel(batch, job, order, group, done):
                return False
            job = replace(job, done=done)
        return True

    def _cancel(self, batch: Batch, job: Job, order: Cancellation, parts: Sequence[Part], done: int) -> bool:
        """Cancel some runs in one transaction; decide again on those that moved meanwhile."""
        left = [*parts]
        for _ in range(MAX_COLLISIONS):
            moved = self.store.cancel(batch, job, left, done, self.now())
            if not moved:
                return moved is not None
            unmoved = [part for part in left if run_of(part) not in moved]
            left = [*unmoved, *self._parts(batch.account, order, sorted(moved))]
        raise Busy

    def _parts(self, account: AccountId, order: Cancellation, sources: Sequence[RunId]) -> list[Part]:
        """Decide on every source before anything is written."""
        parts: list[Part] = []
        for first in range(0, len(sources), LOADED):
            ids = sources[first : first + LOADED]
            found = self.runs.load_all(account, ids)
            for source in ids:
                run = found.get(source)
                if run is not None and self._leaves_line(run, order.reason):
                    continue
                plan = self._plan(run, order.reason)
                if plan is not None:
                    parts.append(self.store.part(plan, self.new_id()))
                elif order.is_strict:
                    raise RunNotFound(source)
        return parts

    def _leaves_line(self, run: Run, reason: str) -> bool:
        """Cancel a run that stands in a line; say no if it stands in none, or has ended by itself."""
        if run.line is None or not run.line.is_in_line:
            return False
        try:
            return self.alone.cancel(run.account, run.id, reason).status is RunStatus.CANCELED
        except (RunEnded, RunNotFound):
            return False

    def _plan(self, run: Run | None, reason: str) -> Canceled | None:
        if run is None or run.status.is_ended:
            return None
        definition = self.definitions.of(run).definition
        return plan_cancel(run, definition, self.runs.journal(run), self.now(), reason)
