"""The harness finds what is wrong: each mistake that is planted in the product, and none where there is none."""

from collections.abc import Iterator
from itertools import islice

import pytest

from tests.faults.campaigns import singles, tallied, undisturbed
from tests.faults.encounters import ENCOUNTERS
from tests.faults.interleavings import explore
from tests.faults.planted import HARMFUL, HARMLESS, Planted, planted
from tests.faults.stage import Stage


def found(stage: Stage, mistake: Planted) -> Iterator[list[str]]:
    """Answer the problems that a mistake brings about, as they are found."""
    for name in mistake.scenarios:
        yield from (problems for _, problems in undisturbed(stage, name) if problems)
        yield from (problems for _, problems in singles(stage, name) if problems)
    for name in mistake.encounters:
        yield from (problems for _, problems, _ in explore(stage, ENCOUNTERS[name]) if problems)


@pytest.mark.parametrize("mistake", HARMFUL, ids=lambda mistake: mistake.name)
def test_every_planted_mistake_is_found(lean, mistake):
    with planted(mistake):
        problems = list(islice(found(lean, mistake), 1))

    assert problems


@pytest.mark.parametrize("mistake", HARMLESS, ids=lambda mistake: mistake.name)
def test_the_tables_are_the_truth_whatever_becomes_of_a_ring(lean, mistake):
    with planted(mistake):
        for name in mistake.scenarios:
            assert tallied(undisturbed(lean, name)).failing == []
            assert tallied(singles(lean, name)).failing == []
