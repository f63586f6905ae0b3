"""How long ended runs and their journals are kept.

| setting        | counts from the run's end (s)         | None                                                        |
|----------------|---------------------------------------|-------------------------------------------------------------|
| `completion_s` | until nobody finds the run any more   | it is kept for ever                                         |
| `journal_s`    | until nobody finds its journal        | as long as the run; never longer, whatever is settled       |

What is over is over at that millisecond for everybody who reads; what is left of it is taken away a while later.
"""

from dataclasses import dataclass

LINGER_MS = 120_000
"""Nothing is taken away so soon: a worker that was at a run when somebody ended it is gone by then (its lease is
shorter), and cannot write behind whoever has cleared up."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """When (ms) an ended run's journal, and the run itself, are not there any more; None: never."""

    journal: int | None = None
    run: int | None = None

    def has_run(self, at: int) -> bool:
        return self.run is None or at < self.run

    def has_journal(self, at: int) -> bool:
        return self.journal is None or at < self.journal

    @property
    def cleaned_at(self) -> int | None:
        """Answer when (ms) somebody must first take something away."""
        return None if self.journal is None else self.journal + LINGER_MS

    @property
    def removed_at(self) -> int | None:
        """Answer when (ms) somebody must take away the run."""
        return None if self.run is None else self.run + LINGER_MS

    def is_to_be_cleaned(self, at: int) -> bool:
        return self.cleaned_at is not None and self.cleaned_at <= at

    def is_to_be_removed(self, at: int) -> bool:
        return self.removed_at is not None and self.removed_at <= at


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long (s) from its end on a run is kept, and its journal, which goes with it at the latest."""

    completion_s: float | None = None
    journal_s: float | None = None

    def expiry(self, ended_at: int) -> Expiry:
        """Answer what becomes of a run that ends at a time (ms)."""
        run, journal = _after(ended_at, self.completion_s), _after(ended_at, self.journal_s)
        return Expiry(min((time for time in (journal, run) if time is not None), default=None), run)


def _after(ended_at: int, kept_s: float | None) -> int | None:
    return None if kept_s is None else ended_at + round(kept_s * 1000)
