"""What is read of runs to answer a query: each thing once, and no more journals than one answer has time for."""

from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.core.definitions import Definition
from chalicelib.core.ids import AccountId, ActivityId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.journal import Entry
from chalicelib.core.refusals import VersionNotFound
from chalicelib.core.replay import replay
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Run
from chalicelib.core.versions import NamedVersion
from chalicelib.dialects.camunda.journal_visits import Visit, visits_of
from chalicelib.dialects.camunda.refusals import invalid
from chalicelib.dialects.edge import PARAMETER
from chalicelib.dialects.services import Services

PAGE = 100  # runs that are read in one call
MAX_JOURNALS = 1_000  # of one query, about 5 ms each


class Records:
    """The definitions, heads and journals of an account, for the time of one request."""

    def __init__(self, services: Services, account: AccountId) -> None:
        self.services, self.account = services, account
        self._definitions: dict[tuple[DefinitionKey, SnapshotId], Definition | None] = {}
        self._journals = 0

    def definition(self, run: Run | RunSummary) -> Definition | None:
        """Answer what a run runs on; None if it is there no more."""
        known = (run.definition, run.snapshot)
        if known not in self._definitions:
            self._definitions[known] = self._find(run)
        return self._definitions[known]

    def _find(self, run: Run | RunSummary) -> Definition | None:
        choice = NamedVersion(run.snapshot)
        try:
            return self.services.definitions.find(self.account, run.definition, choice).definition
        except VersionNotFound:
            return None

    def name(self, run: Run | RunSummary) -> str | None:
        """Answer the name of a run's definition; none is no name."""
        definition = self.definition(run)
        return definition.name or None if definition else None

    def heads(self, ids: list[str]) -> dict[RunId, Run]:
        """Read at most `PAGE` heads; what cannot be an id is nobody's."""
        return self.services.runs.load_all(self.account, [RunId(id_) for id_ in ids if PARAMETER.fullmatch(id_)])

    def journal(self, run: Run) -> tuple[Entry, ...]:
        self._journals += 1
        if self._journals > MAX_JOURNALS:
            raise invalid(
                f"This query would have to read the journals of more than {MAX_JOURNALS} instances. "
                "Restrict it further, for example by startedAfter or processDefinitionKey."
            )
        return self.services.runs.journal_of(run)


@dataclass
class Subject:
    """A run that a query is asked about, with as much of it as has been read."""

    run: Run | RunSummary
    records: Records
    read_head: Run | None = field(default=None)

    @property
    def head(self) -> Run:
        assert self.read_head is not None
        return self.read_head

    @cached_property
    def journal(self) -> tuple[Entry, ...]:
        return self.records.journal(self.head)

    @cached_property
    def visits(self) -> list[Visit]:
        return visits_of(self.head, self.journal)

    @cached_property
    def active(self) -> frozenset[ActivityId]:
        """Name the activities in which the run stands, sub-processes included."""
        definition = self.records.definition(self.run)
        if self.run.status.is_ended or definition is None:
            return frozenset()
        state = replay(definition, self.head.start, self.journal)
        return frozenset() if state.is_over else frozenset(token.activity for token in state.tokens.values())
