"""SQS: the doorbell. A message says which run to look at; what is true stands in the tables.

A ring that fails is no failure: the run's `wake_at` makes the sweep ring again.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeGuard

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.errors import Busy, Invalid
from chalicelib.stores.calls import Calls
from chalicelib.stores.conversions import convert

_LOG = logging.getLogger("reprise.queues")

BATCH = 10  # messages that SQS takes in one call
_WAITING = "ApproximateNumberOfMessages"
_KEY = re.compile("[!-~]{1,255}#[!-~]{1,255}")  # less than DynamoDB takes in a key, and no text that it cannot


class MessageInvalid(Invalid):
    """A message is none of ours: it belongs into the DLQ."""

    code = "message_invalid"


@dataclass(frozen=True, slots=True)
class Ring:
    """Look at the run under this key of the table, after so many seconds (900 at most)."""

    key: str
    delay_s: int = 0

    @property
    def body(self) -> str:
        return json.dumps({"run": self.key})


@dataclass(frozen=True, slots=True)
class BatchRing:
    """Look at the batch under this key of the table, or do one of its jobs, after so many seconds."""

    key: str
    job: int | None = None
    delay_s: int = 0

    @property
    def body(self) -> str:
        return json.dumps({"batch": self.key} if self.job is None else {"batch": self.key, "job": self.job})


AnyRing = Ring | BatchRing


class Dispatched(NamedTuple):
    """A run by its key of the table, and when it may first be worked on (ms)."""

    key: str
    not_before: int


@dataclass(frozen=True, slots=True)
class RunQueue:
    client: Callable[[], Any]
    url: str
    calls: Calls

    def put(self, rings: Iterable[AnyRing]) -> int:
        """Ring for each, ten to a call, and answer how many rings were taken. Never raises for AWS's sake."""
        todo, taken = iter(rings), 0
        while batch := list(islice(todo, BATCH)):
            taken += self._put_batch(batch)
        return taken

    def has_waiting(self) -> bool:
        """Say whether anybody has been rung for whom nobody looks at yet, as SQS estimates; no if it does not tell."""
        asked = {"QueueUrl": self.url, "AttributeNames": [_WAITING]}
        try:
            told = self.calls.make(lambda: self.client().get_queue_attributes(**asked))
        except (Busy, BotoCoreError, ClientError) as error:
            _LOG.warning("queue not counted: %s", type(error).__name__)
            return False
        return int(told["Attributes"][_WAITING]) > 0

    def _put_batch(self, batch: Sequence[AnyRing]) -> int:
        """Send one batch; entries that SQS did not take are sent once more, by themselves."""
        left = list(batch)
        for _ in range(2):
            left = self._send(left)
            if not left:
                break
        return len(batch) - len(left)

    def _send(self, rings: list[AnyRing]) -> list[AnyRing]:
        """Send, and answer what was not taken."""
        entries = [
            {"Id": str(i), "MessageBody": ring.body, "DelaySeconds": ring.delay_s} for i, ring in enumerate(rings)
        ]
        try:
            answer = self.calls.make(lambda: self.client().send_message_batch(QueueUrl=self.url, Entries=entries))
        except (Busy, BotoCoreError, ClientError) as error:
            _LOG.warning("ring not taken: %s", type(error).__name__)  # the sweep rings again
            return rings
        return [rings[int(failed["Id"])] for failed in answer.get("Failed", ())]


@dataclass(frozen=True, slots=True)
class DispatchQueue:
    """Where one message asks for the rings of many runs that were made together."""

    client: Callable[[], Any]
    url: str
    calls: Calls

    def put(self, rings: Sequence[Dispatched]) -> None:
        """Send one message for all of these runs. Never raises for AWS's sake: the sweep rings for whoever is lost."""
        body = json.dumps({"runs": [[ring.key, ring.not_before] for ring in rings]})
        try:
            self.calls.make(lambda: self.client().send_message(QueueUrl=self.url, MessageBody=body))
        except (Busy, BotoCoreError, ClientError) as error:
            _LOG.warning("dispatch not taken: %s", type(error).__name__)


def _read(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageInvalid("The message is not JSON.") from error
    return message if isinstance(message, dict) else {}


def _is_key(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def read_message(body: str) -> str:
    """Answer the run key that a message names; raise `MessageInvalid` for anything else."""
    key = _read(body).get("run")
    if not _is_key(key):
        raise MessageInvalid("The message names no run.")
    return key


def read_batch_ring(body: str) -> BatchRing:
    """Answer which batch or job a message asks for; raise `MessageInvalid` for anything else."""
    message = _read(body)
    key, job = message.get("batch"), message.get("job")
    if not _is_key(key) or not (job is None or type(job) is int):
        raise MessageInvalid("The message names no batch.")
    return BatchRing(key, job)


def read_dispatch(body: str) -> list[Dispatched]:
    """Answer the runs that a message asks to ring for; raise `MessageInvalid` for anything else."""
    try:
        runs = convert(_read(body).get("runs"), list[Dispatched])
    except msgspec.ValidationError as error:
        raise MessageInvalid("The message names no runs.") from error
    if not all(_is_key(run.key) for run in runs):
        raise MessageInvalid("The message names what is no run.")
    return runs
