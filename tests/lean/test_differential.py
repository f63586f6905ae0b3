"""The lean engine answers as moto does: the same requests, the same answers, the same rows."""

import pytest

from tests.lean.differential import differences


@pytest.mark.parametrize("seed", [1, 2])
def test_random_requests_are_answered_as_moto_answers_them(seed):
    assert list(differences(seed, 1_000)) == []
