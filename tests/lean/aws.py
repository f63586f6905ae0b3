"""A small AWS in this process, answering at botocore's client method: fast, strict, and never waiting.

It knows what this project asks of DynamoDB and SQS, and nothing else: an operation or a parameter that it does not
know is an error of whoever asks, not a silent no. It is held against moto by test_differential.py.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, NamedTuple

from botocore.client import BaseClient

from tests.lean.expressions import Unreadable
from tests.lean.faults import Fault
from tests.lean.queues import Messages, Queues
from tests.lean.schemas import Key, Row
from tests.lean.tables import Tables

Request = dict[str, Any]
Operation = Callable[[Request], Request]

_EXPRESSION = {"ExpressionAttributeNames", "ExpressionAttributeValues", "TableName"}
_TOLD = {"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"}  # what an answer may leave out
_WRITE = {*_EXPRESSION, *_TOLD, "ConditionExpression", "ReturnValues", "ReturnValuesOnConditionCheckFailure"}
_READ = {"ExpressionAttributeNames", "TableName", "ReturnConsumedCapacity", "ProjectionExpression", "ConsistentRead"}
_LIST = {*_READ, *_EXPRESSION, "ExclusiveStartKey", "FilterExpression", "IndexName", "Limit", "Select"}

PARAMETERS: Mapping[str, frozenset[str]] = {
    "dynamodb.CreateTable": frozenset(
        {
            "TableName",
            "KeySchema",
            "AttributeDefinitions",
            "GlobalSecondaryIndexes",
            "BillingMode",
            "DeletionProtectionEnabled",
            "SSESpecification",
        }
    ),
    "dynamodb.UpdateTimeToLive": frozenset({"TableName", "TimeToLiveSpecification"}),
    "dynamodb.UpdateContinuousBackups": frozenset({"TableName", "PointInTimeRecoverySpecification"}),
    "dynamodb.GetItem": frozenset({*_READ, "Key"}),
    "dynamodb.BatchGetItem": frozenset({"RequestItems", "ReturnConsumedCapacity"}),
    "dynamodb.Query": frozenset({*_LIST, "KeyConditionExpression", "ScanIndexForward"}),
    "dynamodb.Scan": frozenset(_LIST),
    "dynamodb.PutItem": frozenset({*_WRITE, "Item"}),
    "dynamodb.UpdateItem": frozenset({*_WRITE, "Key", "UpdateExpression"}),
    "dynamodb.DeleteItem": frozenset({*_WRITE, "Key"}),
    "dynamodb.TransactWriteItems": frozenset({*_TOLD, "TransactItems", "ClientRequestToken"}),
    "sqs.CreateQueue": frozenset({"QueueName", "Attributes"}),
    "sqs.GetQueueAttributes": frozenset({"QueueUrl", "AttributeNames"}),
    "sqs.ReceiveMessage": frozenset({"QueueUrl", "MaxNumberOfMessages"}),
    "sqs.DeleteMessage": frozenset({"QueueUrl", "ReceiptHandle"}),
    "sqs.SendMessage": frozenset({"QueueUrl", "MessageBody", "DelaySeconds"}),
    "sqs.SendMessageBatch": frozenset({"QueueUrl", "Entries"}),
}
_READING = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "GetQueueAttributes"})


class Snapshot(NamedTuple):
    rows: dict[str, dict[Key, Row]]
    messages: dict[str, Messages]


@dataclass(slots=True)
class LeanAws:
    """Tables and queues. `changes` counts what was done since the last `restore`, reads left out."""

    tables: Tables
    queues: Queues
    changes: int = 0
    _operations: Mapping[str, Operation] = field(init=False)

    @classmethod
    def at(cls, now: Callable[[], float]) -> "LeanAws":
        """Answer an empty AWS on a clock (seconds)."""
        return cls(Tables(now), Queues(now))

    def __post_init__(self) -> None:
        tables, queues = self.tables, self.queues
        self._operations = {
            "dynamodb.CreateTable": tables.create_table,
            "dynamodb.UpdateTimeToLive": lambda _: {},
            "dynamodb.UpdateContinuousBackups": lambda _: {},
            "dynamodb.GetItem": tables.get_item,
            "dynamodb.BatchGetItem": tables.batch_get_item,
            "dynamodb.Query": tables.query,
            "dynamodb.Scan": tables.scan,
            "dynamodb.PutItem": tables.put_item,
            "dynamodb.UpdateItem": tables.update_item,
            "dynamodb.DeleteItem": tables.delete_item,
            "dynamodb.TransactWriteItems": tables.transact_write_items,
            "sqs.CreateQueue": queues.create_queue,
            "sqs.GetQueueAttributes": queues.get_queue_attributes,
            "sqs.ReceiveMessage": queues.receive_message,
            "sqs.DeleteMessage": queues.delete_message,
            "sqs.SendMessage": queues.send_message,
            "sqs.SendMessageBatch": queues.send_message_batch,
        }

    def call(self, service: str, operation: str, request: Request) -> Request:
        """Answer a call of the API; raise `Fault` where AWS refuses."""
        name = f"{service}.{operation}"
        if not request.keys() <= PARAMETERS.get(name, frozenset()):
            raise NotImplementedError(f"{name} with {sorted(request)}")
        try:
            answer = self._operations[name](request)
        except Unreadable as error:
            raise Fault.invalid(str(error)) from error
        self.changes += operation not in _READING
        return answer

    def snapshot(self) -> Snapshot:
        return Snapshot(self.tables.keep(), self.queues.keep())

    def restore(self, snapshot: Snapshot) -> None:
        self.tables.go_back(snapshot.rows)
        self.queues.go_back(snapshot.messages)
        self.changes = 0

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Answer all rows of a table, as the API writes them."""
        return [dict(row.item) for row in self.tables.tables[table].rows.values()]


@contextmanager
def answering(engine: Callable[[], LeanAws]) -> Iterator[None]:
    """Let the engine of the moment answer every call of every client of this process, one at a time."""
    below = BaseClient._make_api_call  # noqa: SLF001 - the one place that every client passes
    lock = RLock()

    def call(client: BaseClient, operation_name: str, api_params: Request) -> Any:
        told = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        try:
            with lock:
                answer = engine().call(client.meta.service_model.service_name, operation_name, api_params)
        except Fault as fault:
            error: Any = {
                "Error": {"Code": fault.code, "Message": fault.message},
                "ResponseMetadata": {**told, "HTTPStatusCode": 400},
                **fault.more,
            }
            raise client.exceptions.from_code(fault.code)(error, operation_name) from fault
        return {**answer, "ResponseMetadata": told}

    BaseClient._make_api_call = call  # noqa: SLF001 - see above
    try:
        yield
    finally:
        BaseClient._make_api_call = below  # noqa: SLF001 - see above
