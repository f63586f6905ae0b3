"""The visits of activities that a run's journal tells of: of tasks and timers, since nothing else leaves an entry.

A visit is named as a task is: `{run}.{entry}`, by the entry that opened it, or that tells of the whole of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chalicelib.core.ids import ActivityId, RunId
from chalicelib.core.journal import Changed, Closed, Entry, Input, Opened, Output, Passed, Performed, Signal
from chalicelib.core.runs import Run


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of an activity. Times in ms; one that was broken off ended with its run."""

    entry: int
    activity: ActivityId
    started_at: int
    ended_at: int | None = None
    is_canceled: bool = False
    is_task: bool = False


def visit_id(run_id: RunId, entry: int) -> str:
    return f"{run_id}.{entry}"


def visits_of(run: Run, journal: Sequence[Entry]) -> list[Visit]:
    """List the visits in the order in which they began."""
    visits: dict[int, Visit] = {}
    for index, entry in enumerate(journal):
        match entry:
            case Performed(activity=activity, at=at, failure=failure):
                began = journal[index - 1].at
                visits[index] = Visit(index, activity, began, at, is_canceled=failure is not None)
            case Opened(activity=activity, at=at, due=due):
                visits[index] = Visit(index, activity, at, is_task=due is None)
            case Closed(opened=opened, at=at):
                visits[opened] = replace(visits[opened], ended_at=at)
            case Input() | Passed() | Changed() | Signal() | Output():
                pass
            case _:
                assert_never(entry)
    return [_broken_off(visit, run) for visit in visits.values()]


def _broken_off(visit: Visit, run: Run) -> Visit:
    if visit.ended_at is not None or run.ended_at is None:
        return visit
    return replace(visit, ended_at=run.ended_at, is_canceled=True)
