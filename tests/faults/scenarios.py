"""What is tried under faults. A new use case registers here: what is given, what the client does, how it must end.

    @scenario(given=a_failed_run)
    def restart_from_failure(play: Play) -> None:
        play.ask("restart", restart_of(play, "source"), {"start": {"type": "from_failure"}}, key="k", kept=3)
        play.settle()

What is given is brought about without faults, and once. The client asks until it is answered; `settle` lets
everything else happen. The promises (promises.py) are checked afterwards by whoever plays it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.json_values import Json
from tests.faults.beginnings import (
    HANDLER,
    INPUT,
    ORDER,
    STARTS,
    THREE,
    Act,
    a_completed_run,
    a_completed_run_and_a_draft,
    a_failed_run,
    a_heavy_run,
    a_long_run,
    a_run_that_asks,
    an_app_with_a_failed_run,
    an_app_with_a_run_that_asks,
    cancel_of,
    delete,
    draft,
    everything_at_once,
    nothing,
    restart_of,
    task_of,
    three_steps,
    two_thousand_runs_of_one_hour,
)
from tests.faults.play import Play
from tests.faults.strikes import Crash
from tests.world import MINUTE


@dataclass(frozen=True, slots=True)
class Scenario:
    """`every`: only each so many-th fault is tried, where a schedule takes long.

    `is_brief`: of what is one request and little more, few schedules run with every commit.
    """

    given: Act
    act: Act
    every: int = 1
    is_brief: bool = False

    @property
    def name(self) -> str:
        return self.act.__name__


SCENARIOS: dict[str, Scenario] = {}


def scenario(given: Act, *, every: int = 1, is_brief: bool = False) -> Callable[[Act], Act]:
    """Register a scenario under its function's name, which nobody else has."""

    def register(act: Act) -> Act:
        assert act.__name__ not in SCENARIOS, act.__name__
        SCENARIOS[act.__name__] = Scenario(given, act, every, is_brief)
        return act

    return register


use_case = partial(scenario, is_brief=True)
"""Register what one route of a dialect is for."""


# -- runs


@scenario(three_steps)
def start(play: Play) -> None:
    play.ask("start", STARTS, INPUT, key="k")
    play.settle()


@scenario(three_steps)
def start_later(play: Play) -> None:
    play.ask("start", STARTS, {"delay": 1_800}, key="k")
    play.settle()


@scenario(three_steps)
def fail_after_retries(play: Play) -> None:
    play.most_tries = 4
    play.outside.fail("reserve")
    play.ask("start", STARTS, INPUT, key="k", ends="failed")
    play.settle()


@scenario(everything_at_once)
def complete_through_everything(play: Play) -> None:
    run = play.ask("start", STARTS, INPUT, key="k")
    play.settle()
    play.ask("sign", task_of(play, run, "sign"), {"variables": {"by": "me"}})
    play.settle()


@scenario(three_steps, every=3)
def a_run_that_kills_its_worker(play: Play) -> None:
    def kill(_call: HttpCall) -> Outcome:
        raise Crash("charge")

    play.most_tries = 99
    play.outside.answers["charge"] = kill
    play.ask("start", STARTS, INPUT, key="k", ends="failed")
    play.settle()


# -- restarts


@scenario(a_failed_run)
def restart_from_the_beginning(play: Play) -> None:
    play.ask("restart", restart_of(play), {"overlay": {"again": True}}, key="k")
    play.settle()


@scenario(a_failed_run)
def restart_from_failure(play: Play) -> None:
    play.ask("restart", restart_of(play), {"start": {"type": "from_failure"}}, key="k", kept=2)
    play.settle()


@scenario(a_failed_run)
def restart_at_an_activity(play: Play) -> None:
    start: Json = {"type": "at", "places": [{"before_activity": "ship"}]}
    play.ask("restart", restart_of(play), {"start": start, "data": "last_variables"}, key="k")
    play.settle()


@scenario(a_completed_run)
def restart_with_a_short_prefix(play: Play) -> None:
    play.ask("restart", restart_of(play), {"start": {"type": "after_entry", "index": 2}}, key="k", kept=3)
    play.settle()


@scenario(a_long_run)
def restart_with_a_long_prefix(play: Play) -> None:
    play.ask("restart", restart_of(play), {"start": {"type": "after_entry", "index": 95}}, key="k", kept=96)
    play.settle()


@scenario(a_heavy_run, every=2)
def restart_with_a_heavy_prefix(play: Play) -> None:
    play.ask("restart", restart_of(play), {"start": {"type": "after_entry", "index": 9}}, key="k", kept=10)
    play.settle()


@scenario(a_failed_run)
def restart_that_fails_again(play: Play) -> None:
    play.most_tries = 4
    play.outside.fail("reserve")
    play.ask("restart", restart_of(play), {"start": {"type": "from_failure"}}, key="k", kept=2, ends="failed")
    play.settle()


@scenario(a_failed_run)
def restart_under_two_keys(play: Play) -> None:
    play.ask("first", restart_of(play), key="k1")
    play.ask("second", restart_of(play), key="k2")
    play.settle()


