"""Plausible mistakes with objects and workflows (see planted.py)."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

import chalicelib.stores.deletions
import chalicelib.stores.runs
from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.journal import Entry
from chalicelib.core.lines import Line
from chalicelib.core.runs import Lease, Run
from chalicelib.service.lines import Lines
from chalicelib.stores.calls import Calls
from chalicelib.stores.lines import enter, let_leave, places_to_leave
from chalicelib.stores.run_tables import RunRow
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import run_key
from tests.faults.planted import Planted


def _change(calls: Calls, put: Any) -> None:
    def once() -> None:
        with TransactWrite(connection=calls.connection) as transaction:
            put(transaction)

    calls.make(once)


def line_entered_afterwards(patch: pytest.MonkeyPatch) -> None:
    """A run is written, and enters its line when it is there."""
    create = RunStore.create

    def apart(store: RunStore, plan: Plan, writer: str) -> Run:
        made = create(store, plan, writer)
        if made is plan.run and made.line is Line.INBOXED:
            _change(store.calls, lambda to: enter(to, [made]))
        return made

    patch.setattr(chalicelib.stores.runs, "enter", lambda _transaction, _runs: None)
    patch.setattr(chalicelib.stores.runs, "is_entering", lambda _run: False)
    patch.setattr(RunStore, "create", apart)


def line_left_afterwards(patch: pytest.MonkeyPatch) -> None:
    """A run ends, and leaves its line when it has."""
    commit = RunStore.commit

    def apart(
        store: RunStore, run: Run, index: int, entries: Sequence[Entry], letter: DeadLetter | None, writer: str
    ) -> Run:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(chalicelib.stores.runs, "places_to_leave", lambda _run, _calls: [None])
            ended = commit(store, run, index, entries, letter, writer)
        place = next(places_to_leave(run, store.calls))
        if place is not None:
            _change(store.calls, lambda to: let_leave(to, run, place))
        return ended

    patch.setattr(RunStore, "commit", apart)


def canceled_run_stays_in_line(patch: pytest.MonkeyPatch) -> None:
    """Whoever has not had its turn has nothing to leave."""

    def of_whoever_works(run: Run, calls: Calls) -> Iterable[int | None]:
        return places_to_leave(run, calls) if run.line is Line.AT_WORK else [None]

    patch.setattr(chalicelib.stores.runs, "places_to_leave", of_whoever_works)


def turn_without_a_look(patch: pytest.MonkeyPatch) -> None:
    """Whoever is rung for has its turn."""

    def taken(lines: Lines, run: Run, lease: Lease) -> Run | None:
        return lines.runs.claim_turn(run, lease, lines.now())

    patch.setattr(Lines, "take_turn", taken)


def inboxed_run_asleep(patch: pytest.MonkeyPatch) -> None:
    """Whoever ends rings for the next: a run in the inbox needs no wake-up."""

    def asleep(lines: Lines, run: Run, _before: int) -> None:
        gone: list[Action] = [RunRow.wake_at.remove(), RunRow.due_shard.remove()]
        row = RunRow(run_key(run.account, run.id))
        lines.runs.calls.accepts(lambda: row.update(gone, condition=RunRow.revision == run.revision))

    patch.setattr(Lines, "_look_again", asleep)


def key_never_given_back(patch: pytest.MonkeyPatch) -> None:
    """A workflow's key is its run's for ever."""
    patch.setattr(chalicelib.stores.deletions, "give_back", lambda _transaction, _run: None)


LINE_MISTAKES = (
    Planted(line_entered_afterwards, ("three_runs_of_one_key",)),
    Planted(line_left_afterwards, ("three_runs_of_one_key",)),
    Planted(canceled_run_stays_in_line, ("cancel_an_inboxed_run",)),
    Planted(turn_without_a_look, ("three_runs_of_one_key",)),
    Planted(inboxed_run_asleep, ("three_runs_of_one_key",)),
    Planted(key_never_given_back, ("start_a_workflow_again_when_its_run_is_deleted",)),
)
