"""Let a run that was paused go on, if need be on a version that somebody names."""

from dataclasses import dataclass

from chalicelib.core.errors import Conflict
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.versions import SameVersion, VersionChoice
from chalicelib.service.definitions import Definitions
from chalicelib.service.runs import RunEnded, Runs

_AT_WORK = frozenset({RunStatus.PENDING, RunStatus.RUNNING})


class VersionFixed(Conflict):
    code = "version_fixed"

    def __init__(self, run: Run) -> None:
        super().__init__(f"The run '{run.id}' stays on the version that it began on.", run_id=run.id)


@dataclass(frozen=True, slots=True)
class Resumptions:
    runs: Runs
    definitions: Definitions

    def resume(self, account: AccountId, run_id: RunId, choice: VersionChoice, reason: str = "") -> Run:
        """Let a run go on, and answer it; one that is not paused is answered as it is.

        Raises `RunEnded`, `RunNotBegun`, and `VersionFixed` for a choice that is not the version of the run, or that
        is made while it is at work.
        """
        run = self.runs.load(account, run_id)
        if run.status.is_ended:
            raise RunEnded(run)
        self.runs.check_begun(run)
        if not isinstance(choice, SameVersion):
            self._check_version(run, choice)
        return self.runs.resume(account, run_id, reason)

    def _check_version(self, run: Run, choice: VersionChoice) -> None:
        if run.status in _AT_WORK:
            raise VersionFixed(run)
        if self.definitions.find(run.account, run.definition, choice, run).snapshot != run.snapshot:
            raise VersionFixed(run)
