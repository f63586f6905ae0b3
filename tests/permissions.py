"""What IAM would say of a call: the permissions that it needs, and those that a function's policy gives.

A resource goes by its logical id in the template: `RunsTable`, `RunsTable/index/due`, `RunsQueue`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from botocore.client import BaseClient

from local.template import read_template
from tests.aws_calls import is_harness

POLICIES = Path(__file__).parent.parent / ".chalice" / "policies"
FUNCTIONS = ("api_handler", "advance_runs", "advance_bulk_runs", "restart_dead_letters", "work_batches", "sweep")

_VERBS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_ARN = re.compile(r"\$\{(\w+)\.Arn\}(.*)")


class Permission(NamedTuple):
    action: str
    resource: str


def needed(name: str, request: Mapping[str, Any]) -> Iterator[Permission]:
    """List what a call, as `service.Operation`, needs; nothing for what is no call to AWS."""
    match name.split("."):
        case ["dynamodb", "TransactWriteItems"]:
            for item in request["TransactItems"]:
                for verb, of in item.items():
                    yield Permission(f"dynamodb:{_VERBS[verb]}", _table(of))
        case ["dynamodb", "TransactGetItems"]:
            yield from (Permission("dynamodb:GetItem", _table(item["Get"])) for item in request["TransactItems"])
        case ["dynamodb", "BatchGetItem" | "BatchWriteItem" as operation]:
            yield from (
                Permission(f"dynamodb:{operation}", _logical_id("TableName", it)) for it in request["RequestItems"]
            )
        case ["dynamodb", operation]:
            index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
            yield Permission(f"dynamodb:{operation}", _table(request) + index)
        case ["sqs", operation]:
            queue = _logical_id("QueueName", request["QueueUrl"].rpartition("/")[2])
            yield Permission(f"sqs:{operation.removesuffix('Batch')}", queue)
        case _:
            return


def _table(request: Mapping[str, Any]) -> str:
    return _logical_id("TableName", request["TableName"])


@cache
def _logical_id(kind: str, name: str) -> str:
    """Answer the logical id of the table or queue that bears a name in some stage; raise `StopIteration` for none."""
    wanted = {"Fn::Sub": f"{name.rpartition('-')[0]}-${{Env}}"}
    found: str = next(id_ for id_, it in read_template()["Resources"].items() if it["Properties"].get(kind) == wanted)
    return found


# -- what a policy gives


def statements(function: str) -> list[dict[str, Any]]:
    policy: list[dict[str, Any]] = json.loads((POLICIES / f"{function}.json").read_text())["Statement"]
    return policy


@cache
def given(function: str) -> frozenset[Permission]:
    """List what a function's policy gives on tables, indexes and queues."""
    return frozenset(
        Permission(action, place)
        for statement in statements(function)
        for action in _several(statement["Action"])
        for resource in _several(statement["Resource"])
        if (place := _place(resource)) is not None
    )


def forbidden(function: str, name: str, request: Mapping[str, Any]) -> set[Permission]:
    """List what a call needs and a function's policy does not give."""
    return {*needed(name, request)} - given(function)


@dataclass(slots=True)
class Held:
    """Holds every call that it is told of against a function's policy, but for the tests' own."""

    function: str
    forbidden: set[Permission] = field(default_factory=set)

    def before(self, client: BaseClient, name: str, request: dict[str, Any]) -> None:
        if not is_harness(client):
            self.forbidden |= forbidden(self.function, name, request)

    def after(self, client: BaseClient, name: str) -> None:
        pass


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _place(resource: Any) -> str | None:
    match resource:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::Sub": str(text)} if found := _ARN.fullmatch(text):
            return found[1] + found[2]
        case _:
            return None
