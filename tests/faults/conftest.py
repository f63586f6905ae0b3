"""One stage for each engine and file of tests, and every scenario played once."""

from collections.abc import Iterator

import pytest

from tests.faults.campaigns import HEAVY, perform
from tests.faults.plans import Plan
from tests.faults.play import Play
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage, stage


@pytest.fixture(scope="module")
def lean() -> Iterator[Stage]:
    with stage("lean") as opened:
        yield opened


@pytest.fixture(scope="session")
def plays() -> list[Play]:
    """Every scenario when nothing goes wrong, and none broke a promise."""
    with stage("lean") as opened:
        played = [perform(opened, Plan(name)) for name, scenario in SCENARIOS.items() if scenario.every < HEAVY]
    assert not [problem for _, problems in played for problem in problems]
    return [play for play, _ in played]
