"""A small soak of what `make bench` plays at its full size (bench/soak.py)."""

import pytest

from tests.faults.plans import Kind
from tests.faults.planted import HARMFUL, planted
from tests.faults.soak import LETTERS, World

SIZE = 200
TELLING = {"no_wake_up", "random_id"}
MISTAKES = [mistake for mistake in HARMFUL if mistake.name in TELLING]


def test_a_world_in_which_a_tenth_of_all_calls_fails_loses_and_doubles_nothing(lean):
    world = World(lean, "commit.1", SIZE)

    result = world.live()

    assert result.problems == ()
    assert result.restarts >= SIZE > LETTERS
    assert result.batches
    assert 0.07 < result.faults / result.calls < 0.13
    assert {fault.kind for fault in world.play.strikes.fired} == {*Kind}


def test_a_world_follows_from_its_seed(lean):
    first, second = (World(lean, "same", 60).live() for _ in range(2))

    assert first == second


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_world_finds_what_is_wrong(lean, mistake):
    with planted(mistake):
        assert World(lean, "commit.1", SIZE).live().problems
