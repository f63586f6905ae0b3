"""The wall between accounts, as AWS sees it: whose rows a call names, and whom a message is about.

Every partition key begins with a realm (an account, or one of its environments), so whoever forgets the account names
a row of nobody's, and whoever mistakes it names another's.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient

from local.calls import observed
from tests.aws_calls import is_harness

NOBODYS = ("due#",)
"""What the sweep reads: it works for all accounts, and rings for keys alone."""

_KEYS = "reprise-keys-"
_HASH = 64  # characters of a SHA-256: API keys are found by the hash of their secret


def named(name: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """List the partition keys that a call (`service.Operation`) names, each with its table or queue."""
    match name.split("."):
        case ["dynamodb", "BatchGetItem"]:
            for table, of in request["RequestItems"].items():
                yield from ((table, key["pk"]["S"]) for key in of["Keys"])
        case ["dynamodb", "TransactWriteItems" | "TransactGetItems"]:
            yield from (_place(item) for action in request["TransactItems"] for item in action.values())
        case ["dynamodb", "Query"]:
            yield request["TableName"], _hash_key(request)
        case ["dynamodb", _]:
            yield _place(request)
        case ["sqs", "SendMessage" | "SendMessageBatch"]:
            for sent in request.get("Entries", [request]):
                yield from _rung_for(request["QueueUrl"], sent["MessageBody"])
        case _:
            return


def _place(item: dict[str, Any]) -> tuple[str, str]:
    return item["TableName"], (item.get("Key") or item["Item"])["pk"]["S"]


def _hash_key(request: dict[str, Any]) -> str:
    """Answer the value that a query's first condition demands: PynamoDB writes the hash key's first."""
    place = request["KeyConditionExpression"].split("=", 1)[1].split()[0].strip("()")
    key: str = request["ExpressionAttributeValues"][place]["S"]
    return key


def _rung_for(queue: str, body: str) -> Iterator[tuple[str, str]]:
    message = json.loads(body)
    for key in (message.get("run"), message.get("batch"), *(run for run, _ in message.get("runs", ()))):
        if key is not None:
            yield queue, key


@dataclass(eq=False, slots=True)
class Wall:
    """Keeps what a handler names in its calls; those of another one that works meanwhile are that one's."""

    named: set[tuple[str, str]] = field(default_factory=set)

    def before(self, client: BaseClient, name: str, request: dict[str, Any]) -> None:
        if self is _AT_WORK[-1] and not is_harness(client):
            self.named.update(named(name, request))

    def after(self, client: BaseClient, name: str) -> None:
        pass

    def foreign(self, realm: str | None) -> set[tuple[str, str]]:
        """Answer what was named that is not this realm's; nobody's is the hash of a secret that is looked up."""
        return {(place, key) for place, key in self.named if not _is_of(realm, place, key)}


_AT_WORK: list[Wall] = []


@contextmanager
def walled() -> Iterator[Wall]:
    """Watch the calls of one handler, inside."""
    wall = Wall()
    _AT_WORK.append(wall)
    try:
        with observed(wall):
            yield wall
    finally:
        _AT_WORK.remove(wall)


def _is_of(realm: str | None, place: str, key: str) -> bool:
    if place.startswith(_KEYS) and len(key) == _HASH:
        return True
    if realm is None:
        return False
    if place.startswith(_KEYS):  # keys belong to the account, whatever the environment
        return key == realm.partition("@")[0]
    return key == realm or key.startswith((f"{realm}#", *NOBODYS))
