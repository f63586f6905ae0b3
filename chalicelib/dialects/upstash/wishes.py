"""What is wished of the runs that a call makes: the headers `Upstash-*`, each with its own small grammar."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.durations import read_duration
from chalicelib.core.overrides import FailureCallback, FlowLimits
from chalicelib.core.retry_delays import MAX_RETRIES, check_retry_delay
from chalicelib.dialects.upstash.errors import HeaderInvalid, QuotaExceeded

YEAR_S = 366 * 86_400
WEEK_S = 7 * 86_400
MAX_LABELS = 50
MAX_LABEL = 128  # characters
MAX_KEY = 255
MAX_URL = 2_048
MAX_LIMIT = 10_000

WISHES = frozenset(
    {
        "upstash-delay",
        "upstash-failure-callback",
        "upstash-flow-control-key",
        "upstash-flow-control-value",
        "upstash-label",
        "upstash-retries",
        "upstash-retry-delay",
    }
)
"""The headers that are read here, in small letters."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_LIMIT = re.compile(r"\s*(parallelism|rate|period)\s*=\s*([0-9]+|(?:[0-9]+[smhd])+)\s*", re.ASCII)
_FLOW = "should be either rate=X or parallelism=Y, or both as comma-separated values"
_URL = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is None was not wished: it is as the source had it, or as the definition says."""

    retries: int | None = None
    retry_delay: str | None = None
    delay_s: float = 0.0
    flow_key: str | None = None
    flow_limits: FlowLimits | None = None
    labels: tuple[str, ...] | None = None
    failure_url: str | None = None

    @property
    def callback(self) -> FailureCallback | None:
        return None if self.failure_url is None else FailureCallback(self.failure_url)


def read_wishes(headers: Mapping[str, str]) -> Wishes:
    """Read headers (names in small letters); raise `HeaderInvalid`, `QuotaExceeded` or `RetryDelayInvalid`."""
    retry_delay = headers.get("upstash-retry-delay")
    if retry_delay is not None:
        check_retry_delay(retry_delay)
    flow = headers.get("upstash-flow-control-value")
    return Wishes(
        retries=_retries(headers.get("upstash-retries")),
        retry_delay=retry_delay,
        delay_s=_delay(headers.get("upstash-delay")),
        flow_key=_flow_key(headers.get("upstash-flow-control-key")),
        flow_limits=None if flow is None else read_limits(flow),
        labels=_labels(headers.get("upstash-label")),
        failure_url=_failure_url(headers.get("upstash-failure-callback")),
    )


def _retries(text: str | None) -> int | None:
    if text is None:
        return None
    number = text.strip()
    if not _NUMBER.fullmatch(number):
        raise HeaderInvalid("Upstash-Retries", "must be a whole number from 0.")
    retries = int(number)
    if retries > MAX_RETRIES:
        raise QuotaExceeded("Upstash-Retries", str(MAX_RETRIES))
    return retries


def _delay(text: str | None) -> float:
    if text is None:
        return 0.0
    seconds = read_duration(text.strip())
    if seconds is None:
        raise HeaderInvalid("Upstash-Delay", "must be numbers with units (s, m, h, d), as in 1d10h30m.")
    if seconds > YEAR_S:
        raise QuotaExceeded("Upstash-Delay", "366d")
    return float(seconds)


def _flow_key(text: str | None) -> str | None:
    if text is not None and not 0 < len(text.strip()) <= MAX_KEY:
        raise HeaderInvalid("Upstash-Flow-Control-Key", f"must have 1 to {MAX_KEY} characters.")
    return None if text is None else text.strip()


def read_limits(text: str) -> FlowLimits:
    """Read `parallelism=3, rate=10, period=1m`, in any order; raise `HeaderInvalid` with the vendor's own words."""
    found = [_LIMIT.fullmatch(part) for part in text.split(",")]
    given = {match[1]: match[2] for match in found if match is not None}
    if len(given) < len(found) or not {"parallelism", "rate"} & given.keys():
        raise _flow_invalid("")
    numbers = {name: _limit(value) for name, value in given.items() if name != "period"}
    period_s = _period(given.get("period", "1s"))
    return FlowLimits(numbers.get("parallelism"), numbers.get("rate"), period_s)


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise _flow_invalid(f" (each from 1 to {MAX_LIMIT})")
    return int(text)


def _period(text: str) -> int:
    seconds = int(text) if _NUMBER.fullmatch(text) else read_duration(text)
    if seconds is None or not 1 <= seconds <= WEEK_S:
        raise _flow_invalid(" (and a period from 1s to 7d)")
    return seconds


def _flow_invalid(more: str) -> HeaderInvalid:
    return HeaderInvalid("Upstash-Flow-Control-Value", f"{_FLOW}{more}")


def _labels(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    labels = dict.fromkeys(label.strip() for label in text.split(",") if label.strip())
    if len(labels) > MAX_LABELS or any(len(label) > MAX_LABEL for label in labels):
        raise HeaderInvalid("Upstash-Label", f"may hold {MAX_LABELS} labels of {MAX_LABEL} characters.")
    return tuple(labels)


def _failure_url(text: str | None) -> str | None:
    if text is not None and not (_URL.fullmatch(text) and len(text) <= MAX_URL):
        raise HeaderInvalid("Upstash-Failure-Callback", "must be an absolute http(s) URL.")
    return text
