"""What holds for every restart of every run."""

from collections import Counter
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.journal import Closed, Entry, Input, Opened, Output, Signal, SignalName
from chalicelib.core.prefixes import after_entry
from chalicelib.core.refusals import EntryOutOfRange, NothingFailed, PrefixIncomplete
from chalicelib.core.replay import apply, replay
from chalicelib.core.restart_requests import AfterEntry, At, Beginning, Data, FromFailure, StartPoint
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.state import BeforeActivity
from tests.core.simulation import Driven, drive, resume
from tests.core.sources import BIRTH, request, source_run, version_of
from tests.core.strategies import blocks
from tests.core.test_replay_laws import chooser, flags, orders
from tests.graphs import INPUT, Block, definition

points = st.one_of(st.just(Beginning()), st.just(FromFailure()), st.builds(AfterEntry, st.integers(-1, 12)))


def canceled(block: Block, flag: bool, order: list[int], most: int) -> tuple[Run, Driven]:
    """Drive a run some way, and cancel it if it has not ended by then."""
    graph = definition(block)
    driven = drive(graph, {**INPUT, "flag": flag}, choose=chooser(order), most=most)
    if not driven.state.is_over:
        entry = Signal(SignalName.CANCEL, 1_500)
        driven.state = apply(graph, driven.state, entry)
        driven.journal.append(entry)
    return source_run(graph, {**INPUT, "flag": flag}, driven.state, driven.journal), driven


def plan(source: Run, journal: list[Entry], block: Block, start: StartPoint):
    return plan_restart(request(start=start), source, journal, version_of(definition(block)), BIRTH)


def refused(source: Run, journal: list[Entry], start: StartPoint) -> bool:
    """Say, in other words than the code's, whether the contract refuses a start point."""
    match start:
        case AfterEntry(index):
            if not 0 <= index < len(journal):
                return True
            closed = {entry.opened for entry in journal if isinstance(entry, Closed)}
            return any(isinstance(entry, Opened) and i not in closed for i, entry in enumerate(journal[: index + 1]))
        case FromFailure():
            return source.status is RunStatus.COMPLETED
        case _:
            return False


@given(blocks(), flags, orders, st.integers(1, 40), points)
def test_the_same_arguments_give_the_same_plan_and_the_source_is_only_read(block, flag, order, most, start):
    source, driven = canceled(block, flag, order, most)
    before = deepcopy((source, driven.journal))

    if refused(source, driven.journal, start):
        with pytest.raises((EntryOutOfRange, PrefixIncomplete, NothingFailed)):
            plan(source, driven.journal, block, start)
    else:
        assert plan(source, driven.journal, block, start) == plan(source, driven.journal, block, start)
    assert (source, driven.journal) == before


@given(blocks(), flags, orders, st.integers(-2, 40))
def test_a_prefix_is_dense_is_the_sources_and_replays(block, flag, order, index):
    source, driven = canceled(block, flag, order, 30)
    if refused(source, driven.journal, AfterEntry(index)):
        with pytest.raises((EntryOutOfRange, PrefixIncomplete)):
            after_entry(driven.journal, index)
        return

    made = plan(source, driven.journal, block, AfterEntry(index))

    kept = made.journal[: made.kept]
    assert isinstance(kept[0], Input)
    assert list(kept[1 : index + 1]) == driven.journal[1 : index + 1]
    assert all(isinstance(entry, Closed) and entry.opened <= index for entry in kept[index + 1 :])
    assert Counter(map(repr, kept[1:])) <= Counter(map(repr, driven.journal))
    state = replay(definition(block), source.start, made.journal)
    assert state.length == len(made.journal) == made.run.journal_length


@given(blocks(), flags, orders, st.integers(0, 40))
def test_after_any_entry_the_same_answers_lead_to_the_same_end(block, flag, order, index):
    graph = definition(block)
    driven = drive(graph, {**INPUT, "flag": flag}, choose=chooser(order))
    source = source_run(graph, {**INPUT, "flag": flag}, driven.state, driven.journal)
    if index >= len(driven.journal):
        index = len(driven.journal) - 1

    made = plan(source, driven.journal, block, AfterEntry(index))
    again = Driven(replay(graph, made.run.start, made.journal), list(made.journal))
    resume(graph, again)

    assert again.state.variables == driven.state.variables
    assert again.state.is_over


@given(blocks(), flags, orders, st.integers(1, 40))
def test_from_a_cancel_everything_done_is_kept_and_the_end_is_the_same(block, flag, order, most):
    source, driven = canceled(block, flag, order, most)
    if source.status is RunStatus.COMPLETED:
        return

    made = plan(source, driven.journal, block, FromFailure())
    graph = definition(block)
    again = Driven(replay(graph, made.run.start, made.journal), list(made.journal))
    resume(graph, again)

    assert again.state.variables == drive(graph, {**INPUT, "flag": flag}).state.variables
    done = [entry for entry in driven.journal[1:] if not isinstance(entry, Opened | Signal)]
    assert made.kept >= 1 + len(done)


@given(blocks(), flags, orders, st.data())
def test_at_any_resting_activity_a_run_begins_there_and_ends_or_says_why(block, flag, order, data):
    graph = definition(block)
    driven = drive(graph, {**INPUT, "flag": flag}, choose=chooser(order))
    source = source_run(graph, {**INPUT, "flag": flag}, driven.state, driven.journal)
    activity = data.draw(st.sampled_from(sorted(graph.activities)))

    start = At((BeforeActivity(activity),))
    made = plan_restart(request(start=start, data=Data.LAST_VARIABLES), source, (), version_of(graph), BIRTH)
    again = Driven(replay(graph, made.run.start, made.journal), list(made.journal))
    resume(graph, again)

    assert isinstance(again.journal[-1], Output)
    if again.state.failure is not None:
        assert again.state.failure.code in {"join_starved", "expression_failed"}
