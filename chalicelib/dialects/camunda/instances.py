"""A run as a process instance that goes on, and what Camunda calls its activities."""

from typing import TypedDict

from chalicelib.core.definitions import (
    Activity,
    EndEvent,
    ExclusiveGateway,
    ParallelGateway,
    ServiceTask,
    StartEvent,
    SubProcess,
    Timer,
    UserTask,
)
from chalicelib.core.ids import AccountId
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.camunda.ids import name_of, write_definition_id


class AtomLink(TypedDict):
    """Where a thing is shown."""

    method: str
    href: str
    rel: str


class ProcessInstanceDto(TypedDict):
    """A process instance; `links` are those of a new one."""

    links: list[AtomLink]
    id: str
    definitionId: str
    businessKey: str | None
    caseInstanceId: None
    ended: bool
    suspended: bool
    tenantId: str | None
    definitionKey: str


_TYPES: dict[type, str] = {
    StartEvent: "startEvent",
    EndEvent: "noneEndEvent",
    ServiceTask: "serviceTask",
    UserTask: "userTask",
    Timer: "intermediateTimer",
    ExclusiveGateway: "exclusiveGateway",
    ParallelGateway: "parallelGateway",
    SubProcess: "subProcess",
}


def write_instance(
    account: AccountId, run: Run | RunSummary, links: list[AtomLink] | None = None
) -> ProcessInstanceDto:
    """Write a process instance; `links` are those of a new one."""
    name = name_of(run.definition, run.version or 0)
    return {
        "links": links or [],
        "id": run.id,
        "definitionId": write_definition_id(account, run.definition, run.version),
        "businessKey": run.business_key,
        "caseInstanceId": None,
        "ended": run.status.is_ended,
        "suspended": run.status is RunStatus.PAUSED,
        "tenantId": name.tenant,
        "definitionKey": name.key,
    }


def activity_type(activity: Activity) -> str:
    """Name what an activity is, as Camunda does."""
    return _TYPES[type(activity.kind)]
