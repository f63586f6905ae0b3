"""Fixtures that every floor shares."""

import gc
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings

from tests.aws_calls import Calls, watched
from tests.world import World

settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", settings.get_profile("tests"), derandomize=False)
settings.load_profile("tests")  # a commit is green or red by what it holds, not by chance


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", choices=["lean", "moto"], default="lean", help="what stands for AWS")


def pytest_collection_finish() -> None:
    """Keep what was loaded out of the garbage collector's sight, which would look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def thrift() -> Iterator[None]:
    """Make the tests' own clients once, and read AWS's models once: a world costs a third of what it did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "client", cache(boto3.client))
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield


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
