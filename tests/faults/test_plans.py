"""A schedule is one line of text, and the line plays it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.campaigns import perform
from tests.faults.interleavings import read_order, write_order
from tests.faults.plans import LASTING, Delivery, Fault, Kind, Order, Outage, Plan, Purge, read_plan

deliveries = st.builds(
    Delivery, st.sampled_from(Order), st.booleans(), st.lists(st.integers(0, 99), max_size=2).map(tuple)
)
faults = st.builds(Fault, st.integers(0, 999), st.sampled_from(Kind)) | st.builds(
    Fault, st.integers(0, 999), st.sampled_from(sorted(LASTING, key=str)), st.just(True)
)
ways = st.lists(st.sampled_from(Kind), min_size=1).map(tuple)
numbers = st.integers(0, 999)
disasters = st.none() | st.builds(Outage, numbers, ways, numbers) | st.builds(Purge, numbers)
names = st.sampled_from(["start", "restart_from_failure"])
plans = st.builds(Plan, names, deliveries, st.tuples(faults, faults), disasters)


TWO = "start fifo 3:purge 4:purge"


@given(plans)
def test_a_plan_reads_back_from_its_line(plan):
    assert read_plan(str(plan)) == plan


@given(st.lists(st.sampled_from(["a", "b", "c", "time"])))
def test_an_order_reads_back_from_its_line(order):
    assert read_order(write_order(order)) == order


@pytest.mark.parametrize(
    "line", ["start", "start sideways", "start fifo+thrice", "start fifo 3:rain", "start fifo x", TWO]
)
def test_a_line_that_is_no_plan_is_refused(line):
    with pytest.raises(ValueError, match=r"no|not|expected"):
        read_plan(line)


def test_a_line_plays_the_same_schedule_every_time(lean):
    plan = read_plan("restart_from_failure shuffled+twice 3:err_after 9:crash_after 20:throttle+")
    played = []
    for _ in range(20):
        play, problems = perform(lean, plan)
        played.append((play.strikes.made, play.strikes.fired, problems, play.rows("runs"), play.rows("journal")))

    assert all(one == played[0] for one in played)
    assert played[0][1]
