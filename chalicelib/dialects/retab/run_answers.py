"""A run as Retab's clients of every era parse it: one object with the keys of all of them.

SDK 0.0.136-0.0.139 read `lifecycle.kind`, later ones `lifecycle.status`; `trigger.parent_run_id` was the page's
`source_run_id`; `snapshot_id` became `version_id`; at last `workflow_id` and `workflow_version_id` stood beside
`workflow`. Whatever an era does not know it passes over. A member without a value is null.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypedDict, assert_never

import msgspec

from chalicelib.core.json_values import Json, Variables
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.retab.ids import write_run_id, write_version_id
from chalicelib.dialects.retab.requests import read_metadata
from chalicelib.dialects.times import write_time, write_time_or_none

FIRST_TO_AWAIT_REVIEW = 143
"""The SDK 0.0.143 renamed the status of a run that waits for a person."""

Status = Literal["running", "completed", "error", "waiting_for_human", "cancelled"]
"""How a run stands, in the words of the first era."""
AwaitingStatus = Literal["waiting_for_human", "awaiting_review"]
"""The same of one that waits for a person, to earlier and to later clients."""

_STATUSES: Mapping[RunStatus, Status] = {
    RunStatus.PENDING: "running",  # an accepted run is running: no client of a restart knows another answer
    RunStatus.RUNNING: "running",
    RunStatus.PAUSED: "running",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "error",
    RunStatus.CANCELED: "cancelled",
}


# -- what a run consists of


class RunWorkflow(TypedDict):
    """The workflow of a run: its version then, and as what that was asked for."""

    workflow_id: str
    snapshot_id: str
    version_id: str
    requested_version: str
    name_at_run_time: str


class ByApi(msgspec.Struct, frozen=True, tag_field="type", tag="api"):
    api_key_id: str


class ByRestart(msgspec.Struct, frozen=True, tag_field="type", tag="restart"):
    """The run that this one was restarted from, under both its names."""

    parent_run_id: str
    source_run_id: str


Trigger: TypeAlias = ByApi | ByRestart


class Running(msgspec.Struct, frozen=True, tag_field="kind", tag="running"):
    status: Literal["running"]


class Completed(msgspec.Struct, frozen=True, tag_field="kind", tag="completed"):
    status: Literal["completed"]


class WaitingForHuman(msgspec.Struct, frozen=True, tag_field="kind", tag="waiting_for_human"):
    status: AwaitingStatus
    waiting_for_block_ids: list[str]


class FailureDetails(TypedDict):
    block_id: str
    error_code: str


class Errored(msgspec.Struct, frozen=True, tag_field="kind", tag="error"):
    status: Literal["error"]
    message: str
    stage: Literal["execution"]
    category: None
    details: FailureDetails
    failing_step_id: str


class Cancelled(msgspec.Struct, frozen=True, tag_field="kind", tag="cancelled"):
    status: Literal["cancelled"]
    reason: None


Lifecycle: TypeAlias = Running | Completed | WaitingForHuman | Errored | Cancelled


class Timing(TypedDict):
    """Times as ISO 8601 has them, and durations in ms; null: not yet."""

    created_at: str
    started_at: str
    completed_at: str | None
    human_waiting_started_at: str | None
    accumulated_human_waiting_ms: int
    duration_ms: int | None
    active_duration_ms: int | None


class FileRef(TypedDict):
    id: str
    filename: str
    mime_type: str


class RunInputs(TypedDict):
    """What a run was started with, by start block."""

    documents: dict[str, FileRef]
    json_data: dict[str, Any]


class WorkflowRun(TypedDict):
    id: str
    organization_id: str
    workflow: RunWorkflow
    workflow_id: str
    workflow_version_id: str
    trigger: Trigger
    lifecycle: Lifecycle
    timing: Timing
    inputs: RunInputs
    metadata: dict[str, str]


# -- writing one


def status_of(run: Run | RunSummary) -> Status:
    """Say a run's status as the first era did."""
    if run.status is RunStatus.WAITING:
        return "waiting_for_human" if run.waiting_for else "running"
    return _STATUSES[run.status]


def awaiting_status(sdk: int) -> AwaitingStatus:
    """Say of what waits for a person that it does, to clients of this SDK."""
    return "awaiting_review" if sdk >= FIRST_TO_AWAIT_REVIEW else "waiting_for_human"


def trigger_of(run: Run | RunSummary) -> Literal["api", "restart"]:
    return "api" if run.lineage.source is None else "restart"


def write_run(run: Run, name: str, sdk: int) -> WorkflowRun:
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


def _trigger(run: Run) -> Trigger:
    source = run.lineage.source
    if source is None:
        return ByApi(run.lineage.cause.actor)
    parent = write_run_id(source)
    return ByRestart(parent, parent)


def _lifecycle(run: Run, sdk: int) -> Lifecycle:
    match status_of(run):
        case "running":
            return Running("running")
        case "completed":
            return Completed("completed")
        case "waiting_for_human":
            return WaitingForHuman(awaiting_status(sdk), list(run.waiting_for))
        case "error":
            return _errored(run)
        case "cancelled":
            return Cancelled("cancelled", None)
        case status:
            assert_never(status)


def _errored(run: Run) -> Errored:
    failure = run.failure
    assert failure is not None
    return Errored(
        status="error",
        message=failure.message,
        stage="execution",
        category=None,
        details={"block_id": failure.element, "error_code": failure.code},
        failing_step_id=failure.element,
    )


def _timing(run: Run) -> Timing:
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


def write_inputs(variables: Variables) -> RunInputs:
    """Write what a run was started with. One that another dialect started has its input as the data of `start`."""
    documents, data = variables.get("documents"), variables.get("json_data")
    if not isinstance(documents, dict) or not isinstance(data, dict):
        return {"documents": {}, "json_data": {"start": variables}}
    shown = {block: document for block, document in documents.items() if isinstance(document, dict)}
    return {"documents": {block: _file_ref(document) for block, document in shown.items()}, "json_data": data}


def _file_ref(document: Variables) -> FileRef:
    return {
        "id": text_of(document.get("id")),
        "filename": text_of(document.get("filename")),
        "mime_type": text_of(document.get("mime_type")),
    }


def text_of(value: Json) -> str:
    """Answer a text, which clients cannot do without: whoever started the run may have meant something else by it."""
    return value if isinstance(value, str) else ""
