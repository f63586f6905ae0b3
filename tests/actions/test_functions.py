import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from chalicelib.actions.functions import invoke_function
from chalicelib.actions.payloads import MAX_ANSWER_BYTES
from chalicelib.core.effects import Failed, FunctionAnswer, LambdaInvoke, Outcome, Succeeded
from chalicelib.core.json_values import Json

EFFECT = LambdaInvoke(
    "price", {"b": 1, "a": "ü"}, timeout_s=3.0, idempotency_key="run-1/price/2", request_id="request-1"
)
CUSTOM = {"idempotency_key": "run-1/price/2", "request_id": "request-1"}


@dataclass
class Functions:
    """A Lambda with one function, that gives one answer."""

    answer: FunctionAnswer | Failed
    seen: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def invoke(self, function: str, payload: bytes, custom: Mapping[str, str]) -> FunctionAnswer | Failed:
        self.seen.append((function, payload, custom))
        return self.answer


def outcome_of(payload: bytes, function_error: str | None = None) -> Outcome:
    return invoke_function(EFFECT, Functions(FunctionAnswer(payload, function_error)))


class TestAnInvocation:
    def test_sends_compact_json_once(self) -> None:
        functions = Functions(FunctionAnswer(b"null"))

        invoke_function(EFFECT, functions)

        assert functions.seen == [("price", '{"a":"ü","b":1}'.encode(), CUSTOM)]

    @pytest.mark.parametrize("result", [None, 0, "text", [1, {"a": "ü"}], {"total": 9.5}])
    def test_succeeds_with_what_the_function_returned(self, result: Json) -> None:
        assert outcome_of(json.dumps(result).encode()) == Succeeded(result)

    @pytest.mark.parametrize("payload", [b"", b"{broken", b"\xff", b"NaN", b"1e999", b'"\\ud800"', b"[" * 100_000])
    def test_fails_for_good_with_an_answer_that_is_not_json(self, payload: bytes) -> None:
        outcome = outcome_of(payload)

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("answer_invalid", False)

    @pytest.mark.parametrize("payload", [b'"' + b"a" * MAX_ANSWER_BYTES + b'"', b"[" + b"1e9," * 60_000 + b"1]"])
    def test_fails_for_good_with_an_answer_that_is_too_long_to_keep(self, payload: bytes) -> None:
        outcome = outcome_of(payload)

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("answer_too_large", False)

    @pytest.mark.parametrize(
        ("payload", "message"),
        [
            (b'{"errorMessage":"no stock","stackTrace":["secret"]}', "price failed: no stock"),
            (b'{"errorMessage":"' + b"a" * MAX_ANSWER_BYTES + b'"}', "price failed: " + "a" * 500),
            (b'{"errorMessage":7}', "price failed: Unhandled"),
            (b"[]", "price failed: Unhandled"),
            (b"", "price failed: Unhandled"),
        ],
        ids=["message", "long message", "no text", "no object", "nothing"],
    )
    def test_may_be_tried_again_when_the_function_fails(self, payload: bytes, message: str) -> None:
        assert outcome_of(payload, "Unhandled") == Failed("function_error", message, is_retryable=True)

    @pytest.mark.parametrize("is_retryable", [True, False])
    def test_fails_as_its_invoker_says(self, is_retryable: bool) -> None:
        failed = Failed("throttled", "Rate exceeded", is_retryable=is_retryable)

        assert invoke_function(EFFECT, Functions(failed)) == failed

    def test_is_not_begun_with_a_payload_nobody_can_read(self) -> None:
        functions = Functions(FunctionAnswer(b"null"))
        effect = LambdaInvoke("price", {"a": float("inf")}, timeout_s=3.0, idempotency_key="k")

        outcome = invoke_function(effect, functions)

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable, functions.seen) == ("payload_refused", False, [])
