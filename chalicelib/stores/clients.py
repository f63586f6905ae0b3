"""Clients beside DynamoDB's: made when first used, all from the one session that PynamoDB's connection has."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection

from chalicelib.core.effects import Failed, FunctionAnswer

LONGEST_INVOKE_S = 26  # a little more than the longest timeout that a definition may ask for

_PASSING = frozenset(
    {"EC2ThrottledException", "ResourceNotReadyException", "ServiceException", "TooManyRequestsException"}
)


@dataclass(frozen=True, slots=True)
class Clients:
    """What a process calls AWS through, all from one session."""

    connection: Connection
    sqs: Callable[[], Any]
    functions: Callable[[], Any]

    @classmethod
    def of(cls, connection: Connection) -> "Clients":
        return cls(connection, sqs_client(connection), lambda_client(connection))


def sqs_client(connection: Connection) -> Callable[[], Any]:
    config = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 3, "mode": "standard"})
    return cache(lambda: _client(connection, "sqs", config))


def lambda_client(connection: Connection) -> Callable[[], Any]:
    """Make no second attempt by itself: a run counts its own."""
    config = Config(connect_timeout=2, read_timeout=LONGEST_INVOKE_S, retries={"total_max_attempts": 1})
    return cache(lambda: _client(connection, "lambda", config))


def _client(connection: Connection, service: str, config: Config) -> Any:
    """Make a client as boto3 would, without the import of boto3 and its transfers to S3."""
    return connection.session.create_client(service, region_name=connection.region, config=config)


@dataclass(frozen=True, slots=True)
class FunctionClient:
    """Invoke Lambda functions; whatever the service or the network does is an answer."""

    client: Callable[[], Any]

    def invoke(self, function: str, payload: bytes, custom: Mapping[str, str]) -> FunctionAnswer | Failed:
        """Invoke once and wait for the answer; `custom` goes along in the client context."""
        context = base64.b64encode(json.dumps({"custom": custom}).encode()).decode()
        try:
            answer = self.client().invoke(FunctionName=function, Payload=payload, ClientContext=context)
            return FunctionAnswer(answer["Payload"].read(), answer.get("FunctionError"))
        except BotoCoreError as error:
            return Failed("connection", f"{function} gave no answer: {type(error).__name__}.", is_retryable=True)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            return Failed("invoke_refused", f"{function} was not invoked: {code}.", is_retryable=code in _PASSING)
