"""AWS in this process: moto, made safe for threads, cheap for big tables and queues, and true in what we rely on.

Every patch is one function that takes moto's and answers ours, and says why. Patches lean on moto's internals, so
moto is pinned, and tests/local/test_aws.py fails for each that has come loose.
"""

import os
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cache, wraps
from threading import RLock
from typing import Any

from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.common_models import BaseModel
from moto.core.models import DEFAULT_ACCOUNT_ID

from local import moto_dynamodb, moto_sqs

ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "us-east-1"


@dataclass(slots=True)
class _World:
    """The clock, in seconds since 1970, and the lock that is held while AWS works on one call."""

    now: Callable[[], float] = lambda: 0.0
    lock: Any = field(default_factory=RLock)


_WORLD = _World()


def start(now: Callable[[], float]) -> None:
    """Put AWS into this process, on this clock (seconds since 1970); once it is there, change the clock.

    Call it before any client is made: an earlier client goes to the network.
    """
    _WORLD.now = now
    _install()


def reset() -> None:
    """Empty AWS of everything, tables and queues too. Clients stay valid."""
    with _WORLD.lock:
        BackendDict.reset()


@cache
def _install() -> None:
    impersonate(os.environ)  # noqa: TID251 - botocore reads its settings there, and must not find anybody's own
    for owner, name, patch in (*_PATCHES, *moto_dynamodb.patches(_now), *moto_sqs.patches(_now)):
        setattr(owner, name, patch(getattr(owner, name)))
    mock_aws(config={"core": {"mock_credentials": False}}).start()


def _now() -> float:
    return _WORLD.now()


def impersonate(environment: MutableMapping[str, str]) -> None:
    """Make botocore take us for nobody: no profile, no configured endpoint, no real key."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        environment.pop(name, None)
    environment.update(
        AWS_ACCESS_KEY_ID="laptop",
        AWS_SECRET_ACCESS_KEY="laptop",
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true",
    )


def one_at_a_time(process_request: Callable[..., Any]) -> Callable[..., Any]:
    """Guard all of moto with one lock: it checks and then writes, so two threads could win one conditional put."""

    @wraps(process_request)
    def guarded(stubber: BotocoreStubber, request: Any) -> Any:
        with _WORLD.lock:
            return process_request(stubber, request)

    return guarded


def untracked(_new: Callable[..., Any]) -> Callable[..., Any]:
    """Forget what is not used any more: moto keeps every copy of every row it ever read, for a dashboard."""
    return staticmethod(lambda cls, *_args, **_kwargs: object.__new__(cls))


_PATCHES: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
    (BotocoreStubber, "process_request", one_at_a_time),
    (BaseModel, "__new__", untracked),
)
