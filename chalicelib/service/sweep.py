"""Once a minute, ring for every run that should have been looked at by now.

A lost message, a crash between write and send, a dead worker, a timer beyond SQS's reach: all are the same
overdue `wake_at`. The sweep only rings; it decides nothing, so doing it twice does no harm.

Runs that were made together may stand in their queue for long with nothing lost. While anybody waits there, they are
given more time: to ring for thousands of them every minute would take more calls than their work.

It tells the log how late the latest was: a timer beyond SQS's reach is late by a minute at most, and more than
that says that rings are lost, or that nobody keeps up with them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.runs import GRACE_MS
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.tallies import tallied
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards

_LOG = logging.getLogger("reprise.sweep")

PAGE = 100  # runs of a shard that are rung for and postponed before the next look
MARGIN_MS = 10_000
PATIENCE_MS = 15 * 60_000  # how much longer than others a run may stand behind a crowd


@dataclass(frozen=True, slots=True)
class Sweep:
    runs: RunStore
    doorbell: Doorbell
    shards: Shards
    now: Callable[[], int]

    def run(self, time_left_ms: Callable[[], int]) -> int:
        """Ring for what is overdue in every shard, as far as time allows; answer how many rings were taken."""
        with tallied() as tally:
            alone = [self._shard(shard, time_left_ms) for shard in self.shards.all_due()]
            patience_ms = PATIENCE_MS if self.doorbell.is_crowded() else 0
            crowd = [  # takes what time is left
                self._shard(shard, time_left_ms, patience_ms, is_of_many=True)
                for shard in self.shards.all_due(is_of_many=True)
            ]
        swept = alone + crowd
        rung, late_ms = sum(rung for rung, _ in swept), max(late for _, late in swept)
        _LOG.info("swept", extra={"fields": {"rung": rung, "late_ms": late_ms, **tally.fields}})
        return rung

    def _shard(
        self, shard: str, time_left_ms: Callable[[], int], patience_ms: int = 0, *, is_of_many: bool = False
    ) -> tuple[int, int]:
        """Answer how many rings were taken, and how late (ms) the latest run was, beyond what was to be expected."""
        rung = late_ms = 0
        while time_left_ms() > MARGIN_MS:
            at = self.now()
            wakes = self.runs.overdue(shard, at - patience_ms, PAGE)
            late_ms = max([late_ms, *(at - patience_ms - wake.wake_at for wake in wakes)])
            taken = self.doorbell.ring_all((wake.key for wake in wakes), is_of_many=is_of_many)
            rung += taken
            if taken < len(wakes):
                break  # SQS is unwell: leave these overdue for the next sweep
            for wake in wakes:
                self.runs.postpone(wake, at + GRACE_MS)
            if len(wakes) < PAGE:
                break
        return rung, late_ms
