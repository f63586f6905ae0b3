"""Runs to keep, made without the service: what the core plans for a definition of the tests."""

from dataclasses import replace
from typing import Any

from chalicelib.core.births import Birth, Plan, plan_start
from chalicelib.core.ids import ActivityId, RunId, derived_uuid
from chalicelib.core.journal import Entry, Failure, Performed
from chalicelib.core.json_values import Json
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.runs import Run
from chalicelib.core.versions import Version, snapshot_id
from tests.graphs import Ask, Block, Call, definition
from tests.world import ACME, BEGINNING, CAUSE, INPUT, ORDER

FAILURE = Failure("work", "http_503", "unwell")
CALLS, ASKS = Call("work"), Ask("decide")
"""A run of the first is accepted with its input alone; one of the second waits at once, which is an entry more."""


def run_id(number: int) -> RunId:
    return RunId(derived_uuid("run", str(number)))


def version_of(block: Block, number: int | None = 1, at: int = 0) -> Version:
    graph = definition(block)
    return Version(ORDER, snapshot_id(graph.document), graph, number, at)


def planned(number: int = 1, block: Block = CALLS, *, at: int = BEGINNING, **fields: Any) -> Plan:
    """Plan a first run, with an id of its own."""
    request = replace(StartRequest(ACME, CAUSE, INPUT), **fields)
    return plan_start(request, version_of(block), Birth(run_id(number), f"hash-{number}", at))


def entry(n: int, result: Json = None) -> Performed:
    """Make an entry that another can be told from."""
    return Performed(ActivityId(f"step{n}"), n, BEGINNING + n, result=result)


def entries(first: int, count: int) -> tuple[Entry, ...]:
    return tuple(entry(n) for n in range(first, first + count))


def moved(run: Run, **fields: Any) -> Run:
    """Answer a head as somebody wants to write it next."""
    return replace(run, updated_at=run.updated_at + 1, **fields)
