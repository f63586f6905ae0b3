"""What can be run: a graph of activities (nodes) and transitions (edges).

| kind              | what a token does there                                                          |
|-------------------|----------------------------------------------------------------------------------|
| StartEvent        | leaves                                                                           |
| EndEvent          | ends; the last one to end completes its scope                                    |
| ServiceTask       | waits until its action is performed; leaves one journal entry                    |
| UserTask          | opens a wait that a person closes; leaves two journal entries                    |
| Timer             | opens a wait that time closes; leaves two journal entries                        |
| ExclusiveGateway  | leaves along the first transition whose condition holds, else along the default  |
| ParallelGateway   | waits for one token on every incoming transition, then leaves along all outgoing |
| SubProcess        | waits until the scope that it opens is completed                                 |

Any other activity leaves along every outgoing transition whose condition holds; one without outgoing
transitions ends its token. Activities of a sub-process stand in the same map as all others and name it
as their parent: ids are unique in the whole definition.

A token that comes to a save point rests before the activity until a worker takes it on: what came before is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.retention import Retention

Mappings = Mapping[str, Json]
"""Variable name to template."""


class DefinitionType(Enum):
    """What its runs of one business key are to each other (lines.py): those of the two latter need one."""

    SERVICE = "service"
    OBJECT = "object"
    WORKFLOW = "workflow"


DEFAULT_ATTEMPTS = 4  # the first try and three retries
DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often an action is tried in all, and how long to wait between: delay x factor^n, at most max_delay (s)."""

    attempts: int = DEFAULT_ATTEMPTS
    delay_s: float = 1.0
    factor: float = 2.0
    max_delay_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class HttpAction:
    url: Json
    method: str = "POST"
    headers: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class LambdaAction:
    function: Json
    payload: Json = None
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class ExpressionAction:
    """Evaluate a template; its value is the result."""

    value: Json


@dataclass(frozen=True, slots=True)
class NoAction:
    """Do nothing; the result is null."""


Action = HttpAction | LambdaAction | ExpressionAction | NoAction


@dataclass(frozen=True, slots=True)
class StartEvent:
    """With a condition it is one of several: the run begins at the one whose condition holds for its input.

    Runs that begin at an object's shared one wait for no other, and no other waits for them.
    """

    condition: str | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class EndEvent:
    pass


@dataclass(frozen=True, slots=True)
class UserTask:
    """`on_create` listeners see what its input mappings give: they run when the task is there for a person."""

    on_create: tuple[Mappings, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceTask:
    action: Action
    retry: RetryPolicy = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Timer:
    """`after_s`: a template that gives seconds; `until`: one that gives an ISO 8601 time. One of the two."""

    after_s: Json = None
    until: Json = None


@dataclass(frozen=True, slots=True)
class ExclusiveGateway:
    default: TransitionId | None = None


@dataclass(frozen=True, slots=True)
class ParallelGateway:
    pass


@dataclass(frozen=True, slots=True)
class SubProcess:
    pass


Kind = StartEvent | EndEvent | UserTask | ServiceTask | Timer | ExclusiveGateway | ParallelGateway | SubProcess


@dataclass(frozen=True, slots=True)
class Activity:
    """A node. Listeners and mappings set variables from templates; `parent` is the sub-process around it."""

    id: ActivityId
    kind: Kind
    parent: ActivityId | None = None
    name: str = ""
    input: Mappings = field(default_factory=dict)
    output: Mappings = field(default_factory=dict)
    on_start: tuple[Mappings, ...] = ()
    on_end: tuple[Mappings, ...] = ()
    is_save_point: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    id: TransitionId
    source: ActivityId
    target: ActivityId
    condition: str | None = None
    on_take: tuple[Mappings, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """A checked graph. `document` is the author's own text, as JSON.

    `starts` names each scope's start event: of several, the one without a condition, else the first.
    """

    activities: Mapping[ActivityId, Activity]
    transitions: Mapping[TransitionId, Transition]
    outgoing: Mapping[ActivityId, tuple[Transition, ...]]
    incoming: Mapping[ActivityId, tuple[Transition, ...]]
    starts: Mapping[ActivityId | None, ActivityId]
    document: Variables
    name: str = ""
    url: str = ""
    """The address under which clients know it; none is empty."""
    required: tuple[str, ...] = ()
    """The variables without which no run begins at a start event."""
    on_start: tuple[Mappings, ...] = ()
    on_end: tuple[Mappings, ...] = ()
    type: DefinitionType = DefinitionType.SERVICE
    retention: Retention = Retention()

    def parents(self, activity: ActivityId) -> tuple[ActivityId, ...]:
        """List the sub-processes around an activity, outermost first."""
        around: list[ActivityId] = []
        parent = self.activities[activity].parent
        while parent is not None:
            around.append(parent)
            parent = self.activities[parent].parent
        return tuple(reversed(around))
