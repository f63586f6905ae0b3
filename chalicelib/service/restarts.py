"""The use case this service exists for: make a new run from an ended one, once, and lose none."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.core.births import Birth, Plan
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Journal
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.restarts import check_source, plan_restart
from chalicelib.core.runs import Run
from chalicelib.core.versions import Version
from chalicelib.service.births import Births, Made
from chalicelib.service.commands import Command
from chalicelib.service.current import current_variables
from chalicelib.service.definitions import Definitions
from chalicelib.stores.runs import RunStore


@dataclass(frozen=True, slots=True)
class Restarts:
    runs: RunStore
    definitions: Definitions
    births: Births
    now: Callable[[], int]
    new_id: Callable[[], str]

    def restart(self, command: Command, request: RestartRequest) -> Made:
        """Start a new run from an ended one, and answer it; the same command again answers the same run."""
        run_id = command.run_id(self.new_id)
        source, earlier = self._load(command, request, run_id)
        if earlier is not None:
            command.check_same(earlier)
            return Made(earlier, is_repeat=True)
        plan, version = self._plan(command, request, source, run_id)
        return self.births.bear(command, plan, version, request.version)

    def preview(self, command: Command, request: RestartRequest) -> Plan:
        """Answer what `restart` would write, or raise what it would refuse; write nothing."""
        run_id = command.run_id(self.new_id)
        source, _ = self._load(command, request, run_id)
        plan, _version = self._plan(command, request, source, run_id)
        self.runs.check_size(plan)
        return plan

    def _load(self, command: Command, request: RestartRequest, run_id: RunId) -> tuple[Run | None, Run | None]:
        """Read the source and, under a key, the run that the key may have made before: it is asked for first."""
        if command.key is None:
            return self.runs.load(command.account, request.source), None
        found = self.runs.load_all(command.account, {request.source, run_id})
        return found.get(request.source), found.get(run_id)

    def _plan(
        self, command: Command, request: RestartRequest, source: Run | None, run_id: RunId
    ) -> tuple[Plan, Version]:
        if source is None or not request.sees(source.labels):
            raise RunNotFound(request.source)
        check_source(request, source, self.now())  # a version is looked for only where there is something to restart
        self.definitions.check_callback(request.failure_callback)
        target = request.target or source.definition
        version = self.definitions.find(command.account, target, request.version, source)
        journal: Journal = self.runs.journal(source) if request.needs_journal else ()
        if request.needs_current_variables:
            source = replace(source, variables=current_variables(source, self.definitions, self.runs))
        birth = Birth(run_id, command.request_hash, self.now())
        return plan_restart(request, source, journal, version, birth), version
