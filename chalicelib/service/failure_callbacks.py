"""Tell somebody that a run has failed: as often as its retries allow, and note what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, assert_never, cast

from chalicelib.actions.performer import Performer
from chalicelib.core.callbacks import Callback, CallbackState
from chalicelib.core.definitions import RetryPolicy
from chalicelib.core.effects import Answered, Failed, HttpCall, Succeeded
from chalicelib.core.json_values import Variables
from chalicelib.core.operations import as_text
from chalicelib.core.retries import next_try
from chalicelib.core.runs import Run, scheduled
from chalicelib.service.doorbell import Doorbell
from chalicelib.stores.calls import Refused
from chalicelib.stores.runs import RunStore

MAX_CLAIMS = 20
_TOKEN = -1  # under which a head counts the tries of its callback
_QUOTED = 2048  # characters


class Letters(Protocol):
    """How such a call is written, and what an answer to it means."""

    def write(self, run: Run, tried: int) -> HttpCall:
        """Answer the call that tells of a run's failure."""

    def is_unwanted(self, headers: Mapping[str, str]) -> bool:
        """Say whether an answer's headers (names in small letters) mean that nobody there cares for failures."""


@dataclass(frozen=True, slots=True)
class FailureCallbacks:
    runs: RunStore
    performer: Performer
    letters: Letters
    doorbell: Doorbell
    now: Callable[[], int]

    def deliver(self, run: Run, owner: str) -> None:
        """Make the call that a claimed failed run owes, and leave its head in good order."""
        tried = run.tries.get(_TOKEN)
        if run.claims > MAX_CLAIMS:
            self._leave(run, Callback(CallbackState.FAILED), None, owner)
            return
        outcome = self.performer.perform(self.letters.write(run, tried.count if tried else 0))
        match outcome:
            case Succeeded(result):
                self._leave(run, self._told(cast("Variables", result)), None, owner)
            case Failed():
                again = next_try(RetryPolicy(), run.overrides, tried, outcome, self.now())
                if again is None:
                    self._leave(run, Callback(CallbackState.FAILED, outcome.answer), None, owner)
                else:
                    waiting = replace(run, tries={_TOKEN: again})
                    stands = Callback(CallbackState.IN_PROGRESS, outcome.answer)
                    self._leave(waiting, stands, again.not_before, owner)
            case _:
                assert_never(outcome)

    def _told(self, result: Variables) -> Callback | None:
        """Answer what stands after an answer; nothing, if nobody there cares for failures."""
        headers = cast("Mapping[str, str]", result.get("headers", {}))
        if self.letters.is_unwanted(headers):
            return None
        body = as_text(result.get("body"))[:_QUOTED]
        return Callback(CallbackState.SUCCEEDED, Answered(int(cast("int", result["status"])), headers, body))

    def _leave(self, run: Run, callback: Callback | None, not_before: int | None, owner: str) -> None:
        at = self.now()
        tries = run.tries if not_before is not None else {}
        left = replace(run, callback=callback, tries=tries, claims=0, lease=None, updated_at=at)
        try:
            told = self.runs.tell(scheduled(left, not_before, at), owner)
        except Refused:
            return  # somebody has canceled it, or works on it: what we were answered is theirs to ask again
        self.doorbell.ring(told)
