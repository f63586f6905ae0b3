"""Jobs of batches, their job definitions, and the incidents of those that have no retries left.

Names are spoken: `{batch}.{index}` is a job, `{batch}.seed.job` the one that makes jobs, `{batch}.execution` a job
definition, `{job}.incident` an incident. So each leads to its batch, and nothing has to be searched for.
"""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from chalicelib.core.access import Scope
from chalicelib.core.batches import Batch, Job
from chalicelib.dialects.camunda.batch_answers import (
    EXECUTION,
    MONITOR,
    SEED,
    IncidentDto,
    JobDefinitionDto,
    JobDto,
    failure_message,
    write_incident,
    write_job,
    write_job_definition,
    write_own_job,
)
from chalicelib.dialects.camunda.batches import running
from chalicelib.dialects.camunda.operations import FREE, Handler, counting, deleting, listing, showing
from chalicelib.dialects.camunda.queries import (
    Filter,
    Row,
    equal,
    filtered,
    flag,
    list_parameters,
    one_of,
    parameters_of,
    refuse_unknown_answers,
    windowed,
)
from chalicelib.dialects.camunda.reading import Parameters, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal, engine, invalid, malformed, not_found
from chalicelib.dialects.camunda.wire_types import body_of
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation, Text
from chalicelib.dialects.services import Services
from chalicelib.service.batches import MAX_RETRIES, BatchNotFound

MOST = 20_000  # jobs that one list looks through
_PAGE = 500
_PARTS = (SEED, MONITOR, EXECUTION)
_OWN = ".job"

_FILTERS: tuple[Filter, ...] = (
    equal("jobId", "id"),
    one_of("jobIds", "id"),
    equal("jobDefinitionId", "jobDefinitionId"),
    equal("batchId", "batchId"),
    equal("processInstanceId", "processInstanceId"),
    equal("processDefinitionId", "processDefinitionId"),
    equal("processDefinitionKey", "processDefinitionKey"),
    equal("activityId", "failedActivityId"),
    equal("exceptionMessage", "exceptionMessage"),
    one_of("tenantIdIn", "tenantId"),
    flag("withoutTenantId", lambda row: row["tenantId"] is None),
    flag("withException", lambda row: row["exceptionMessage"] is not None),
    flag("noRetriesLeft", lambda row: row["retries"] == 0),
    flag("withRetriesLeft", lambda row: row["retries"] > 0),
    flag("suspended", lambda row: row["suspended"] is True),
    flag("active", lambda row: row["suspended"] is False),
    flag("messages", lambda row: row["dueDate"] is None),
    flag("timers", lambda row: row["dueDate"] is not None),
    flag("executable", lambda row: row["retries"] > 0 and not row["suspended"]),
)
_REFUSED = ("executionId", "failedActivityId", "dueDates", "createTimes", "priorityLowerThanOrEquals")
_SORTED_BY = {
    "jobId": "id",
    "jobRetries": "retries",
    "jobDueDate": "dueDate",
    "jobPriority": "priority",
    "tenantId": "tenantId",
    "executionId": "executionId",
    "processInstanceId": "processInstanceId",
    "processDefinitionId": "processDefinitionId",
    "processDefinitionKey": "processDefinitionKey",
}


# -- jobs


