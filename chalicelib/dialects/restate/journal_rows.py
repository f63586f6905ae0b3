"""A run's journal as rows of `sys_journal`: `index` is what `from` of a restart takes.

| our entry                    | `entry_type`               | `name`          | `completed`                    |
|------------------------------|----------------------------|-----------------|--------------------------------|
| Input                        | Command: Input             |                 |                                |
| Performed                    | Command: Run               | the activity    | true: its outcome is its own   |
| Opened, until a time         | Command: Sleep             | the activity    | whether its Closed is there    |
| Opened, until a person comes | Command: GetPromise        | the activity    | whether its Closed is there    |
| Closed                       | Notification: Sleep, or … GetPromise | the activity |                         |
| Changed                      | Command: SetState          |                 |                                |
| Passed                       | Notification: SavePoint    | the activity    |                                |
| Signal                       | Notification: Signal       | the signal      |                                |
| Output                       | Command: Output            |                 |                                |

An entry is Restate's command and its completion in one wherever nobody has to be waited for, so a run is one row here
and two there. `entry_json` is our entry, field by field. `SavePoint` is ours alone.
"""

from collections.abc import Iterator, Sequence
from typing import Final, assert_never

import msgspec

from chalicelib.core.ids import RunId
from chalicelib.core.journal import Changed, Closed, Entry, Input, Opened, Output, Passed, Performed, Signal
from chalicelib.core.json_values import Json
from chalicelib.dialects.restate.ids import partition_key, write_run_id
from chalicelib.dialects.restate.sql.tables import Row

_COMMAND: Final = "Command: "
_NOTIFICATION: Final = "Notification: "


def write_journal(run: RunId, root: RunId, journal: Sequence[Entry]) -> Iterator[Row]:
    """Answer a run's entries as rows, in their order; `root` is the first run of its lineage."""
    key, id_ = partition_key(root), write_run_id(run, root)
    closed = {entry.opened for entry in journal if isinstance(entry, Closed)}
    for index, entry in enumerate(journal):
        yield {
            "partition_key": key,
            "id": id_,
            "index": index,
            "appended_at": entry.at,
            "entry_json": msgspec.json.encode(entry).decode(),
            **_told(entry, journal, is_closed=index in closed),
        }


def _told(entry: Entry, journal: Sequence[Entry], *, is_closed: bool) -> dict[str, Json]:
    match entry:
        case Input() | Output():
            return {"entry_type": _COMMAND + type(entry).__name__}
        case Performed(activity):
            return {"entry_type": f"{_COMMAND}Run", "name": activity, "completed": True}
        case Opened():
            return _opened(entry, is_closed=is_closed)
        case Closed(opened):
            opening = journal[opened]
            assert isinstance(opening, Opened)
            return {"entry_type": _NOTIFICATION + _wait(opening), "name": opening.activity}
        case Changed():
            return {"entry_type": f"{_COMMAND}SetState"}
        case Passed(activity):
            return {"entry_type": f"{_NOTIFICATION}SavePoint", "name": activity}
        case Signal(name):
            return {"entry_type": f"{_NOTIFICATION}Signal", "name": name.value}
        case _:
            assert_never(entry)


def _wait(entry: Opened) -> str:
    """Name what Restate calls such a wait: of a time, or of a promise that somebody completes."""
    return "GetPromise" if entry.due is None else "Sleep"


def _opened(entry: Opened, *, is_closed: bool) -> dict[str, Json]:
    return {
        "entry_type": _COMMAND + _wait(entry),
        "name": entry.activity,
        "completed": is_closed,
        "sleep_wakeup_at": entry.due,
        "promise_name": entry.activity if entry.due is None else None,
    }
