"""When to try an action again, and when to give up."""

from chalicelib.core.definitions import RetryPolicy
from chalicelib.core.effects import Failed
from chalicelib.core.overrides import Overrides
from chalicelib.core.retry_delays import retry_delay_ms
from chalicelib.core.runs import Tries

MAX_GROWTHS = 300  # 10 ** 308 is the largest float, and no policy's factor is above 10


def next_try(policy: RetryPolicy, overrides: Overrides, tried: Tries | None, failed: Failed, at: int) -> Tries | None:
    """Answer when to try again after one more failure; None when that was the last try.

    The wait doubles (or as the policy says) with each failure, unless an expression gives it; a longer wish of the
    run's starter or of the other side is honoured.
    """
    count = 1 + (tried.count if tried else 0)
    attempts = policy.attempts if overrides.retries is None else overrides.retries + 1
    if count >= attempts or not failed.is_retryable:
        return None
    if overrides.retry_delay is not None:
        wait_ms = max(retry_delay_ms(overrides.retry_delay, count - 1), round((failed.retry_after_s or 0.0) * 1000))
        return Tries(count, at + wait_ms)
    first_s = policy.delay_s if overrides.retry_delay_s is None else overrides.retry_delay_s
    wait_s = min(first_s * policy.factor ** min(count - 1, MAX_GROWTHS), policy.max_delay_s)
    wait_s = max(wait_s, overrides.retry_delay_s or 0.0, failed.retry_after_s or 0.0)
    return Tries(count, at + round(wait_s * 1000))
