"""What a process is told from outside, and nobody else asks for: environment, clock, chance and secrets."""

import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from uuid import uuid4

from chalicelib.core.batch_sizes import MAX_JOB_SOURCES, Sizes
from chalicelib.service.metrics import Meter

FRONT_DOOR = "front_door"  # what API Gateway calls, in app.py


@dataclass(frozen=True, slots=True)
class Settings:
    """What a stage decides. The secret seals cursors, and the previous one still opens them.

    Shards may be raised, never lowered.

    `retab_sdk` is the patch number of Retab's SDK 0.0.x that its clients use: two of its answers differ by it.
    `flowx_prefix` is the one segment under which FlowX's routes stand too. `signing_keys` are the current one, with
    which failure callbacks are signed, and the next.
    """

    stage: str
    region: str
    runs_queue_url: str
    bulk_runs_queue_url: str
    dispatch_queue_url: str
    batches_queue_url: str
    cursor_secret: str
    list_shards: int = 1
    due_shards: int = 16
    is_private_network_allowed: bool = False
    retab_sdk: int = 142
    flowx_prefix: str = "rtm"
    signing_keys: tuple[str, str] | None = None
    batch_sizes: Sizes = field(default_factory=Sizes)
    previous_cursor_secret: str | None = None


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read a function's environment variables; raise `KeyError` for one that is missing."""
    return Settings(
        stage=environment["REPRISE_STAGE"],
        region=environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"],
        runs_queue_url=environment["REPRISE_RUNS_QUEUE_URL"],
        bulk_runs_queue_url=environment["REPRISE_BULK_RUNS_QUEUE_URL"],
        dispatch_queue_url=environment["REPRISE_DISPATCH_QUEUE_URL"],
        batches_queue_url=environment["REPRISE_BATCHES_QUEUE_URL"],
        cursor_secret=environment["REPRISE_CURSOR_SECRET"],
        list_shards=int(environment.get("REPRISE_LIST_SHARDS", "1")),
        due_shards=int(environment.get("REPRISE_DUE_SHARDS", "16")),
        is_private_network_allowed=environment.get("REPRISE_PRIVATE_NETWORK") == "allowed",
        retab_sdk=int(environment.get("REPRISE_RETAB_SDK", "142")),
        flowx_prefix=environment.get("REPRISE_FLOWX_PREFIX", "rtm"),
        signing_keys=_signing_keys(environment),
        batch_sizes=_sizes(environment),
        previous_cursor_secret=environment.get("REPRISE_PREVIOUS_CURSOR_SECRET") or None,
    )


def _sizes(environment: Mapping[str, str]) -> Sizes:
    """Read how batches are cut into jobs: by default one source to a job, and a hundred jobs to a seed."""
    per_job = int(environment.get("REPRISE_INVOCATIONS_PER_BATCH_JOB", "1"))
    per_seed = int(environment.get("REPRISE_BATCH_JOBS_PER_SEED", "100"))
    return Sizes(min(max(per_job, 1), MAX_JOB_SOURCES), max(per_seed, 1))


def _signing_keys(environment: Mapping[str, str]) -> tuple[str, str] | None:
    current = environment.get("REPRISE_SIGNING_KEY")
    return (current, environment.get("REPRISE_NEXT_SIGNING_KEY") or current) if current else None


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything that is different each time it is asked: clock (ms), ids, secrets, sleep, chance."""

    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    new_id: Callable[[], str] = lambda: str(uuid4())
    new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic


def is_on_lambda() -> bool:
    """Tell whether this process is a function's, and not a command's or a test's."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def own_meter() -> Meter | None:
    """Answer what counts the lines of this process for CloudWatch, if it is a function's."""
    if not is_on_lambda():
        return None
    handler = os.environ["_HANDLER"].rpartition(".")[2]
    return Meter(f"Reprise/{os.environ['REPRISE_STAGE']}", "api_handler" if handler == FRONT_DOOR else handler)


def own_settings() -> Settings:
    return settings_from(os.environ)


def start_backend() -> bool:
    """Let the module that `REPRISE_BACKEND` names provide an AWS here and install services on it, if there is one."""
    backend = os.environ.get("REPRISE_BACKEND")
    if backend:
        import_module(backend).start()
    return bool(backend)
