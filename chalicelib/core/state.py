"""Where a run stands: its tokens, its scopes and their variables. What `replay` gives and `advance` reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.journal import Failure
from chalicelib.core.json_values import Variables

ROOT = 0


@dataclass(frozen=True, slots=True)
class BeforeActivity:
    activity: ActivityId


@dataclass(frozen=True, slots=True)
class AfterActivity:
    activity: ActivityId


@dataclass(frozen=True, slots=True)
class AlongTransition:
    transition: TransitionId


Place = BeforeActivity | AfterActivity | AlongTransition


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run's tokens begin: at its start event, or at places (several are concurrent tokens).

    What is skipped is skipped until each token's first wait. `named` is the start event that was called by its name:
    a restart from the beginning begins there, where else it would go by the conditions.
    """

    places: tuple[Place, ...] = ()
    is_skipping_listeners: bool = False
    is_skipping_mappings: bool = False
    named: ActivityId | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One point of control.

    `since` is the journal's length when it came where it stands, `came_by` its way there; `opened` (an entry's
    index) and `due` (ms) speak of the wait that it is in. One that `is_before` rests at its activity's save point.
    """

    id: int
    activity: ActivityId
    scope: int
    since: int = 0
    came_by: TransitionId | None = None
    opened: int | None = None
    due: int | None = None
    is_before: bool = False
    is_skipping_listeners: bool = False
    is_skipping_mappings: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Variables of a sub-process (the root's are the run's); `holder` is the token that waits for its end."""

    id: int
    parent: int | None = None
    holder: int | None = None
    variables: Variables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """All that follows from a definition, a start and a journal of `length` entries."""

    tokens: Mapping[int, Token]
    scopes: Mapping[int, Scope]
    next_token: int
    next_scope: int
    length: int
    failure: Failure | None = None
    is_over: bool = False
    is_canceled: bool = False
    is_paused: bool = False

    @property
    def variables(self) -> Variables:
        return self.scopes[ROOT].variables

    def visible(self, scope: int) -> Variables:
        """Answer what an expression in this scope sees: inner variables hide outer ones."""
        around = self.scopes[scope]
        outer = {} if around.parent is None else self.visible(around.parent)
        return {**outer, **around.variables}
