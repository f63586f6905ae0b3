"""The filters of the historic process instance query: one row of a table each.

| of Camunda's           | of ours                                                                              |
|------------------------|--------------------------------------------------------------------------------------|
| state                  | `STATES`; ACTIVE is whatever has not ended; no run of ours is ever suspended         |
| super and sub instance | runs start no runs: there are none                                                   |
| cases                  | there are none                                                                       |
| incident               | a failed run has one, of type `failedJob`, which ended with it: not open, not solved |
| job that is retried    | an action that was tried in vain and will be tried again                             |
| executed activity      | a visit that the journal tells of (journal_visits.py)                                |
| active activity        | where a token stands                                                                 |

A filter that these data cannot answer is refused, never passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from chalicelib.core.causes import Cause
from chalicelib.core.definitions import ServiceTask, Timer, UserTask
from chalicelib.core.ids import ActivityId
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.camunda.ids import name_of, tenant_of, write_definition_id
from chalicelib.dialects.camunda.query_fields import Kind
from chalicelib.dialects.camunda.reading import is_like
from chalicelib.dialects.camunda.refusals import invalid
from chalicelib.dialects.camunda.run_records import Subject

State = Literal["ACTIVE", "SUSPENDED", "COMPLETED", "EXTERNALLY_TERMINATED", "INTERNALLY_TERMINATED"]
STATES: Mapping[RunStatus, State] = {
    RunStatus.PENDING: "ACTIVE",
    RunStatus.RUNNING: "ACTIVE",
    RunStatus.WAITING: "ACTIVE",
    RunStatus.PAUSED: "SUSPENDED",
    RunStatus.COMPLETED: "COMPLETED",
    RunStatus.CANCELED: "EXTERNALLY_TERMINATED",
    RunStatus.FAILED: "INTERNALLY_TERMINATED",
}
STATE_FLAGS: Mapping[str, State] = {
    "active": "ACTIVE",
    "suspended": "SUSPENDED",
    "completed": "COMPLETED",
    "externallyTerminated": "EXTERNALLY_TERMINATED",
    "internallyTerminated": "INTERNALLY_TERMINATED",
}
REFUSED: Mapping[str, Kind] = {
    "executedJobAfter": Kind.DATE,
    "executedJobBefore": Kind.DATE,
    "incidentIdIn": Kind.TEXTS,
}
"""What our data cannot tell."""

_INCIDENT = "failedJob"
_RECORDED = ServiceTask | UserTask | Timer


class Needs(IntEnum):
    """How much must be read of a run to say whether it is meant; each takes more time than the one before."""

    SUMMARY = 0
    DEFINITION = 1
    HEAD = 2
    JOURNAL = 3


@dataclass(frozen=True, slots=True)
class Filter:
    kind: Kind
    needs: Needs
    holds: Callable[[Any, Subject], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a run."""

    needs: Needs
    holds: Callable[[Subject], bool]


def started_by(cause: Cause) -> str | None:
    """Name who started a run; a batch's job does so for nobody."""
    return None if cause.batch else cause.actor


def _none(_wanted: Any, _one: Subject) -> bool:
    return False


def _has_state(state: str) -> Callable[[Any, Subject], bool]:
    return lambda _, one: STATES[one.run.status] == state


def _has_failed(_wanted: Any, one: Subject) -> bool:
    return one.run.failure is not None


def _has_incident_of_status(wanted: str, one: Subject) -> bool:
    """Say whether there is an incident of a status; one that Camunda does not know only asks for an incident."""
    return wanted not in {"open", "resolved"} and _has_failed(wanted, one)


def _key(one: Subject) -> str:
    return name_of(one.run.definition, 0).key


def _has_definition_id(wanted: str, one: Subject) -> bool:
    if not wanted.startswith(f"{_key(one)}:{one.run.version or 0}:"):
        return False
    return wanted == write_definition_id(one.records.account, one.run.definition, one.run.version)


def _is_tried_again(_wanted: Any, one: Subject) -> bool:
    return not one.run.status.is_ended and any(tries.count for tries in one.head.tries.values())


def _has_executed(wanted: frozenset[str], one: Subject) -> bool:
    _check_recorded(wanted, one)
    return any(visit.activity in wanted and visit.ended_at is not None for visit in one.visits)


def _check_recorded(wanted: frozenset[str], one: Subject) -> None:
    """Raise a refusal for activities of a run's definition that leave nothing in its journal."""
    definition = one.records.definition(one.run)
    for id_ in sorted(wanted):
        activity = definition.activities.get(ActivityId(id_)) if definition else None
        if activity is not None and not isinstance(activity.kind, _RECORDED):
            raise invalid(f"Whether '{id_}' was executed is not recorded: executedActivityIdIn takes tasks and timers.")


def _has_ended_visit(holds: Callable[[int], bool], one: Subject) -> bool:
    return any(visit.ended_at is not None and holds(visit.ended_at) for visit in one.visits)


