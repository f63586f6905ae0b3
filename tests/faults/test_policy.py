"""Whatever the product asks of AWS in any scenario, its role allows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.campaigns import HEAVY, perform
from tests.faults.plans import Plan
from tests.faults.scenarios import SCENARIOS

POLICY = Path(__file__).parent.parent.parent / ".chalice" / "policy.json"
ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def actions_of(name: str, request: dict[str, Any]) -> Iterator[str]:
    """Name the IAM actions that a call needs."""
    match name:
        case "dynamodb.TransactWriteItems":
            yield from (f"dynamodb:{ACTIONS[verb]}" for item in request["TransactItems"] for verb in item)
        case "sqs.SendMessageBatch":
            yield "sqs:SendMessage"
        case _:
            yield name.replace(".", ":")


def test_the_role_allows_every_call_that_is_made(lean):
    needed: set[str] = set()
    for name, scenario in SCENARIOS.items():
        if scenario.every < HEAVY:
            play, _ = perform(lean, Plan(name))
            needed |= {action for call, request in play.requests for action in actions_of(call, request)}

    statements = json.loads(POLICY.read_text())["Statement"]
    listed = [it["Action"] if isinstance(it["Action"], list) else [it["Action"]] for it in statements]
    allowed = {action for actions in listed for action in actions}
    assert len(needed) >= 7
    assert {action for action in needed if not action.startswith("outside")} <= allowed
