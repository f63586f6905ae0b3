"""End a run where it stands: what is written when somebody cancels it."""

from dataclasses import dataclass

from chalicelib.core.definitions import Definition
from chalicelib.core.journal import Entry, Journal, Signal, SignalName
from chalicelib.core.replay import apply, replay
from chalicelib.core.runs import Run, visited


@dataclass(frozen=True, slots=True)
class Canceled:
    """A run that ends: its head, which carries the revision it was read at, and the entry at the journal's end."""

    run: Run
    index: int
    entry: Entry


def plan_cancel(run: Run, definition: Definition, journal: Journal, at: int, reason: str) -> Canceled | None:
    """Answer how a run ends where it stands; None if its journal says that it has ended since its head was read."""
    state = replay(definition, run.start, journal)
    if state.is_over:
        return None
    entry = Signal(SignalName.CANCEL, at, reason)
    ended = visited(run, definition, apply(definition, state, entry), at)
    return Canceled(ended, state.length, entry)
