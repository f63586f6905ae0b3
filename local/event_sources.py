"""What invokes functions on AWS, on this machine: an event source mapping for SQS, and a schedule.

    receive ─► invoke the handler ─► delete what did not fail
                                     └─ the rest becomes visible again in its time, until the queue redrives it

| the handler answers                              | its batch                             |
|--------------------------------------------------|---------------------------------------|
| nothing, `{}`, no failures                       | is done                               |
| `{"batchItemFailures": [{"itemIdentifier": …}]}` | is done but for these messages        |
| anything else, an id that is not in the batch    | has failed whole; it is logged        |
| nothing, for it raised                           | has failed whole; the error is logged |

As "Implementing partial batch responses" in the Lambda developer guide says. Where the guide is silent (an object
with other names in it) the batch fails too: a slip should be seen here, before it loses messages elsewhere.

Not imitated: the end of a function whose time is over, batching windows, FIFO groups, back-off, asynchronous retries.
"""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.json_values import Json
from local.aws import ACCOUNT, REGION

_LOG = logging.getLogger("reprise.functions")

Handler = Callable[[Any, Any], Any]
"""Takes an event and a context, as Lambda calls it; an entry of a Chalice app's `handler_map`."""

Work = Callable[[], None]

BATCH = 10  # messages that SQS gives in one receive
MEMORY_MB = 1024
NO_MESSAGE = ""  # the id of no message
REST_S = 0.05  # between looks at an empty queue: soon enough for a person, and hardly any work for the processor

_PERIODS_S = {"minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)")


# -- a function


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a handler about its invocation. `deadline` is in seconds by `monotonic`."""

    function_name: str
    aws_request_id: str
    deadline: float
    monotonic: Callable[[], float]
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = MEMORY_MB
    log_stream_name: str = "local"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self.deadline - self.monotonic()) * 1000))


class FunctionError(Exception):
    """An invocation came to nothing; why stands in the log."""


@dataclass(frozen=True, slots=True)
class Function:
    """A handler with a name and a time limit. `monotonic` is in seconds."""

    name: str
    handler: Handler
    timeout_s: float
    monotonic: Callable[[], float]
    new_id: Callable[[], str]

    def invoke(self, event: Json) -> Json:
        """Invoke the handler, event and answer passing through JSON as on Lambda, or raise `FunctionError`."""
        context = Context(self.name, self.new_id(), self.monotonic() + self.timeout_s, self.monotonic)
        try:
            answer: Json = json.loads(json.dumps(self.handler(json.loads(json.dumps(event)), context)))
        except Exception as error:  # as Lambda's runtime does: whatever is raised ends this invocation, and no more
            _LOG.exception("%s raised", self.name)
            raise FunctionError(self.name) from error
        return answer


# -- queues


@dataclass(frozen=True, slots=True)
class SqsPoller:
    """One event source mapping with `ReportBatchItemFailures`; `client` is SQS's."""

    function: Function
    client: Any
    queue_url: str
    queue_arn: str
    batch_size: int = BATCH

    def poll_once(self) -> int:
        """Let the function work on the messages that are there now, ten at most, and answer how many there were."""
        messages = self._receive()
        if messages:
            self._handle(messages)
        return len(messages)

    def runner(self, workers: int = 1) -> "Runner":
        """Answer what polls without end, with so many invocations at a time."""
        return Runner(f"sqs-{self.function.name}", self._look, workers=workers)

    def _look(self) -> float | Work:
        try:
            messages = self._receive()
        except (BotoCoreError, ClientError):
            return self._told_unwell()
        return partial(self._work, messages) if messages else REST_S

    def _work(self, messages: list[Mapping[str, Any]]) -> None:
        try:
            self._handle(messages)
        except (BotoCoreError, ClientError):
            self._told_unwell()

    def _told_unwell(self) -> float:
        _LOG.exception("%s: the queue is unwell", self.function.name)
        return 1.0  # second: it may be well again, and the log stays readable

    def _handle(self, messages: list[Mapping[str, Any]]) -> None:
        failed = self._invoke(messages)
        self._delete([message for message in messages if message["MessageId"] not in failed])

    def _receive(self) -> list[Mapping[str, Any]]:
        received = self.client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(self.batch_size, BATCH),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            WaitTimeSeconds=0,  # moto holds its lock while it waits
        )
        messages: list[Mapping[str, Any]] = received.get("Messages", [])
        return messages

    def _invoke(self, messages: list[Mapping[str, Any]]) -> frozenset[str]:
        """Answer the ids of the messages that failed."""
        ids = frozenset(message["MessageId"] for message in messages)
        try:
            answer = self.function.invoke({"Records": [_record(message, self.queue_arn) for message in messages]})
        except FunctionError:
            return ids
        failed = read_failures(answer)
        if not failed <= ids:
            _LOG.error("%s answered what is no report on its batch", self.function.name)
            return ids
        return failed

    def _delete(self, messages: list[Mapping[str, Any]]) -> None:
        """Delete what is done; a message that stays nevertheless comes again, as on SQS."""
        entries = [{"Id": str(n), "ReceiptHandle": done["ReceiptHandle"]} for n, done in enumerate(messages)]
        if entries:
            self.client.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)


