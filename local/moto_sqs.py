"""What moto's SQS does otherwise here: it keeps our clock, never waits, and a long queue costs a sender nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import moto.sqs.models as sqs
from moto.core.utils import camelcase_to_underscores

Function = Callable[..., Any]
Patch = tuple[Any, str, Callable[[Any], Any]]
"""Whose function or property, its name, and what makes ours of it."""


def patches(now: Callable[[], float]) -> tuple[Patch, ...]:
    """Answer the patches; delays, visibility and retention follow `now`, which a test may move."""
    return (
        (sqs, "unix_time", lambda _: now),
        (sqs, "unix_time_millis", lambda _: lambda: now() * 1000),
        (sqs.Queue, "attributes", worked_out_when_read),
        (sqs.Queue, "messages", unexpired(now)),
        (sqs.SQSBackend, "receive_message", at_once),
    )


class _Attributes(Mapping[str, Any]):
    """A queue's attributes, each worked out when it is read: three of them count every message."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            raise KeyError(name)
        value = getattr(self._queue, camelcase_to_underscores(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        queue = self._queue
        of_kind = queue.FIFO_ATTRIBUTES if queue.fifo_queue else []
        of_keys = queue.KMS_ATTRIBUTES if queue.kms_master_key_id else []
        return [*queue.BASE_ATTRIBUTES, *of_kind, *of_keys]


def worked_out_when_read(_attributes: property) -> property:
    """Read one attribute without the others: moto works out all of them for each message that is sent."""
    return property(_Attributes)


def unexpired(now: Callable[[], float]) -> Callable[[property], property]:
    """Hide messages that are past their retention: moto delivers nothing at all once it meets one."""

    def patch(messages: property) -> property:
        def kept(queue: Any) -> list[Any]:
            oldest = (now() - queue.message_retention_period) * 1000
            return [message for message in messages.__get__(queue) if message.sent_timestamp > oldest]

        return property(kept)

    return patch


def at_once(receive_message: Function) -> Function:
    """Answer a receive at once: waiting would hold moto's lock against the sender that it waits for."""

    @wraps(receive_message)
    def receive(backend: sqs.SQSBackend, queue_name: str, count: int, _wait_s: int, *rest: Any) -> Any:
        return receive_message(backend, queue_name, count, 0, *rest)

    return receive
