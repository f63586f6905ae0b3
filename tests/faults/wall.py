"""The wall between accounts: no call may name a row of another one, and nothing may happen to such a row.

The other account holds the same runs under the same ids, so that whoever forgets the account finds the wrong row.
"""

from collections.abc import Collection
from typing import Any

import boto3

from local import aws
from tests.faults.engines import STAGE
from tests.faults.stage import Stage
from tests.realms import NOBODYS, named
from tests.world import ACME, OTHER

MIRRORED = ("runs", "journal", "dead-letters", "definitions", "slots", "apps", "deployments", "accounts")


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


def foreign_key(name: str, request: dict[str, Any], accounts: Collection[str]) -> str | None:
    """Answer a key in a call that is none of these accounts'; None if there is none."""
    keys = (key for place, key in named(name, request) if not place.startswith("reprise-keys-"))
    return next((key for key in keys if not _is_of(accounts, key)), None)


def _is_of(accounts: Collection[str], key: str) -> bool:
    return key.startswith(NOBODYS) or key.partition("#")[0] in accounts
