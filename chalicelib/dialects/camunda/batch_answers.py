"""Batches, their jobs, job definitions and incidents as Camunda's clients read them: every key, nulls included."""

from typing import Literal, TypedDict, assert_never

from chalicelib.core.batches import Batch, Cancellation, Job, JobFailure, Order
from chalicelib.dialects.camunda.dates import write_date, write_date_or_none
from chalicelib.dialects.camunda.ids import tenant_of
from chalicelib.dialects.camunda.restart_refusals import tell, tell_cancellation
from chalicelib.dialects.camunda.wire_types import Date
from chalicelib.service.batches import Statistics

SEED, MONITOR, EXECUTION = "seed", "monitor", "execution"
_JOB_TYPES = {SEED: "batch-seed-job", MONITOR: "batch-monitor-job"}


class _AnyBatch(TypedDict):
    id: str
    type: str
    totalJobs: int
    batchJobsPerSeed: int
    invocationsPerBatchJob: int
    seedJobDefinitionId: str
    monitorJobDefinitionId: str
    batchJobDefinitionId: str
    tenantId: str | None
    createUserId: str | None
    startTime: Date
    executionStartTime: Date | None


class BatchDto(_AnyBatch):
    """A batch that has not ended."""

    jobsCreated: int
    suspended: bool


class BatchStatisticsDto(BatchDto):
    """A batch that has not ended, and the state of its jobs."""

    remainingJobs: int
    completedJobs: int
    failedJobs: int


class HistoricBatchDto(_AnyBatch):
    """A batch as history keeps it."""

    endTime: Date | None
    removalTime: None


class JobDefinitionDto(TypedDict):
    """What some jobs of a batch have in common."""

    id: str
    processDefinitionId: None
    processDefinitionKey: None
    activityId: None
    jobType: str
    jobConfiguration: str
    overridingJobPriority: None
    suspended: bool
    tenantId: str | None
    deploymentId: None


class _AnyJob(TypedDict):
    jobDefinitionId: str
    processInstanceId: None
    processDefinitionId: None
    processDefinitionKey: None
    executionId: None
    failedActivityId: None
    dueDate: None
    suspended: bool
    priority: int
    tenantId: str | None
    batchId: str


class JobDto(_AnyJob):
    """A job of a batch."""

    id: str
    exceptionMessage: str | None
    retries: int
    createTime: Date


class IncidentDto(TypedDict):
    """What stands open when a job of a batch has no retries left."""

    id: str
    processDefinitionId: None
    processInstanceId: None
    executionId: None
    incidentTimestamp: Date | None
    incidentType: Literal["failedJob"]
    activityId: None
    failedActivityId: None
    causeIncidentId: str
    rootCauseIncidentId: str
    configuration: str
    incidentMessage: str | None
    tenantId: str | None
    jobDefinitionId: str
    annotation: None


def write_batch(batch: Batch) -> BatchDto:
    """Write a batch that has not ended."""
    return {**_write(batch), "jobsCreated": batch.jobs_created, "suspended": batch.is_suspended}


def write_historic_batch(batch: Batch) -> HistoricBatchDto:
    """Write a batch as history keeps it, ended or not."""
    return {**_write(batch), "endTime": write_date_or_none(batch.ended_at), "removalTime": None}


def write_statistics(told: Statistics) -> BatchStatisticsDto:
    return {
        **write_batch(told.batch),
        "remainingJobs": told.remaining,
        "completedJobs": told.completed,
        "failedJobs": told.failed,
    }


def _write(batch: Batch) -> _AnyBatch:
    return {
        "id": batch.id,
        "type": batch.kind.value,
        "totalJobs": batch.jobs,
        "batchJobsPerSeed": batch.per_seed,
        "invocationsPerBatchJob": batch.per_job,
        "seedJobDefinitionId": job_definition_id(batch, SEED),
        "monitorJobDefinitionId": job_definition_id(batch, MONITOR),
        "batchJobDefinitionId": job_definition_id(batch, EXECUTION),
        "tenantId": tenant_of_batch(batch),
        "createUserId": batch.cause.actor,
        "startTime": write_date(batch.created_at),
        "executionStartTime": write_date_or_none(batch.started_at),
    }


def tenant_of_batch(batch: Batch) -> str | None:
    """Name the tenant whose instances are restarted; those that are deleted may be of several."""
    match batch.order:
        case Order() as order:
            return tenant_of(order.definition)
        case Cancellation():
            return None
        case _:
            assert_never(batch.order)


# -- job definitions


def job_definition_id(batch: Batch, part: str) -> str:
    """Name one of the three job definitions of a batch: the batch's id is a part of it."""
    return f"{batch.id}.{part}"


def job_type(batch: Batch, part: str) -> str:
    """Say what the jobs of a job definition do."""
    return _JOB_TYPES.get(part, batch.kind.value)


def write_job_definition(batch: Batch, part: str) -> JobDefinitionDto:
    return {
        "id": job_definition_id(batch, part),
        "processDefinitionId": None,
        "processDefinitionKey": None,
        "activityId": None,
        "jobType": job_type(batch, part),
        "jobConfiguration": batch.id,
        "overridingJobPriority": None,
        "suspended": batch.is_suspended,
        "tenantId": tenant_of_batch(batch),
        "deploymentId": None,
    }


# -- jobs and incidents


def write_job(batch: Batch, job: Job) -> JobDto:
    """Write a job that restarts sources, or ends them."""
    return {
        **_any_job(batch, EXECUTION),
        "id": job.id,
        "exceptionMessage": failure_message(batch, job.failure),
        "retries": job.retries,
        "createTime": write_date(job.created_at),
    }


def write_own_job(batch: Batch, part: str) -> JobDto:
    """Write the job that makes a batch's jobs, or that looks whether they are done."""
    told = _any_job(batch, part)
    return {
        **told,
        "id": f"{told['jobDefinitionId']}.job",
        "exceptionMessage": None,
        "retries": 3,
        "createTime": write_date(batch.created_at),
    }


def _any_job(batch: Batch, part: str) -> _AnyJob:
    return {
        "jobDefinitionId": job_definition_id(batch, part),
        "processInstanceId": None,
        "processDefinitionId": None,
        "processDefinitionKey": None,
        "executionId": None,
        "failedActivityId": None,
        "dueDate": None,
        "suspended": batch.is_suspended,
        "priority": 0,
        "tenantId": tenant_of_batch(batch),
        "batchId": batch.id,
    }


def failure_message(batch: Batch, failure: JobFailure | None) -> str | None:
    """Say why a job failed, in the engine's words where it has any."""
    if failure is None:
        return None
    match batch.order:
        case Order() as order:
            told = tell(batch.account, order, failure.code, failure.details)
            return told.message if told else failure.message
        case Cancellation():
            return tell_cancellation(failure.code, failure.details) or failure.message
        case _:
            assert_never(batch.order)


def write_incident(batch: Batch, job: Job) -> IncidentDto:
    """Write what stands open when a job has no retries left."""
    incident = f"{job.id}.incident"
    return {
        "id": incident,
        "processDefinitionId": None,
        "processInstanceId": None,
        "executionId": None,
        "incidentTimestamp": write_date_or_none(job.failed_at),
        "incidentType": "failedJob",
        "activityId": None,
        "failedActivityId": None,
        "causeIncidentId": incident,
        "rootCauseIncidentId": incident,
        "configuration": job.id,
        "incidentMessage": failure_message(batch, job.failure),
        "tenantId": tenant_of_batch(batch),
        "jobDefinitionId": job_definition_id(batch, EXECUTION),
        "annotation": None,
    }
