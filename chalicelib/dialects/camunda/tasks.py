"""User tasks over Camunda's routes: a task is the entry of a run's journal that opened it, named `{run}.{entry}`."""

from collections.abc import Iterator
from typing import Literal, TypedDict

from chalicelib.core.access import Scope
from chalicelib.core.errors import RestartError
from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Variables
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.waits import Wait
from chalicelib.dialects.camunda.dates import write_date
from chalicelib.dialects.camunda.ids import tenant_of, write_definition_id
from chalicelib.dialects.camunda.instance_queries import matching, read_query
from chalicelib.dialects.camunda.operations import FREE, counting, listing, showing
from chalicelib.dialects.camunda.queries import (
    Filter,
    Row,
    equal,
    filtered,
    list_parameters,
    one_of,
    parameters_of,
    refuse_unknown_answers,
    shown,
    windowed,
)
from chalicelib.dialects.camunda.reading import Parameters, as_bool, as_object, read_object
from chalicelib.dialects.camunda.refusals import REST, EngineRefusal, invalid, not_found
from chalicelib.dialects.camunda.values import (
    TYPES,
    VALUES,
    VariableValueDto,
    read_variables,
    with_variables,
    write_variables,
)
from chalicelib.dialects.camunda.wire_types import Date, body_of
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.runs import RunEnded, RunPaused, TaskClosed, TaskNotFound

MOST = 1_000  # instances whose tasks one list looks at; each is a read
_LOADED = 100

_FILTERS: tuple[Filter, ...] = (
    equal("taskId", "id"),
    one_of("taskIdIn", "id"),
    equal("processInstanceId", "processInstanceId"),
    one_of("processInstanceIdIn", "processInstanceId"),
    equal("executionId", "executionId"),
    equal("processDefinitionId", "processDefinitionId"),
    equal("processDefinitionKey", "_key"),
    one_of("processDefinitionKeyIn", "_key"),
    equal("processInstanceBusinessKey", "_business_key"),
    equal("taskDefinitionKey", "taskDefinitionKey"),
    one_of("taskDefinitionKeyIn", "taskDefinitionKey"),
    equal("name", "name"),
    one_of("tenantIdIn", "tenantId"),
)
_REFUSED = ("assignee", "candidateUser", "candidateGroup", "owner", "involvedUser", "taskVariables", "processVariables")
_SORTED_BY = {
    "id": "id",
    "instanceId": "processInstanceId",
    "name": "name",
    "created": "created",
    "executionId": "executionId",
    "tenantId": "tenantId",
}


class TaskDto(TypedDict):
    """A user task that is open."""

    id: str
    name: str | None
    assignee: None
    created: Date
    due: None
    followUp: None
    lastUpdated: None
    delegationState: None
    description: None
    executionId: str
    owner: None
    parentTaskId: None
    priority: int
    processDefinitionId: str
    processInstanceId: str
    taskDefinitionKey: str
    caseExecutionId: None
    caseInstanceId: None
    caseDefinitionId: None
    suspended: bool
    formKey: None
    camundaFormRef: None
    tenantId: str | None
    taskState: Literal["Created"]


def _row(run: Run, wait: Wait, name: str) -> Row:
    """Write a task with the columns that are there to be asked for alone."""
    told = _write(run, wait, name)
    key = told["processDefinitionId"].partition(":")[0]
    return {**told, "_key": key, "_business_key": run.business_key}


def _write(run: Run, wait: Wait, name: str) -> TaskDto:
    return {
        "id": f"{run.id}.{wait.entry}",
        "name": name or None,
        "assignee": None,
        "created": write_date(wait.since),
        "due": None,
        "followUp": None,
        "lastUpdated": None,
        "delegationState": None,
        "description": None,
        "executionId": run.id,
        "owner": None,
        "parentTaskId": None,
        "priority": 50,
        "processDefinitionId": write_definition_id(run.account, run.definition, run.version),
        "processInstanceId": run.id,
        "taskDefinitionKey": wait.activity,
        "caseExecutionId": None,
        "caseInstanceId": None,
        "caseDefinitionId": None,
        "suspended": run.status is RunStatus.PAUSED,
        "formKey": None,
        "camundaFormRef": None,
        "tenantId": tenant_of(run.definition),
        "taskState": "Created",
    }


def _tasks(services: Services, run: Run) -> Iterator[Row]:
    """List the tasks of an instance that are open."""
    definition = services.definitions.of(run).definition
    for wait in services.runs.waits(run):
        if wait.due is None:
            yield _row(run, wait, definition.activities[wait.activity].name)


