"""Every call, every kind of fault, in the order that hurts: nothing is lost, nothing is doubled.

The part that runs with every commit; `make faults` plays all of it (docs/reliability.md).
"""

import pytest

from tests.faults.campaigns import Played, pairs, perform, singles, tallied, undisturbed
from tests.faults.plans import Delivery, Order, read_plan
from tests.faults.scenarios import SCENARIOS

KEPT = [
    "start fifo 3:err_after",
    "start fifo+lost0+lost1",
    "publish_while_restarting fifo 7:err_after",
    "restart_a_source_that_is_deleted_before_the_repeat fifo 4:crash_before",
    "restart_on_the_draft fifo 4:crash_before",
    "restart_with_a_short_prefix fifo 5:crash_before",
    "fail_after_retries fifo 26:crash_before",
    "delete_a_deployment fifo 3:crash_before",
    "settle_how_long_a_services_runs_are_kept fifo 3:throttle+",
    "execute_a_job fifo 5:crash_before",
    "execute_a_job fifo 6:crash_before",
    "give_all_jobs_retries fifo 3:crash_after",
    "give_all_jobs_retries fifo 4:crash_after",
    "delete_a_job fifo 3:crash_after",
    "delete_a_job fifo 4:crash_after",
    "purge_an_invocation_after_its_journal fifo 3:throttle+",
]
"""Schedules that found a mistake, planted or not, and stay."""

MOST, FEW = 20, 8  # schedules of one fault for a scenario, and for a brief one; `make faults` leaves none out
PAIRS = 6  # schedules of two faults for a scenario
QUICK = [name for name, scenario in SCENARIOS.items() if scenario.every == 1 and not scenario.is_brief]
BRIEF = [name for name, scenario in SCENARIOS.items() if scenario.is_brief]
HARDEST = Delivery(Order.LIFO, is_twice=True)


def check(played: Played, at_least: int = 1) -> None:
    tally = tallied(played)
    assert not tally.failing, "\n".join([f"{len(tally.failing)} of {tally.schedules} schedules", *tally.failing[:5]])
    assert tally.schedules >= at_least


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in BRIEF])
def test_messages_may_come_in_any_order_twice_or_not_at_all(lean, name):
    check(undisturbed(lean, name))


@pytest.mark.parametrize("name", BRIEF)
def test_one_fault_at_some_call_of_what_a_route_is_for_loses_and_doubles_nothing(lean, name):
    check(singles(lean, name, HARDEST, most=FEW), at_least=4)


@pytest.mark.parametrize("name", QUICK)
def test_one_fault_at_any_call_loses_nothing_and_doubles_nothing(lean, name):
    check(singles(lean, name, most=MOST), at_least=15)


@pytest.mark.parametrize("name", QUICK)
def test_two_faults_lose_nothing_and_double_nothing(lean, name):
    check(pairs(lean, name, HARDEST, wanted=PAIRS), at_least=4)


@pytest.mark.parametrize("line", KEPT)
def test_what_found_a_mistake_once_finds_none(lean, line):
    check(iter([perform(lean, read_plan(line))]))
