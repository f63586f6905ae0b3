"""Is the lean engine right about queues? The same random use of one and its dead-letter queue, on it and on moto.

    python -m tests.lean.queue_differential 10000

Ids and receipt handles are an engine's own: a body, of which there are no two the same, stands for both.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local import aws
from tests.lean.aws import LeanAws
from tests.lean.faults import Fault
from tests.world import Clock

Request = dict[str, Any]

_URL = f"https://sqs.{aws.REGION}.amazonaws.com/{aws.ACCOUNT}"
MAIN, DEAD = f"{_URL}/main", f"{_URL}/dead"
_REDRIVE = {"deadLetterTargetArn": f"arn:aws:sqs:{aws.REGION}:{aws.ACCOUNT}:dead", "maxReceiveCount": 2}
_ATTRIBUTES = {"VisibilityTimeout": "60", "MessageRetentionPeriod": "3600", "RedrivePolicy": json.dumps(_REDRIVE)}
_COUNTS = ["", "Delayed", "NotVisible"]
WAITS_S = (1, 30, 60, 61, 900, 3_600)


@dataclass(slots=True)
class Engine:
    """One engine, and the handle that it last gave out for each body."""

    call: Callable[[str, Request], Any]
    handles: dict[str, str] = field(default_factory=dict)

    def create(self) -> None:
        self.call("CreateQueue", {"QueueName": "dead"})
        self.call("CreateQueue", {"QueueName": "main", "Attributes": _ATTRIBUTES})

    def ask(self, operation: str, request: Request) -> Any:
        """Answer what an engine says, without its own ids; a refusal's code; None for a handle that nobody has."""
        if operation == "DeleteMessage":
            if request["ReceiptHandle"] not in self.handles:
                return None
            request = {**request, "ReceiptHandle": self.handles[request["ReceiptHandle"]]}
        try:
            answer = self.call(operation, request)
        except (ClientError, Fault) as refusal:
            return refusal.code if isinstance(refusal, Fault) else refusal.response["Error"]["Code"]
        received = answer.get("Messages", [])
        self.handles |= {one["Body"]: one["ReceiptHandle"] for one in received}
        return answer.get("Attributes"), [one["Body"] for one in received]


def differences(seed: int, number: int) -> Iterator[str]:
    """Tell every request that is answered otherwise."""
    clock, random = Clock(), Random(seed)
    aws.start(lambda: clock.ms / 1000)
    aws.reset()
    client, engine = boto3.client("sqs", region_name=aws.REGION), LeanAws.at(lambda: clock.ms / 1000)
    moto = Engine(client._make_api_call)  # noqa: SLF001 - one way for all operations
    lean = Engine(lambda operation, request: engine.call("sqs", operation, request))
    moto.create()
    lean.create()
    for at in range(number):
        if random.random() < 0.2:
            clock.advance(random.choice(WAITS_S) * 1000)
        operation, request = random.choice(_MAKERS)(random, at)
        theirs, ours = moto.ask(operation, request), lean.ask(operation, request)
        if theirs != ours:
            yield f"{at}: {operation} {request}\n  moto: {theirs}\n  lean: {ours}"


def _send(random: Random, at: int) -> tuple[str, Request]:
    return "SendMessage", {"QueueUrl": MAIN, "MessageBody": f"{at}", "DelaySeconds": random.choice([0, 0, 30, 901])}


def _send_batch(random: Random, at: int) -> tuple[str, Request]:
    bodies = [f"{at}.{n}" for n in range(random.choice([1, 4, 10, 11]))]
    delay_s = random.choice([0, 900])
    entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": delay_s} for n, body in enumerate(bodies)]
    return "SendMessageBatch", {"QueueUrl": MAIN, "Entries": entries}


def _receive(random: Random, _at: int) -> tuple[str, Request]:
    wanted = random.choice([{"MaxNumberOfMessages": most} for most in (0, 1, 3, 10, 10, 11)] + [{}])
    return "ReceiveMessage", {"QueueUrl": random.choice([MAIN, MAIN, DEAD, f"{_URL}/none"]), **wanted}


def _delete(random: Random, at: int) -> tuple[str, Request]:
    body = f"{random.randrange(at + 1)}{random.choice(['', '.0', '.3'])}"
    return "DeleteMessage", {"QueueUrl": MAIN, "ReceiptHandle": body}


def _count(random: Random, _at: int) -> tuple[str, Request]:
    names = [f"ApproximateNumberOfMessages{kind}" for kind in _COUNTS]
    return "GetQueueAttributes", {"QueueUrl": random.choice([MAIN, DEAD]), "AttributeNames": names}


_MAKERS = (_send, _send_batch, _receive, _receive, _receive, _delete, _count)


if __name__ == "__main__":
    found = list(differences(seed=1, number=int(sys.argv[1])))
    print(*found, f"{sys.argv[1]} requests, {len(found)} differences", sep="\n")
    sys.exit(bool(found))
