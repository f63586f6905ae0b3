"""What both a first run and a restarted one can be asked for: retries, a delay, flow control, a failure callback."""

from typing import Annotated

import msgspec
from msgspec import Meta, field

from chalicelib.core.overrides import FailureCallback, FlowLimits
from chalicelib.core.retry_delays import MAX_RETRIES, check_retry_delay
from chalicelib.dialects.ops.shapes import Shape

YEAR_S = 365 * 86400
WEEK_S = 7 * 86400

Retries = Annotated[int, Meta(ge=0, le=MAX_RETRIES, description="How often an action is tried again.")]
RetryDelay = Annotated[float, Meta(ge=0, le=WEEK_S, description="Seconds before the first retry.")]
Expression = Annotated[str, Meta(min_length=1, max_length=500, description="Gives ms before a retry, by `retried`.")]
Delay = Annotated[float, Meta(ge=0, le=YEAR_S, description="Seconds before the run begins.")]
Limit = Annotated[int, Meta(ge=1, le=10_000)]
Period = Annotated[int, Meta(ge=1, le=WEEK_S, description="Seconds.")]
FlowKey = Annotated[str, Meta(min_length=1, max_length=255)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]


class FlowControl(Shape, frozen=True):
    """Limits that runs with the same key share; a restart may name the key or the limits alone."""

    key: FlowKey | None = None
    parallelism: Limit | None = None
    rate: Limit | None = None
    period: Period = 1


class Callback(Shape, frozen=True):
    """Whom to tell when the run fails, and with which headers."""

    url: Url
    headers: Annotated[dict[str, str], Meta(max_length=50)] = field(default_factory=dict)


class RunWishes(Shape, frozen=True, kw_only=True):
    """Of `retry_delay` and `retry_delay_expression`, the expression counts."""

    retries: Retries | None = None
    retry_delay: RetryDelay | None = None
    retry_delay_expression: Expression | None = None
    delay: Delay = 0.0
    flow_control: FlowControl | None = None
    failure_callback: Callback | None = None


class Wishes(msgspec.Struct, frozen=True):
    """The wishes as the core takes them."""

    retry_delay: str | None
    flow_key: str | None
    flow_limits: FlowLimits | None
    failure_callback: FailureCallback | None


def read_wishes(asked: RunWishes) -> Wishes:
    """Answer the wishes; raise `RetryDelayInvalid` for an expression that cannot be used."""
    flow, callback = asked.flow_control, asked.failure_callback
    if asked.retry_delay_expression is not None:
        check_retry_delay(asked.retry_delay_expression)
    has_limits = flow is not None and (flow.parallelism is not None or flow.rate is not None)
    return Wishes(
        retry_delay=asked.retry_delay_expression,
        flow_key=flow.key if flow else None,
        flow_limits=FlowLimits(flow.parallelism, flow.rate, flow.period) if flow and has_limits else None,
        failure_callback=FailureCallback(callback.url, callback.headers) if callback else None,
    )
