"""One stage for each engine and file of tests."""

from collections.abc import Iterator

import pytest

from tests.faults.stage import Stage, stage


@pytest.fixture(scope="module")
def lean() -> Iterator[Stage]:
    with stage("lean") as opened:
        yield opened


@pytest.fixture(scope="module")
def moto() -> Iterator[Stage]:
    with stage("moto") as opened:
        yield opened
