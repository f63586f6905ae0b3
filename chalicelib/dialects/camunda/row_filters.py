"""Filters of the rows that one instance's journal tells of (activity instances, variables, updates), and jobs'."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.dialects.camunda.dates import read_date
from chalicelib.dialects.camunda.history_rows import Row
from chalicelib.dialects.camunda.query_fields import Fields, Kind, read_fields
from chalicelib.dialects.camunda.reading import is_like
from chalicelib.dialects.camunda.refusals import invalid


@dataclass(frozen=True, slots=True)
class RowFilter:
    kind: Kind
    holds: Callable[[Any, Row], bool]


RowFilters = Mapping[str, RowFilter]


def _same(column: str) -> RowFilter:
    return RowFilter(Kind.TEXT, lambda wanted, row: row[column] == wanted)


def _one_of(column: str) -> RowFilter:
    return RowFilter(Kind.TEXTS, lambda wanted, row: row[column] in wanted)


def _like(column: str) -> RowFilter:
    return RowFilter(Kind.TEXT, lambda wanted, row: is_like(row[column], wanted))


def _is(column: str, *values: object) -> RowFilter:
    return RowFilter(Kind.FLAG, lambda _, row: row[column] in values)


def _has(column: str) -> RowFilter:
    return RowFilter(Kind.FLAG, lambda _, row: row[column] is not None)


def _from(column: str) -> RowFilter:
    return RowFilter(Kind.DATE, lambda wanted, row: row[column] is not None and read_date(row[column]) >= wanted)


def _until(column: str) -> RowFilter:
    return RowFilter(Kind.DATE, lambda wanted, row: row[column] is not None and read_date(row[column]) <= wanted)


_NOBODY = RowFilter(Kind.TEXT, lambda _, _row: False)
_NO_LIST = RowFilter(Kind.TEXTS, lambda _, _row: False)
_NOTHING = RowFilter(Kind.FLAG, lambda _, _row: False)
_EVERYTHING = RowFilter(Kind.FLAG, lambda _, _row: True)
_OF_ALL: RowFilters = {
    "processDefinitionId": _same("processDefinitionId"),
    "processDefinitionKey": _same("processDefinitionKey"),
    "executionId": _same("executionId"),
    "executionIdIn": _one_of("executionId"),
    "activityInstanceIdIn": _one_of("activityInstanceId"),
    "caseInstanceId": _NOBODY,
    "caseExecutionId": _NOBODY,
    "caseExecutionIdIn": _NO_LIST,
    "tenantIdIn": _one_of("tenantId"),
    "withoutTenantId": _is("tenantId", None),
}

ACTIVITIES: RowFilters = {
    **_OF_ALL,
    "activityInstanceId": _same("id"),
    "activityInstanceIdIn": _one_of("id"),
    "activityId": _same("activityId"),
    "activityIdIn": _one_of("activityId"),
    "activityName": _same("activityName"),
    "activityNameLike": _like("activityName"),
    "activityType": _same("activityType"),
    "taskAssignee": _NOBODY,
    "finished": _has("endTime"),
    "unfinished": _is("endTime", None),
    "canceled": _is("canceled", True),
    "completeScope": _is("completeScope", True),
    "startedAfter": _from("startTime"),
    "startedBefore": _until("startTime"),
    "finishedAfter": _from("endTime"),
    "finishedBefore": _until("endTime"),
}
VARIABLES: RowFilters = {
    **_OF_ALL,
    "variableNameIn": _one_of("name"),
    "variableNameLike": _like("name"),
    "variableTypeIn": RowFilter(Kind.TEXTS, lambda wanted, row: row["type"].lower() in {one.lower() for one in wanted}),
    "taskIdIn": _NO_LIST,
    "caseActivityIdIn": _NO_LIST,
}
UPDATES: RowFilters = {
    **_OF_ALL,
    "activityInstanceId": _same("activityInstanceId"),
    "variableInstanceId": _same("variableInstanceId"),
    "variableInstanceIdIn": _one_of("variableInstanceId"),
    "variableNameLike": _like("variableName"),
    "variableTypeIn": RowFilter(
        Kind.TEXTS, lambda wanted, row: row["variableType"].lower() in {one.lower() for one in wanted}
    ),
    "taskId": _NOBODY,
    "userOperationId": _NOBODY,
    "variableUpdates": _EVERYTHING,
    "formFields": _NOTHING,
    "excludeTaskDetails": _EVERYTHING,
    "initial": _is("initial", True),
    "occurredAfter": _from("time"),
    "occurredBefore": _until("time"),
}
JOB_LOG: RowFilters = {
    "logId": _same("id"),
    "jobId": _same("jobId"),
    "jobExceptionMessage": _same("jobExceptionMessage"),
    "jobDefinitionId": _same("jobDefinitionId"),
    "jobDefinitionType": _same("jobDefinitionType"),
    "jobDefinitionConfiguration": _same("jobDefinitionConfiguration"),
    "activityIdIn": _one_of("activityId"),
    "failedActivityIdIn": _one_of("failedActivityId"),
    "executionIdIn": _one_of("executionId"),
    "processInstanceId": _same("processInstanceId"),
    "processDefinitionId": _same("processDefinitionId"),
    "processDefinitionKey": _same("processDefinitionKey"),
    "tenantIdIn": _one_of("tenantId"),
    "withoutTenantId": _is("tenantId", None),
}

INSTANCE_IDS: Mapping[str, Kind] = {"processInstanceId": Kind.TEXT, "processInstanceIdIn": Kind.TEXTS}
"""Whose rows: one of these is needed."""


def kinds_of(filters: RowFilters) -> Mapping[str, Kind]:
    return {name: one.kind for name, one in filters.items()}


def read_row_filters(given: Fields, filters: RowFilters) -> Callable[[Row], bool]:
    """Answer which rows are meant."""
    asked = read_fields(given, kinds_of(filters))
    return lambda row: all(filters[name].holds(wanted, row) for name, wanted in asked.items())


def read_instance_ids(given: Fields, most: int) -> list[str]:
    """Answer whose rows are asked for; raise a refusal unless it says so, and names no more than so many."""
    asked = read_fields(given, INSTANCE_IDS)
    one, many = asked.get("processInstanceId"), asked.get("processInstanceIdIn")
    if one is None and many is None:
        raise invalid("A processInstanceId, or processInstanceIdIn, is required: history is kept by process instance.")
    ids = {one} if many is None else set(many) if one is None else {one} & many
    if len(ids) > most:
        raise invalid(f"processInstanceIdIn names {len(ids)} process instances; {most} is the most.")
    return sorted(id_ for id_ in ids if id_ is not None)
