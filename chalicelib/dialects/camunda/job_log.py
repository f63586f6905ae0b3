"""The log of batches' jobs: that each was created, failed, succeeded or was deleted, from the rows that say so.

A log's id begins with its job's, as a job's does with its batch's, so each can be found by its name.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict

from chalicelib.core.access import Scope
from chalicelib.core.batches import Batch
from chalicelib.core.job_logs import CREATION, ENDING, JobEntry, JobEvent
from chalicelib.dialects.camunda.batch_answers import (
    EXECUTION,
    MONITOR,
    SEED,
    failure_message,
    job_definition_id,
    job_type,
    tenant_of_batch,
)
from chalicelib.dialects.camunda.batches import every_batch
from chalicelib.dialects.camunda.dates import write_date
from chalicelib.dialects.camunda.operations import FREE, CountResultDto, asking, counting, listing, query_route, showing
from chalicelib.dialects.camunda.queries import nulls_first, shown
from chalicelib.dialects.camunda.query_fields import Fields, JsonFields, Kind, UrlFields, fields_of, parameters_of
from chalicelib.dialects.camunda.query_sorting import read_order, sorting_fields
from chalicelib.dialects.camunda.reading import Parameters, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid, not_found
from chalicelib.dialects.camunda.row_filters import JOB_LOG, kinds_of, read_row_filters
from chalicelib.dialects.camunda.wire_types import WINDOW, Date, body_of, sorting
from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation, Text
from chalicelib.dialects.services import Services
from chalicelib.service.batches import BatchNotFound

Row = Mapping[str, Any]

MOST = 20_000  # rows that one query may mean
MOST_ROWS = 2_000  # of one answer
_STATES = ("creationLog", "failureLog", "successLog", "deletionLog")
_REFUSED = ("deploymentId", "hostname", "jobPriorityLowerThanOrEquals", "jobPriorityHigherThanOrEquals")
"""Batch jobs have deployments, priorities and hosts in Camunda; here nothing is known of them."""
_NAMING = ("logId", "jobId", "jobDefinitionId", "jobDefinitionConfiguration")
"""Each leads to a batch; the first two to one of its jobs."""
_ALIKE = (
    *("jobId", "jobDueDate", "jobRetries", "jobPriority", "jobDefinitionId", "activityId", "executionId"),
    *("processInstanceId", "processDefinitionId", "processDefinitionKey", "deploymentId", "tenantId"),
)
_SORTED_BY = {**{name: name for name in _ALIKE}, "timestamp": "_at", "occurrence": "_at", "hostname": "hostname"}


# -- rows


class HistoricJobLogDto(TypedDict):
    """That a batch's job was created, failed, succeeded or was deleted: one of these four."""

    id: str
    timestamp: Date
    removalTime: None
    jobId: str
    jobDueDate: None
    jobRetries: int
    jobPriority: int
    jobExceptionMessage: str | None
    failedActivityId: None
    jobDefinitionId: str
    jobDefinitionType: str
    jobDefinitionConfiguration: str
    activityId: None
    executionId: None
    processInstanceId: None
    processDefinitionId: None
    processDefinitionKey: None
    deploymentId: None
    rootProcessInstanceId: None
    tenantId: str | None
    hostname: None
    creationLog: bool
    failureLog: bool
    successLog: bool
    deletionLog: bool


def _rows(services: Services, batch: Batch, job: int | None) -> Iterator[Row]:
    """Write what happened to a batch's jobs, or to one of them, in no order."""
    if job is None:
        yield from _own_rows(batch)
    for entry in services.batches.log(batch, job):
        yield _row(batch, EXECUTION, f"{batch.id}.{entry.index}", entry)


def _own_rows(batch: Batch) -> Iterator[Row]:
    """Write what happened to the job that makes a batch's jobs, and to the one that looks whether they are done."""
    lives = [(SEED, batch.created_at, batch.seeded_at)]
    if batch.seeded_at is not None:
        lives.append((MONITOR, batch.seeded_at, None if batch.is_deleted else batch.ended_at))
    for part, created, succeeded in lives:
        job_id = f"{job_definition_id(batch, part)}.job"
        yield _row(batch, part, job_id, JobEntry(0, CREATION, JobEvent.CREATED, created))
        if succeeded is not None:
            yield _row(batch, part, job_id, JobEntry(0, ENDING, JobEvent.DONE, succeeded))
        elif batch.ended_at is not None:
            yield _row(batch, part, job_id, JobEntry(0, ENDING, JobEvent.DELETED, batch.ended_at))


def _row(batch: Batch, part: str, job_id: str, entry: JobEntry) -> Row:
    """Write what happened with the column that is there to be sorted by alone."""
    return {**_write(batch, part, job_id, entry), "_at": entry.at}


def _write(batch: Batch, part: str, job_id: str, entry: JobEntry) -> HistoricJobLogDto:
    return {
        "id": f"{job_id}.{entry.name}",
        "timestamp": write_date(entry.at),
        "removalTime": None,
        "jobId": job_id,
        "jobDueDate": None,
        "jobRetries": entry.retries,
        "jobPriority": 0,
        "jobExceptionMessage": failure_message(batch, entry.failure),
        "failedActivityId": None,
        "jobDefinitionId": job_definition_id(batch, part),
        "jobDefinitionType": job_type(batch, part),
        "jobDefinitionConfiguration": batch.id,
        "activityId": None,
        "executionId": None,
        "processInstanceId": None,
        "processDefinitionId": None,
        "processDefinitionKey": None,
        "deploymentId": None,
        "rootProcessInstanceId": None,
        "tenantId": tenant_of_batch(batch),
        "hostname": None,
        "creationLog": entry.event is JobEvent.CREATED,
        "failureLog": entry.event is JobEvent.FAILED,
        "successLog": entry.event is JobEvent.DONE,
        "deletionLog": entry.event is JobEvent.DELETED,
    }


