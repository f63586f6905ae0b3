"""What a run waits for: people and times."""

from dataclasses import dataclass

from chalicelib.core.advance import task_input
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Journal
from chalicelib.core.json_values import Variables
from chalicelib.core.state import State


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that the entry opened. With a `due` time (ms) it is a timer; without, a user task, shown `input`."""

    entry: int
    activity: ActivityId
    since: int
    due: int | None
    input: Variables


def open_waits(definition: Definition, state: State, journal: Journal) -> tuple[Wait, ...]:
    """List the waits that are still open, oldest first."""
    if state.is_over:
        return ()
    waiting = {token.opened: token for token in state.tokens.values() if token.opened is not None}
    return tuple(
        Wait(
            entry=opened,
            activity=token.activity,
            since=journal[opened].at,
            due=token.due,
            input=task_input(definition, state, token) if token.due is None else {},
        )
        for opened, token in sorted(waiting.items())
    )
