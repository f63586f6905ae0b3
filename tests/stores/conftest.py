"""Stores on in-process AWS, and AWS's bad days."""

from collections.abc import Iterator

import pytest

from chalicelib.stores.runs import RunStore
from tests.backends import backend
from tests.stores.faults import Faults, faulty
from tests.world import World

__all__ = ["backend"]


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Set faults for this test; one that has not struck by its end is an error of the test."""
    with faulty() as faults:
        yield faults
        assert faults.is_over


@pytest.fixture
def store(world: World) -> RunStore:
    return world.services.runs.runs
