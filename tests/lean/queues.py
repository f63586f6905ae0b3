"""SQS as far as this project asks for it: who may see a message when, and which came back too often.

A message is never changed in place, so what stood before is kept by copying dictionaries.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from tests.lean.faults import Fault

Request = dict[str, Any]

MAX_BATCH = 10
MAX_DELAY_S = 900
MAX_BODY = 1024 * 1024  # bytes
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/"
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible")


class Message(NamedTuple):
    """`sent_at` and `visible_at` in seconds, by the engine's clock."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0

    @property
    def handle(self) -> str:
        """Answer what the last receiver got; an earlier one's is as good."""
        return f"{self.id}/{self.receives}"

    def is_visible(self, now: float) -> bool:
        """Tell whether it can be received: from the end of its delay on, or once its receiver's time is over."""
        return self.visible_at < now if self.receives else self.visible_at <= now


Messages = dict[str, Message]


@dataclass(slots=True)
class Queue:
    """Messages by id, in the order of sending; `dead_queue` takes those that were received `most` times."""

    visibility_s: float
    retention_s: float
    dead_queue: str | None
    most: int
    messages: Messages = field(default_factory=dict)

    @classmethod
    def described(cls, attributes: Mapping[str, str]) -> "Queue":
        """Read the attributes of a new queue; what is not said is SQS's default."""
        redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
        arn = redrive.get("deadLetterTargetArn")
        return cls(
            visibility_s=float(attributes.get("VisibilityTimeout", 30)),
            retention_s=float(attributes.get("MessageRetentionPeriod", 345_600)),
            dead_queue=_URL + arn.rpartition(":")[2] if arn else None,
            most=int(redrive.get("maxReceiveCount", 0)),
        )

    def kept(self, now: float) -> Iterator[Message]:
        """Answer every message that is not past its retention."""
        return (message for message in self.messages.values() if now < message.sent_at + self.retention_s)


@dataclass(slots=True)
class Queues:
    now: Callable[[], float]
    queues: dict[str, Queue] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    def create_queue(self, request: Request) -> Request:
        url = _URL + request["QueueName"]
        self.queues.setdefault(url, Queue.described(request.get("Attributes", {})))
        return {"QueueUrl": url}

    def get_queue_attributes(self, request: Request) -> Request:
        """Count messages by who may see them: anybody, nobody yet, nobody but their receiver."""
        queue, now, wanted = self._queue(request), self.now(), request["AttributeNames"]
        if not set(wanted) <= set(_COUNTS):
            raise NotImplementedError(f"attributes {wanted}")
        counts = dict.fromkeys(_COUNTS, 0)
        for message in queue.kept(now):
            hidden = _COUNTS[2] if message.receives else _COUNTS[1]
            counts[_COUNTS[0] if message.is_visible(now) else hidden] += 1
        return {"Attributes": {name: str(counts[name]) for name in wanted}}

    # -- sending

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
        queue = self._queue({"QueueUrl": url})
        if not body or _ILLEGAL.search(body) or len(body.encode()) > MAX_BODY or not 0 <= delay_s <= MAX_DELAY_S:
            raise Fault("InvalidParameterValue", "the body or its delay")
        now = self.now()
        sent = Message(f"message-{next(self._numbers)}", body, now, now + delay_s)
        queue.messages[sent.id] = sent
        return sent.id

    # -- receiving

    def receive_message(self, request: Request) -> Request:
        """Show the first messages that can be seen, and hide them; one that came too often goes to the dead."""
        queue, now, wanted = self._queue(request), self.now(), request.get("MaxNumberOfMessages", 1)
        if not 0 < wanted <= MAX_BATCH:
            raise Fault("InvalidParameterValue", "1 to 10 messages")
        shown: list[Message] = []
        dead: list[Message] = []
        for message in queue.kept(now):
            if len(shown) == wanted:
                break
            if message.is_visible(now):
                (dead if queue.dead_queue and message.receives >= queue.most else shown).append(message)
        self._bury(queue, dead)
        taken = [one._replace(visible_at=now + queue.visibility_s, receives=one.receives + 1) for one in shown]
        queue.messages.update({one.id: one for one in taken})
        told = [{"MessageId": one.id, "ReceiptHandle": one.handle, "Body": one.body} for one in taken]
        return {"Messages": told} if told else {}

    def _bury(self, queue: Queue, dead: list[Message]) -> None:
        for message in dead:
            del queue.messages[message.id]
            self.queues[queue.dead_queue or ""].messages[message.id] = message

    def delete_message(self, request: Request) -> Request:
        """Delete a message by any handle that this queue gave out for it; one that was deleted is no error."""
        queue, (message_id, _, receive) = self._queue(request), request["ReceiptHandle"].partition("/")
        dead = self.queues[queue.dead_queue].messages if queue.dead_queue else {}
        if message_id in dead or not (message_id.startswith("message-") and receive.isdecimal()):
            raise Fault("ReceiptHandleIsInvalid", "this queue holds nothing under this handle")
        queue.messages.pop(message_id, None)
        return {}

    def _queue(self, request: Request) -> Queue:
        try:
            return self.queues[request["QueueUrl"]]
        except KeyError as error:
            raise Fault("AWS.SimpleQueueService.NonExistentQueue", "no such queue") from error

    # -- what only tests do

    def take(self, url: str) -> list[Message]:
        """Take everything out of a queue, whether it can be seen yet or not."""
        taken, self.queues[url].messages = list(self.queues[url].messages.values()), {}
        return taken

    def keep(self) -> dict[str, Messages]:
        return {url: dict(queue.messages) for url, queue in self.queues.items()}

    def go_back(self, kept: Mapping[str, Messages]) -> None:
        for url, messages in kept.items():
            self.queues[url].messages = dict(messages)
