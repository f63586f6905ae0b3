"""The harness finds what is wrong: each mistake that is planted in the product, and none where there is none."""

from collections.abc import Iterator
from itertools import islice

import pytest

import tests.faults.play
from tests.faults import dead_letter_encounters, retention_encounters  # noqa: F401 - they register
from tests.faults.campaigns import perform, singles, tallied, undisturbed
from tests.faults.encounters import ENCOUNTERS
from tests.faults.interleavings import explore, read_order, repeat
from tests.faults.plans import read_plan
from tests.faults.planted import HARMFUL, HARMLESS, Planted, planted
from tests.faults.planted_letters import LAST_FOUND, LETTER_MISTAKES
from tests.faults.planted_lines import LINE_MISTAKES
from tests.faults.stage import Stage

FEW_TURNS = 200  # until a schedule counts as restless: enough where there is no mistake


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tests.faults.play, "MOST_TURNS", FEW_TURNS)


def played_again(stage: Stage, line: str) -> list[str]:
    """Answer the problems of one schedule, or of one encounter's order."""
    name, _, order = line.partition(" ")
    if name in ENCOUNTERS:
        return repeat(stage, ENCOUNTERS[name], read_order(order))[1]
    return perform(stage, read_plan(line))[1]


def found(stage: Stage, mistake: Planted) -> Iterator[list[str]]:
    """Answer the problems that a mistake brings about, as they are found."""
    if line := LAST_FOUND.get(mistake.name):
        yield from filter(None, [played_again(stage, line)])
    for name in mistake.scenarios:
        yield from (problems for _, problems in undisturbed(stage, name) if problems)
        yield from (problems for _, problems in singles(stage, name) if problems)
    for name in mistake.encounters:
        yield from (problems for _, problems, _ in explore(stage, ENCOUNTERS[name]) if problems)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("mistake", HARMFUL + LETTER_MISTAKES + LINE_MISTAKES, ids=lambda mistake: mistake.name)
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
