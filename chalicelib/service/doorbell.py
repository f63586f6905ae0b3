"""Ring for runs: ask a worker to look, now or after a delay. The tables stay true if the ring is lost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.core.runs import Run, ring_delay_s
from chalicelib.stores.queues import Ring, RunQueue
from chalicelib.stores.shards import run_key


@dataclass(frozen=True, slots=True)
class Doorbell:
    queue: RunQueue
    now: Callable[[], int]

    def ring(self, run: Run) -> None:
        """Ring for a run that can go on, at the time it can; what is too far off is the sweep's."""
        delay_s = ring_delay_s(run, self.now())
        if delay_s is not None:
            self.queue.put([Ring(run_key(run.account, run.id), delay_s)])

    def ring_all(self, keys: Iterable[str]) -> int:
        """Ring for runs by their keys, and answer how many rings were taken."""
        return self.queue.put(Ring(key) for key in keys)
