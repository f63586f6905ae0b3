"""A process instance as FlowX shows it: the pages start-by-process-name, rest2 (4.6), start-process-rdi-inherit."""

from collections.abc import Mapping
from typing import Literal, NotRequired, TypedDict
from uuid import UUID

from chalicelib.core.apps import AppName, BuildId
from chalicelib.core.ids import AccountId, DefinitionKey, derived_uuid
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.waits import Wait

State = Literal["STARTED", "ON_HOLD", "FINISHED", "FAILED", "TERMINATED"]

_STATES: Mapping[RunStatus, State] = {
    RunStatus.PENDING: "STARTED",
    RunStatus.RUNNING: "STARTED",
    RunStatus.WAITING: "STARTED",
    RunStatus.PAUSED: "ON_HOLD",
    RunStatus.COMPLETED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.CANCELED: "TERMINATED",
}
_SAFE = 2**53  # what a client's number holds exactly


class InstanceMetadata(TypedDict):
    """An instance's ids, and where its data came from."""

    processInstanceId: int
    processInstanceUuid: str
    copiedFromProcessInstanceUuid: NotRequired[str]


class Token(TypedDict):
    id: int
    uuid: str
    state: Literal["ACTIVE", "INACTIVE"]
    statusCurrentNode: Literal["ARRIVED", "EXECUTED_COMPLETE"]
    processInstanceId: int


class Started(TypedDict):
    """A process instance as it was started: an app that no other one holds has neither parent nor root."""

    processDefinitionName: str
    processDefinitionFlowxUuid: str
    uuid: str
    state: Literal["STARTED"]
    tokens: list[Token]
    applicationId: str
    workspaceId: str
    parentApplicationId: None
    rootApplicationId: None
    buildId: str
    buildStatusAtStart: Literal["COMMITTED"]
    instanceMetadata: InstanceMetadata


class WaitingNode(TypedDict):
    currentNodeName: str
    statusCurrentNode: Literal["WAITING_MESSAGE"]


class InstanceFailure(TypedDict):
    """At which node an instance failed, and why."""

    source: str
    message: str


class InstanceStatus(TypedDict):
    """How an instance stands: it waits at `nodes`."""

    uuid: str
    processDefinitionName: str
    state: State
    nodes: list[WaitingNode]
    failure: InstanceFailure | None
    instanceMetadata: InstanceMetadata


def number_of(uuid: str) -> int:
    """Answer the whole number that clients know beside a UUID: the same for the same UUID, and exact in JSON."""
    return UUID(uuid).int % _SAFE


def write_started(run: Run, name: AppName, build: BuildId) -> Started:
    """Write an instance as a start answers it. What it was copied from stands in the metadata."""
    metadata: InstanceMetadata = {"processInstanceId": number_of(run.id), "processInstanceUuid": run.id}
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


def _token(run: Run) -> Token:
    token = derived_uuid(run.id, "token")
    return {
        "id": number_of(token),
        "uuid": token,
        "state": "INACTIVE" if run.status.is_ended else "ACTIVE",
        "statusCurrentNode": "EXECUTED_COMPLETE" if run.status.is_ended else "ARRIVED",
        "processInstanceId": number_of(run.id),
    }


def write_status(run: Run, waits: tuple[Wait, ...]) -> InstanceStatus:
    """Write how an instance stands, and at which nodes it waits."""
    return {
        "uuid": run.id,
        "processDefinitionName": run.definition,
        "state": _STATES[run.status],
        "nodes": [{"currentNodeName": wait.activity, "statusCurrentNode": "WAITING_MESSAGE"} for wait in waits],
        "failure": None if run.failure is None else {"source": run.failure.element, "message": run.failure.message},
        "instanceMetadata": {"processInstanceId": number_of(run.id), "processInstanceUuid": run.id},
    }
