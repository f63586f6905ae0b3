"""The service on in-process AWS, with AWS's bad days."""

from collections.abc import Iterator

import pytest

from tests.backends import backend
from tests.faults.plans import Plan
from tests.faults.play import Play
from tests.faults.stage import Stage, stage
from tests.stores.conftest import faults

__all__ = ["backend", "faults"]


@pytest.fixture(scope="module")
def opened() -> Iterator[Stage]:
    """Open a stage on the fast engine, for a file of tests."""
    with stage() as opened:
        yield opened


@pytest.fixture
def play(opened: Stage) -> Play:
    """Begin with empty tables, new processes and the outside world well."""
    opened.engine.empty()
    opened.clear()
    return Play(opened, Plan("nothing goes wrong"))
