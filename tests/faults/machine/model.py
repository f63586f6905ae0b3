"""The reference: what one account's clients know from the answers to them alone, and what follows from that.

A run of the service charges, asks a person, and ships; one of the object charges and ships. Shipping fails for every
other run, by its id. So a run's end follows from what was answered to whoever approved, paused or canceled it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.faults.machine.requests import CART, Request
from tests.faults.play import ENDED

Command = tuple[str, str]


def is_broken(run: str) -> bool:
    return int(run[-1], 16) % 2 == 0


@dataclass(frozen=True, slots=True)
class Birth:
    """How a run begins: of which definition, from which run; `is_approved`: None, if as that one was.

    `end`: the end that it has from its source, with the whole journal.
    """

    definition: str
    source: str = ""
    is_approved: bool | None = False
    end: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that makes one thing under a key: a run, or a batch, which makes those that are `reborn`.

    `promised`: the sources that had ended, and cannot be refused. `is_copy`: the run's source had not ended.
    """

    request: Request
    birth: Birth
    sources: tuple[str, ...] = ()
    promised: frozenset[str] = frozenset()
    is_deletion: bool = False
    is_copy: bool = False


@dataclass(slots=True)
class ModelBatch:
    wish: Wish
    reborn: dict[str, str]
    """The run that each source becomes."""
    is_ended_early: bool = False
    """Whether somebody has ended it, or may have."""


@dataclass(slots=True)
class ModelRun:
    births: set[Birth]
    """The ways in which it may have begun: one, when somebody was told."""
    is_told: bool = False
    """Whether somebody was told that there is such a run."""
    is_approved: bool = False
    is_canceled: bool = False
    is_paused: bool = False
    note: str | None = None
    """What its variable was made from outside."""
    doubtful: set[str] = field(default_factory=set)
    """What it may have been made since."""
    said: set[str] = field(default_factory=set)
    """Whatever it may have been, as whoever has it from this run saw it."""

    @property
    def is_object(self) -> bool:
        return any(birth.definition == CART for birth in self.births)


@dataclass(slots=True)
class Model:
    """One account's runs and batches, what each request under a key was answered with, what nobody was told."""

    runs: dict[str, ModelRun] = field(default_factory=dict)
    batches: dict[str, ModelBatch] = field(default_factory=dict)
    sent: dict[Command, list[Wish]] = field(default_factory=dict)
    answered: dict[Command, tuple[str, Request]] = field(default_factory=dict)
    """The run or batch that a command made, and the request that did it."""
    asked: dict[Command, list[Request]] = field(default_factory=dict)
    """What was asked of several runs under each command."""
    settled: dict[str, set[str]] = field(default_factory=dict)
    """The runs that a request for several, under a key, was answered with in full."""
    again: list[Callable[[], None]] = field(default_factory=list)
    """Those requests, once more."""
    unheard: list[Callable[[], None]] = field(default_factory=list)
    """What a client does again that was not answered."""
    unsure: set[str] = field(default_factory=set)
    """The runs of which nobody knows whether a change took place."""
    gone: set[str] = field(default_factory=set)
    """The runs that were deleted, or may have been."""

    def expect(self, run: str, birth: Birth, *, is_told: bool) -> None:
        """Learn that there is a run, or (not told) that there may be one."""
        known = self.runs.setdefault(run, ModelRun(set()))
        if known.is_told:
            return
        known.births = {birth} if is_told else known.births | {birth}
        known.is_told = is_told

    @property
    def promised(self) -> set[str]:
        """Name the runs that must be there."""
        told = {run for run, known in self.runs.items() if known.is_told}
        lasting = [batch for batch in self.batches.values() if not batch.is_ended_early]
        made = {batch.reborn[source] for batch in lasting for source in batch.wish.promised - self.gone}
        return (told | made) - self.gone

    def ends_of(self, run: str) -> frozenset[str]:
        """Answer the statuses that a run may have when all has come to rest."""
        known = self.runs[run]
        if known.is_canceled:
            return frozenset({"canceled"})
        ends = {"paused"} if known.is_paused else {*self._natural_ends(run, known)}
        deletions = [batch for batch in self.batches.values() if batch.wish.is_deletion and run in batch.wish.sources]
        if not deletions:
            return frozenset(ends)
        is_spared = all(batch.is_ended_early for batch in deletions)
        return frozenset({"canceled", *(ends if is_spared else ends & ENDED)})

    def _natural_ends(self, run: str, known: ModelRun) -> Iterator[str]:
        yield from (birth.end for birth in known.births if birth.end)
        if all(birth.end for birth in known.births):
            return
        approvals = {True} if known.is_object else self._approvals(run)
        yield from ({"waiting"} if False in approvals else set())
        yield from ({"failed" if is_broken(run) else "completed"} if True in approvals else set())

    def _approvals(self, run: str) -> set[bool]:
        """Say whether somebody has approved a run, or one from which it has that; both, if nobody knows."""
        known = self.runs.get(run)
        if known is None:
            return {True, False}
        if known.is_approved:
            return {True}
        told: set[bool] = set()
        for birth in known.births:
            told |= self._approvals(birth.source) if birth.is_approved is None else {birth.is_approved}
        return told

    def notes_of(self, run: str) -> set[str | None]:
        """Answer the values that a run's variable may have: what it was told from outside, else what sources were."""
        known = self.runs[run]
        return {known.note, *known.doubtful, *(self._inherited(known) if known.note is None else ())}

    def _inherited(self, known: ModelRun) -> Iterator[str]:
        for birth in known.births:
            source = self.runs.get(birth.source)
            if source is not None:
                yield from source.said
                yield from self._inherited(source)

    @property
    def most_strangers(self) -> int:
        """Answer how many runs there may be that nobody was told of."""
        silent = (wishes for command, wishes in self.sent.items() if command not in self.answered)
        return sum(max(len(wish.sources) or 1 for wish in wishes) for wishes in silent)
