"""Handlers that meet, stepped call by call: whoever comes first, one thing happens, and it happens once."""

from itertools import islice

import pytest

from tests.faults import dead_letter_encounters, retention_encounters  # noqa: F401 - they register
from tests.faults.encounters import ENCOUNTERS
from tests.faults.interleavings import explore, read_order, repeat, write_order

MOST = 60  # orders of one encounter with every commit; `make faults` plays all

KEPT = [
    ("a_completion_and_a_cancel", "a4 b6 a3"),
    ("a_worker_and_a_cancel", "a8 b4 a1 b3"),
    ("two_by_ids_under_one_key", "a4 b6 a2"),
    ("two_who_take_a_run_away", "a3 b2 time1 b6 a1 b1"),
]
"""Orders that found a mistake, by their encounter."""


@pytest.mark.parametrize("name", ENCOUNTERS)
def test_whoever_comes_first_every_promise_is_kept(lean, name):
    orders = [(order, problems) for _, problems, order in islice(explore(lean, ENCOUNTERS[name]), MOST)]

    failing = [f"make faults REPLAY='{name} {write_order(order)}': {told}" for order, told in orders if told]
    assert not failing, "\n".join(failing[:5])
    assert len(orders) >= 10


@pytest.mark.parametrize(("name", "order"), KEPT)
def test_what_found_a_mistake_once_finds_none(lean, name, order):
    _, problems, _ = repeat(lean, ENCOUNTERS[name], read_order(order))

    assert problems == []


def test_an_order_is_played_again_from_its_line(lean):
    name = "two_workers_on_one_message"
    orders = list(islice(explore(lean, ENCOUNTERS[name]), 10))

    for played, _, order in orders:
        again, _, repeated = repeat(lean, ENCOUNTERS[name], read_order(write_order(order)))
        assert (repeated, again.strikes.made) == (order, played.strikes.made)
