"""Fixtures that every floor shares."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.aws_calls import Calls, watched
from tests.world import World

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def calls() -> Iterator[Calls]:
    """Count the AWS calls of one test: clear `made` before what is to be counted."""
    with watched() as seen:
        yield seen


@pytest.fixture(scope="session")
def order() -> Any:
    """The example definition."""
    return json.loads((Path(__file__).parent.parent / "examples" / "order.json").read_text())
