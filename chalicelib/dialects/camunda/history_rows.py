"""Rows of history: process instances, activity instances, variables and their updates. Each has all its keys."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypedDict

from chalicelib.core.definitions import Activity, Definition
from chalicelib.core.ids import derived_uuid
from chalicelib.core.journal import Changed, Closed, Entry, Input, Performed, Signal, SignalName
from chalicelib.core.json_values import Variables
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity
from chalicelib.dialects.camunda.dates import write_date, write_date_or_none
from chalicelib.dialects.camunda.ids import name_of, write_definition_id
from chalicelib.dialects.camunda.instance_filters import STATES, State, last_variables, started_by
from chalicelib.dialects.camunda.instances import activity_type
from chalicelib.dialects.camunda.journal_visits import Visit, visit_id
from chalicelib.dialects.camunda.run_records import Subject
from chalicelib.dialects.camunda.values import TYPES, VariableValueDto, shown, write_value
from chalicelib.dialects.camunda.wire_types import Date

Row = Mapping[str, Any]


class _Names(TypedDict):
    processDefinitionKey: str
    processDefinitionId: str
    tenantId: str | None
    removalTime: None
    rootProcessInstanceId: str


class _Cases(TypedDict):
    caseDefinitionKey: None
    caseDefinitionId: None
    caseInstanceId: None
    caseExecutionId: None


class HistoricProcessInstanceDto(_Names):
    """A process instance, whether or not it has ended."""

    id: str
    businessKey: str | None
    processDefinitionName: str | None
    processDefinitionVersion: int
    startTime: Date
    endTime: Date | None
    durationInMillis: int | None
    startUserId: str | None
    startActivityId: str | None
    deleteReason: str | None
    superProcessInstanceId: None
    superCaseInstanceId: None
    caseInstanceId: None
    state: State
    restartedProcessInstanceId: str | None


class HistoricActivityInstanceDto(_Names):
    """A visit of a task or of a timer."""

    id: str
    parentActivityInstanceId: str
    activityId: str
    activityName: str | None
    activityType: str | None
    processInstanceId: str
    executionId: str
    taskId: str | None
    calledProcessInstanceId: None
    calledCaseInstanceId: None
    assignee: None
    startTime: Date
    endTime: Date | None
    durationInMillis: int | None
    canceled: bool
    completeScope: bool


class HistoricVariableInstanceDto(_Names, _Cases, VariableValueDto):
    """A variable as it stands, or as it was when it was taken away."""

    id: str
    name: str
    processInstanceId: str
    executionId: str
    activityInstanceId: str
    taskId: None
    errorMessage: None
    state: Literal["CREATED", "DELETED"]
    createTime: Date


class HistoricVariableUpdateDto(_Names, _Cases):
    """A value that a variable was given."""

    id: str
    processInstanceId: str
    executionId: str
    activityInstanceId: str
    taskId: None
    userOperationId: None
    time: Date
    type: Literal["variableUpdate"]
    variableName: str
    variableInstanceId: str
    variableType: str
    value: Any
    valueInfo: dict[str, Any]
    initial: bool
    revision: int
    errorMessage: None


_CASES: _Cases = {
    "caseDefinitionKey": None,
    "caseDefinitionId": None,
    "caseInstanceId": None,
    "caseExecutionId": None,
}


def _names(run: Run) -> _Names:
    """Write what every row says of its instance."""
    name = name_of(run.definition, run.version or 0)
    return {
        "processDefinitionKey": name.key,
        "processDefinitionId": write_definition_id(run.account, run.definition, run.version),
        "tenantId": name.tenant,
        "removalTime": None,
        "rootProcessInstanceId": run.id,
    }


# -- process instances


def write_instance(one: Subject) -> HistoricProcessInstanceDto:
    """Write a process instance; why it was ended stands in its journal, if somebody ended it."""
    run = one.head
    return {
        **_names(run),
        "id": run.id,
        "businessKey": run.business_key,
        "processDefinitionName": one.records.name(run),
        "processDefinitionVersion": run.version or 0,
        "startTime": write_date(run.created_at),
        "endTime": write_date_or_none(run.ended_at),
        "durationInMillis": None if run.ended_at is None else run.ended_at - run.created_at,
        "startUserId": started_by(run.lineage.cause),
        "startActivityId": _start_activity(run, one.records.definition(run)),
        "deleteReason": _delete_reason(one),
        "superProcessInstanceId": None,
        "superCaseInstanceId": None,
        "caseInstanceId": None,
        "state": STATES[run.status],
        "restartedProcessInstanceId": run.lineage.source,
    }


def _start_activity(run: Run, definition: Definition | None) -> str | None:
    """Name where a run began: at its first place's activity, or at the target of its first place's transition."""
    place = run.start.places[0] if run.start.places else None
    if isinstance(place, BeforeActivity):
        return place.activity
    if definition is None:
        return None
    match place:
        case AfterActivity(activity):
            return definition.outgoing[activity][0].target
        case AlongTransition(transition):
            return definition.transitions[transition].target
        case _:
            return definition.starts[None]


def _delete_reason(one: Subject) -> str | None:
    run = one.head
    if run.failure is not None:
        return run.failure.message
    if run.status is not RunStatus.CANCELED:
        return None
    cancels = [entry for entry in one.journal if isinstance(entry, Signal) and entry.name is SignalName.CANCEL]
    return cancels[-1].reason or None if cancels else None


# -- activity instances


def activity_rows(one: Subject) -> Iterator[HistoricActivityInstanceDto]:
    """Write the visits of tasks and timers; a visit in a sub-process stands beside the others."""
    definition = one.records.definition(one.run)
    for visit in one.visits:
        yield _activity_row(one.head, visit, definition.activities.get(visit.activity) if definition else None)


def _activity_row(run: Run, visit: Visit, activity: Activity | None) -> HistoricActivityInstanceDto:
    name = visit_id(run.id, visit.entry)
    return {
        **_names(run),
        "id": name,
        "parentActivityInstanceId": run.id,
        "activityId": visit.activity,
        "activityName": activity.name or None if activity else None,
        "activityType": activity_type(activity) if activity else None,
        "processInstanceId": run.id,
        "executionId": run.id,
        "taskId": name if visit.is_task else None,
        "calledProcessInstanceId": None,
        "calledCaseInstanceId": None,
        "assignee": None,
        "startTime": write_date(visit.started_at),
        "endTime": write_date_or_none(visit.ended_at),
        "durationInMillis": None if visit.ended_at is None else visit.ended_at - visit.started_at,
        "canceled": visit.is_canceled,
        "completeScope": False,
    }


# -- variables


def _variable_id(run: Run, name: str) -> str:
    return derived_uuid(run.account, run.id, "variable", name)


def variable_rows(one: Subject) -> Iterator[HistoricVariableInstanceDto]:
    """Write a run's variables as they stand, and those that it has taken away; when each came, its journal tells."""
    run, variables = one.head, last_variables(one.head)
    created: dict[str, int] = {}
    for _, entry, written in _written(one):
        for name in written:
            created.setdefault(name, entry.at)
    for name in sorted(shown(variables)):
        value = write_value(variables, name)
        assert value is not None
        yield {
            **_names(run),
            **_CASES,
            **value,
            "id": _variable_id(run, name),
            "name": name,
            "processInstanceId": run.id,
            "executionId": run.id,
            "activityInstanceId": run.id,
            "taskId": None,
            "errorMessage": None,
            "state": "CREATED" if name in run.variables else "DELETED",
            "createTime": write_date(created.get(name, run.created_at)),
        }


