"""A schedule goes the same way on both engines: the same calls, the same faults, the same rows at the end."""

from random import Random

import pytest

from tests.faults.campaigns import DELIVERIES, HEAVY, perform
from tests.faults.plans import Fault, Kind, Plan
from tests.faults.play import TABLES, Play
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage, stage

NAMES = [name for name, scenario in SCENARIOS.items() if scenario.every == 1]


def random_plan(seed: int) -> Plan:
    random = Random(seed)
    faults = {random.randrange(30): random.choice(list(Kind)) for _ in range(random.randrange(1, 4))}
    struck = tuple(Fault(call, kind) for call, kind in sorted(faults.items()))
    return Plan(random.choice(NAMES), random.choice(DELIVERIES), struck)


def outcome(on: Stage, plan: Plan) -> tuple[list[str], list[Fault], list[str], list[list[object]]]:
    play, problems = perform(on, plan)
    return play.strikes.made, play.strikes.fired, problems, rows(play)


def rows(play: Play) -> list[list[object]]:
    return [sorted(({**row, "labels": None} for row in play.rows(table)), key=repr) for table in TABLES]


def on_both(plan: Plan) -> list[str]:
    """Play a plan on either engine, see that it went the same way, and answer what promises it broke."""
    with stage("lean") as lean:
        ours = outcome(lean, plan)
    with stage("moto") as moto:
        theirs = outcome(moto, plan)
    assert ours == theirs
    return theirs[2]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.heavy] if scenario.is_brief else [])
        for name, scenario in SCENARIOS.items()
        if scenario.every < HEAVY
    ],
)
def test_every_scenario_goes_on_moto_as_it_goes_on_the_lean_engine_and_keeps_its_promises(name):
    assert on_both(Plan(name)) == []


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(10, 100))]
)
def test_faults_strike_on_moto_as_on_the_lean_engine(seed):
    on_both(random_plan(seed))
