"""Take messages from SQS: each one asks for a look at one run, or for rings for many."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.core.errors import Busy
from chalicelib.service.batch_work import BatchWorker
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.tallies import tallied
from chalicelib.service.work import Worker
from chalicelib.stores.queues import BatchRing, MessageInvalid, read_batch_ring, read_dispatch, read_message

_LOG = logging.getLogger("reprise.deliveries")


Record = Mapping[str, Any]


def deliver(worker: Worker, records: Iterable[Record], time_left_ms: Callable[[], int]) -> list[str]:
    """Advance the run that each record names, and answer the ids of the messages that must stay in the queue."""
    return _undone(records, lambda body: worker.advance(read_message(body), time_left_ms))


def dispatch(doorbell: Doorbell, records: Iterable[Record]) -> list[str]:
    """Ring for the runs that each record names, and answer the ids of the messages that must stay in the queue."""
    return _undone(records, lambda body: doorbell.ring_together(read_dispatch(body)))


def work_batch(worker: BatchWorker, records: Iterable[Record]) -> list[str]:
    """Do what each record asks of a batch, and answer the ids of the messages that must stay in the queue."""
    return _undone(records, lambda body: _work_batch(worker, read_batch_ring(body)))


def _work_batch(worker: BatchWorker, ring: BatchRing) -> None:
    if ring.job is None:
        worker.look(ring.key)
    else:
        worker.work(ring.key, ring.job)


def _undone(records: Iterable[Record], handle: Callable[[str], None]) -> list[str]:
    """Handle each record's body; answer the messages that nobody can read, or whose outcome is unknown.

    SQS moves the former to the DLQ in time. A defect of ours is raised, and brings back the whole batch.
    """
    return [record["messageId"] for record in records if not _is_done(record, handle)]


def _is_done(record: Record, handle: Callable[[str], None]) -> bool:
    with tallied() as tally:
        refusal = _refusal(record, handle)
    fields = {"id": record["messageId"], "is_done": refusal is None, "refusal": refusal, **tally.fields}
    _LOG.log(logging.INFO if refusal is None else logging.WARNING, "message", extra={"fields": fields})
    return refusal is None


def _refusal(record: Record, handle: Callable[[str], None]) -> str | None:
    """Handle a record's body, and answer why it stays in the queue if it does."""
    try:
        handle(record["body"])
    except (Busy, MessageInvalid) as error:
        return error.code
    return None
