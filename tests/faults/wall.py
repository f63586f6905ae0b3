"""The wall between accounts: no call may name a row of another one, and nothing may happen to such a row.

The other account holds the same runs under the same ids, so that whoever forgets the account finds the wrong row.
"""

from collections.abc import Iterator
from typing import Any

import boto3

from local import aws
from tests.faults.engines import STAGE
from tests.faults.stage import Stage
from tests.world import ACME, OTHER

MIRRORED = ("runs", "journal", "dead-letters", "definitions", "slots", "apps", "deployments", "accounts")
_NOBODYS = ("due#",)
"""What the sweep reads: it works for all accounts, and rings for keys alone."""


def mirror(stage: Stage) -> None:
    """Give the other account a copy of everything."""
    client = boto3.client("dynamodb", region_name=aws.REGION)
    for table in MIRRORED:
        for row in stage.engine.rows(table):
            client.put_item(TableName=f"reprise-{table}-{STAGE}", Item=_translated(row))


def _translated(row: dict[str, Any]) -> dict[str, Any]:
    """Answer another account's row; the sweep does not find it, which would work on it rightly."""
    return {name: _told(value) for name, value in row.items() if name != "due_shard"}


def _told(value: dict[str, Any]) -> dict[str, Any]:
    return {"S": value["S"].replace(ACME, OTHER)} if "S" in value else value


def foreign_key(name: str, request: dict[str, Any]) -> str | None:
    """Answer a key in a call that is not this account's; None if there is none."""
    if not name.startswith("dynamodb."):
        return None
    keys = (key for table, key in _keys(name, request) if not table.startswith("reprise-keys-"))
    return next((key for key in keys if not _is_ours(key)), None)


def _is_ours(key: str) -> bool:
    return key == ACME or key.startswith((f"{ACME}#", *_NOBODYS))


def _keys(name: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """List the partition keys that a call names, each with its table."""
    match name.removeprefix("dynamodb."):
        case "BatchGetItem":
            for table, of in request["RequestItems"].items():
                yield from ((table, key["pk"]["S"]) for key in of["Keys"])
        case "TransactWriteItems" | "TransactGetItems":
            for action in request["TransactItems"]:
                yield from (_place(item) for item in action.values())
        case "Query":
            yield request["TableName"], _hash_key(request)
        case _:
            yield _place(request)


def _place(item: dict[str, Any]) -> tuple[str, str]:
    return item["TableName"], (item.get("Key") or item["Item"])["pk"]["S"]


def _hash_key(request: dict[str, Any]) -> str:
    """Answer the value that a query's first condition demands: PynamoDB writes the hash key's first."""
    place = request["KeyConditionExpression"].split("=", 1)[1].split()[0].strip("()")
    key: str = request["ExpressionAttributeValues"][place]["S"]
    return key
