"""How runs of one definition and one business key stand to each other.

| type     | its runs                                                                                          |
|----------|---------------------------------------------------------------------------------------------------|
| service  | know nothing of each other                                                                        |
| object   | take turns: they stand in a line in order of arrival, and only the first one of it is at work     |
| workflow | are one: who starts a second is refused, until the first is deleted; restarts of it are their own |

A run of an object that begins at a shared start event stands in no line. The line is the definition's, whatever
version its runs are on.
"""

from collections.abc import Sequence
from enum import Enum

from chalicelib.core.definitions import Definition, DefinitionType, StartEvent
from chalicelib.core.errors import Conflict, Invalid, NotFound
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.state import BeforeActivity, Place

MOST_IN_LINE = 1_000  # every change of a line writes the whole of it: 40 KB when it is full
MOST_KEY = 1_024  # bytes of a business key that names a line


class Line(Enum):
    """How a run stands among those of its definition and key. Of an ended one: how it stood when it ended."""

    COMING = "coming"
    """Its delay is not over: it has not arrived."""
    INBOXED = "inboxed"
    """It is in the line, and has not had its turn: it has taken no step."""
    AT_WORK = "at_work"
    """It is the first of the line, from its first step until it has ended."""
    ONLY = "only"
    """It is its workflow's run of this key, beside which no other can be started."""

    @property
    def is_before_its_turn(self) -> bool:
        return self in {Line.COMING, Line.INBOXED}

    @property
    def is_in_line(self) -> bool:
        return self in {Line.INBOXED, Line.AT_WORK}


class BusinessKeyNeeded(Invalid):
    code = "business_key_needed"

    def __init__(self, definition: DefinitionKey, type_: str, most: int) -> None:
        super().__init__(
            f"'{definition}' is of type {type_}: its runs need a business key of 1 to {most} bytes.",
            definition=definition,
            type=type_,
            most=most,
        )


class WorkflowRunExists(Conflict):
    code = "workflow_run_exists"

    def __init__(self, business_key: str, run_id: RunId) -> None:
        super().__init__(
            f"The workflow has a run of the key '{business_key}', and never a second: '{run_id}'.",
            business_key=business_key,
            run_id=run_id,
        )


class WorkflowRunNotFound(NotFound):
    code = "workflow_run_not_found"

    def __init__(self, definition: DefinitionKey, business_key: str) -> None:
        super().__init__(
            f"'{definition}' has no workflow run of the key '{business_key}'.",
            definition=definition,
            business_key=business_key,
        )


class LineFull(Conflict):
    code = "line_full"

    def __init__(self, definition: DefinitionKey, business_key: str, most: int) -> None:
        super().__init__(
            f"{most} runs of '{definition}' stand in line for '{business_key}': ask again when some have ended.",
            definition=definition,
            business_key=business_key,
            most=most,
        )


def line_of(definition: Definition, places: Sequence[Place], *, delay_s: float, is_heir: bool) -> Line | None:
    """Say how a new run that begins at these places stands; an heir takes over from a workflow's run of its key."""
    match definition.type:
        case DefinitionType.OBJECT if not _is_shared(definition, places):
            return Line.COMING if delay_s > 0 else Line.INBOXED
        case DefinitionType.WORKFLOW if not is_heir:
            return Line.ONLY
        case _:
            return None


def _is_shared(definition: Definition, places: Sequence[Place]) -> bool:
    """Say whether a run begins at shared start events alone; no places: at the only start event."""
    kinds = [_kind(definition, place) for place in places or (BeforeActivity(definition.starts[None]),)]
    return all(isinstance(kind, StartEvent) and kind.is_shared for kind in kinds)


def _kind(definition: Definition, place: Place) -> object:
    return definition.activities[place.activity].kind if isinstance(place, BeforeActivity) else None
