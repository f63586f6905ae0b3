"""Restart many runs at once, each for itself: what is refused to one changes nothing for the others.

a hundred sources ─► one read ─► a plan for each ─► one transaction (two where dead letters are consumed) ─► a ring
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.core.births import Birth, Plan
from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import AccountId, DeadLetterId, RunId
from chalicelib.core.refusals import KeyReused, RunNotFound
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.restarts import check_source, plan_restart
from chalicelib.core.runs import Run
from chalicelib.core.versions import SameVersion, Version, VersionChoice
from chalicelib.service.commands import Command
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.run_log import log_made_together
from chalicelib.stores.many_births import ManyBirths
from chalicelib.stores.runs import RunStore

PAGE = 100  # runs that one call reads, and whose births one transaction holds
PATIENCE_MS = 20_000  # a gateway waits 29 s for an answer: whoever has not had a turn by then is told to ask again

Outcome = Run | RestartError
"""The new run, or why there is none."""


@dataclass(slots=True)
class _Versions:
    """What a choice means for each source, looked up once for all to whom it means the same."""

    definitions: Definitions
    account: AccountId
    choice: VersionChoice
    _known: dict[tuple[object, ...], Version | RestartError] = field(default_factory=dict)

    def of(self, source: Run) -> Version:
        """Answer the version; raise why there is none."""
        own = (source.snapshot, source.version) if isinstance(self.choice, SameVersion) else ()
        name = (source.definition, *own)
        if name not in self._known:
            self._known[name] = self._found(source)
        known = self._known[name]
        if isinstance(known, RestartError):
            raise known
        return known

    def _found(self, source: Run) -> Version | RestartError:
        try:
            return self.definitions.find(self.account, source.definition, self.choice, source)
        except RestartError as error:
            return error


@dataclass(frozen=True, slots=True)
class BulkRestarts:
    runs: RunStore
    births: ManyBirths
    definitions: Definitions
    doorbell: Doorbell
    now: Callable[[], int]
    new_id: Callable[[], str]

    def restart(self, commands: Sequence[Command], wishes: RestartRequest) -> list[Outcome]:
        """Restart the run that each command speaks of, from its beginning, and answer what became of each.

        A run that two commands speak of is restarted twice. All commands are one account's; a command that has a key
        is answered, when it comes again, with the run that it made.
        """
        wishes = replace(wishes, is_resting=True, is_of_many=len(commands) > 1)
        until, outcomes = self.now() + PATIENCE_MS, list[Outcome]()
        if commands:
            versions = _Versions(self.definitions, commands[0].account, wishes.version)
            for first in range(0, len(commands), PAGE):
                page = commands[first : first + PAGE]
                outcomes += [Busy()] * len(page) if self.now() > until else self._page(page, wishes, versions)
        return outcomes

    def _page(self, commands: Sequence[Command], wishes: RestartRequest, versions: _Versions) -> list[Outcome]:
        births = [Birth(command.run_id(self.new_id), command.request_hash, self.now()) for command in commands]
        try:
            earlier = self._earlier(commands, births)
            sources = self.runs.load_all(versions.account, {RunId(command.subject) for command in commands})
        except Busy as busy:
            return [busy] * len(commands)
        outcomes: list[Outcome | Plan] = []
        for command, birth in zip(commands, births, strict=True):
            source = sources.get(RunId(command.subject))
            request = replace(wishes, source=RunId(command.subject))
            outcomes.append(earlier.get(birth.run_id) or _planned(request, source, versions, birth))
        born = self.births.bear([*_consuming_once(outcomes)], self.new_id())
        log_made_together(one.run for one in outcomes if isinstance(one, Plan) and born[one.run.id] is one.run)
        self.doorbell.ring_later(run for run in born.values() if isinstance(run, Run))
        made = [born[one.run.id] if isinstance(one, Plan) else one for one in outcomes]
        return [_checked(command, outcome) for command, outcome in zip(commands, made, strict=True)]

    def _earlier(self, commands: Sequence[Command], births: Sequence[Birth]) -> dict[RunId, Run]:
        """Answer the runs that commands with a key have made before."""
        asked = [birth.run_id for command, birth in zip(commands, births, strict=True) if command.key is not None]
        return self.runs.load_all(commands[0].account, asked) if asked else {}


def _planned(request: RestartRequest, source: Run | None, versions: _Versions, birth: Birth) -> Plan | RestartError:
    try:
        if source is None:
            raise RunNotFound(request.source)
        check_source(request, source, birth.at)
        return plan_restart(request, source, (), versions.of(source), birth)
    except RestartError as error:
        return error


def _consuming_once(outcomes: Iterable[Outcome | Plan]) -> Iterator[Plan]:
    """Answer the plans; of those that come from one failed run, the first alone consumes its dead letter."""
    consumed: set[DeadLetterId | None] = set()
    for plan in outcomes:
        if isinstance(plan, Plan):
            yield replace(plan, consumed=None) if plan.consumed in consumed else plan
            consumed.add(plan.consumed)


def _checked(command: Command, outcome: Outcome) -> Outcome:
    """Refuse a run that another request made under the command's key."""
    try:
        if isinstance(outcome, Run):
            command.check_same(outcome)
    except KeyReused as reused:
        return reused
    return outcome
