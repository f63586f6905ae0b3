"""What DynamoDB and SQS refuse or promise, and moto cannot show: limits, tokens, pages of 1 MB, strictness."""

from typing import Any

import pytest

from tests.lean.aws import LeanAws
from tests.lean.faults import Fault
from tests.lean.requests import TABLE

KEY: dict[str, Any] = {"pk": {"S": "a"}, "at": {"N": "1"}}


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> LeanAws:
    made = LeanAws.at(clock)
    made.call("dynamodb", "CreateTable", TABLE)
    return made


def put(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "rows", "Item": {**KEY, **item}, **more}}


def transact(engine: LeanAws, *actions: Any, token: str = "t") -> Any:
    return engine.call("dynamodb", "TransactWriteItems", {"TransactItems": list(actions), "ClientRequestToken": token})


@pytest.mark.parametrize(
    "item",
    [
        {"pk": {"S": ""}},
        {"pk": {"S": "x" * 2049}},
        {"at": {"S": "1"}},
        {"shard": {"S": ""}},
        {"due": {"S": "soon"}},
        {"text": {"S": "x" * 410_000}},
        {"count": {"N": "1" * 39}},
        {"tags": {"SS": []}},
        {"tags": {"SS": ["a", "a"]}},
    ],
    ids=repr,
)
def test_an_item_that_dynamodb_would_not_take_is_refused(engine, item):
    with pytest.raises(Fault, match="ValidationException"):
        engine.call("dynamodb", "PutItem", {"TableName": "rows", "Item": {**KEY, **item}})

    assert engine.rows("rows") == []


class TestATransaction:
    def test_is_made_once_under_a_token_until_the_token_is_forgotten(self, engine, clock):
        is_new = "attribute_not_exists(pk)"
        transact(engine, put({}, ConditionExpression=is_new))
        transact(engine, put({}, ConditionExpression=is_new))
        clock.now += 600

        with pytest.raises(Fault, match="TransactionCanceledException") as refused:
            transact(engine, put({}, ConditionExpression=is_new))

        assert [reason["Code"] for reason in refused.value.more["CancellationReasons"]] == ["ConditionalCheckFailed"]

    def test_under_a_token_of_another_one_is_refused(self, engine):
        transact(engine, put({}))

        with pytest.raises(Fault, match="IdempotentParameterMismatchException"):
            transact(engine, put({"flag": {"BOOL": True}}))

    @pytest.mark.parametrize(
        "actions",
        [
            [put({"at": {"N": str(number)}}) for number in range(101)],
            [put({"at": {"N": str(number)}, "text": {"S": "x" * 390_000}}) for number in range(11)],
            [put({}), put({})],
            [],
        ],
        ids=["101 actions", "more than 4 MB", "one item twice", "none"],
    )
    def test_beyond_its_limits_is_refused_whole(self, engine, actions):
        with pytest.raises(Fault, match="ValidationException"):
            transact(engine, *actions)

        assert engine.rows("rows") == []


def test_a_query_reads_one_megabyte_and_says_where_to_go_on(engine):
    for number in range(4):
        engine.call(
            "dynamodb",
            "PutItem",
            {"TableName": "rows", "Item": {**KEY, "at": {"N": str(number)}, "text": {"S": "x" * 390_000}}},
        )
    asked = {
        "TableName": "rows",
        "KeyConditionExpression": "pk = :a",
        "ExpressionAttributeValues": {":a": {"S": "a"}},
    }

    first = engine.call("dynamodb", "Query", asked)
    rest = engine.call("dynamodb", "Query", {**asked, "ExclusiveStartKey": first["LastEvaluatedKey"]})

    assert [item["at"]["N"] for item in first["Items"]] == ["0", "1", "2"]
    assert [item["at"]["N"] for item in rest["Items"]] == ["3"]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("dynamodb.GetItem", {"TableName": "rows", "Key": KEY, "AttributesToGet": ["text"]}),
        ("dynamodb.DescribeTable", {"TableName": "rows"}),
        ("sqs.ReceiveMessage", {"QueueUrl": "queue", "WaitTimeSeconds": 20}),
        ("lambda.Invoke", {"FunctionName": "f"}),
    ],
)
def test_what_it_does_not_know_it_does_not_pretend_to(engine, operation, request_):
    with pytest.raises(NotImplementedError):
        engine.call(*operation.split("."), request_)


@pytest.mark.parametrize(
    "expression",
    ["text.inner = :v", "text[0] = :v", "attribute_type(text, :v)", "text = :v AND", "text :v", "(text = :v"],
)
def test_an_expression_that_it_cannot_read_is_refused(engine, expression):
    request = {
        "TableName": "rows",
        "Item": KEY,
        "ConditionExpression": expression,
        "ExpressionAttributeValues": {":v": {"S": "S"}},
    }

    with pytest.raises(Fault, match="ValidationException"):
        engine.call("dynamodb", "PutItem", request)


def test_names_and_values_must_be_declared_and_used(engine):
    put_ = {"TableName": "rows", "Item": KEY}

    for wrong in (
        {"ConditionExpression": "#a = :v", "ExpressionAttributeNames": {"#a": "text"}},
        {"ExpressionAttributeNames": {"#a": "text"}},
        {"ConditionExpression": "attribute_not_exists(pk)", "ExpressionAttributeValues": {}},
    ):
        with pytest.raises(Fault, match="ValidationException"):
            engine.call("dynamodb", "PutItem", {**put_, **wrong})


class TestAQueue:
    @pytest.fixture
    def url(self, engine: LeanAws) -> str:
        url: str = engine.call("sqs", "CreateQueue", {"QueueName": "q"})["QueueUrl"]
        return url

    def test_tells_when_a_message_can_be_seen(self, engine, clock, url):
        entries = [{"Id": "1", "MessageBody": "now"}, {"Id": "2", "MessageBody": "later", "DelaySeconds": 900}]
        engine.call("sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": entries})

        taken = engine.queues.take(url)

        assert [(message.body, message.visible_at - clock.now) for message in taken] == [("now", 0), ("later", 900)]
        assert engine.queues.take(url) == []

    @pytest.mark.parametrize(
        "entries",
        [
            [],
            [{"Id": str(number), "MessageBody": "x"} for number in range(11)],
            [{"Id": "1", "MessageBody": "x"}] * 2,
            [{"Id": "1", "MessageBody": ""}],
            [{"Id": "1", "MessageBody": "\x00"}],
            [{"Id": "1", "MessageBody": "x", "DelaySeconds": 901}],
            [{"Id": "1", "MessageBody": "x" * 1_048_577}],
        ],
        ids=["none", "eleven", "one id twice", "empty", "no XML", "too late", "too long"],
    )
    def test_takes_only_what_sqs_takes(self, engine, url, entries):
        with pytest.raises(Fault):
            engine.call("sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": entries})

        assert engine.queues.take(url) == []


def test_going_back_restores_rows_and_messages_and_counts_anew(engine):
    url = engine.call("sqs", "CreateQueue", {"QueueName": "q"})["QueueUrl"]
    engine.call("dynamodb", "PutItem", {"TableName": "rows", "Item": KEY})
    kept = engine.snapshot()
    engine.call("dynamodb", "DeleteItem", {"TableName": "rows", "Key": KEY})
    engine.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "x"})

    engine.restore(kept)

    assert (engine.rows("rows"), engine.queues.take(url)) == ([KEY], [])
    assert (engine.changes, engine.tables.writes) == (0, {})
