"""A run as a process instance that goes on: its row, and the tree of its activities."""

from typing import Any

from chalicelib.core.definitions import (
    Activity,
    Definition,
    EndEvent,
    ExclusiveGateway,
    ParallelGateway,
    ServiceTask,
    StartEvent,
    SubProcess,
    Timer,
    UserTask,
)
from chalicelib.core.ids import AccountId, derived_uuid
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Run
from chalicelib.core.state import State, Token
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
_ROOT = 0


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
        "suspended": False,
        "tenantId": name.tenant,
        "definitionKey": name.key,
    }


def activity_type(activity: Activity) -> str:
    """Name what an activity is, as Camunda does."""
    return _TYPES[type(activity.kind)]


def write_tree(run: Run, definition: Definition, state: State) -> Told:
    """Write the activities in which an instance stands, each within its sub-process."""
    definition_id = write_definition_id(run.account, run.definition, run.version)
    own = {
        "id": run.id,
        "parentActivityInstanceId": None,
        "activityId": definition_id,
        "activityType": "processDefinition",
        "activityName": definition.name or None,
        "name": definition.name or None,
    }
    return _node(run, definition_id, own, _children(run, definition, state, _ROOT, run.id))


def _children(run: Run, definition: Definition, state: State, scope: int, parent: str) -> list[Told]:
    return [
        _of_token(run, definition, state, token, parent)
        for token in sorted(state.tokens.values(), key=lambda token: token.id)
        if token.scope == scope
    ]


def _of_token(run: Run, definition: Definition, state: State, token: Token, parent: str) -> Told:
    activity = definition.activities[token.activity]
    own_id = f"{activity.id}:{derived_uuid(run.id, 'token', str(token.id))}"
    own = {
        "id": own_id,
        "parentActivityInstanceId": parent,
        "activityId": activity.id,
        "activityType": activity_type(activity),
        "activityName": activity.name or None,
        "name": activity.name or None,
    }
    held = [scope.id for scope in state.scopes.values() if scope.holder == token.id]
    inside = [child for scope in held for child in _children(run, definition, state, scope, own_id)]
    return _node(run, write_definition_id(run.account, run.definition, run.version), own, inside)


def _node(run: Run, definition_id: str, own: Told, children: list[Told]) -> Told:
    return {
        **own,
        "processInstanceId": run.id,
        "processDefinitionId": definition_id,
        "childActivityInstances": children,
        "childTransitionInstances": [],
        "executionIds": [run.id],
        "incidentIds": [],
        "incidents": [],
    }
