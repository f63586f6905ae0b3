"""How a schedule begins: what is given is brought about once, without faults, and gone back to from then on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.disasters import Weather
from tests.faults.engines import Row
from tests.faults.plans import Plan
from tests.faults.play import TABLES, Play
from tests.faults.stage import Stage
from tests.faults.strikes import Strikes
from tests.faults.wall import mirror
from tests.world import MINUTE


@dataclass(frozen=True, slots=True)
class Beginning:
    """What was given, to go back to: `state` is the engine's."""

    state: Any
    given: dict[str, str]
    before: Mapping[str, list[Row]]
    at: int
    last_id: int
    secret: str


def begin(stage: Stage, plan: Plan, given: Callable[[Play], None]) -> Play:
    """Set the stage for a plan: what is given stands, every process is new, faults wait for their calls."""
    stage.clear()
    beginning = stage.kept.get(given.__qualname__)
    if beginning is None:
        beginning = _arrange(stage, given)
    else:
        stage.engine.go_back(beginning.state)
    if beginning.state is not None:
        stage.kept[given.__qualname__] = beginning
    stage.clear()
    stage.clock.ms, stage.ids.last, stage.secret = beginning.at + MINUTE, beginning.last_id, beginning.secret
    play = Play(stage, plan, dict(beginning.given), beginning.before)
    stage.strikes = play.strikes = Strikes({fault.call: fault for fault in plan.faults}, watch=play.look)
    if plan.disaster is not None:
        play.weather = play.strikes.weather = Weather(plan.disaster, stage.clock, play.purge)
    return play


def _arrange(stage: Stage, given: Callable[[Play], None]) -> Beginning:
    """Bring about what is given, without faults, and in another account the same under the same ids."""
    stage.engine.empty()
    stage.make_key()
    play = Play(stage, Plan(given.__qualname__))
    given(play)
    if play.problems:
        raise AssertionError(play.problems)
    mirror(stage)
    before = {table: stage.engine.rows(table) for table in TABLES}
    runs = {name: asked.run for name, asked in play.asked.items() if asked.run}
    return Beginning(stage.engine.keep(), runs, before, stage.clock.ms, stage.ids.last, stage.secret)
