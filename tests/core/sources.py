"""Ended runs to restart, made without a store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.core.advance import settle
from chalicelib.core.births import Birth, plan_start
from chalicelib.core.causes import Cause
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.journal import Entry
from chalicelib.core.json_values import Variables
from chalicelib.core.replay import apply
from chalicelib.core.restart_requests import RestartRequest, StartRequest
from chalicelib.core.runs import Run, RunStatus, progressed
from chalicelib.core.state import Start, State
from chalicelib.core.versions import Version, snapshot_id
from tests.core.simulation import AT, AT_THE_BEGINNING, drive

ACCOUNT = AccountId("acme")
SOURCE = RunId("11111111-1111-4111-8111-111111111111")
NEW = RunId("22222222-2222-4222-8222-222222222222")
CAUSE = Cause("ops", "key-1")
BIRTH = Birth(NEW, "hash", 5_000_000)


def version_of(graph: Definition, number: int | None = 1) -> Version:
    return Version(DefinitionKey("order"), snapshot_id(graph.document), graph, number)


def source_run(graph: Definition, variables: Variables, state: State, journal: Sequence[Entry]) -> Run:
    """Answer the head of a run that has come to this state with this journal."""
    request = StartRequest(ACCOUNT, CAUSE, variables, business_key="order-7", labels=("blue",))
    plan = plan_start(request, version_of(graph), Birth(SOURCE, "hash", 1_000))
    return progressed(plan.run, graph, state, 2_000)


def ended(run: Run, status: RunStatus) -> Run:
    return replace(run, status=status, ended_at=2_000)


def request(**fields: object) -> RestartRequest:
    return replace(RestartRequest(SOURCE, CAUSE), **fields)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Past:
    """A run as it stands, and the journal that led there."""

    run: Run
    journal: tuple[Entry, ...] = ()


def past(graph: Definition, variables: Variables, most: int, *then: Entry, start: Start = AT_THE_BEGINNING) -> Past:
    """Answer a run that wrote so many entries by itself, and then these with all that follows from them."""
    driven = drive(graph, variables, most=most, start=start)
    state, journal = driven.state, driven.journal
    for entry in then:
        settled = settle(graph, apply(graph, state, entry), AT)
        state, journal = settled.state, [*journal, entry, *settled.entries]
    run = source_run(graph, variables, state, journal)
    return Past(replace(run, start=start), tuple(journal))
