"""AWS on a clock that stands still until a test moves it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local import aws


@dataclass
class Clock:
    """Seconds since 1970."""

    at: float = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC

    def __call__(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> Iterator[Clock]:
    """An empty AWS's clock."""
    clock = Clock()
    aws.start(clock)
    aws.reset()
    yield clock
    aws.reset()
