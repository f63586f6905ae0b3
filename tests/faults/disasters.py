"""What strikes everything at once: AWS is unwell for minutes, or all queues are emptied."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from tests.faults.plans import Disaster, Fault, Outage, Purge
from tests.world import MINUTE, Clock


@dataclass(slots=True)
class Weather:
    """A disaster on its way, which begins (ms) at its call; `purge` empties the queues."""

    disaster: Disaster
    clock: Clock
    purge: Callable[[], None]
    began_at: int | None = None

    def __call__(self, number: int, name: str) -> Fault | None:
        """Say what befalls a call; what effects meet outside is none of AWS's."""
        if self.began_at is None and number >= self.disaster.call:
            self.began_at = self.clock.ms
            if isinstance(self.disaster, Purge):
                self.purge()
        if not self.is_raging or name.startswith("outside."):
            return None
        match self.disaster:
            case Outage(kinds=kinds):
                return Fault(number, kinds[number % len(kinds)])
            case Purge():
                return None
            case _:
                assert_never(self.disaster)

    @property
    def over_at(self) -> int | None:
        """Answer when (ms) everything is well again; None before it began."""
        minutes = self.disaster.minutes if isinstance(self.disaster, Outage) else 0
        return None if self.began_at is None else self.began_at + minutes * MINUTE

    @property
    def is_raging(self) -> bool:
        return self.over_at is not None and self.clock.ms < self.over_at
