"""Where an instance stands: its activities, each within its sub-process, and the save points at which it rests."""

from dataclasses import dataclass
from typing import TypedDict

from chalicelib.core.definitions import Definition
from chalicelib.core.ids import derived_uuid
from chalicelib.core.runs import Run
from chalicelib.core.state import ROOT, State, Token
from chalicelib.dialects.camunda.ids import write_definition_id
from chalicelib.dialects.camunda.instances import activity_type
from chalicelib.dialects.camunda.wire_types import Nothing


class _Own(TypedDict):
    id: str
    parentActivityInstanceId: str | None
    activityId: str
    activityType: str
    activityName: str | None
    name: str | None


class TransitionInstanceDto(TypedDict):
    """A save point at which an instance rests, before an activity."""

    id: str
    parentActivityInstanceId: str
    processInstanceId: str
    processDefinitionId: str
    activityId: str
    activityName: str | None
    activityType: str
    targetActivityId: str
    executionId: str
    incidentIds: Nothing
    incidents: Nothing


class ActivityInstanceDto(_Own):
    """An activity in which an instance stands, with what is in its scope; of the whole tree, the instance itself."""

    processInstanceId: str
    processDefinitionId: str
    childActivityInstances: list["ActivityInstanceDto"]
    childTransitionInstances: list[TransitionInstanceDto]
    executionIds: list[str]
    incidentIds: Nothing
    incidents: Nothing


@dataclass(frozen=True, slots=True)
class _Tree:
    run: Run
    definition: Definition
    state: State

    @property
    def definition_id(self) -> str:
        return write_definition_id(self.run.account, self.run.definition, self.run.version)

    def node(self, own: _Own, scope: int | None) -> ActivityInstanceDto:
        """Write an activity instance with what is in its scope, if it has one."""
        tokens = [token for token in self.state.tokens.values() if token.scope == scope]
        tokens.sort(key=lambda token: token.id)
        return {
            **own,
            "processInstanceId": self.run.id,
            "processDefinitionId": self.definition_id,
            "childActivityInstances": [self.of(token, own["id"]) for token in tokens if not token.is_before],
            "childTransitionInstances": [self.before(token, own["id"]) for token in tokens if token.is_before],
            "executionIds": [self.run.id],
            "incidentIds": [],
            "incidents": [],
        }

    def of(self, token: Token, parent: str) -> ActivityInstanceDto:
        activity = self.definition.activities[token.activity]
        own: _Own = {
            "id": f"{activity.id}:{derived_uuid(self.run.id, 'token', str(token.id))}",
            "parentActivityInstanceId": parent,
            "activityId": activity.id,
            "activityType": activity_type(activity),
            "activityName": activity.name or None,
            "name": activity.name or None,
        }
        held = [scope.id for scope in self.state.scopes.values() if scope.holder == token.id]
        return self.node(own, held[0] if held else None)

    def before(self, token: Token, parent: str) -> TransitionInstanceDto:
        """Write a token that rests at a save point: Camunda's engine calls that a transition instance."""
        activity = self.definition.activities[token.activity]
        return {
            "id": derived_uuid(self.run.id, "token", str(token.id)),
            "parentActivityInstanceId": parent,
            "processInstanceId": self.run.id,
            "processDefinitionId": self.definition_id,
            "activityId": activity.id,
            "activityName": activity.name or None,
            "activityType": activity_type(activity),
            "targetActivityId": activity.id,
            "executionId": self.run.id,
            "incidentIds": [],
            "incidents": [],
        }


def write_tree(run: Run, definition: Definition, state: State) -> ActivityInstanceDto:
    """Write the activities in which an instance stands."""
    tree = _Tree(run, definition, state)
    own: _Own = {
        "id": run.id,
        "parentActivityInstanceId": None,
        "activityId": tree.definition_id,
        "activityType": "processDefinition",
        "activityName": definition.name or None,
        "name": definition.name or None,
    }
    return tree.node(own, ROOT)
