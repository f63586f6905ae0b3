"""When a timer's wait is over."""

from datetime import UTC, datetime
from typing import cast

from chalicelib.core.definitions import Timer
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.templates import render

MAX_WAIT_S = 366 * 86400


def due_of(timer: Timer, names: Variables, at: int) -> int:
    """Answer when (ms) a timer that begins now is over; raise what its template raises, or what is no such time."""
    if timer.until is not None:
        due = datetime.fromisoformat(str(render(timer.until, names)))
        moment = due if due.tzinfo else due.replace(tzinfo=UTC)
        wait_s = moment.timestamp() - at / 1000
    else:
        wait_s = float(cast("float", _number(render(timer.after_s, names))))
    if wait_s > MAX_WAIT_S:
        raise ValueError(f"a timer waits {MAX_WAIT_S} seconds at most")
    return at + max(0, round(wait_s * 1000))


def _number(value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("'after_s' must give a number of seconds")
    return value
