"""What an activity asks of the world, and what the world answered: data in, data out.

The core makes effects and reads outcomes; `actions/` performs them. An effect carries all that
performing it needs, so that it can be printed, compared and repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.json_values import Json


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTP request. `body` is sent as JSON unless it is None; `timeout_s` bounds the whole exchange.

    `keeps` names headers of the answer (in small letters) that are wanted beside the usual ones; `request_id` is the
    request that all of it began with.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: Json
    timeout_s: float
    idempotency_key: str
    keeps: tuple[str, ...] = ()
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class LambdaInvoke:
    """One synchronous invocation of a function, by name or ARN, with a JSON payload."""

    function: str
    payload: Json
    timeout_s: float
    idempotency_key: str
    request_id: str = ""


Effect = HttpCall | LambdaInvoke


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The effect took place. HTTP: {"status", "headers", "body"}; Lambda: the function's answer."""

    result: Json


@dataclass(frozen=True, slots=True)
class Answered:
    """What the other side said: HTTP's status, some of its headers (names in small letters), and its body's begin."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The effect did not take place, or nobody knows: `is_retryable` says whether to try again.

    `retry_after_s` is the other side's own wish (Retry-After), in seconds.
    """

    code: str
    message: str
    is_retryable: bool
    retry_after_s: float | None = None
    answer: Answered | None = None


Outcome = Succeeded | Failed


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """What a function returned; or, if `error` says how it failed, what it said of its failure."""

    payload: bytes
    error: str | None = None
