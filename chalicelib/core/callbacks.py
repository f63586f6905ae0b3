"""How telling somebody of a run's failure stands.

    in_progress ──► succeeded
      │  ▲   └────► failed ──┐
      │  └───────────────────┘  asked for again
      └──► canceled

Whoever answers that it has no use for failures has never been told: there is no callback then.
"""

from dataclasses import dataclass
from enum import Enum

from chalicelib.core.effects import Answered


class CallbackState(Enum):
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Callback:
    """The state, and what the other side answered last."""

    state: CallbackState
    answer: Answered | None = None
