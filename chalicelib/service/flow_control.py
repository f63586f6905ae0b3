"""Let no more of a key's actions be in flight, or begin in a window of time, than its limits say.

A worker holds one slot from the first action that it performs for a run until it leaves the run; one that died
holds it no longer than its lease. Who finds no slot waits until a slot is let go, or until the sweep looks again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.ids import AccountId
from chalicelib.core.overrides import FlowControl
from chalicelib.core.runs import Lease, Run
from chalicelib.service.doorbell import Doorbell
from chalicelib.stores.shards import run_key
from chalicelib.stores.slots import FlowUsage, SlotStore

SPARE = 1  # more waiting runs are rung for than slots are free: one may have ended meanwhile


@dataclass(frozen=True, slots=True)
class Flows:
    """What can be told of flow control."""

    slots: SlotStore
    now: Callable[[], int]

    def usage(self, account: AccountId, key: str) -> FlowUsage:
        """Answer how much of a key's limits is in use now."""
        return self.slots.usage(account, key, self.now())


@dataclass(slots=True)
class Turn:
    """What one worker may do for one run."""

    slots: SlotStore
    doorbell: Doorbell
    run: Run
    lease: Lease
    part: str | None = None
    is_waiting: bool = False

    @property
    def flow(self) -> FlowControl | None:
        return self.run.overrides.flow

    def may_begin(self, at: int) -> bool:
        """Say whether an action may be in flight now; else the run has to wait for a slot."""
        if self.flow is None or self.flow.limits.parallelism is None or self.part is not None:
            return True
        self.part = self.slots.take(self.run, self.flow, self.lease.owner, self.lease.until, at)
        self.is_waiting = self.part is None
        return not self.is_waiting

    def wait(self, at: int) -> None:
        """Put the run, which its worker has just left, on the list of those who wait for a slot.

        If one was let go before it was on the list, nobody else would ring for it.
        """
        if self.flow is None:
            return
        self.slots.wait(self.run, self.flow, at)
        if self.slots.has_free(self.run, self.flow, at):
            self.doorbell.ring_all([run_key(self.run.account, self.run.id)], is_of_many=self.run.is_of_many)

    def begins_at(self, at: int) -> int | None:
        """Count an action that begins now; if the window is full, answer when (ms) to come again instead."""
        if self.flow is None or self.flow.limits.rate is None:
            return None
        return self.slots.begin(self.run, self.flow, at)

    def end(self) -> None:
        """Let the slot go, and ring for those who wait for one."""
        if self.flow is None or self.part is None:
            return
        self.slots.let_go(self.run, self.flow, self.part, self.lease.owner)
        self.part = None
        waiting = self.slots.next_waiting(self.run, self.flow, 1 + SPARE)
        if waiting:
            self.doorbell.ring_all(waiting, is_of_many=self.run.is_of_many)
