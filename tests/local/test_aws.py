import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib.metadata import version
from inspect import unwrap
from random import Random
from types import FrameType
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from local import aws
from tests.local.conftest import Clock

TABLE = "things"


def effort(call: Callable[[], Any]) -> int:
    """Count the Python functions that a call calls: a cost that no other load on the machine can change."""
    called = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal called
        called += event == "call"

    call()  # what is loaded or cached only once is not its cost
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return called


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}}


@pytest.fixture
def dynamodb(clock: Clock) -> Any:
    client = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    _ = client.exceptions  # made when first named: two threads would make them twice, and neither catch the other's
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "shard", "AttributeType": "S"},
            {"AttributeName": "wake_at", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "shard", "KeyType": "HASH"},
                    {"AttributeName": "wake_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]},
            }
        ],
    )
    return client


@pytest.fixture
def sqs(clock: Clock) -> Any:
    return boto3.client("sqs")


def test_moto_is_the_one_that_the_patches_were_written_for() -> None:
    assert version("moto") == "5.2.5"


class TestProcess:
    def test_reset_empties_tables_and_queues_and_clients_stay_valid(self, dynamodb: Any, sqs: Any) -> None:
        sqs.create_queue(QueueName="q")

        aws.reset()

        assert dynamodb.list_tables()["TableNames"] == []
        assert "QueueUrls" not in sqs.list_queues()

    def test_nobody_s_own_settings_are_left(self) -> None:
        environment = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "AWS_ACCESS_KEY_ID": "AKIA", "HOME": "/home/me"}

        aws.impersonate(environment)

        assert environment["HOME"] == "/home/me"
        assert environment["AWS_ACCESS_KEY_ID"] == environment["AWS_SECRET_ACCESS_KEY"] == "laptop"
        assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
        assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & environment.keys()

    def test_rows_that_were_read_are_forgotten(self, dynamodb: Any) -> None:
        def rows_alive() -> int:
            gc.collect()
            return sum(isinstance(thing, Item) for thing in gc.get_objects())

        dynamodb.put_item(TableName=TABLE, Item=key("a"))
        before = rows_alive()

        for _ in range(20):
            dynamodb.scan(TableName=TABLE)

        assert rows_alive() == before


