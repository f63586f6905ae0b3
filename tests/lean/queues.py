"""SQS as far as this project asks for it: what was sent, and from when on it can be seen."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from tests.lean.faults import Fault

Request = dict[str, Any]

MAX_BATCH = 10
MAX_DELAY_S = 900
MAX_BODY = 1024 * 1024  # bytes
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Message(NamedTuple):
    """`visible_at` in seconds, by the engine's clock."""

    id: str
    body: str
    visible_at: float


@dataclass(slots=True)
class Queues:
    now: Callable[[], float]
    queues: dict[str, list[Message]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    def create_queue(self, request: Request) -> Request:
        url = f"https://sqs.us-east-1.amazonaws.com/123456789012/{request['QueueName']}"
        self.queues.setdefault(url, [])
        return {"QueueUrl": url}

    def send_message(self, request: Request) -> Request:
        return {"MessageId": self._send(request["QueueUrl"], request)}

    def send_message_batch(self, request: Request) -> Request:
        entries = request["Entries"]
        if not 0 < len(entries) <= MAX_BATCH:
            raise Fault("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "1 to 10 entries")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise Fault("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "ids must differ")
        if sum(len(entry["MessageBody"].encode()) for entry in entries) > MAX_BODY:
            raise Fault("AWS.SimpleQueueService.BatchRequestTooLong", "1 MiB in all")
        sent = [{"Id": entry["Id"], "MessageId": self._send(request["QueueUrl"], entry)} for entry in entries]
        return {"Successful": sent}

    def _send(self, url: str, message: Request) -> str:
        body, delay_s = message["MessageBody"], message.get("DelaySeconds", 0)
        if url not in self.queues:
            raise Fault("AWS.SimpleQueueService.NonExistentQueue", "no such queue")
        if not body or _ILLEGAL.search(body) or len(body.encode()) > MAX_BODY or not 0 <= delay_s <= MAX_DELAY_S:
            raise Fault("InvalidParameterValue", "the body or its delay")
        sent = Message(f"message-{next(self._numbers)}", body, self.now() + delay_s)
        self.queues[url].append(sent)
        return sent.id

    def take(self, url: str) -> list[Message]:
        """Take everything out of a queue, whether it can be seen yet or not."""
        taken, self.queues[url] = self.queues[url], []
        return taken

    def keep(self) -> dict[str, list[Message]]:
        return {url: list(held) for url, held in self.queues.items()}

    def go_back(self, kept: Mapping[str, list[Message]]) -> None:
        self.queues = {url: list(held) for url, held in kept.items()}
