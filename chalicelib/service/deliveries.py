"""Take messages from SQS: each one asks for a look at one run."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.core.errors import Busy
from chalicelib.service.work import Worker
from chalicelib.stores.queues import MessageInvalid, read_message

_LOG = logging.getLogger("reprise.deliveries")


def deliver(worker: Worker, records: Iterable[Mapping[str, Any]], time_left_ms: Callable[[], int]) -> list[str]:
    """Advance the run that each record names, and answer the ids of the messages that must stay in the queue.

    Those are the ones that nobody can read, which SQS moves to the DLQ in time, and those whose outcome is unknown.
    A defect of ours is raised, and brings back the whole batch.
    """
    return [record["messageId"] for record in records if not _is_done(worker, record, time_left_ms)]


def _is_done(worker: Worker, record: Mapping[str, Any], time_left_ms: Callable[[], int]) -> bool:
    try:
        worker.advance(read_message(record["body"]), time_left_ms)
    except (Busy, MessageInvalid) as error:
        _LOG.warning("message stays in the queue", extra={"fields": {"id": record["messageId"], "refusal": error.code}})
        return False
    return True
