"""Runs as rows of `sys_invocation` and `sys_invocation_status`: what stands in their columns.

| a run                                               | `sys_invocation` | `sys_invocation_status` |
|-----------------------------------------------------|------------------|-------------------------|
| is to begin later                                   | scheduled        | scheduled               |
| stands in line for its key, and has not had its turn | pending          | inboxed                 |
| has been accepted, and nobody has been at it yet    | ready            | invoked                 |
| runs                                                | running          | invoked                 |
| has failed to do something, and will try again later | backing-off      | invoked                 |
| waits for a person or a time                        | suspended        | suspended               |
| is paused                                           | paused           | paused                  |
| has completed, failed or been canceled              | completed        | completed               |

A handler is a start event of the definition itself: its id is the handler's name. A run that began elsewhere is told
under the definition's start event. What we do not know is NULL (docs/dialects/restate_sql.md lists the columns).
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from chalicelib.core.definitions import Definition, DefinitionType, StartEvent
from chalicelib.core.ids import ActivityId
from chalicelib.core.json_values import Json
from chalicelib.core.lines import Line
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import RunStatus
from chalicelib.core.state import BeforeActivity
from chalicelib.dialects.restate.ids import partition_key, write_run_id, write_version_id
from chalicelib.dialects.restate.sql.tables import INVOCATION, Row, Table

TYPES: Final[Mapping[DefinitionType, str]] = {
    DefinitionType.SERVICE: "service",
    DefinitionType.OBJECT: "virtual_object",
    DefinitionType.WORKFLOW: "workflow",
}
_FAILED, _CANCELED = 500, 409  # the codes of a terminal error that names none, and of a cancellation


class Standing(Enum):
    """How a run stands, in the words of either table."""

    SCHEDULED = ("scheduled", "scheduled")
    INBOXED = ("pending", "inboxed")
    READY = ("ready", "invoked")
    RUNNING = ("running", "invoked")
    BACKING_OFF = ("backing-off", "invoked")
    SUSPENDED = ("suspended", "suspended")
    PAUSED = ("paused", "paused")
    COMPLETED = ("completed", "completed")

    def word(self, table: Table) -> str:
        """Answer what a table's column `status` says."""
        told, stored = self.value
        return told if table is INVOCATION else stored


_STANDINGS: Final[Mapping[RunStatus, Standing]] = {
    RunStatus.WAITING: Standing.SUSPENDED,
    RunStatus.PAUSED: Standing.PAUSED,
    RunStatus.COMPLETED: Standing.COMPLETED,
    RunStatus.FAILED: Standing.COMPLETED,
    RunStatus.CANCELED: Standing.COMPLETED,
}


def standing_of(run: RunSummary, at: int) -> Standing:
    """Say how a run stands at a time (ms)."""
    is_later = run.not_before is not None and run.not_before > at
    match run.status:
        case RunStatus.PENDING:
            return _before_its_begin(run, is_later=is_later)
        case RunStatus.RUNNING:
            is_retrying = is_later and any(tries.count for tries in run.tries.values())
            return Standing.BACKING_OFF if is_retrying else Standing.RUNNING
        case _:
            return _STANDINGS[run.status]


def _before_its_begin(run: RunSummary, *, is_later: bool) -> Standing:
    if run.line is Line.INBOXED:
        return Standing.INBOXED
    return Standing.SCHEDULED if is_later or run.line is Line.COMING else Standing.READY


def write_row(table: Table, run: RunSummary, definition: Definition, at: int) -> Row:
    """Answer a run as a row of one of the two tables, as of a time (ms); `definition` is the one that it runs on."""
    return {
        "partition_key": partition_key(run.lineage.root),
        "id": write_run_id(run.id, run.lineage.root),
        "pinned_deployment_id": write_version_id(run.snapshot),
        "journal_size": run.journal_length if run.expiry.has_journal(at) else 0,
        **_retention(run),
        **_target(run, definition),
        **_origin(run),
        **_course(run, standing_of(run, at), table),
        **_outcome(run),
    }


def _target(run: RunSummary, definition: Definition) -> Row:
    handler = _handler_of(run, definition)
    key = None if run.type is DefinitionType.SERVICE else run.business_key
    return {
        "target": "/".join(part for part in (run.definition, key, handler) if part is not None),
        "target_service_name": run.definition,
        "target_service_key": key,
        "target_handler_name": handler,
        "target_service_ty": TYPES[run.type],
    }


def _retention(run: RunSummary) -> Row:
    """Answer for how long (ms) an ended run is kept, and its journal; what is kept for ever has no retention."""
    times = {"completion_retention": run.expiry.run, "journal_retention": run.expiry.journal}
    return {name: at - run.ended_at for name, at in times.items() if at is not None and run.ended_at is not None}


def _handler_of(run: RunSummary, definition: Definition) -> ActivityId:
    """Answer the start event at which a run began, else the definition's own."""
    begun = (definition.activities[place.activity] for place in run.start.places if isinstance(place, BeforeActivity))
    starts = (activity.id for activity in begun if isinstance(activity.kind, StartEvent) and activity.parent is None)
    return next(starts, definition.starts[None])


def _origin(run: RunSummary) -> Row:
    source = run.lineage.source
    if source is None:
        return {"invoked_by": "ingress"}
    return {"invoked_by": "restart_as_new", "restarted_from": write_run_id(source, run.lineage.root)}


def _course(run: RunSummary, standing: Standing, table: Table) -> Row:
    """Answer the times of a run, and how it stands."""
    told: dict[str, Json] = {
        "status": standing.word(table),
        "created_at": run.created_at,
        "modified_at": run.updated_at,
        "running_at": run.started_at,
        "completed_at": run.ended_at,
    }
    match standing:
        case Standing.SCHEDULED:
            return {**told, "scheduled_at": run.created_at, "scheduled_start_at": run.not_before}
        case Standing.RUNNING:
            return {**told, "retry_count": 1 + _tries(run)}
        case Standing.BACKING_OFF:
            return {**told, "retry_count": _tries(run), "next_retry_at": run.not_before}
        case _:
            return told


def _tries(run: RunSummary) -> int:
    """Count the tries in vain of what was tried most often."""
    return max((tries.count for tries in run.tries.values()), default=0)


def _outcome(run: RunSummary) -> Row:
    match run.status:
        case RunStatus.COMPLETED:
            return {"completion_result": "success"}
        case RunStatus.CANCELED:
            return _failure(_CANCELED, "canceled")
        case RunStatus.FAILED:
            assert run.failure is not None
            return {
                **_failure(_FAILED, run.failure.message),
                "retry_count": run.failure.tries,
                "last_failure": run.failure.message,
                "last_failure_error_code": run.failure.code,
                "last_failure_related_entry_name": run.failure.element,
                "last_failure_related_command_name": run.failure.element,
            }
        case _:
            return {}


def _failure(code: int, message: str) -> Row:
    return {
        "completion_result": "failure",
        "completion_failure": f"[{code}] {message}",
        "completion_failure_code": code,
    }
