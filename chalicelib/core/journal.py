"""The journal: what happened to a run, numbered from 0, only ever appended to.

| entry     | written when                                            | replaying it                              |
|-----------|---------------------------------------------------------|-------------------------------------------|
| Input     | the run is accepted; always entry 0                      | variables are the input; tokens begin     |
| Passed    | a worker comes to a token that rests at a save point     | the token enters the activity             |
| Performed | an action has its final outcome                          | variables are written; the token leaves   |
| Opened    | a token reaches a user task or a timer                   | the token waits, known by this index      |
| Closed    | that wait is over; names the index of its Opened         | variables are written; the token leaves   |
| Changed   | somebody changes the run's variables from outside        | variables are written and taken away      |
| Signal    | somebody pauses, resumes or cancels the run              | the run stands still, goes on, or is over |
| Output    | the last token has ended, or the run has failed          | the run is over                           |

Gateways, events and listeners leave no entry: they follow from the entries before them. Times are
milliseconds since 1970.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.core.effects import Answered
from chalicelib.core.ids import ActivityId
from chalicelib.core.json_values import Json, Variables


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an activity, and with it its run, failed: after how many tries, and what the last one was answered."""

    element: str
    code: str
    message: str
    answer: Answered | None = None
    tries: int = 1


class SignalName(Enum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Input:
    variables: Variables
    at: int


@dataclass(frozen=True, slots=True)
class Passed:
    activity: ActivityId
    token: int
    at: int


@dataclass(frozen=True, slots=True)
class Performed:
    activity: ActivityId
    token: int
    at: int
    result: Json = None
    writes: Variables | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """`due` is when time itself closes the wait (ms); a wait without it is closed by a person."""

    activity: ActivityId
    token: int
    at: int
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    opened: int
    at: int
    result: Json = None
    writes: Variables | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """`removed` names the variables that are taken away."""

    at: int
    writes: Variables = field(default_factory=dict)
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    name: SignalName
    at: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    at: int
    variables: Variables | None = None
    failure: Failure | None = None


Step = Passed | Performed | Opened | Closed
"""What moves a token, or lets it rest."""
Entry = Input | Step | Changed | Signal | Output
Journal = Sequence[Entry]


def closing_of(journal: Journal, opened: int) -> Closed | None:
    """Answer the entry that closed the wait of another one; None while it is open."""
    return next((entry for entry in journal if isinstance(entry, Closed) and entry.opened == opened), None)


class ReplayMismatch(Exception):
    """A journal does not fit the definition it is replayed on: `index` is the first entry that does not."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(f"entry {index}: {problem}")
        self.index = index
        self.problem = problem
