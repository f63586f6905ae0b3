"""`POST /query`: from a query's hints to the rows that are looked at, and of these to the ones that are answered.

| the query                          | is read from                                             |
|------------------------------------|----------------------------------------------------------|
| names invocations by id            | their heads, 100 a call                                  |
| names services                     | the lists of these definitions, newest first             |
| names neither                      | the account's list, newest first                         |
| is of `sys_journal`                | the journals of the invocations that it names by id      |

No more is read than a LIMIT needs. Who would have to look at more than `MOST` rows is refused: what is answered is
the whole answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import AccountId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.run_summaries import RunFilter, RunSummary, summary_of
from chalicelib.core.runs import Run
from chalicelib.core.versions import NamedVersion
from chalicelib.dialects.edge import JSON_TYPE, PARAMETER, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.ids import IdInvalid, read_run_id
from chalicelib.dialects.restate.invocation_rows import standing_of, write_row
from chalicelib.dialects.restate.journal_rows import write_journal
from chalicelib.dialects.restate.sql.bodies import read_query_text
from chalicelib.dialects.restate.sql.conditions import matches
from chalicelib.dialects.restate.sql.hints import Hints, hints
from chalicelib.dialects.restate.sql.parsing import parse
from chalicelib.dialects.restate.sql.queries import Query
from chalicelib.dialects.restate.sql.refusals import NotSupported, QueryRefused
from chalicelib.dialects.restate.sql.results import shown
from chalicelib.dialects.restate.sql.tables import JOURNAL, Row
from chalicelib.dialects.services import Services

MOST = 10_000  # runs, or entries of journals, that are looked at for one query
_PAGE = 500  # of a list
_HEADS = 100  # of one batch read

T = TypeVar("T")


class QueryTooLarge(QueryRefused):
    """DataFusion's words for it; ours is told before memory is short."""

    status = 413

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Resources exhausted: the query looks at more than {most} rows. Narrow it by id, by target_service_name"
            " or target, or by created_at, or take fewer with LIMIT and without ORDER BY.",
            most=most,
        )


class ArrowNotOffered(QueryRefused):
    """The server answers Arrow whenever JSON alone is not what is accepted (its rest_api/query.rs)."""

    status = 406

    def __init__(self) -> None:
        super().__init__("Only JSON is answered, not Arrow: ask with the header 'accept: application/json' exactly.")


class QueryRequest(msgspec.Struct, frozen=True):
    query: str


class QueryAnswer(msgspec.Struct, frozen=True):
    """What is NULL is left out. Times and durations are ISO 8601."""

    rows: list[dict[str, Any]]


def ask(services: Services, call: Call) -> Answer:
    """Answer a SELECT over sys_invocation, sys_invocation_status or sys_journal."""
    at = services.now()
    query = parse(read_query_text(call.body), at)
    if call.headers.get("accept") != "application/json":
        raise ArrowNotOffered
    looked_at = _Reading(services, call.account, query, hints(query), at).rows()
    found = islice((row for row in looked_at if matches(query, row)), query.enough)
    return answer(QueryAnswer(shown(query, found)))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one query reads, as of a time (ms), with what it has learned on the way."""

    services: Services
    account: AccountId
    query: Query
    hints: Hints
    at: int
    definitions: dict[tuple[DefinitionKey, SnapshotId], Definition] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """Answer every row that could match, and others; raise `QueryTooLarge` rather than leave one out."""
        if self.query.table is JOURNAL:
            return _bounded(self._entries())
        return self._invocations()

    def _invocations(self) -> Iterator[Row]:
        for run in _bounded(self._runs()):
            status = standing_of(run, self.at).word(self.query.table)
            if self.hints.statuses is None or status in self.hints.statuses:
                yield write_row(self.query.table, run, self._definition(run), self.at)

    def _entries(self) -> Iterator[Row]:
        if self.hints.ids is None:
            raise NotSupported("sys_journal without the invocations' ids: add id = '…' or id IN (…)")
        for run in self._heads(self.hints.ids):
            yield from write_journal(run.id, run.lineage.root, self.services.runs.journal_of(run))

    def _definition(self, run: RunSummary) -> Definition:
        place = run.definition, run.snapshot
        if place not in self.definitions:
            choice = NamedVersion(run.snapshot)
            self.definitions[place] = self.services.definitions.find(self.account, run.definition, choice).definition
        return self.definitions[place]

    # -- which runs

    def _runs(self) -> Iterator[RunSummary]:
        if self.hints.ids is not None:
            yield from map(summary_of, self._heads(self.hints.ids))
        elif self.hints.services is None:
            yield from self._listed(None)
        else:
            for service in sorted(filter(PARAMETER.fullmatch, self.hints.services)):
                yield from self._listed(DefinitionKey(service))

    def _heads(self, ids: Iterable[str]) -> Iterator[Run]:
        runs = [*_run_ids(ids)]
        for first in range(0, len(runs), _HEADS):
            yield from self.services.runs.load_all(self.account, runs[first : first + _HEADS]).values()

    def _listed(self, definition: DefinitionKey | None) -> Iterator[RunSummary]:
        wanted = RunFilter(
            definition, created_from=_position(self.hints.created_from), created_to=_position(self.hints.created_to)
        )
        before: str | None = None
        while True:
            page = self.services.runs.page(self.account, wanted, before=before, limit=_PAGE)
            yield from page.items
            before = page.next
            if before is None:
                return


def _run_ids(ids: Iterable[str]) -> Iterator[RunId]:
    """Read which runs are meant, each once; what is no id is nobody's."""
    known: set[RunId] = set()
    for id_ in sorted(ids):
        try:
            run = read_run_id(id_)
        except IdInvalid:
            continue
        if run not in known:
            known.add(run)
            yield run


def _position(at: int | None) -> int | None:
    """Answer a time within those that lists know: thirteen digits."""
    return None if at is None else min(max(at, 0), 9_999_999_999_999)


def _bounded(items: Iterable[T]) -> Iterator[T]:
    for looked_at, item in enumerate(items):
        if looked_at == MOST:
            raise QueryTooLarge(MOST)
        yield item


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        Route("POST", "/query", Scope.READ, ask, JSON_TYPE),
        "Query invocations and their journals by SQL",
        answers={200: (QueryAnswer,)},
        body=QueryRequest,
        refusals=(406, 422),
    ),
)