def _written(one: Subject) -> Iterator[tuple[int, Entry, Variables]]:
    """List which entries wrote which variables."""
    for index, entry in enumerate(one.journal):
        match entry:
            case Input(variables=written):
                yield index, entry, written
            case Performed(writes=dict(written)) | Closed(writes=dict(written)) | Changed(writes=dict(written)):
                yield index, entry, written
            case _:
                pass


def update_rows(one: Subject) -> Iterator[HistoricVariableUpdateDto]:
    """Write each update of a variable that the journal tells of; the input's are initial."""
    run = one.head
    types = run.variables.get(TYPES)
    revisions: dict[str, int] = {}
    for index, entry, written in _written(one):
        for name in sorted(shown(written)):
            revisions[name] = revisions.get(name, -1) + 1
            value = write_value({TYPES: types, **written}, name)
            assert value is not None
            yield {
                **_names(run),
                **_CASES,
                "id": derived_uuid(run.account, run.id, "update", str(index), name),
                "processInstanceId": run.id,
                "executionId": run.id,
                "activityInstanceId": _writer(one, index, entry),
                "taskId": None,
                "userOperationId": None,
                "time": write_date(entry.at),
                "type": "variableUpdate",
                "variableName": name,
                "variableInstanceId": _variable_id(run, name),
                "variableType": value["type"],
                "value": value["value"],
                "valueInfo": value["valueInfo"],
                "initial": index == 0,
                "revision": revisions[name],
                "errorMessage": None,
            }


def _writer(one: Subject, index: int, entry: Entry) -> str:
    """Name the activity instance that an entry belongs to; the input is the process instance's own."""
    match entry:
        case Closed(opened=opened):
            return visit_id(one.head.id, opened)
        case Performed():
            return visit_id(one.head.id, index)
        case _:
            return one.head.id
