"""Ring for runs: ask a worker to look, now or after a delay. The tables stay true if the ring is lost.

There are two queues, so that nobody waits behind a crowd: whatever rings for a run that was made together with others,
its first ring, a retry or the sweep, rings in the second one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.core.errors import Busy
from chalicelib.core.runs import Run, ring_delay_s
from chalicelib.stores.queues import Dispatched, DispatchQueue, Ring, RunQueue
from chalicelib.stores.shards import run_key


def due_soon(runs: Iterable[Run], at: int) -> list[Dispatched]:
    """Name the runs that a message can ring for; the others are the sweep's."""
    return [
        Dispatched(run_key(run.account, run.id), run.not_before)
        for run in runs
        if run.not_before is not None and ring_delay_s(run, at) is not None
    ]


@dataclass(frozen=True, slots=True)
class Doorbell:
    queue: RunQueue
    bulk_queue: RunQueue
    dispatch: DispatchQueue
    now: Callable[[], int]

    def ring(self, run: Run) -> None:
        """Ring for a run that can go on, at the time it can; what is too far off is the sweep's."""
        delay_s = ring_delay_s(run, self.now())
        if delay_s is not None:
            self._queue(is_of_many=run.is_of_many).put([Ring(run_key(run.account, run.id), delay_s)])

    def ring_each(self, runs: Sequence[Run]) -> None:
        """Ring for runs that have just been made, each at its time."""
        self.ring_bulk(due_soon([run for run in runs if run.is_of_many], self.now()))
        for run in runs:
            if not run.is_of_many:
                self.ring(run)

    def ring_later(self, runs: Iterable[Run]) -> None:
        """Do the same with one call, however many were made together: one message asks for all of their rings."""
        made = [*runs]
        rings = due_soon([run for run in made if run.is_of_many], self.now())
        if rings:
            self.dispatch.put(rings)
        for run in made:
            if not run.is_of_many:
                self.ring(run)

    def ring_together(self, runs: Iterable[Dispatched]) -> None:
        """Ring for runs that were made together, in a queue where nobody else waits behind them; raise `Busy`."""
        rings = [*runs]
        if self.ring_bulk(rings) < len(rings):
            raise Busy

    def ring_bulk(self, runs: Iterable[Dispatched]) -> int:
        """Do the same, and answer how many rings were taken: the sweep rings for the others."""
        at = self.now()
        return self.bulk_queue.put(Ring(run.key, max(0, -(-(run.not_before - at) // 1000))) for run in runs)

    def is_crowded(self) -> bool:
        """Say whether runs that were made together have been rung for and wait for their turn."""
        return self.bulk_queue.has_waiting()

    def ring_all(self, keys: Iterable[str], *, is_of_many: bool) -> int:
        """Ring for runs by their keys, and answer how many rings were taken."""
        return self._queue(is_of_many=is_of_many).put(Ring(key) for key in keys)

    def _queue(self, *, is_of_many: bool) -> RunQueue:
        return self.bulk_queue if is_of_many else self.queue
