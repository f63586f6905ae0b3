"""A schedule goes the same way on both engines: the same calls, the same faults, the same rows at the end."""

from random import Random

import pytest

from tests.faults.campaigns import DELIVERIES, perform
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


@pytest.mark.parametrize("seed", range(40))
def test_a_schedule_goes_on_moto_as_it_goes_on_the_lean_engine(seed):
    plan = random_plan(seed)
    with stage("lean") as lean:
        ours = outcome(lean, plan)
    with stage("moto") as moto:
        theirs = outcome(moto, plan)

    assert ours == theirs
