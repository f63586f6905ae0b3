"""Restarts without end, of restarts and of one source: each costs what the first did, and the source knows of none."""

import pytest

from chalicelib.service.runs import MAX_FAMILY
from tests.graphs import Compute
from tests.service.stories import begun
from tests.world import ACME, World

CHAIN, STORM = 1_000, 300


@pytest.fixture
def source(world: World):
    """Give a run that needs nobody, and is over."""
    return begun(world, Compute("sum", "${amount + 1}"))


def row_of(world: World, run_id: str):
    return next(row for row in world.rows("runs") if row["run_id"]["S"] == run_id)


def test_a_chain_of_a_thousand_restarts_costs_the_same_at_its_end(world, source, calls):
    """A run knows its root, its source and its number: nothing in it grows with the chain behind it."""
    chain, made = [source], []

    for _ in range(CHAIN):
        calls.made.clear()
        chain.append(world.restart(chain[-1].id))
        made.append(len(calls))

    assert (chain[-1].lineage.root, chain[-1].lineage.attempt) == (source.id, CHAIN + 1)
    assert {*made} == {made[1]}
    assert len(repr(row_of(world, chain[-1].id))) - len(repr(row_of(world, chain[2].id))) < 20
    assert len(world.services.runs.family(ACME, chain[-1].id)) == MAX_FAMILY


def test_a_storm_of_restarts_of_one_source_writes_nothing_to_it(world, source, calls):
    before, made = row_of(world, source.id), []

    for _ in range(STORM):
        calls.made.clear()
        world.restart(source.id)
        made.append(len(calls))

    assert {*made} == {made[1]}
    assert row_of(world, source.id) == before
    assert len(world.rows("runs")) == STORM + 1
