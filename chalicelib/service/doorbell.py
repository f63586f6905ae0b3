"""Ring for runs: ask a worker to look, now or after a delay. The tables stay true if the ring is lost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.core.errors import Busy
from chalicelib.core.runs import Run, ring_delay_s
from chalicelib.stores.queues import Dispatched, Ring, RunQueue
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
    now: Callable[[], int]

    def ring(self, run: Run) -> None:
        """Ring for a run that can go on, at the time it can; what is too far off is the sweep's."""
        delay_s = ring_delay_s(run, self.now())
        if delay_s is not None:
            self.queue.put([Ring(run_key(run.account, run.id), delay_s)])

    def ring_together(self, runs: Iterable[Dispatched]) -> None:
        """Ring for runs that were made together, in a queue where nobody else waits behind them; raise `Busy`."""
        rings = [*runs]
        if self.ring_bulk(rings) < len(rings):
            raise Busy

    def ring_bulk(self, runs: Iterable[Dispatched]) -> int:
        """Do the same, and answer how many rings were taken: the sweep rings for the others."""
        at = self.now()
        return self.bulk_queue.put(Ring(run.key, max(0, -(-(run.not_before - at) // 1000))) for run in runs)

    def ring_all(self, keys: Iterable[str]) -> int:
        """Ring for runs by their keys, and answer how many rings were taken."""
        return self.queue.put(Ring(key) for key in keys)
