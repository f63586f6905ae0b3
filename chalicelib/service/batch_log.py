"""Tell the log what becomes of batches. What is counted of these lines, see metrics.py."""

import logging

from chalicelib.core.batches import Batch, Job, JobFailure

_LOG = logging.getLogger("reprise.batches")


def log_batch_made(batch: Batch) -> None:
    _log("batch made", batch, sources=batch.sources, jobs=batch.jobs)


def log_batch_seen(batch: Batch, *, left: int, failed: int) -> None:
    """Tell how many jobs are not done, and how many of them nobody tries any more."""
    _log("batch seen", batch, jobs_left=left, jobs_failed=failed)


def log_batch_ended(batch: Batch) -> None:
    _log("batch ended", batch)


def log_job_done(batch: Batch, job: Job) -> None:
    _log("job done", batch, job=job.index, sources=len(job.sources))


def log_job_failed(batch: Batch, job: Job, failure: JobFailure) -> None:
    _log("job failed", batch, job=job.index, refusal=failure.code)


def _log(what: str, batch: Batch, **more: object) -> None:
    """Name a batch and the request that it began with, and say nothing of what it holds."""
    request = batch.cause.request_id or None
    named = {"account": batch.account, "batch": batch.id, "dialect": batch.cause.dialect, "request_id": request}
    _LOG.info(what, extra={"fields": {**named, **more}})
