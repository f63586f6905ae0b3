"""The record of a run that failed: what an operator looks through and restarts."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.core.callbacks import Callback, CallbackState
from chalicelib.core.ids import AccountId, DeadLetterId, RunId, dead_letter_id
from chalicelib.core.journal import Failure
from chalicelib.core.runs import Run, RunStatus, scheduled


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The head of a failed run as it stood then, at a time (ms): all that a restart from the beginning needs.

    Once a restart consumes it, it stays as a tombstone that names the new run, and the command that made it.
    """

    id: DeadLetterId
    run: Run
    at: int
    consumed_by: RunId | None = None
    consumed_on: str = ""
    expires_at: int | None = None
    """When it is gone (ms), once it is kept."""
    size: int = field(default=0, compare=False)
    """How many bytes its data takes, once it is kept."""

    @property
    def account(self) -> AccountId:
        return self.run.account

    @property
    def failure(self) -> Failure:
        assert self.run.failure is not None
        return self.run.failure


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters: of failures in a span of time (ms, both ends included), and whatever `keeps` says."""

    since: int = 0
    until: int | None = None
    keeps: Callable[[DeadLetter], bool] = lambda _letter: True


def with_dead_letter(run: Run, at: int) -> tuple[Run, DeadLetter | None]:
    """Answer the run, and the dead letter that it must leave if it has just failed; somebody may have to be told."""
    if run.status is not RunStatus.FAILED or run.failure is None:
        return run, None
    letter_id = dead_letter_id(at, run.id)
    left = replace(run, dead_letter=letter_id)
    if run.overrides.failure_callback is not None:
        left = scheduled(replace(left, callback=Callback(CallbackState.IN_PROGRESS)), at, at)
    return left, DeadLetter(letter_id, left, at)
