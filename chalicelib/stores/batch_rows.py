"""Batches and their jobs as rows, and rows as batches and jobs.

| part               | what                                                                        |
|--------------------|-----------------------------------------------------------------------------|
| `head`             | what is wished, how far it is; in the index `by_account`, and in `due`      |
| `sources#00000000` | the ids of the sources, `PER_ROW` of them in a row                          |
| `job#00000000`     | a job that is not done yet, with its own sources                            |
| `log#00000000#…`   | what happened to a job: its failures by their numbers, and `end`            |
"""

from collections.abc import Iterator, Sequence
from typing import Any, assert_never, cast

from chalicelib.core.batches import RETRIES, Batch, BatchKind, Cancellation, Job, JobFailure, Order
from chalicelib.core.causes import Cause
from chalicelib.core.ids import AccountId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.job_logs import CREATION, ENDING, JobEntry, JobEvent
from chalicelib.core.json_values import Variables
from chalicelib.core.restart_requests import Data
from chalicelib.core.run_summaries import list_position
from chalicelib.stores.conversions import convert
from chalicelib.stores.entries import plain, plain_start, read_start
from chalicelib.stores.numbers import whole
from chalicelib.stores.packing import pack, unpack
from chalicelib.stores.shards import Shards
from chalicelib.stores.tables import BatchRow

HEAD = "head"
PER_ROW = 5_000  # sources of one row
DUE = "due#batches"
"""The only partition of the index `due`: there are few batches at a time."""


def batch_key(account: AccountId, batch_id: str) -> str:
    return f"{account}#{batch_id}"


def job_part(index: int) -> str:
    return f"job#{index:08d}"


def source_part(row: int) -> str:
    return f"sources#{row:08d}"


def head_row(batch: Batch, shards: Shards, wake_at: int) -> BatchRow:
    """Write a new batch's head."""
    document: Variables = {
        "kind": batch.kind.value,
        "order": _plain_order(batch.order),
        "cause": plain(batch.cause),
        "sources": batch.sources,
        "per_job": batch.per_job,
        "per_seed": batch.per_seed,
        "created_at": batch.created_at,
        "request_hash": batch.request_hash,
    }
    return BatchRow(
        batch_key(batch.account, batch.id),
        HEAD,
        document=pack(document),
        jobs_created=batch.jobs_created,
        is_suspended=batch.is_suspended,
        account_shard=shards.of(batch.account, RunId(batch.id)),
        created=list_position(batch.created_at, RunId(batch.id)),
        due_shard=DUE,
        wake_at=wake_at,
    )


def batch_from(row: BatchRow) -> Batch:
    account, _, batch_id = row.pk.rpartition("#")
    document = cast("dict[str, Any]", unpack(row.document))
    return Batch(
        account=AccountId(account),
        id=batch_id,
        order=_read_order(BatchKind(document["kind"]), document["order"]),
        cause=convert(document["cause"], Cause),
        sources=document["sources"],
        per_job=document["per_job"],
        per_seed=document["per_seed"],
        created_at=document["created_at"],
        request_hash=document["request_hash"],
        jobs_created=int(row.jobs_created),
        is_suspended=bool(row.is_suspended),
        seeded_at=whole(row.seeded_at),
        started_at=whole(row.started_at),
        ended_at=whole(row.ended_at),
        is_deleted=bool(row.is_deleted),
        is_hidden=bool(row.is_hidden),
        remaining=whole(row.remaining),
    )


def _plain_order(order: Order | Cancellation) -> Variables:
    match order:
        case Order():
            return {**plain(order), "start": plain_start(order.start)}
        case Cancellation():
            return plain(order)
        case _:
            assert_never(order)


def _read_order(kind: BatchKind, data: dict[str, Any]) -> Order | Cancellation:
    match kind:
        case BatchKind.RESTART:
            return _read_restart(data)
        case BatchKind.CANCELLATION:
            return convert(data, Cancellation)
        case _:
            assert_never(kind)


def _read_restart(data: dict[str, Any]) -> Order:
    return Order(
        definition=DefinitionKey(data["definition"]),
        version=data["version"],
        snapshot=SnapshotId(data["snapshot"]),
        start=read_start(data["start"]),
        data=Data(data["data"]),
        is_keeping_business_key=data["is_keeping_business_key"],
    )


def source_rows(batch: Batch, sources: Sequence[RunId]) -> list[BatchRow]:
    """Write the sources of a batch, some thousands in a row."""
    key = batch_key(batch.account, batch.id)
    parts = [sources[first : first + PER_ROW] for first in range(0, len(sources), PER_ROW)]
    return [BatchRow(key, source_part(number), document=pack([*part])) for number, part in enumerate(parts)]


def sources_from(row: BatchRow) -> list[RunId]:
    return cast("list[RunId]", unpack(row.document))


def job_row(batch: Batch, job: Job) -> BatchRow:
    """Write a job that nobody has tried yet."""
    document: Variables = {"sources": [*job.sources], "created_at": job.created_at}
    key = batch_key(batch.account, batch.id)
    return BatchRow(key, job_part(job.index), document=pack(document), retries=RETRIES, failures=0, done=0)


def job_from(row: BatchRow) -> Job:
    document = cast("dict[str, Any]", unpack(row.document))
    return Job(
        batch=row.pk.rpartition("#")[2],
        index=int(row.part.rpartition("#")[2]),
        sources=tuple(document["sources"]),
        created_at=document["created_at"],
        retries=int(row.retries),
        done=int(row.done),
        failures=int(row.failures),
        failure=_read_failure(row),
        failed_at=whole(row.failed_at),
    )


def _read_failure(row: BatchRow) -> JobFailure | None:
    return JobFailure(**cast("dict[str, Any]", unpack(row.failure))) if row.failure else None


# -- what happened to jobs


def log_part(index: int, name: str) -> str:
    return f"log#{index:08d}#{name}"


def failure_row(batch: Batch, job: Job, failure: JobFailure, at: int) -> BatchRow:
    """Write down that a job failed, once more than before."""
    name = f"{job.failures + 1:08d}"
    return _log_row(batch, job, name, {"event": JobEvent.FAILED.value, "at": at}, failure=pack(plain(failure)))


def ending_row(batch: Batch, job: Job, event: JobEvent, at: int) -> BatchRow:
    """Write down how a job ended, and what its own row says of its beginning, since that goes."""
    return _log_row(batch, job, ENDING, {"event": event.value, "at": at, "created_at": job.created_at})


def _log_row(batch: Batch, job: Job, name: str, document: Variables, failure: bytes | None = None) -> BatchRow:
    key = batch_key(batch.account, batch.id)
    return BatchRow(key, log_part(job.index, name), document=pack(document), retries=job.retries, failure=failure)


def entries_from(row: BatchRow) -> Iterator[JobEntry]:
    """Answer what a row tells of a job's past: its own, that it was created; its ending, that too."""
    if row.part.startswith("job#"):
        job = job_from(row)
        yield JobEntry(job.index, CREATION, JobEvent.CREATED, job.created_at)
        return
    _, index, name = row.part.split("#")
    told = cast("dict[str, Any]", unpack(row.document))
    if name == ENDING:
        yield JobEntry(int(index), CREATION, JobEvent.CREATED, told["created_at"])
    name = name if name == ENDING else str(int(name))
    yield JobEntry(int(index), name, JobEvent(told["event"]), told["at"], int(row.retries), _read_failure(row))
