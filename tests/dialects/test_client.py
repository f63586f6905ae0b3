"""The tests' own client: it tells when a request crosses the wall between accounts, so that every test looks for it."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from chalice.app import Chalice

from chalicelib.core.access import Scope
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import AccountId
from chalicelib.core.json_values import Json
from chalicelib.dialects.edge import Answer, Call, Dialect, Edge, Mount, Route
from chalicelib.dialects.services import Services
from tests.dialects.client import Api, key_of
from tests.realms import named
from tests.world import ACME, OTHER, World


def reads(services: Services, account: AccountId) -> None:
    with suppress(NotFound):
        services.definitions.at_url(account, "https://example.com/")


def rings(services: Services, account: AccountId) -> None:
    services.dead_letters.doorbell.ring_all([f"{account}#1"], is_of_many=False)


def serving(world: World, account: AccountId, do: Callable[[Services, AccountId], None] = reads) -> Api:
    """Serve a route that does something with an account's data, whoever asks."""

    def handler(services: Services, _call: Call) -> Answer:
        do(services, account)
        return Answer(200, "{}")

    route = Route("GET", "/toy", Scope.READ, handler)
    toy = Dialect("toy", (route,), lambda call: call.headers["x-toy"], lambda error: Answer(418, error.code))
    chalice = Chalice("toy", configure_logs=False)
    Edge(chalice, (Mount(lambda: toy, ("/toy",)),), lambda: world.services).register()
    return Api(served=chalice)


def test_a_request_that_names_anothers_row_is_told(world: World) -> None:
    secret = key_of(world, ACME).secret or ""

    assert serving(world, ACME).get("/toy", x_toy=secret).status == 200
    with pytest.raises(AssertionError, match=r"other#url#"):
        serving(world, OTHER).get("/toy", x_toy=secret)


def test_a_request_that_rings_for_anothers_run_is_told(world: World) -> None:
    secret = key_of(world, ACME).secret or ""

    with pytest.raises(AssertionError, match="other#1"):
        serving(world, OTHER, rings).get("/toy", x_toy=secret)


def test_one_environment_s_request_that_names_the_others_row_is_told(world: World) -> None:
    secret = key_of(world, ACME, environment="test").secret or ""

    with pytest.raises(AssertionError, match=r"acme#url#"):
        serving(world, ACME).get("/toy", x_toy=secret)


def test_a_request_of_a_key_that_is_taken_for_anothers_is_told(world: World) -> None:
    secret = key_of(world, ACME).secret

    with pytest.raises(AssertionError, match="acme"):
        Api(secret, realm=OTHER).get("/ops/v1/runs")


@pytest.mark.parametrize(
    ("name", "request_", "keys"),
    [
        ("dynamodb.GetItem", {"TableName": "t", "Key": {"pk": {"S": "a#1"}}}, {("t", "a#1")}),
        ("dynamodb.PutItem", {"TableName": "t", "Item": {"pk": {"S": "a#1"}}}, {("t", "a#1")}),
        ("dynamodb.BatchGetItem", {"RequestItems": {"t": {"Keys": [{"pk": {"S": "a#1"}}]}}}, {("t", "a#1")}),
        (
            "dynamodb.TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t", "Item": {"pk": {"S": "a#1"}}}}]},
            {("t", "a#1")},
        ),
        (
            "dynamodb.Query",
            {
                "TableName": "t",
                "KeyConditionExpression": "(#0 = :1 AND #1 > :0)",
                "ExpressionAttributeValues": {":0": {"N": "7"}, ":1": {"S": "a"}},
            },
            {("t", "a")},
        ),
        ("sqs.SendMessage", {"QueueUrl": "q", "MessageBody": '{"runs": [["a#1", 0]]}'}, {("q", "a#1")}),
        (
            "sqs.SendMessageBatch",
            {"QueueUrl": "q", "Entries": [{"MessageBody": '{"run": "a#1"}'}, {"MessageBody": '{"batch": "a#2"}'}]},
            {("q", "a#1"), ("q", "a#2")},
        ),
        ("lambda.Invoke", {}, set()),
    ],
)
def test_whatever_a_call_names_is_seen(name: str, request_: dict[str, Json], keys: set[tuple[str, str]]) -> None:
    assert {*named(name, request_)} == keys