@scenario(a_failed_run)
def restart_twice_under_one_key(play: Play) -> None:
    play.ask("first", restart_of(play), key="k")
    play.ask("second", restart_of(play), key="k")
    play.settle()
    play.ask("third", restart_of(play), key="k")


@scenario(a_failed_run)
def restart_another_way_under_the_same_key(play: Play) -> None:
    play.ask("first", restart_of(play), {"overlay": {"amount": 1}}, key="k")
    play.ask("second", restart_of(play), {"overlay": {"amount": 2}}, key="k", refused="idempotency_key_reused")
    play.settle()


@scenario(a_failed_run)
def restart_a_source_that_is_deleted_before_the_repeat(play: Play) -> None:
    source = play.given["source"]
    play.ask("restart", restart_of(play), key="k", meanwhile=lambda: delete(play, source), unless="run_not_found")
    play.settle()


@scenario(a_completed_run_and_a_draft)
def restart_on_the_draft(play: Play) -> None:
    play.ask("restart", restart_of(play), {"version": "draft"}, key="k")
    draft(play, THREE)
    play.settle()


@scenario(a_completed_run_and_a_draft)
def publish_while_restarting(play: Play) -> None:
    play.ask("old", restart_of(play), {"version": "published"}, key="k1")
    play.ask("publish", f"{ORDER}/publish")
    play.ask("new", restart_of(play), {"version": "published"}, key="k2")
    play.settle()


@scenario(a_completed_run)
def restart_a_restart(play: Play) -> None:
    first = play.ask("first", restart_of(play), key="k")
    play.settle()
    play.ask("second", f"/ops/v1/runs/{first}/restart", key="k")
    play.settle()


@scenario(a_run_that_asks)
def restart_a_run_that_still_waits(play: Play) -> None:
    play.ask("restart", restart_of(play, "waiting"), key="k", refused="source_still_running")
    play.settle()


@scenario(a_failed_run)
def restart_by_retab_under_a_command(play: Play) -> None:
    path = f"/v1/workflows/runs/run_{play.given['source'].replace('-', '')}/restart"
    play.ask("restart", path, {"command_id": "c"}, key="c")
    play.ask("again", path, {"command_id": "c", "config_source": "draft"}, key="c")
    play.settle()


@scenario(three_steps)
def call_a_handler_by_restate(play: Play) -> None:
    play.ask("call", HANDLER, {"amount": 1}, key="k")
    play.ask("again", HANDLER, {"amount": 2}, key="k")
    play.settle()


@scenario(an_app_with_a_failed_run)
def copy_data_by_flowx(play: Play) -> None:
    path = f"/rtm/api/runtime/wks/ws/app/app/process-name/order/start/copyDataFrom/{play.given['source']}"
    play.ask("copy", path, {"operator": "u-9023"}, key="k")
    play.settle()


@scenario(an_app_with_a_run_that_asks)
def copy_data_of_a_live_run_by_flowx(play: Play) -> None:
    path = f"/api/runtime/wks/ws/app/app/process-name/order/start/copyDataFrom/{play.given['waiting']}"
    run = play.ask("copy", path, key="k")
    play.settle()
    play.ask("complete", task_of(play, run, "approve"), {"variables": {"by": "me"}})
    play.settle()


# -- tasks and cancels


@scenario(a_run_that_asks)
def complete_a_task_twice(play: Play) -> None:
    run = play.given["waiting"]
    task = task_of(play, run, "approve")
    play.ask("complete", task, {"variables": {"by": "me"}})
    play.ask("complete again", task, {"variables": {"by": "me"}})
    play.ask("contradict", task, {"variables": {"by": "you"}}, refused="task_closed")
    play.settle()
    play.expect_entries(run, "Closed", 1)


@scenario(three_steps)
def cancel_before_it_advances(play: Play) -> None:
    run = play.ask("start", STARTS, INPUT, key="k", ends="canceled")
    play.ask("cancel", cancel_of(run), ends="canceled")
    play.settle()
    play.expect_entries(run, "Signal", 1)


@scenario(a_run_that_asks)
def cancel_a_run_that_waits_and_restart_it(play: Play) -> None:
    run = play.given["waiting"]
    play.ask("cancel", cancel_of(run), ends="canceled")
    new = play.ask("restart", f"/ops/v1/runs/{run}/restart", {"start": {"type": "from_failure"}}, key="k", kept=2)
    play.settle()
    play.ask("complete", task_of(play, new, "approve"), {"variables": {"by": "me"}})
    play.settle()


@scenario(a_failed_run)
def delete_a_source_and_restart_it(play: Play) -> None:
    source = play.given["source"]
    play.gone.add(source)
    play.ask("delete", f"/ops/v1/runs/{source}", method="DELETE", unless="run_not_found")
    play.ask("restart", restart_of(play), key="k", refused="run_not_found")
    play.settle()


# -- the sweep


@scenario(nothing)
def sweep_nothing(play: Play) -> None:
    for _ in range(3):
        play.sweep()
        play.stage.clock.advance(MINUTE)
    play.settle()


@scenario(two_thousand_runs_of_one_hour, every=4_000)
def sweep_two_thousand(play: Play) -> None:
    play.settle()
