"""Restart points: what is told of an entry is what a restart after it meets."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import RestartError
from chalicelib.core.journal import Opened
from chalicelib.core.replay import replay
from chalicelib.core.restart_points import restart_points
from chalicelib.core.restart_requests import AfterEntry, Beginning
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import RunStatus
from tests.core.simulation import Driven, drive, resume
from tests.core.sources import BIRTH, request, source_run, version_of
from tests.core.strategies import blocks
from tests.core.test_replay_laws import chooser, flags, orders
from tests.core.test_restart_laws import canceled, refused
from tests.graphs import INPUT, Ask, Call, definition, steps


@given(blocks(), flags, orders, st.integers(1, 40), st.booleans(), blocks())
def test_a_point_is_refused_exactly_when_a_restart_is(block, flag, order, most, is_same, other):
    source, driven = canceled(block, flag, order, most)
    version = version_of(definition(block if is_same else other))
    entries = range(len(driven.journal) + 1)

    points = [*restart_points(request(), source, driven.journal, version, birth=BIRTH, entries=entries)]

    for point in points:
        asked = request(start=AfterEntry(point.entry) if point.entry else Beginning())
        if point.refusal is None:
            plan = plan_restart(asked, source, driven.journal, version, BIRTH)
            assert point.kept == max(plan.kept, 1)
        else:
            with pytest.raises(type(point.refusal)) as raised:
                plan_restart(asked, source, driven.journal, version, BIRTH)
            assert raised.value.message == point.refusal.message
    assert [point.entry for point in points] == [*entries]


@given(blocks(), flags, orders, st.integers(1, 40))
def test_from_every_entry_a_run_ends_as_its_source_did_or_is_refused_as_the_contract_says(block, flag, order, most):
    source, driven = canceled(block, flag, order, most)
    graph, before = definition(block), deepcopy((source, driven.journal))
    whole = drive(graph, {**INPUT, "flag": flag}, choose=chooser(order))

    for entry in range(len(driven.journal)):
        start = AfterEntry(entry) if entry else Beginning()
        try:
            plan = plan_restart(request(start=start, is_resting=True), source, driven.journal, version_of(graph), BIRTH)
        except RestartError:
            assert refused(source, driven.journal, start)
            continue
        assert not refused(source, driven.journal, start)
        again = Driven(replay(graph, plan.run.start, plan.journal), list(plan.journal))
        assert again.state.length == len(plan.journal)
        resume(graph, again)
        is_canceled_again = source.status is RunStatus.CANCELED and entry == len(driven.journal) - 1
        if not is_canceled_again:
            assert again.state.variables == whole.state.variables
    assert (source, driven.journal) == before


def test_an_open_wait_closes_the_prefixes_behind_it():
    graph = definition(steps(Call("one"), Ask("decide")))
    driven = drive(graph, INPUT, most=3)
    assert isinstance(driven.journal[2], Opened)
    source = source_run(graph, INPUT, driven.state, driven.journal)
    points = restart_points(
        request(allowed=frozenset(RunStatus)), source, driven.journal, version_of(graph), birth=BIRTH, entries=range(3)
    )

    assert [(point.kept, point.refusal is None) for point in points] == [(1, True), (2, True), (0, False)]
