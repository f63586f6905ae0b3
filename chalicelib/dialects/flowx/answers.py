"""A process instance as FlowX shows it: the pages start-by-process-name, rest2 (4.6), start-process-rdi-inherit."""

from typing import Any
from uuid import UUID

from chalicelib.core.apps import AppName, BuildId
from chalicelib.core.ids import AccountId, DefinitionKey, derived_uuid
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.waits import Wait

_STATES = {
    RunStatus.PENDING: "STARTED",
    RunStatus.RUNNING: "STARTED",
    RunStatus.WAITING: "STARTED",
    RunStatus.PAUSED: "ON_HOLD",
    RunStatus.COMPLETED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.CANCELED: "TERMINATED",
}
_SAFE = 2**53  # what a client's number holds exactly


def number_of(uuid: str) -> int:
    """Answer the whole number that clients know beside a UUID: the same for the same UUID, and exact in JSON."""
    return UUID(uuid).int % _SAFE


def write_started(run: Run, name: AppName, build: BuildId) -> dict[str, Any]:
    """Write an instance as a start answers it. What it was copied from stands in the metadata."""
    metadata: dict[str, Any] = {"processInstanceId": number_of(run.id), "processInstanceUuid": run.id}
    if run.lineage.source is not None:
        metadata["copiedFromProcessInstanceUuid"] = run.lineage.source
    return {
        "processDefinitionName": run.definition,
        "processDefinitionFlowxUuid": definition_uuid(run.account, run.definition),
        "uuid": run.id,
        "state": "STARTED",
        "tokens": [_token(run)],
        "applicationId": name.app,
        "workspaceId": name.workspace,
        "parentApplicationId": None,
        "rootApplicationId": None,
        "buildId": build,
        "buildStatusAtStart": "COMMITTED",
        "instanceMetadata": metadata,
    }


def definition_uuid(account: AccountId, key: DefinitionKey) -> str:
    return derived_uuid(account, "process-definition", key)


def _token(run: Run) -> dict[str, Any]:
    token = derived_uuid(run.id, "token")
    return {
        "id": number_of(token),
        "uuid": token,
        "state": "INACTIVE" if run.status.is_ended else "ACTIVE",
        "statusCurrentNode": "EXECUTED_COMPLETE" if run.status.is_ended else "ARRIVED",
        "processInstanceId": number_of(run.id),
    }


def write_status(run: Run, waits: tuple[Wait, ...]) -> dict[str, Any]:
    """Write how an instance stands, and at which nodes it waits."""
    return {
        "uuid": run.id,
        "processDefinitionName": run.definition,
        "state": _STATES[run.status],
        "nodes": [{"currentNodeName": wait.activity, "statusCurrentNode": "WAITING_MESSAGE"} for wait in waits],
        "failure": None if run.failure is None else {"source": run.failure.element, "message": run.failure.message},
        "instanceMetadata": {"processInstanceId": number_of(run.id), "processInstanceUuid": run.id},
    }
