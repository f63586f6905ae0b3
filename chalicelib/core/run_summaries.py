"""What a list tells of runs, and which runs a list is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from chalicelib.core.definitions import DefinitionType
from chalicelib.core.ids import ActivityId, DeadLetterId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.journal import Failure
from chalicelib.core.lines import Line
from chalicelib.core.retention import Expiry
from chalicelib.core.runs import Lineage, Run, RunStatus, Tries
from chalicelib.core.state import Start


def list_position(created_at: int, run_id: RunId) -> str:
    """Answer a run's place in every list: unique, and sorted by time (ms)."""
    return f"{created_at:013d}#{run_id}"


def created_of(position: str) -> int:
    """Answer when (ms) the run at a position was created."""
    return int(position.partition("#")[0])


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list tells of a run. Times in ms."""

    id: RunId
    definition: DefinitionKey
    version: int | None
    snapshot: SnapshotId
    status: RunStatus
    business_key: str | None
    labels: tuple[str, ...]
    lineage: Lineage
    failure: Failure | None
    dead_letter: DeadLetterId | None
    journal_length: int
    created_at: int
    updated_at: int
    started_at: int | None
    ended_at: int | None
    waiting_for: tuple[ActivityId, ...] = ()
    alias: str | None = None
    url: str | None = None
    type: DefinitionType = DefinitionType.SERVICE
    line: Line | None = None
    start: Start = field(default_factory=Start)
    tries: Mapping[int, Tries] = field(default_factory=dict)
    not_before: int | None = None
    expiry: Expiry = Expiry()

    @property
    def position(self) -> str:
        return list_position(self.created_at, self.id)


def summary_of(run: Run) -> RunSummary:
    """Answer what a list would tell of a run as its head stands."""
    return RunSummary(**{one.name: getattr(run, one.name) for one in fields(RunSummary)})


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs of an account: all that is given must hold. Times in ms, both ends included."""

    definition: DefinitionKey | None = None
    status: RunStatus | None = None
    label: str | None = None
    business_key: str | None = None
    created_from: int | None = None
    created_to: int | None = None
    also: Callable[[RunSummary], bool] = lambda _run: True
    """What a dialect asks beside that, of what a list tells."""

    def keeps(self, run: RunSummary) -> bool:
        """Say whether a run is meant, as far as its index does not say so already."""
        return (
            self.status in (None, run.status)
            and self.business_key in (None, run.business_key)
            and (self.label is None or self.label in run.labels)
            and self.also(run)
        )
