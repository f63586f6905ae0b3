from collections.abc import Mapping

from chalicelib.actions.http import HttpCaller
from chalicelib.actions.performer import Performer
from chalicelib.core.effects import Failed, FunctionAnswer, LambdaInvoke, Succeeded
from tests.actions.conftest import StepServer, http_call

INVOKE = LambdaInvoke("price", {"order": 7}, timeout_s=3.0, idempotency_key="run-1/price/2")


class Echo:
    def invoke(self, function: str, payload: bytes, custom: Mapping[str, str]) -> FunctionAnswer | Failed:
        return FunctionAnswer(payload)


class TestAPerformer:
    def test_calls_over_http(self, laptop: HttpCaller, step: StepServer) -> None:
        assert isinstance(Performer(laptop).perform(http_call(step.url)), Succeeded)

    def test_invokes_a_function(self, laptop: HttpCaller) -> None:
        assert Performer(laptop, Echo()).perform(INVOKE) == Succeeded({"order": 7})

    def test_says_that_a_stage_without_functions_has_none(self, laptop: HttpCaller) -> None:
        outcome = Performer(laptop).perform(INVOKE)

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("unsupported", False)
