"""Watch every AWS call that this process makes, and kill the process at one of them.

`Killed` is a BaseException, so no handler of the product catches it; once dead, a process makes no further call,
not even from its `finally` blocks, as on a machine that is gone.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakSet

from botocore.client import BaseClient

from local.calls import observed

_HARNESS: WeakSet[BaseClient] = WeakSet()


def harness(*clients: BaseClient) -> None:
    """Leave the tests' own clients out of every count."""
    _HARNESS.update(clients)


def is_harness(client: BaseClient) -> bool:
    """Say whether a client is the tests' own."""
    return client in _HARNESS


When = Literal["before", "after"]


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Calls:
    """The calls made so far, as `service.Operation`, and the one that kills."""

    made: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    kill_at: int | None = None
    when: When = "before"

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.made)

    def __len__(self) -> int:
        return len(self.made)

    def before(self, client: BaseClient, name: str, request: dict[str, Any]) -> None:
        if client in _HARNESS:
            return
        self.made.append(name)
        self.requests.append(request)
        if self.kill_at is not None and len(self) >= self.kill_at + (self.when == "after"):
            raise Killed(f"{self.when} call {self.kill_at}: {name}")

    def after(self, client: BaseClient, name: str) -> None:
        if client not in _HARNESS and len(self) == self.kill_at and self.when == "after":
            raise Killed(f"after call {self.kill_at}: {name}")


@contextmanager
def watched(kill_at: int | None = None, when: When = "before") -> Iterator[Calls]:
    """Watch calls from here on; `kill_at` counts from 1."""
    calls = Calls(kill_at=kill_at, when=when)
    with observed(calls):
        yield calls
