"""A run as a process instance that goes on, and what Camunda calls its activities."""

from typing import Any

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

Told = dict[str, Any]

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


def write_instance(account: AccountId, run: Run | RunSummary, links: list[Told] | None = None) -> Told:
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
