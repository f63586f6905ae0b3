"""Journal entries as our own dialect answers them."""

from typing import Any, assert_never

from chalicelib.core import journal
from chalicelib.dialects.ops.answers import Failure, Shape, write_failure_or_none
from chalicelib.dialects.times import write_time, write_time_or_none


class Entry(Shape, frozen=True, tag_field="type"):
    index: int
    at: str


class InputEntry(Entry, frozen=True, tag="input"):
    variables: dict[str, Any]


class PerformedEntry(Entry, frozen=True, tag="performed"):
    activity: str
    token: int
    result: Any
    writes: dict[str, Any] | None
    failure: Failure | None


class PassedEntry(Entry, frozen=True, tag="passed"):
    activity: str
    token: int


class OpenedEntry(Entry, frozen=True, tag="opened"):
    activity: str
    token: int
    due: str | None


class ClosedEntry(Entry, frozen=True, tag="closed"):
    """The end of the wait that began at the entry `opened`."""

    opened: int
    result: Any
    writes: dict[str, Any] | None


class ChangedEntry(Entry, frozen=True, tag="changed"):
    writes: dict[str, Any]
    removed: list[str]


class SignalEntry(Entry, frozen=True, tag="signal"):
    name: str
    reason: str


class OutputEntry(Entry, frozen=True, tag="output"):
    variables: dict[str, Any] | None
    failure: Failure | None


Step = PassedEntry | PerformedEntry | OpenedEntry | ClosedEntry
AnyEntry = InputEntry | Step | ChangedEntry | SignalEntry | OutputEntry


class Journal(Shape, frozen=True):
    """Part of a journal; `next` is the index to go on from, `length` that of the whole."""

    entries: list[AnyEntry]
    length: int
    next: int | None


def write_entry(index: int, entry: journal.Entry) -> AnyEntry:
    at = write_time(entry.at)
    match entry:
        case journal.Input(variables):
            return InputEntry(index=index, at=at, variables=variables)
        case journal.Changed(_, writes, removed):
            return ChangedEntry(index=index, at=at, writes=writes, removed=[*removed])
        case journal.Signal(name, _, reason):
            return SignalEntry(index=index, at=at, name=name.value, reason=reason)
        case journal.Output(_, end, failure):
            return OutputEntry(index=index, at=at, variables=end, failure=write_failure_or_none(failure))
        case _:
            return _write_step(index, at, entry)


def _write_step(index: int, at: str, entry: journal.Step) -> Step:
    match entry:
        case journal.Passed(activity, token):
            return PassedEntry(index=index, at=at, activity=activity, token=token)
        case journal.Performed(activity, token, _, result, writes, failure):
            told = write_failure_or_none(failure)
            return PerformedEntry(
                index=index, at=at, activity=activity, token=token, result=result, writes=writes, failure=told
            )
        case journal.Opened(activity, token, _, due):
            return OpenedEntry(index=index, at=at, activity=activity, token=token, due=write_time_or_none(due))
        case journal.Closed(opened, _, result, writes):
            return ClosedEntry(index=index, at=at, opened=opened, result=result, writes=writes)
        case _:
            assert_never(entry)