@pytest.fixture
def switching_often() -> Iterator[None]:
    """Let threads interrupt each other about everywhere."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("switching_often")
class TestThreads:
    def test_a_put_if_absent_has_one_winner(self, dynamodb: Any) -> None:
        def wins(name: str) -> bool:
            try:
                dynamodb.put_item(TableName=TABLE, Item=key(name), ConditionExpression="attribute_not_exists(pk)")
            except dynamodb.exceptions.ConditionalCheckFailedException:
                return False
            return True

        names = [f"n{i}" for i in range(20)] * 8
        with ThreadPoolExecutor(8) as threads:
            won = [name for name, is_won in zip(names, threads.map(wins, names), strict=True) if is_won]

        assert sorted(won) == sorted(set(names))

    def test_transactions_conserve_a_sum_beside_puts_that_all_stay(self, dynamodb: Any) -> None:
        accounts = [f"account{i}" for i in range(6)]
        for name in accounts:
            dynamodb.put_item(TableName=TABLE, Item=key(name) | {"held": {"N": "100"}})

        def transfer(seed: int) -> None:
            random = Random(seed)
            giver, taker = random.sample(accounts, 2)
            amount = {":m": {"N": str(random.randint(1, 80))}}
            take = {"UpdateExpression": "SET held = held - :m", "ConditionExpression": "held >= :m"}
            give = {"UpdateExpression": "SET held = held + :m"}
            actions = [
                {"Update": {"TableName": TABLE, "Key": key(name), "ExpressionAttributeValues": amount, **change}}
                for name, change in ((taker, give), (giver, take))
            ]
            with suppress(dynamodb.exceptions.TransactionCanceledException):
                dynamodb.transact_write_items(TransactItems=actions)

        def put(number: int) -> None:
            dynamodb.put_item(TableName=TABLE, Item=key(f"put{number}"))

        with ThreadPoolExecutor(8) as threads:
            made = [threads.submit(work, number) for number in range(120) for work in (transfer, put)]
        for work in made:
            work.result()

        rows = dynamodb.scan(TableName=TABLE)["Items"]
        held = [int(row["held"]["N"]) for row in rows if "held" in row]
        assert sum(held) == 600
        assert min(held) >= 0
        assert len(rows) == len(accounts) + 120


@dataclass(frozen=True)
class Asked:
    """A query: of the table or the index, with or without a condition on the range key."""

    index: str | None
    wanted: str
    comparison: tuple[str, tuple[int, ...]] | None
    limit: int | None
    is_forward: bool


NUMBERS = st.integers(0, 5)
NAMES = st.sampled_from("abc")
ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), NUMBERS, NAMES, st.none() | NUMBERS), max_size=25)
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), st.tuples(NUMBERS)),
    st.tuples(st.just("BETWEEN"), st.tuples(NUMBERS, NUMBERS)),
)
QUERIES = st.builds(
    Asked,
    index=st.sampled_from([None, "due"]),
    wanted=NAMES,
    comparison=st.none() | COMPARISONS,
    limit=st.none() | st.integers(1, 5),
    is_forward=st.booleans(),
)


def table_of(rows: list[tuple[str, int, str, int | None]], *, has_range: bool) -> Table:
    index = {"IndexName": "due", "Projection": {"ProjectionType": "ALL"}}
    table = Table(  # type: ignore[abstract]  # moto's tables are; nothing enforces it
        TABLE,
        account_id=aws.ACCOUNT,
        region=aws.REGION,
        schema=schema("pk", "n")[: 1 + has_range],
        attr=[{"AttributeName": name, "AttributeType": kind} for name, kind in zip(["pk", "n"], "SN", strict=True)],
        global_indexes=[index | {"KeySchema": schema("shard", "wake_at")}],
    )
    for pk, number, shard, wake_at in rows:
        due = {} if wake_at is None else {"wake_at": {"N": str(wake_at)}}
        table.put_item(key(pk) | {"n": {"N": str(number)}, "shard": {"S": shard}} | due)
    return table


def schema(hash_name: str, range_name: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_name, "KeyType": "HASH"},
        {"AttributeName": range_name, "KeyType": "RANGE"},
    ]


def page(query: Callable[..., Any], table: Table, asked: Asked, start: Any = None) -> Any:
    hash_name, range_name = ("shard", "wake_at") if asked.index else ("pk", "n")
    is_compared = asked.comparison is not None and (asked.index is not None or table.has_range_key)
    operator, numbers = asked.comparison if asked.comparison and is_compared else (None, ())
    values = [DynamoType({"N": str(number)}) for number in numbers]
    hash_key = DynamoType({"S": asked.wanted})
    items, _, last = query(
        table,
        hash_key,
        operator,
        values,
        asked.limit,
        start,
        asked.is_forward,
        None,
        asked.index,
        hash_key_conditions=[(hash_name, hash_key)],
        range_key_conditions=[(range_name, operator, values)] if operator else [],
    )
    return items, last and {name: value.to_json() for name, value in last.items()}


class TestQueries:
    @settings(max_examples=200)
    @given(rows=ROWS, has_range=st.booleans(), asked=QUERIES)
    def test_the_pages_together_are_what_moto_itself_answers(
        self, rows: list[tuple[str, int, str, int | None]], has_range: bool, asked: Asked
    ) -> None:
        aws.start(Clock())
        table = table_of(rows, has_range=has_range)
        all_at_once, _ = page(unwrap(Table.query), table, replace(asked, limit=None))

        pages: list[list[Item]] = []
        start = None
        while len(pages) <= len(rows):
            items, start = page(Table.query, table, asked, start)
            pages.append(items)
            if start is None:
                break

        assert [item for items in pages for item in items] == all_at_once
        assert {len(items) for items in pages[:-1]} <= {asked.limit}
        assert asked.limit is None or len(pages[-1]) < asked.limit  # a full page is never the last

    def test_an_index_holds_what_it_projects(self, dynamodb: Any) -> None:
        due = {"shard": {"S": "s"}, "wake_at": {"N": "1"}, "status": {"S": "waiting"}}
        dynamodb.put_item(TableName=TABLE, Item=key("a") | due | {"input": {"B": b"\x00"}})
        dynamodb.put_item(TableName=TABLE, Item=key("not due") | {"shard": {"S": "s"}})

        assert self.due(dynamodb) == [key("a") | due]

    def test_a_page_of_an_index_costs_little_more_in_a_bigger_table(self, dynamodb: Any) -> None:
        self.fill(dynamodb, 50)
        small = effort(lambda: self.due(dynamodb, Limit=5))
        self.fill(dynamodb, 250)

        assert (effort(lambda: self.due(dynamodb, Limit=5)) - small) / 200 < 30  # calls for each row; moto's own: 168

    def test_an_attribute_costs_little_to_answer(self, dynamodb: Any) -> None:
        dynamodb.put_item(TableName=TABLE, Item=key("a"))
        get = lambda: dynamodb.get_item(TableName=TABLE, Key=key("a"))  # noqa: E731
        small = effort(get)
        dynamodb.put_item(TableName=TABLE, Item=key("a") | {f"name{i}": {"S": "x"} for i in range(50)})

        assert (effort(get) - small) / 50 < 60  # calls for each attribute; moto's own: 324

    def test_an_attribute_that_an_index_does_not_hold_costs_little(self, dynamodb: Any) -> None:
        due = key("a") | {"shard": {"S": "s"}, "wake_at": {"N": "1"}}
        dynamodb.put_item(TableName=TABLE, Item=due)
        small = effort(lambda: self.due(dynamodb))
        dynamodb.put_item(TableName=TABLE, Item=due | {f"name{i}": {"S": "x"} for i in range(50)})

        assert (effort(lambda: self.due(dynamodb)) - small) / 50 < 30  # calls for each attribute; moto's own: 46

    def due(self, dynamodb: Any, **options: Any) -> Any:
        return dynamodb.query(
            TableName=TABLE,
            IndexName="due",
            KeyConditionExpression="shard = :s",
            ExpressionAttributeValues={":s": {"S": "s"}},
            **options,
        )["Items"]

    def fill(self, dynamodb: Any, count: int) -> None:
        for number in range(count):
            due = {"shard": {"S": "s"}, "wake_at": {"N": str(number)}}
            dynamodb.put_item(TableName=TABLE, Item=key(f"row{number}") | due)


class TestTransactions:
    @staticmethod
    def put(name: str, value: str = "x", **options: Any) -> dict[str, Any]:
        return {"Put": {"TableName": TABLE, "Item": key(name) | {"value": {"S": value}}, **options}}

    @staticmethod
    def names(dynamodb: Any) -> set[str]:
        return {row["pk"]["S"] for row in dynamodb.scan(TableName=TABLE)["Items"]}

    def test_every_kind_of_action_is_made(self, dynamodb: Any) -> None:
        dynamodb.put_item(TableName=TABLE, Item=key("checked"))
        dynamodb.put_item(TableName=TABLE, Item=key("gone"))
        exists = {"ConditionExpression": "attribute_exists(pk)"}
        counted = {"UpdateExpression": "ADD hits :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}

        dynamodb.transact_write_items(
            TransactItems=[
                {"ConditionCheck": {"TableName": TABLE, "Key": key("checked"), **exists}},
                {"Delete": {"TableName": TABLE, "Key": key("gone")}},
                {"Update": {"TableName": TABLE, "Key": key("counted"), **counted}},
                self.put("new"),
            ]
        )

        assert self.names(dynamodb) == {"checked", "counted", "new"}
        assert dynamodb.get_item(TableName=TABLE, Key=key("counted"))["Item"]["hits"] == {"N": "1"}

    def test_one_refused_action_refuses_all_and_changes_nothing(self, dynamodb: Any) -> None:
        dynamodb.put_item(TableName=TABLE, Item=key("old"))
        before = deepcopy(dynamodb.scan(TableName=TABLE)["Items"])

        with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refused:
            dynamodb.transact_write_items(
                TransactItems=[self.put("new"), self.put("old", ConditionExpression="attribute_not_exists(pk)")]
            )

        codes = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
        assert codes == ["None", "ConditionalCheckFailed"]
        assert dynamodb.scan(TableName=TABLE)["Items"] == before

    def test_a_transaction_costs_the_same_in_a_bigger_table(self, dynamodb: Any) -> None:
        actions = [self.put("a"), self.put("b")]
        transact = lambda: dynamodb.transact_write_items(TransactItems=actions)  # noqa: E731
        small = effort(transact)
        for number in range(100):
            dynamodb.put_item(TableName=TABLE, Item=key(f"row{number}"))

        assert effort(transact) < small + 100  # calls, less than one for each row

    def test_a_repeat_with_its_token_succeeds_and_is_not_made_again(self, dynamodb: Any) -> None:
        actions = [self.put("a", ConditionExpression="attribute_not_exists(pk)")]
        dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="t")
        dynamodb.delete_item(TableName=TABLE, Key=key("a"))

        dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="t")

        assert self.names(dynamodb) == set()

    def test_a_token_of_another_request_is_refused(self, dynamodb: Any) -> None:
        dynamodb.transact_write_items(TransactItems=[self.put("a")], ClientRequestToken="t")

        with pytest.raises(ClientError) as refused:
            dynamodb.transact_write_items(TransactItems=[self.put("b")], ClientRequestToken="t")

        assert refused.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"
        assert self.names(dynamodb) == {"a"}

    def test_a_token_is_forgotten_after_ten_minutes(self, dynamodb: Any, clock: Clock) -> None:
        dynamodb.transact_write_items(TransactItems=[self.put("a")], ClientRequestToken="t")
        clock.advance(600)

        dynamodb.transact_write_items(TransactItems=[self.put("b")], ClientRequestToken="t")

        assert self.names(dynamodb) == {"a", "b"}

    def test_a_refused_transaction_may_be_tried_again_with_its_token(self, dynamodb: Any) -> None:
        dynamodb.put_item(TableName=TABLE, Item=key("a"))
        actions = [self.put("a", "new", ConditionExpression="attribute_not_exists(pk)")]
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
            dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="t")
        dynamodb.delete_item(TableName=TABLE, Key=key("a"))

        dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="t")

        assert self.names(dynamodb) == {"a"}

    def test_a_reset_forgets_tokens(self, dynamodb: Any) -> None:
        aws.reset()

        with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
            dynamodb.transact_write_items(TransactItems=[self.put("a")], ClientRequestToken="t")


class TestQueues:
    @pytest.fixture
    def url(self, sqs: Any) -> str:
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {
            "VisibilityTimeout": "30",
            "MessageRetentionPeriod": "120",
            "RedrivePolicy": f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}',
        }
        return str(sqs.create_queue(QueueName="q", Attributes=attributes)["QueueUrl"])

    @staticmethod
    def bodies(sqs: Any, url: str, **options: Any) -> list[str]:
        return [message["Body"] for message in sqs.receive_message(QueueUrl=url, **options).get("Messages", [])]

    def test_a_delayed_message_arrives_when_its_time_has_come(self, sqs: Any, url: str, clock: Clock) -> None:
        sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=60)

        assert self.bodies(sqs, url) == []
        clock.advance(60)
        assert self.bodies(sqs, url) == ["m"]

    def test_a_message_that_is_not_deleted_comes_again_when_its_time_is_over(
        self, sqs: Any, url: str, clock: Clock
    ) -> None:
        sqs.send_message(QueueUrl=url, MessageBody="m")
        assert self.bodies(sqs, url) == ["m"]

        clock.advance(29)
        assert self.bodies(sqs, url) == []
        clock.advance(2)
        assert self.bodies(sqs, url) == ["m"]

    def test_a_message_received_too_often_goes_to_the_dead_queue(self, sqs: Any, url: str, clock: Clock) -> None:
        sqs.send_message(QueueUrl=url, MessageBody="m")
        for _ in range(2):
            assert self.bodies(sqs, url) == ["m"]
            clock.advance(31)

        assert self.bodies(sqs, url) == []
        assert self.bodies(sqs, url.replace("/q", "/dead")) == ["m"]

    def test_an_expired_message_does_not_hold_up_the_next(self, sqs: Any, url: str, clock: Clock) -> None:
        sqs.send_message(QueueUrl=url, MessageBody="expired")
        clock.advance(121)
        sqs.send_message(QueueUrl=url, MessageBody="m")

        assert self.bodies(sqs, url, MaxNumberOfMessages=10) == ["m"]

    def test_an_empty_queue_is_answered_at_once_though_a_wait_was_asked_for(self, sqs: Any, url: str) -> None:
        assert self.bodies(sqs, url, WaitTimeSeconds=20) == []  # the clock stands: a wait would never end

    def test_attributes_are_read_in_full(self, sqs: Any, url: str) -> None:
        sqs.send_message(QueueUrl=url, MessageBody="m")

        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

        assert told["ApproximateNumberOfMessages"] == "1"
        assert told["SqsManagedSseEnabled"] == "true"
        assert told["RedrivePolicy"].endswith('"maxReceiveCount": 2}')
        assert "FifoQueue" not in told

    def test_sending_costs_the_same_into_a_longer_queue(self, sqs: Any, url: str) -> None:
        send = lambda: sqs.send_message(QueueUrl=url, MessageBody="m")  # noqa: E731
        short = effort(send)
        for _ in range(100):
            send()

        assert effort(send) < short + 100  # calls, less than one for each message