# -- queries


def _find(services: Services, call: Call, given: Fields) -> list[Row]:
    """Answer the rows that are meant: as they happened, if no other order is asked for."""
    order = read_order(given, frozenset(_SORTED_BY))
    for name in _REFUSED:
        if given.value(name) is not None:
            raise invalid(f"The query parameter '{name}' is not supported")
    is_meant, is_state = read_row_filters(given, JOB_LOG), _state(given)
    order.check()
    rows: list[Row] = []
    for row in _named(services, call, given):
        if is_meant(row) and is_state(row):
            rows.append(row)
        if len(rows) > MOST:
            raise invalid(f"There are more than {MOST} logs. Ask for those of one batch, by its jobDefinitionId.")
    rows.sort(key=lambda row: (row["_at"], row["id"]))
    for one in reversed(order.orders):
        column = _SORTED_BY[one.by]
        rows.sort(key=lambda row: nulls_first(row[column]), reverse=not one.is_ascending)
    return rows


def _state(given: Fields) -> Callable[[Row], bool]:
    """Answer of which state rows are to be: the engine takes the last of several."""
    asked = [state for state in _STATES if given.flag(state)]
    return lambda row: not asked or bool(row[asked[-1]])


def _named(services: Services, call: Call, given: Fields) -> Iterator[Row]:
    """Read the rows of the batches that can be meant, and of one job alone if it is named."""
    names = [name for name in map(given.text, _NAMING) if name is not None]
    if not names:
        for batch in every_batch(services, call):
            if not batch.is_hidden:
                yield from _rows(services, batch, None)
    elif (named := _load(services, call, names[0])) is not None:
        yield from _rows(services, named, _job_of(names[0]))


def _load(services: Services, call: Call, name: str) -> Batch | None:
    """Answer the batch of which a name speaks, if its history is shown."""
    try:
        batch = services.batches.load(call.account, name.partition(".")[0])
    except BatchNotFound:
        return None
    return None if batch.is_hidden else batch


def _job_of(name: str) -> int | None:
    """Answer the job of which a name speaks: `{batch}.{index}`, and what may follow."""
    job = name.partition(".")[2].partition(".")[0]
    is_index = job.isascii() and job.isdecimal() and len(job) <= 8  # noqa: PLR2004 - as many as rows have
    return int(job) if is_index else None


def _body(call: Call) -> JsonFields:
    body = read_object(call)
    if body is None:
        raise EngineRefusal(500, "NullPointerException", "NullPointerException")
    return JsonFields(body)


# -- routes


def _listed(services: Services, call: Call, given: Fields) -> Answer:
    first, most = Parameters(call.query).window(MOST_ROWS)
    return answer([shown(row) for row in _find(services, call, given)[first : first + most]])


def by_url(services: Services, call: Call) -> Answer:
    return _listed(services, call, UrlFields(call.query))


def by_body(services: Services, call: Call) -> Answer:
    return _listed(services, call, _body(call))


def count_by_url(services: Services, call: Call) -> Answer:
    return answer({"count": len(_find(services, call, UrlFields(call.query)))})


def count_by_body(services: Services, call: Call) -> Answer:
    return answer({"count": len(_find(services, call, _body(call)))})


def show(services: Services, call: Call) -> Answer:
    return answer(shown(_one(services, call, f"Historic job log with id {call.params['id']} does not exist")))


def stacktrace(services: Services, call: Call) -> Answer:
    """Show why a job failed: there is no more to it than the message, and none where nothing failed."""
    absent = f"No historic job log found with id {call.params['id']}: historicJobLog is null"
    text = _one(services, call, absent)["jobExceptionMessage"]
    return Answer(204) if text is None else Answer(200, text, {"Content-Type": "text/plain"})


def _one(services: Services, call: Call, absent: str) -> Row:
    name = call.params["id"]
    batch = _load(services, call, name)
    rows = () if batch is None else _rows(services, batch, _job_of(name))
    for row in rows:
        if row["id"] == name:
            return row
    raise not_found(absent)


_PATH = "/history/job-log"
_KINDS = {**kinds_of(JOB_LOG), **dict.fromkeys(_STATES, Kind.FLAG)}
_PARAMETERS = {**parameters_of(_KINDS), **sorting(_SORTED_BY)}
_NAME = "HistoricJobLogQueryDto"
_QUERY = body_of(_NAME, {**fields_of(_KINDS), **sorting_fields(_NAME, _SORTED_BY)})
_BY_BODY = ", by a query in the body"
_SUMMARY = "what happened to the jobs of batches"

OPERATIONS = (
    listing(_PATH, by_url, f"List {_SUMMARY}", list[HistoricJobLogDto], {**_PARAMETERS, **WINDOW}),
    asking(query_route(_PATH, by_body), f"List {_SUMMARY}{_BY_BODY}", list[HistoricJobLogDto], _QUERY, WINDOW),
    counting(f"{_PATH}/count", count_by_url, f"Count {_SUMMARY}", _PARAMETERS),
    asking(query_route(f"{_PATH}/count", count_by_body), f"Count {_SUMMARY}{_BY_BODY}", CountResultDto, _QUERY),
    showing(f"{_PATH}/{{id}}", show, "Show one thing that happened to a job", HistoricJobLogDto),
    Operation(
        Route("GET", f"{_PATH}/{{id}}/stacktrace", Scope.READ, stacktrace, free=FREE),
        "Say why a job failed; nothing, where nothing did",
        answers={200: (Text(("text/plain",)),), 204: ()},
    ),
)
