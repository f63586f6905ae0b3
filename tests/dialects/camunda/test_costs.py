"""What restarts cost over Camunda's wire, in AWS calls of a warm function."""

import pytest

from local.calls import observed
from tests.aws_calls import Calls
from tests.dialects.camunda.stories import BEFORE_DECIDE, REST, canceled, publish, restart
from tests.dialects.client import Api
from tests.world import World


@pytest.mark.parametrize("number", [1, 5_000])
def test_a_batch_is_accepted_with_three_calls_whatever_its_size(world: World, api: Api, number: int) -> None:
    definition = publish(api)
    ids = [f"{n:036d}" for n in range(number)]
    restart(api, definition, {"instructions": BEFORE_DECIDE, "processInstanceIds": canceled(world, api)})

    with observed(calls := Calls()):
        reply = restart(api, definition, {"instructions": BEFORE_DECIDE, "processInstanceIds": ids}, is_async=True)

    assert api.delete(f"{REST}/batch/{reply.json['id']}").status == 204  # nobody need work on it
    assert reply.json["totalJobs"] == number
    assert calls.made == ["dynamodb.BatchGetItem", "dynamodb.TransactWriteItems", "sqs.SendMessageBatch"]


def test_restarts_together_take_three_calls_whatever_their_number(world: World, api: Api) -> None:
    definition = publish(api)
    sources = canceled(world, api, 10)
    body = {"instructions": BEFORE_DECIDE, "processInstanceIds": sources}
    restart(api, definition, body)

    with observed(calls := Calls()):
        assert restart(api, definition, body).status == 204

    assert calls.made == ["dynamodb.BatchGetItem"] * 2 + ["dynamodb.TransactWriteItems"]