def listed(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer(windowed(_rows(services, call, given), given, _SORTED_BY))


def count(services: Services, call: Call) -> Answer:
    return answer({"count": len(_rows(services, call, Parameters(call.query)))})


def _rows(services: Services, call: Call, given: Parameters) -> list[Row]:
    refuse_unknown_answers(given, _REFUSED)
    rows: list[Row] = []
    for batch in _batches(
        services, call, given.text("jobDefinitionId") or given.text("jobId") or given.text("batchId")
    ):
        part = MONITOR if batch.is_seeded else SEED
        rows.append(write_own_job(batch, part))
        rows += [write_job(batch, job) for job in _jobs(services, batch)]
        if len(rows) > MOST:
            raise invalid(f"There are more than {MOST} jobs. Ask for those of one batch, by its jobDefinitionId.")
    return filtered(rows, given, _FILTERS)


def _batches(services: Services, call: Call, name: str | None) -> Iterator[Batch]:
    """Go through the batches that run, or the only one that a name speaks of."""
    if name is None:
        yield from running(services, call)
        return
    batch = _batch(services, call, name.partition(".")[0])
    if batch is not None:
        yield batch


def _batch(services: Services, call: Call, batch_id: str) -> Batch | None:
    try:
        batch = services.batches.load(call.account, batch_id)
    except BatchNotFound:
        return None
    return None if batch.is_over else batch


def _jobs(services: Services, batch: Batch) -> Iterator[Job]:
    after = -1
    while page := services.batches.jobs(batch, after=after, limit=_PAGE):
        yield from page
        after = page[-1].index


def _find(services: Services, call: Call, job_id: str) -> tuple[Batch, Job | str] | None:
    """Answer a job and its batch; of a batch's own job, the part of the batch that it is."""
    batch_id, _, name = job_id.partition(".")
    if name.isascii() and name.isdecimal() and len(name) <= 8:  # noqa: PLR2004 - as many as rows have
        return services.batches.job(call.account, batch_id, int(name))
    batch = _batch(services, call, batch_id)
    if batch is None or name != (MONITOR if batch.is_seeded else SEED) + _OWN:
        return None
    return batch, name.removesuffix(_OWN)


def _load(services: Services, call: Call, absent: EngineRefusal) -> tuple[Batch, Job | str]:
    found = _find(services, call, call.params["id"])
    if found is None:
        raise absent
    return found


def _absent(call: Call) -> EngineRefusal:
    return not_found(f"Job with id {call.params['id']} does not exist")


def show(services: Services, call: Call) -> Answer:
    batch, job = _load(services, call, _absent(call))
    return answer(write_own_job(batch, job) if isinstance(job, str) else write_job(batch, job))


def stacktrace(services: Services, call: Call) -> Answer:
    """Show why a job failed last: there is no more to it than the message."""
    batch, job = _load(services, call, not_found(f"No job found with id {call.params['id']}", 0))
    text = None if isinstance(job, str) else failure_message(batch, job.failure)
    return Answer(200, text or "", {"Content-Type": "text/plain"})


def execute(services: Services, call: Call) -> Answer:
    """Do a job in this request; whatever the engine refuses is 404 here."""
    job_id = call.params["id"]
    batch, job = _load(services, call, not_found(f"No job found with id '{job_id}'", 0))
    if isinstance(job, str):
        services.batch_worker.advance(batch)
        return Answer(204)
    failure = services.batch_worker.execute(batch, job)
    if failure is not None:
        raise not_found(failure_message(batch, failure) or failure.message, 0)
    return Answer(204)


def set_retries(services: Services, call: Call) -> Answer:
    job_id, retries = call.params["id"], _retries(call)
    absent = EngineRefusal(404, "InvalidRequestException", f"No job found with id '{job_id}'.", 0)
    batch, job = _load(services, call, absent)
    if not isinstance(job, str) and not services.batches.set_retries(batch, job.index, retries):
        raise absent
    return Answer(204)


def _retries(call: Call) -> int:
    body = read_object(call)
    retries = None if body is None else body.get("retries")
    if type(retries) is not int:
        raise malformed()
    if retries < 0:
        told = f"The number of job retries must be a non-negative Integer, but '{retries}' has been provided."
        raise engine(told)
    return retries


def delete(services: Services, call: Call) -> Answer:
    job_id = call.params["id"]
    absent = EngineRefusal(404, "InvalidRequestException", f"Job with id {job_id} does not exist")
    batch, job = _load(services, call, absent)
    if isinstance(job, str):
        raise invalid(f"The job '{job_id}' is what its batch goes on by: delete the batch instead.")
    if not services.batches.delete_job(batch, job.index):
        raise absent
    return Answer(204)


# -- job definitions

_DEFINITION_FILTERS: tuple[Filter, ...] = (
    equal("jobDefinitionId", "id"),
    equal("jobType", "jobType"),
    equal("jobConfiguration", "jobConfiguration"),
    one_of("activityIdIn", "activityId"),
    equal("processDefinitionId", "processDefinitionId"),
    equal("processDefinitionKey", "processDefinitionKey"),
    one_of("tenantIdIn", "tenantId"),
    flag("withoutTenantId", lambda row: row["tenantId"] is None),
    flag("suspended", lambda row: row["suspended"] is True),
    flag("active", lambda row: row["suspended"] is False),
)
_DEFINITIONS_SORTED_BY = {
    "jobDefinitionId": "id",
    "jobType": "jobType",
    "jobConfiguration": "jobConfiguration",
    "tenantId": "tenantId",
}


def list_definitions(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer(windowed(_definitions(services, call, given), given, _DEFINITIONS_SORTED_BY))


def count_definitions(services: Services, call: Call) -> Answer:
    return answer({"count": len(_definitions(services, call, Parameters(call.query)))})


def _definitions(services: Services, call: Call, given: Parameters) -> list[Row]:
    batches = _batches(services, call, given.text("jobDefinitionId") or given.text("jobConfiguration"))
    rows = [write_job_definition(batch, part) for batch in batches for part in _PARTS]
    return filtered(rows, given, _DEFINITION_FILTERS)


def _find_definition(services: Services, call: Call) -> tuple[Batch, str] | None:
    batch_id, _, part = call.params["id"].partition(".")
    batch = _batch(services, call, batch_id) if part in _PARTS else None
    return None if batch is None else (batch, part)


def show_definition(services: Services, call: Call) -> Answer:
    found = _find_definition(services, call)
    if found is None:
        raise not_found(f"Job Definition with id {call.params['id']} does not exist")
    return answer(write_job_definition(*found))


def set_definition_retries(services: Services, call: Call) -> Answer:
    retries, found = _retries(call), _find_definition(services, call)
    if found is None:
        absent = f"Job definition with id '{call.params['id']}' does not exist: jobDefinition is null"
        raise EngineRefusal(404, "InvalidRequestException", absent, 0)
    batch, part = found
    if part == EXECUTION:
        for job in _jobs(services, batch):
            if not job.retries:
                services.batches.set_retries(batch, job.index, retries)
    return Answer(204)


# -- incidents

_INCIDENT_FILTERS: tuple[Filter, ...] = (
    equal("incidentId", "id"),
    equal("incidentType", "incidentType"),
    equal("incidentMessage", "incidentMessage"),
    equal("processDefinitionId", "processDefinitionId"),
    one_of("processDefinitionKeyIn", "processDefinitionId"),
    equal("processInstanceId", "processInstanceId"),
    equal("executionId", "executionId"),
    equal("activityId", "activityId"),
    equal("failedActivityId", "failedActivityId"),
    equal("causeIncidentId", "causeIncidentId"),
    equal("rootCauseIncidentId", "rootCauseIncidentId"),
    equal("configuration", "configuration"),
    one_of("tenantIdIn", "tenantId"),
    one_of("jobDefinitionIdIn", "jobDefinitionId"),
)
_INCIDENTS_SORTED_BY = {
    "incidentId": "id",
    "incidentMessage": "incidentMessage",
    "incidentTimestamp": "incidentTimestamp",
    "incidentType": "incidentType",
    "configuration": "configuration",
    "tenantId": "tenantId",
}


def list_incidents(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer(windowed(_incidents(services, call, given), given, _INCIDENTS_SORTED_BY))


def count_incidents(services: Services, call: Call) -> Answer:
    return answer({"count": len(_incidents(services, call, Parameters(call.query)))})


def _incidents(services: Services, call: Call, given: Parameters) -> list[Row]:
    rows = [
        write_incident(batch, job)
        for batch in running(services, call)
        for job in _jobs(services, batch)
        if not job.retries
    ]
    return filtered(rows, given, _INCIDENT_FILTERS)


def show_incident(services: Services, call: Call) -> Answer:
    incident = call.params["id"]
    found = _find(services, call, incident.removesuffix(".incident")) if incident.endswith(".incident") else None
    if found is None or isinstance(found[1], str) or found[1].retries:
        raise not_found(f"No matching incident with id {incident}")
    return answer(write_incident(found[0], found[1]))


_JOB, _DEFINITION = "/job/{id}", "/job-definition/{id}"
_RETRIES = body_of("RetriesDto", {"retries": Annotated[int, Meta(ge=0, le=MAX_RETRIES)]}, needed=("retries",))


def _retrying(path: str, handler: Handler, summary: str) -> Operation:
    route = Route("PUT", path, Scope.RESTART, handler, ANY_TYPE, FREE)
    return Operation(route, summary, answers={204: ()}, body=_RETRIES)


OPERATIONS = (
    listing("/job", listed, "List the jobs of batches", list[JobDto], list_parameters(_FILTERS, _SORTED_BY)),
    counting("/job/count", count, "Count the jobs of batches", parameters_of(_FILTERS)),
    showing(_JOB, show, "Show a job of a batch", JobDto),
    showing(f"{_JOB}/stacktrace", stacktrace, "Say why a job failed last", Text(("text/plain",))),
    Operation(
        Route("POST", f"{_JOB}/execute", Scope.RESTART, execute, ANY_TYPE, FREE),
        "Do a job at once, in this request",
        answers={204: ()},
    ),
    _retrying(f"{_JOB}/retries", set_retries, "Give a job so many retries"),
    deleting(_JOB, delete, "Take a job away undone", Scope.RESTART),
    listing(
        "/job-definition",
        list_definitions,
        "List the job definitions of batches",
        list[JobDefinitionDto],
        list_parameters(_DEFINITION_FILTERS, _DEFINITIONS_SORTED_BY),
    ),
    counting(
        "/job-definition/count",
        count_definitions,
        "Count the job definitions of batches",
        parameters_of(_DEFINITION_FILTERS),
    ),
    showing(_DEFINITION, show_definition, "Show a job definition of a batch", JobDefinitionDto),
    _retrying(
        f"{_DEFINITION}/retries",
        set_definition_retries,
        "Give every job of a job definition that has no retries left so many",
    ),
    listing(
        "/incident",
        list_incidents,
        "List the incidents of jobs that have no retries left",
        list[IncidentDto],
        list_parameters(_INCIDENT_FILTERS, _INCIDENTS_SORTED_BY),
    ),
    counting(
        "/incident/count",
        count_incidents,
        "Count the incidents of jobs that have no retries left",
        parameters_of(_INCIDENT_FILTERS),
    ),
    showing("/incident/{id}", show_incident, "Show the incident of a job that has no retries left", IncidentDto),
)
