"""What a run's starter wants otherwise than its definition says, and hands on to every run restarted from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """How much at a time: actions in flight, and actions begun in each aligned period (s). None: any number."""

    parallelism: int | None = None
    rate: int | None = None
    period_s: int = 1


@dataclass(frozen=True, slots=True)
class FlowControl:
    """Runs with the same key share its limits."""

    key: str
    limits: FlowLimits


@dataclass(frozen=True, slots=True)
class FailureCallback:
    """Whom to tell when the run has failed."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is None is as the definition says.

    `retries` come after the first try. Of `retry_delay_s` (s, growing as the activity's policy says) and
    `retry_delay` (an expression that gives ms) at most one is given. `headers` came with the request that started
    the first run.
    """

    retries: int | None = None
    retry_delay_s: float | None = None
    delay_s: float = 0.0
    retry_delay: str | None = None
    flow: FlowControl | None = None
    failure_callback: FailureCallback | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