def read_failures(answer: Json) -> frozenset[str]:
    """Read which messages a handler gives back; where that cannot be read, `NO_MESSAGE` is one of them."""
    match answer:
        case None | {"batchItemFailures": None}:
            return frozenset()
        case {"batchItemFailures": list(items)}:
            return frozenset(map(_identifier, items))
        case dict() if not answer:
            return frozenset()
        case _:
            return frozenset({NO_MESSAGE})


def _identifier(item: Json) -> str:
    match item:
        case {"itemIdentifier": str(message_id)}:
            return message_id
        case _:
            return NO_MESSAGE


def _record(message: Mapping[str, Any], queue_arn: str) -> Json:
    """Write a received message as Lambda hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {name: _attribute(held) for name, held in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _attribute(held: Mapping[str, Any]) -> Json:
    usual: dict[str, Json] = {"stringListValues": [], "binaryListValues": [], "dataType": held["DataType"]}
    if "BinaryValue" in held:
        return {"binaryValue": b64encode(held["BinaryValue"]).decode(), **usual}
    return {"stringValue": held["StringValue"], **usual}


# -- schedules


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rule that invokes a function at a rate, `speed` times faster. `now` is in ms since 1970."""

    function: Function
    expression: str
    now: Callable[[], int]
    speed: float = 1.0

    def tick(self) -> None:
        """Invoke the function as EventBridge does; what it raises is logged, and does not end the schedule."""
        try:
            self.function.invoke(self._event())
        except FunctionError:
            return  # the next tick is the next try

    def runner(self) -> "Runner":
        """Answer what ticks without end, first when one period is over."""
        period_s = read_rate(self.expression) / self.speed

        def tick() -> float:
            self.tick()
            return period_s

        return Runner(f"schedule-{self.function.name}", tick, first_rest_s=period_s)

    def _event(self) -> Json:
        at = datetime.fromtimestamp(self.now() // 1000, UTC)
        return {
            "version": "0",
            "id": self.function.new_id(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{self.function.name}"],
            "detail": {},
        }


def read_rate(expression: str) -> int:
    """Read a rate as a period in seconds; raise `ValueError` for what EventBridge refuses, and for cron."""
    found = _RATE.fullmatch(expression)
    if found is None or (found[1] == "1") == (found[3] == "s"):
        raise ValueError(f"'{expression}' is no rate(1 minute), rate(2 hours), …")
    return int(found[1]) * _PERIODS_S[found[2]]


# -- threads


class Runner:
    """Repeats a step on threads of its own, which take turns: one of them rests and steps at a time.

    A step answers for how long (s) to rest before the next one, or work, which is done beside the steps of others. So
    a crowd of threads looks at an empty queue no oftener than one does.
    """

    def __init__(
        self, name: str, step: Callable[[], float | Work], *, workers: int = 1, first_rest_s: float = 0.0
    ) -> None:
        self._step = step
        self._first_rest_s = first_rest_s
        self._turn = Lock()
        self._is_stopped = Event()
        self._threads = [Thread(target=self._repeat, name=f"{name}-{n}", daemon=True) for n in range(workers)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no further step, and wait for those that have begun."""
        self._is_stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _repeat(self) -> None:
        rest_s = self._first_rest_s
        while True:
            with self._turn:
                if self._is_stopped.wait(rest_s):
                    return
                found = self._step()
            if isinstance(found, float):
                rest_s = found
            else:
                found()
                rest_s = 0.0
