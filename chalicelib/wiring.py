"""The composition root: the only reader of the environment, the clock, random ids and secrets.

Nothing is connected until `services()` is first called. Tests and the local stack `install` services of their
own making: the same ones, on another machine.
"""

import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from uuid import uuid4

from chalicelib.actions.addresses import AddressPolicy
from chalicelib.actions.http import HttpCaller
from chalicelib.actions.performer import Performer
from chalicelib.service.access import Access
from chalicelib.service.apps import Apps
from chalicelib.service.cursors import Cursors
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.restarts import Restarts
from chalicelib.service.runs import Runs
from chalicelib.service.sweep import Sweep
from chalicelib.service.work import Worker
from chalicelib.stores.apps import AppStore
from chalicelib.stores.calls import Calls
from chalicelib.stores.clients import Clients, FunctionClient
from chalicelib.stores.dead_letters import DeadLetterStore
from chalicelib.stores.definitions import DefinitionStore
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.keys import KeyStore
from chalicelib.stores.queues import RunQueue
from chalicelib.stores.run_lists import RunLists
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards
from chalicelib.stores.tables import connect


@dataclass(frozen=True, slots=True)
class Settings:
    """What a stage decides. The secret seals cursors; shards may be raised, never lowered.

    `retab_sdk` is the patch number of Retab's SDK 0.0.x that its clients use: two of its answers differ by it.
    `flowx_prefix` is the one segment under which FlowX's routes stand too.
    """

    stage: str
    region: str
    runs_queue_url: str
    cursor_secret: str
    list_shards: int = 1
    due_shards: int = 16
    is_private_network_allowed: bool = False
    retab_sdk: int = 142
    flowx_prefix: str = "rtm"


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read a function's environment variables; raise `KeyError` for one that is missing."""
    return Settings(
        stage=environment["REPRISE_STAGE"],
        region=environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"],
        runs_queue_url=environment["REPRISE_RUNS_QUEUE_URL"],
        cursor_secret=environment["REPRISE_CURSOR_SECRET"],
        list_shards=int(environment.get("REPRISE_LIST_SHARDS", "1")),
        due_shards=int(environment.get("REPRISE_DUE_SHARDS", "16")),
        is_private_network_allowed=environment.get("REPRISE_PRIVATE_NETWORK") == "allowed",
        retab_sdk=int(environment.get("REPRISE_RETAB_SDK", "142")),
        flowx_prefix=environment.get("REPRISE_FLOWX_PREFIX", "rtm"),
    )


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything that is different each time it is asked: clock (ms), ids, secrets, sleep, chance."""

    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    new_id: Callable[[], str] = lambda: str(uuid4())
    new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, ready to be called."""

    access: Access
    definitions: Definitions
    runs: Runs
    restarts: Restarts
    apps: Apps
    worker: Worker
    sweep: Sweep
    cursors: Cursors
    now: Callable[[], int]
    new_id: Callable[[], str]
    retab_sdk: int
    flowx_prefix: str


def connect_clients(settings: Settings) -> Clients:
    """Make the connections of a process."""
    return Clients.of(connect(settings.stage, settings.region))


def build(settings: Settings, machine: Machine, clients: Clients | None = None) -> Services:
    """Connect everything, lazily: AWS is first called when a use case needs it.

    Services that share `clients` share connections, and nothing that they remember.
    """
    clients = clients or connect_clients(settings)
    connection, calls = clients.connection, Calls(machine.pause, machine.jitter)
    shards = Shards(settings.list_shards, settings.due_shards)
    run_store = RunStore(connection, calls, shards)
    policy = AddressPolicy(is_private_allowed=settings.is_private_network_allowed)
    definitions = Definitions(DefinitionStore(connection, calls), policy, machine.now)
    queue = RunQueue(clients.sqs, settings.runs_queue_url, calls)
    doorbell = Doorbell(queue, machine.now)
    http = HttpCaller(policy, monotonic=machine.monotonic, now=lambda: machine.now() / 1000)
    return Services(
        access=Access(KeyStore(calls), machine.now, machine.new_id, machine.new_secret),
        definitions=definitions,
        runs=Runs(
            runs=run_store,
            lists=RunLists(calls, shards),
            letters=DeadLetterStore(calls, shards),
            deletions=RunDeletions(connection, calls),
            definitions=definitions,
            doorbell=doorbell,
            now=machine.now,
            new_id=machine.new_id,
        ),
        restarts=Restarts(run_store, definitions, doorbell, machine.now, machine.new_id),
        apps=Apps(AppStore(calls), definitions, machine.now, machine.new_id),
        worker=Worker(
            run_store,
            definitions,
            Performer(http, FunctionClient(clients.functions)),
            doorbell,
            machine.now,
            machine.new_id,
        ),
        sweep=Sweep(run_store, doorbell, shards, machine.now),
        cursors=Cursors(settings.cursor_secret),
        now=machine.now,
        new_id=machine.new_id,
        retab_sdk=settings.retab_sdk,
        flowx_prefix=settings.flowx_prefix,
    )


_installed: list[Services] = []


def install(services: Services) -> None:
    """Make these the services of this process."""
    _installed[:] = [services]


def services() -> Services:
    """Answer this process's services, made from the environment when first asked.

    `REPRISE_BACKEND` may name a module whose `start` provides an AWS in this process and installs services on it.
    """
    if not _installed:
        backend = os.environ.get("REPRISE_BACKEND")
        if backend:
            import_module(backend).start()
        else:
            install(build(settings_from(os.environ), Machine()))
    return _installed[0]
