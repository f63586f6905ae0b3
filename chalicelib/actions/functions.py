"""Perform a Lambda invocation, through whoever holds the client."""

from collections.abc import Mapping
from typing import Protocol

from chalicelib.actions.errors import ActionError, AnswerInvalid, AnswerTooLarge
from chalicelib.actions.payloads import MAX_ANSWER_BYTES, check_size, excerpt, read_answer, write_payload
from chalicelib.core.effects import Failed, FunctionAnswer, LambdaInvoke, Outcome, Succeeded


class FunctionInvoker(Protocol):
    def invoke(self, function: str, payload: bytes, custom: Mapping[str, str]) -> FunctionAnswer | Failed:
        """Invoke once, synchronously, by name or ARN; whatever the service or the network does is an answer.

        Must not try again by itself: the run counts its attempts. What is `custom` reaches the function in its client
        context.
        """


def invoke_function(effect: LambdaInvoke, invoker: FunctionInvoker | None) -> Outcome:
    """Invoke a function and read what it returned; whatever happens over there, it is an outcome."""
    if invoker is None:
        return Failed("unsupported", "This stage invokes no functions.", is_retryable=False)
    try:
        custom = {"idempotency_key": effect.idempotency_key, "request_id": effect.request_id}
        answer = invoker.invoke(effect.function, write_payload(effect.payload), custom)
        return answer if isinstance(answer, Failed) else _read_outcome(effect.function, answer)
    except ActionError as error:
        return Failed(error.code, excerpt(str(error)), is_retryable=error.is_retryable)


def _read_outcome(function: str, answer: FunctionAnswer) -> Outcome:
    if answer.error is not None:
        return Failed("function_error", f"{function} failed: {_error_message(answer)}", is_retryable=True)
    if len(answer.payload) > MAX_ANSWER_BYTES:
        raise AnswerTooLarge(MAX_ANSWER_BYTES)
    result = read_answer(answer.payload)
    check_size(result)
    return Succeeded(result)


def _error_message(answer: FunctionAnswer) -> str:
    """Quote what the function says of its failure; its stack trace stays where it is."""
    try:
        error = read_answer(answer.payload)
    except AnswerInvalid:
        error = None
    match error:
        case {"errorMessage": str(message)}:
            return excerpt(message)
        case _:
            return excerpt(answer.error or "")