def _ended(holds: Callable[[int, int], bool]) -> Callable[[int, Subject], bool]:
    return lambda wanted, one: one.run.ended_at is not None and holds(one.run.ended_at, wanted)


def _text(holds: Callable[[Any, Subject], bool], needs: Needs = Needs.SUMMARY) -> Filter:
    return Filter(Kind.TEXT, needs, holds)


def _texts(holds: Callable[[Any, Subject], bool], needs: Needs = Needs.SUMMARY) -> Filter:
    return Filter(Kind.TEXTS, needs, holds)


def _flag(holds: Callable[[Any, Subject], bool], needs: Needs = Needs.SUMMARY) -> Filter:
    return Filter(Kind.FLAG, needs, holds)


def _date(holds: Callable[[Any, Subject], bool], needs: Needs = Needs.SUMMARY) -> Filter:
    return Filter(Kind.DATE, needs, holds)


FILTERS: Mapping[str, Filter] = {
    "processInstanceId": _text(lambda wanted, one: one.run.id == wanted),
    "processInstanceIds": _texts(lambda wanted, one: one.run.id in wanted),
    "processInstanceIdNotIn": _texts(lambda wanted, one: one.run.id not in wanted),
    "rootProcessInstanceId": _text(lambda wanted, one: one.run.id == wanted),
    "superProcessInstanceId": _text(_none),
    "subProcessInstanceId": _text(_none),
    "rootProcessInstances": _flag(lambda _, _one: True),
    "caseInstanceId": _text(_none),
    "superCaseInstanceId": _text(_none),
    "subCaseInstanceId": _text(_none),
    "processDefinitionId": _text(_has_definition_id),
    "processDefinitionKey": _text(lambda wanted, one: _key(one) == wanted),
    "processDefinitionKeyIn": _texts(lambda wanted, one: _key(one) in wanted),
    "processDefinitionKeyNotIn": _texts(lambda wanted, one: _key(one) not in wanted),
    "processDefinitionName": _text(lambda wanted, one: one.records.name(one.run) == wanted, Needs.DEFINITION),
    "processDefinitionNameLike": _text(
        lambda wanted, one: is_like(one.records.name(one.run), wanted), Needs.DEFINITION
    ),
    "processInstanceBusinessKey": _text(lambda wanted, one: one.run.business_key == wanted),
    "processInstanceBusinessKeyIn": _texts(lambda wanted, one: one.run.business_key in wanted),
    "processInstanceBusinessKeyLike": _text(lambda wanted, one: is_like(one.run.business_key, wanted)),
    "finished": _flag(lambda _, one: one.run.status.is_ended),
    "unfinished": _flag(lambda _, one: not one.run.status.is_ended),
    **{name: _flag(_has_state(state)) for name, state in STATE_FLAGS.items()},
    "startedAfter": _date(lambda wanted, one: one.run.created_at >= wanted),
    "startedBefore": _date(lambda wanted, one: one.run.created_at <= wanted),
    "finishedAfter": _date(_ended(lambda at, wanted: at >= wanted)),
    "finishedBefore": _date(_ended(lambda at, wanted: at <= wanted)),
    "startedBy": _text(lambda wanted, one: started_by(one.run.lineage.cause) == wanted),
    "tenantIdIn": _texts(lambda wanted, one: tenant_of(one.run.definition) in wanted),
    "withoutTenantId": _flag(lambda _, one: tenant_of(one.run.definition) is None),
    "withIncidents": _flag(_has_failed),
    "withRootIncidents": _flag(_has_failed),
    "incidentType": _text(lambda wanted, one: wanted == _INCIDENT and _has_failed(wanted, one)),
    "incidentStatus": _text(_has_incident_of_status),
    "incidentMessage": _text(lambda wanted, one: one.run.failure is not None and one.run.failure.message == wanted),
    "incidentMessageLike": _text(
        lambda wanted, one: one.run.failure is not None and is_like(one.run.failure.message, wanted)
    ),
    "withJobsRetrying": _flag(_is_tried_again, Needs.HEAD),
    "executedActivityAfter": _date(lambda wanted, one: _has_ended_visit(lambda at: at >= wanted, one), Needs.JOURNAL),
    "executedActivityBefore": _date(lambda wanted, one: _has_ended_visit(lambda at: at <= wanted, one), Needs.JOURNAL),
    "executedActivityIdIn": _texts(_has_executed, Needs.JOURNAL),
    "activeActivityIdIn": _texts(lambda wanted, one: not one.active.isdisjoint(wanted), Needs.JOURNAL),
    "activityIdIn": _texts(lambda wanted, one: not one.active.isdisjoint(wanted), Needs.JOURNAL),
}
NEVER = frozenset(name for name, one in FILTERS.items() if one.holds is _none)
"""The filters that no run of ours passes."""


def last_variables(run: Run) -> dict[str, Any]:
    """Answer a run's variables as its head has them, and those of its input that it has taken away since."""
    return {**run.input, **run.variables}