def listed(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer([shown(row) for row in windowed(_rows(services, call, given), given, _SORTED_BY)])


def counted(services: Services, call: Call) -> Answer:
    return answer({"count": len(_rows(services, call, Parameters(call.query)))})


def _rows(services: Services, call: Call, given: Parameters) -> list[Row]:
    refuse_unknown_answers(given, _REFUSED)
    rows = [row for run in _runs(services, call, given) for row in _tasks(services, run)]
    return filtered(rows, given, _FILTERS)


def _runs(services: Services, call: Call, given: Parameters) -> Iterator[Run]:
    """Find the instances whose tasks are asked for; refuse to look at more than one answer can."""
    named = given.text("processInstanceId") or (given.text("taskId") or "").partition(".")[0]
    names = [named] if named else given.texts("processInstanceIdIn")
    if names is not None:
        yield from services.runs.load_all(call.account, [RunId(name) for name in names][:_LOADED]).values()
        return
    asked: Variables = {"unfinished": True}
    if given.text("processDefinitionKey") is not None:
        asked["processDefinitionKey"] = given.text("processDefinitionKey")
    found = [run.id for run in matching(services, call.account, read_query(asked)) if run.waiting_for]
    if len(found) > MOST:
        raise invalid(f"More than {MOST} instances have tasks. Ask for those of one, by its processInstanceId.")
    for first in range(0, len(found), _LOADED):
        yield from services.runs.load_all(call.account, found[first : first + _LOADED]).values()


def _place(task_id: str) -> tuple[RunId, int] | None:
    """Answer which entry of which run a task is; None if it cannot be one."""
    run_id, _, entry = task_id.rpartition(".")
    if not run_id or not (entry.isascii() and entry.isdecimal() and len(entry) <= 6):  # noqa: PLR2004 - journals are shorter
        return None
    return RunId(run_id), int(entry)


def show(services: Services, call: Call) -> Answer:
    task_id, place = call.params["id"], _place(call.params["id"])
    absent = not_found(f"No matching task with id {task_id}")
    if place is None:
        raise absent
    try:
        run = services.runs.load(call.account, place[0])
    except RunNotFound as error:
        raise absent from error
    row = next((row for row in _tasks(services, run) if row["id"] == task_id), None)
    if row is None:
        raise absent
    return answer(shown(row))


def complete(services: Services, call: Call) -> Answer:
    task_id, place = call.params["id"], _place(call.params["id"])
    body = read_object(call) or {}
    given = read_variables(as_object(body["variables"])) if body.get("variables") is not None else {}
    try:
        if place is None:
            raise _gone(task_id)
        run = services.runs.load(call.account, place[0])
        if TYPES in given or given:
            given = _typed(services.runs.variables(run), given)
        after = services.runs.complete(call.account, *place, given)
    except (RunNotFound, RunEnded, TaskNotFound, TaskClosed) as error:
        raise _gone(task_id) from error
    except RunPaused as error:
        raise _suspended(task_id) from error
    if as_bool(body.get("withVariablesInReturn")):
        return answer(write_variables(services.runs.variables(after)))
    return Answer(204)


def _typed(old: Variables, new: Variables) -> Variables:
    """Answer new variables with the types of all that there will be."""
    types = with_variables(old, new).get(TYPES)
    return {name: value for name, value in new.items() if name != TYPES} | ({TYPES: types} if types else {})


def _gone(task_id: str) -> RestartError:
    return EngineRefusal(
        500, REST, f"Cannot complete task {task_id}: Cannot find task with id {task_id}: task is null", 0
    )


def _suspended(task_id: str) -> RestartError:
    said = f"ENGINE-03043 task with id '{task_id}' is suspended."
    return EngineRefusal(500, REST, f"Cannot complete task {task_id}: {said}", 0)


_ONE = "/task/{id}"
OPERATIONS = (
    listing("/task", listed, "List user tasks that are open", list[TaskDto], list_parameters(_FILTERS, _SORTED_BY)),
    counting("/task/count", counted, "Count user tasks that are open", parameters_of(_FILTERS)),
    showing(_ONE, show, "Show a user task that is open", TaskDto),
    Operation(
        Route("POST", f"{_ONE}/complete", Scope.WRITE, complete, ANY_TYPE, FREE),
        "Complete a user task with variables, and answer those of its instance, if they are wished for",
        answers={200: (dict[str, VariableValueDto],), 204: ()},
        body=body_of("CompleteTaskDto", {"variables": VALUES | None, "withVariablesInReturn": bool | None}),
        is_body_needed=False,
    ),
)
