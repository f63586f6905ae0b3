"""The use case this service exists for: make a new run from an ended one, once, and lose none."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.core.births import Birth, Plan
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Journal
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.restart_points import RestartPoint, restart_points
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.restarts import check_source, plan_restart
from chalicelib.core.runs import Run
from chalicelib.core.versions import Version
from chalicelib.service.births import Births, Made
from chalicelib.service.commands import Command
from chalicelib.service.current import current_variables
from chalicelib.service.definitions import Definitions
from chalicelib.stores.runs import RunStore

MOST_REPLAYED = 100_000  # entries, all points of a call taken together: about two seconds


@dataclass(frozen=True, slots=True)
class Points:
    """Where a source with so many entries could be restarted on a version; `points` are some of its entries."""

    version: Version
    length: int
    points: tuple[RestartPoint, ...]


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

    def points(self, command: Command, request: RestartRequest, first: int, limit: int) -> Points:
        """Say after which entries, of so many from the first on, this request could be made; write nothing.

        They are fewer in a long journal: each is tried. Raises what `restart` would refuse whatever the entry.
        """
        source, _ = self._load(command, request, RunId(""))
        source, version = self._source(command, request, source)
        journal = self.runs.journal(source)
        most = min(limit, max(1, MOST_REPLAYED // source.journal_length))
        entries = range(first, min(first + most, source.journal_length))
        birth = Birth(source.id, command.request_hash, self.now())
        points = tuple(restart_points(request, source, journal, version, birth=birth, entries=entries))
        return Points(version, source.journal_length, points)

    def _load(self, command: Command, request: RestartRequest, run_id: RunId) -> tuple[Run | None, Run | None]:
        """Read the source and, under a key, the run that the key may have made before: it is asked for first."""
        if command.key is None:
            return self.runs.load(command.account, request.source), None
        found = self.runs.load_all(command.account, {request.source, run_id})
        return found.get(request.source), found.get(run_id)

    def _plan(
        self, command: Command, request: RestartRequest, source: Run | None, run_id: RunId
    ) -> tuple[Plan, Version]:
        source, version = self._source(command, request, source)
        journal: Journal = self.runs.journal(source) if request.needs_journal else ()
        if request.needs_current_variables:
            source = replace(source, variables=current_variables(source, self.definitions, self.runs))
        birth = Birth(run_id, command.request_hash, self.now())
        return plan_restart(request, source, journal, version, birth), version

    def _source(self, command: Command, request: RestartRequest, source: Run | None) -> tuple[Run, Version]:
        """Answer the source, if it can be restarted at all, and the version that the new run would be on."""
        if source is None or not request.sees(source.labels):
            raise RunNotFound(request.source)
        check_source(request, source, self.now())  # a version is looked for only where there is something to restart
        self.definitions.check_callback(request.failure_callback)
        target = request.target or source.definition
        return source, self.definitions.find(command.account, target, request.version, source)
