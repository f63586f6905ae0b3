"""A run as Retab's clients of every era parse it: one object with the keys of all of them.

SDK 0.0.136-0.0.139 read `lifecycle.kind`, later ones `lifecycle.status`; `trigger.parent_run_id` was the page's
`source_run_id`; `snapshot_id` became `version_id`; at last `workflow_id` and `workflow_version_id` stood beside
`workflow`. Whatever an era does not know it passes over. A member without a value is null.
"""

from typing import Any

from chalicelib.core.json_values import Variables
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.retab.ids import write_run_id, write_version_id
from chalicelib.dialects.retab.requests import read_metadata
from chalicelib.dialects.times import write_time, write_time_or_none

FIRST_TO_AWAIT_REVIEW = 143
"""The SDK 0.0.143 renamed the status of a run that waits for a person."""

_STATUSES = {
    RunStatus.PENDING: "running",  # an accepted run is running: no client of a restart knows another answer
    RunStatus.RUNNING: "running",
    RunStatus.PAUSED: "running",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "error",
    RunStatus.CANCELED: "cancelled",
}


def status_of(run: Run | RunSummary) -> str:
    """Say a run's status as the first era did."""
    if run.status is RunStatus.WAITING:
        return "waiting_for_human" if run.waiting_for else "running"
    return _STATUSES[run.status]


def trigger_of(run: Run | RunSummary) -> str:
    return "api" if run.lineage.source is None else "restart"


def write_run(run: Run, name: str, sdk: int) -> dict[str, Any]:
    """Write a run. `name` is its definition's; `sdk` is the patch number of the SDK that the clients use."""
    version_id = write_version_id(run.snapshot)
    return {
        "id": write_run_id(run.id),
        "organization_id": run.account,
        "workflow": {
            "workflow_id": run.definition,
            "snapshot_id": run.snapshot,
            "version_id": version_id,
            "requested_version": version_id if run.version is None else "production",
            "name_at_run_time": name,
        },
        "workflow_id": run.definition,
        "workflow_version_id": version_id,
        "trigger": _trigger(run),
        "lifecycle": _lifecycle(run, sdk),
        "timing": _timing(run),
        "inputs": write_inputs(run.input),
        "metadata": read_metadata(run.labels),
    }


def _trigger(run: Run) -> dict[str, Any]:
    source = run.lineage.source
    if source is None:
        return {"type": "api", "api_key_id": run.lineage.cause.actor}
    parent = write_run_id(source)
    return {"type": "restart", "parent_run_id": parent, "source_run_id": parent}


def _lifecycle(run: Run, sdk: int) -> dict[str, Any]:
    kind = status_of(run)
    is_review = kind == "waiting_for_human" and sdk >= FIRST_TO_AWAIT_REVIEW
    told: dict[str, Any] = {"kind": kind, "status": "awaiting_review" if is_review else kind}
    match kind:
        case "waiting_for_human":
            told["waiting_for_block_ids"] = list(run.waiting_for)
        case "error":
            assert run.failure is not None
            details = {"block_id": run.failure.element, "error_code": run.failure.code}
            told |= {"message": run.failure.message, "stage": "execution", "category": None, "details": details}
            told["failing_step_id"] = run.failure.element
        case "cancelled":
            told["reason"] = None
        case _:
            pass
    return told


def _timing(run: Run) -> dict[str, Any]:
    duration = None if run.ended_at is None else run.ended_at - started_at(run)
    return {
        "created_at": write_time(run.created_at),
        "started_at": write_time(started_at(run)),
        "completed_at": write_time_or_none(run.ended_at),
        "human_waiting_started_at": write_time_or_none(run.waiting_since),
        "accumulated_human_waiting_ms": run.waited_ms,
        "duration_ms": duration,
        "active_duration_ms": None if duration is None else max(0, duration - run.waited_ms),
    }


def started_at(run: Run | RunSummary) -> int:
    """Answer when a run began (ms): an accepted one, when it was made."""
    return run.created_at if run.started_at is None else run.started_at


def write_inputs(variables: Variables) -> dict[str, Any]:
    """Write what a run was started with. One that another dialect started has its input as the data of `start`."""
    documents, data = variables.get("documents"), variables.get("json_data")
    if not isinstance(documents, dict) or not isinstance(data, dict):
        return {"documents": {}, "json_data": {"start": variables}}
    shown = {block: document for block, document in documents.items() if isinstance(document, dict)}
    keys = ("id", "filename", "mime_type")
    return {
        "documents": {block: {key: document.get(key, "") for key in keys} for block, document in shown.items()},
        "json_data": data,
    }
