"""What AWS does on a bad day: it refuses, keeps silent, does its work and loses the answer, or serves another first.

A fault strikes the next call of a name, whichever client makes it, and behind all of botocore's own attempts.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from local.calls import observed

Act = Callable[[], object]

SILENCES = (ConnectionClosedError(endpoint_url="http://aws.test"), ReadTimeoutError(endpoint_url="http://aws.test"))
"""Nobody knows whether the call took place."""


def refusal(code: str, *reasons: str) -> ClientError:
    """Answer AWS's error of a code; a cancelled transaction's has a reason for each action."""
    told: Any = {"Error": {"Code": code, "Message": code}}
    if reasons:
        told["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(told, "Call")


@dataclass(frozen=True)
class Faults:
    """The faults to come, by call: at most one before and one after each."""

    _before: defaultdict[str, deque[Act]] = field(default_factory=lambda: defaultdict(deque))
    _after: defaultdict[str, deque[Act]] = field(default_factory=lambda: defaultdict(deque))

    def refuse(self, name: str, errors: Sequence[Exception]) -> None:
        """Let the next calls fail, one for each error; none of them takes place."""
        self._before[name].extend(partial(_raise, error) for error in errors)

    def lose(self, name: str, errors: Sequence[Exception]) -> None:
        """Let the next calls take place, and let their answers be lost."""
        self._after[name].extend(partial(_raise, error) for error in errors)

    def meanwhile(self, name: str, act: Act) -> None:
        """Let somebody else act just before the next call of this name."""
        self._before[name].append(act)

    @property
    def is_over(self) -> bool:
        """Tell whether every fault has struck."""
        return not any(self._before.values()) and not any(self._after.values())

    def before(self, _client: BaseClient, name: str, _request: dict[str, Any]) -> None:
        _strike(self._before[name])

    def after(self, _client: BaseClient, name: str) -> None:
        _strike(self._after[name])


def _strike(todo: deque[Act]) -> None:
    if todo:
        todo.popleft()()


def _raise(error: Exception) -> NoReturn:
    raise copy(error)  # an error that is raised again keeps every frame it has passed


@contextmanager
def faulty() -> Iterator[Faults]:
    """Let faults strike inside this context."""
    faults = Faults()
    with observed(faults):
        yield faults
