"""Batches, their jobs, job definitions and incidents as Camunda's clients read them: every key, nulls included."""

from typing import Any

from chalicelib.core.batches import Batch, Job
from chalicelib.core.ids import DefinitionKey
from chalicelib.dialects.camunda.dates import write_date, write_date_or_none
from chalicelib.dialects.camunda.ids import tenant_of
from chalicelib.dialects.camunda.restart_refusals import tell
from chalicelib.service.batches import Statistics

Told = dict[str, Any]
SEED, MONITOR, EXECUTION = "seed", "monitor", "execution"
_JOB_TYPES = {SEED: "batch-seed-job", MONITOR: "batch-monitor-job"}


def write_batch(batch: Batch) -> Told:
    """Write a batch that has not ended."""
    return {**_write(batch), "jobsCreated": batch.jobs_created, "suspended": batch.is_suspended}


def write_historic_batch(batch: Batch) -> Told:
    """Write a batch as history keeps it, ended or not."""
    return {**_write(batch), "endTime": write_date_or_none(batch.ended_at), "removalTime": None}


def write_statistics(told: Statistics) -> Told:
    return {
        **write_batch(told.batch),
        "remainingJobs": told.remaining,
        "completedJobs": told.completed,
        "failedJobs": told.failed,
    }


def _write(batch: Batch) -> Told:
    return {
        "id": batch.id,
        "type": batch.kind.value,
        "totalJobs": batch.jobs,
        "batchJobsPerSeed": batch.per_seed,
        "invocationsPerBatchJob": batch.per_job,
        "seedJobDefinitionId": job_definition_id(batch, SEED),
        "monitorJobDefinitionId": job_definition_id(batch, MONITOR),
        "batchJobDefinitionId": job_definition_id(batch, EXECUTION),
        "tenantId": _tenant(batch),
        "createUserId": batch.cause.actor,
        "startTime": write_date(batch.created_at),
        "executionStartTime": write_date_or_none(batch.started_at),
    }


def _tenant(batch: Batch) -> str | None:
    return tenant_of(DefinitionKey(batch.order.definition))


# -- job definitions


def job_definition_id(batch: Batch, part: str) -> str:
    """Name one of the three job definitions of a batch: the batch's id is a part of it."""
    return f"{batch.id}.{part}"


def write_job_definition(batch: Batch, part: str) -> Told:
    return {
        "id": job_definition_id(batch, part),
        "processDefinitionId": None,
        "processDefinitionKey": None,
        "activityId": None,
        "jobType": _JOB_TYPES.get(part, batch.kind.value),
        "jobConfiguration": batch.id,
        "overridingJobPriority": None,
        "suspended": batch.is_suspended,
        "tenantId": _tenant(batch),
        "deploymentId": None,
    }


# -- jobs and incidents


def write_job(batch: Batch, job: Job) -> Told:
    """Write a job that restarts sources."""
    return {
        **_any_job(batch, EXECUTION),
        "id": job.id,
        "exceptionMessage": failure_message(batch, job),
        "retries": job.retries,
        "createTime": write_date(job.created_at),
    }


def write_own_job(batch: Batch, part: str) -> Told:
    """Write the job that makes a batch's jobs, or that looks whether they are done."""
    told = _any_job(batch, part)
    return {
        **told,
        "id": f"{told['jobDefinitionId']}.job",
        "exceptionMessage": None,
        "retries": 3,
        "createTime": write_date(batch.created_at),
    }


def _any_job(batch: Batch, part: str) -> Told:
    return {
        "id": "",
        "jobDefinitionId": job_definition_id(batch, part),
        "processInstanceId": None,
        "processDefinitionId": None,
        "processDefinitionKey": None,
        "executionId": None,
        "failedActivityId": None,
        "dueDate": None,
        "suspended": batch.is_suspended,
        "priority": 0,
        "tenantId": _tenant(batch),
        "batchId": batch.id,
    }


def failure_message(batch: Batch, job: Job) -> str | None:
    """Say why a job failed last, in the engine's words where it has any."""
    failure = job.failure
    if failure is None:
        return None
    told = tell(batch.account, batch.order, failure.code, failure.details)
    return told.message if told else failure.message


def write_incident(batch: Batch, job: Job) -> Told:
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
        "incidentMessage": failure_message(batch, job),
        "tenantId": _tenant(batch),
        "jobDefinitionId": job_definition_id(batch, EXECUTION),
        "annotation": None,
    }
