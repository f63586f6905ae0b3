"""What can be asked of a restart: every choice that any dialect offers, and nothing that only one of them knows."""

from dataclasses import dataclass, field
from enum import Enum

from chalicelib.core.causes import Cause
from chalicelib.core.ids import AccountId, ActivityId, DefinitionKey, RunId
from chalicelib.core.json_values import Variables
from chalicelib.core.overrides import FailureCallback, FlowLimits, Overrides
from chalicelib.core.retention import Retention
from chalicelib.core.runs import ENDED, RunStatus
from chalicelib.core.state import Place
from chalicelib.core.versions import SameVersion, VersionChoice


@dataclass(frozen=True, slots=True)
class Beginning:
    pass


@dataclass(frozen=True, slots=True)
class AfterEntry:
    """Keep the source's entries up to and with this index."""

    index: int


@dataclass(frozen=True, slots=True)
class FromFailure:
    """Keep everything that succeeded."""


@dataclass(frozen=True, slots=True)
class At:
    """Begin at these places, one concurrent token each."""

    places: tuple[Place, ...]


StartPoint = Beginning | AfterEntry | FromFailure | At


class Data(Enum):
    """Which of the source's data the new run begins with."""

    INPUT = "input"
    LAST_VARIABLES = "last_variables"


@dataclass(frozen=True, slots=True)
class Inherited:
    """Which of these data: `only` the variables of these names (None: all), `without` what stands at these paths."""

    only: frozenset[str] | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestartRequest:
    """Every choice that any dialect offers. `None` means: as the source had it.

    `target` is the definition that the new run runs on. `allowed` may hold states of runs that have not ended: their
    last variables are those of the moment.
    """

    source: RunId
    cause: Cause
    target: DefinitionKey | None = None
    inherited: Inherited = Inherited()
    start: StartPoint = Beginning()
    version: VersionChoice = SameVersion()
    data: Data = Data.INPUT
    overlay: Variables = field(default_factory=dict)
    is_keeping_business_key: bool = True
    is_skipping_listeners: bool = False
    is_skipping_mappings: bool = False
    retries: int | None = None
    retry_delay_s: float | None = None
    retry_delay: str | None = None
    delay_s: float = 0.0
    flow_key: str | None = None
    flow_limits: FlowLimits | None = None
    failure_callback: FailureCallback | None = None
    labels: tuple[str, ...] | None = None
    allowed: frozenset[RunStatus] = ENDED
    is_restarting_workflows: bool = True
    """Whether runs of workflows can be sources."""
    is_bound_to_journal: bool = False
    """The source's journal must still be kept, even where the new run needs none of it."""
    within: tuple[str, ...] = ()
    """Labels `name=value`: a source that has another value under one of these names is not seen."""
    is_resting: bool = False
    """The new run takes no step by itself: its worker takes the first."""
    is_of_many: bool = False
    """The new run is made together with others."""
    only_of: tuple[DefinitionKey, int] | None = None
    """The version of the definition that a source must have run on."""

    def sees(self, labels: tuple[str, ...]) -> bool:
        """Say whether a run with these labels can be this request's source."""
        names = {label.partition("=")[0] for label in self.within}
        return all(label in self.within for label in labels if label.partition("=")[0] in names)

    @property
    def needs_journal(self) -> bool:
        return isinstance(self.start, AfterEntry | FromFailure)

    @property
    def needs_current_variables(self) -> bool:
        """Say whether a live source's journal must be read: its head may lag behind."""
        return self.data is Data.LAST_VARIABLES and bool(self.allowed - ENDED)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A first run: no source."""

    account: AccountId
    cause: Cause
    input: Variables
    business_key: str | None = None
    labels: tuple[str, ...] = ()
    overrides: Overrides = Overrides()
    retention: Retention | None = None
    """How long it is kept; None: as the definition says."""
    alias: str | None = None
    places: tuple[Place, ...] = ()
    """Where it begins; none: at a start event, with what the definition requires."""
    start: ActivityId | None = None
    """Which start event that is; none: the one that the conditions tell."""
    is_skipping_listeners: bool = False
    is_skipping_mappings: bool = False
