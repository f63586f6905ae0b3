import io
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.core.effects import Failed, FunctionAnswer
from chalicelib.stores.clients import FunctionClient, lambda_client, sqs_client
from local import aws
from tests.backends import on_moto
from tests.world import World


@pytest.fixture
def stubbed(world: World) -> Iterator[tuple[FunctionClient, Stubber]]:
    """A client whose answers are written by the test, and whose requests botocore checks."""
    client = boto3.client("lambda", region_name=aws.REGION)
    with Stubber(client) as stubber:
        yield FunctionClient(lambda: client), stubber


CUSTOM = {"idempotency_key": "run/price/1", "request_id": "request-1"}


def answered(payload: bytes, **more: str) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload)), **more}


@on_moto  # the lean engine has no Lambda
class TestInvokingAFunction:
    def test_answers_what_the_function_returned(self, stubbed):
        functions, stubber = stubbed
        stubber.add_response("invoke", answered(b'{"price": 7}'))

        assert functions.invoke("price", b"{}", CUSTOM) == FunctionAnswer(b'{"price": 7}')

    def test_answers_how_the_function_failed(self, stubbed):
        functions, stubber = stubbed
        stubber.add_response("invoke", answered(b"{}", FunctionError="Unhandled"))

        assert functions.invoke("price", b"{}", CUSTOM) == FunctionAnswer(b"{}", "Unhandled")

    def test_gives_the_function_its_key_and_what_it_began_with_in_its_client_context(self, stubbed):
        functions, stubber = stubbed
        stubber.add_response("invoke", answered(b"{}"))
        seen: list[dict[str, Any]] = []
        keep: Callable[..., None] = lambda params, **_: seen.append(params)  # noqa: E731
        functions.client().meta.events.register("provide-client-params.lambda.Invoke", keep)

        functions.invoke("price", b"{}", CUSTOM)

        context = json.loads(b64decode(seen[0]["ClientContext"]))
        assert context == {"custom": CUSTOM}

    @pytest.mark.parametrize(
        ("code", "is_retryable"),
        [("TooManyRequestsException", True), ("ServiceException", True), ("ResourceNotFoundException", False)],
    )
    def test_answers_why_the_service_refused(self, stubbed, code: str, is_retryable: bool):
        functions, stubber = stubbed
        stubber.add_client_error("invoke", code)

        answer = functions.invoke("price", b"{}", {})

        assert isinstance(answer, Failed)
        assert (answer.code, answer.is_retryable) == ("invoke_refused", is_retryable)
        assert code in answer.message

    def test_may_be_tried_again_when_nobody_answers(self, world):
        client = boto3.client("lambda", region_name=aws.REGION, endpoint_url="http://127.0.0.1:9")

        def refuse(**_: object) -> None:
            from botocore.exceptions import EndpointConnectionError

            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

        client.meta.events.register_first("before-send.lambda.Invoke", refuse)

        answer = FunctionClient(lambda: client).invoke("price", b"{}", {})

        assert isinstance(answer, Failed)
        assert (answer.code, answer.is_retryable) == ("connection", True)


@pytest.mark.parametrize("make", [sqs_client, lambda_client])
def test_a_client_is_made_once_and_only_when_it_is_used(world, make):
    connection = world.services.restarts.runs.calls.connection

    client = make(connection)

    assert client() is client()
    assert client().meta.region_name == aws.REGION
