"""The lean engine answers as moto does: the same requests, the same answers, the same rows."""

import pytest

from tests.lean import queue_differential
from tests.lean.differential import differences


@pytest.mark.parametrize("seed", [1, 2])
def test_random_requests_are_answered_as_moto_answers_them(seed):
    assert list(differences(seed, 1_000)) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_queue_is_used_at_random_and_answers_as_motos_does(seed):
    assert list(queue_differential.differences(seed, 1_000)) == []
