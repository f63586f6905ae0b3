"""Count the calls to AWS that something takes, and those of them that were repeated, as DynamoDB and SQS see them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    calls: int = 0
    repeats: int = 0

    @property
    def fields(self) -> dict[str, int]:
        """Answer what the log tells of it."""
        return {"aws_calls": self.calls, "aws_repeats": self.repeats}


_TALLY: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count every call that is made meanwhile."""
    token = _TALLY.set(tally := Tally())
    try:
        yield tally
    finally:
        _TALLY.reset(token)


def count(*, is_repeat: bool) -> None:
    """Add a call to the tally that is kept, if any is."""
    tally = _TALLY.get()
    if tally is not None:
        tally.calls += 1
        tally.repeats += is_repeat
