"""What stands for AWS under a world: moto for truth, the lean engine for speed.

| tests of                  | stand on |
|---------------------------|----------|
| stores, service, dialects | lean, or with `pytest --backend moto` on moto; what bears `on_both` or `on_moto` on that |
| all else                  | moto     |

`make test` lets the stores' tests stand on either. The choice holds for a file of tests, and below whatever watches
calls: what a test sees of them is the same on both.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from local import aws
from tests.lean.aws import LeanAws, answering

Now = Callable[[], float]

on_both = pytest.mark.parametrize("backend", ["lean", "moto"], indirect=True)
on_moto = pytest.mark.parametrize("backend", ["moto"], indirect=True)


class Backend(Protocol):
    def start(self, now: Now) -> None:
        """Be an empty AWS on this clock (seconds)."""

    def answering(self) -> AbstractContextManager[None]:
        """Answer the calls of this process, inside."""


class Moto:
    def start(self, now: Now) -> None:
        aws.start(now)
        aws.reset()

    def answering(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(slots=True)
class Lean:
    _engine: LeanAws = field(default_factory=lambda: LeanAws.at(lambda: 0.0))

    def start(self, now: Now) -> None:
        aws.start(now)  # a client that is made here may be used on moto later
        self._engine = LeanAws.at(now)

    def answering(self) -> AbstractContextManager[None]:
        return answering(lambda: self._engine)


_BACKENDS: dict[str, type[Backend]] = {"lean": Lean, "moto": Moto}
_STANDING: list[Backend] = [Moto()]


def start(now: Now) -> None:
    """Empty whatever stands for AWS now, and put it on this clock (seconds)."""
    _STANDING[-1].start(now)


@contextmanager
def standing(name: str) -> Iterator[None]:
    """Let a backend stand for AWS, inside."""
    backend = _BACKENDS[name]()
    _STANDING.append(backend)
    try:
        with backend.answering():
            yield
    finally:
        _STANDING.pop()


@pytest.fixture(scope="module", autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stand on the backend that a test names, or else on the one that pytest was told."""
    with standing(getattr(request, "param", None) or request.config.getoption("backend")):
        yield
