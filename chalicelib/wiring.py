"""The composition root: the only reader of the environment, the clock, random ids and secrets.

Nothing is connected until `services()` is first called. Tests and the local stack `install` services of their
own making: the same ones, on another machine.
"""

import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from uuid import uuid4

from chalicelib.actions.addresses import AddressPolicy
from chalicelib.actions.http import HttpCaller
from chalicelib.actions.performer import Performer
from chalicelib.core.batches import MAX_JOB_SOURCES
from chalicelib.dialects.upstash.failure_letters import FailureLetters
from chalicelib.service.access import Access
from chalicelib.service.accounts import Accounts
from chalicelib.service.apps import Apps
from chalicelib.service.attendance import Attendance
from chalicelib.service.batch_work import BatchSweep, BatchWorker
from chalicelib.service.batches import Batches, Sizes
from chalicelib.service.births import Births
from chalicelib.service.bulk_restarts import BulkRestarts
from chalicelib.service.cancellations import Cancellations
from chalicelib.service.cursors import Cursors
from chalicelib.service.dead_letters import DeadLetters
from chalicelib.service.definitions import Definitions
from chalicelib.service.deployments import Deployments
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.failure_callbacks import FailureCallbacks
from chalicelib.service.flow_control import Flows
from chalicelib.service.lines import Lines
from chalicelib.service.restarts import Restarts
from chalicelib.service.resumptions import Resumptions
from chalicelib.service.runs import Runs
from chalicelib.service.sweep import Sweep
from chalicelib.service.together import Together
from chalicelib.service.work import Worker
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.apps import AppStore
from chalicelib.stores.batches import BatchStore
from chalicelib.stores.bulk import BulkStore
from chalicelib.stores.calls import Calls
from chalicelib.stores.cancellations import CancellationStore
from chalicelib.stores.clients import Clients, FunctionClient
from chalicelib.stores.dead_letters import DeadLetterStore
from chalicelib.stores.definitions import DefinitionStore
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.deployments import DeploymentStore
from chalicelib.stores.job_logs import JobLogs
from chalicelib.stores.keys import KeyStore
from chalicelib.stores.lines import LineStore
from chalicelib.stores.many_births import ManyBirths
from chalicelib.stores.queues import DispatchQueue, RunQueue
from chalicelib.stores.run_lists import RunLists
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards
from chalicelib.stores.slots import SlotStore
from chalicelib.stores.tables import connect


@dataclass(frozen=True, slots=True)
class Settings:
    """What a stage decides. The secret seals cursors; shards may be raised, never lowered.

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


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, ready to be called."""

    access: Access
    definitions: Definitions
    runs: Runs
    restarts: Restarts
    resumptions: Resumptions
    bulk_restarts: BulkRestarts
    dead_letters: DeadLetters
    batches: Batches
    together: Together
    batch_worker: BatchWorker
    batch_sweep: BatchSweep
    batch_sizes: Sizes
    flows: Flows
    accounts: Accounts
    apps: Apps
    deployments: Deployments
    worker: Worker
    attendance: Attendance
    doorbell: Doorbell
    sweep: Sweep
    cursors: Cursors
    now: Callable[[], int]
    new_id: Callable[[], str]
    retab_sdk: int
    flowx_prefix: str
    signing_keys: tuple[str, str] | None


def connect_clients(settings: Settings) -> Clients:
    """Make the connections of a process."""
    return Clients.of(connect(settings.stage, settings.region))


def build(
    settings: Settings, machine: Machine, clients: Clients | None = None, performer: Performer | None = None
) -> Services:
    """Connect everything, lazily: AWS is first called when a use case needs it.

    Services that share `clients` share connections, and nothing that they remember. `performer` stands for the
    world outside.
    """
    house = _House.of(settings, machine, clients or connect_clients(settings))
    now, new_id, runs = machine.now, machine.new_id, _runs(house, machine)
    worker = _worker(house, settings, machine, performer or house.performer(machine))
    batches = BatchStore(house.clients.connection, house.calls, house.runs, house.shards)
    batch_queue = RunQueue(house.clients.sqs, settings.batches_queue_url, house.calls)
    return Services(
        access=Access(KeyStore(house.calls), now, new_id, machine.new_secret),
        definitions=house.definitions,
        runs=runs,
        restarts=Restarts(house.runs, house.definitions, house.births(new_id), now, new_id),
        resumptions=Resumptions(runs, house.definitions),
        bulk_restarts=_bulk_restarts(house, machine),
        dead_letters=_dead_letters(house, machine),
        batches=Batches(batches, JobLogs(house.calls), batch_queue, now, new_id),
        together=Together(house.runs, batches, house.definitions, house.doorbell, now, new_id),
        batch_worker=_batch_worker(house, machine, runs, batches, batch_queue),
        batch_sweep=BatchSweep(batches, batch_queue, now),
        batch_sizes=settings.batch_sizes,
        flows=Flows(house.slots, now),
        accounts=Accounts(house.accounts),
        apps=Apps(AppStore(house.calls), house.definitions, now, new_id),
        deployments=Deployments(DeploymentStore(house.calls), house.definitions, runs, now, new_id),
        worker=worker,
        attendance=Attendance(runs, worker, now, machine.pause),
        doorbell=house.doorbell,
        sweep=Sweep(house.runs, house.doorbell, house.shards, now),
        cursors=Cursors(settings.cursor_secret),
        now=now,
        new_id=new_id,
        retab_sdk=settings.retab_sdk,
        flowx_prefix=settings.flowx_prefix,
        signing_keys=settings.signing_keys,
    )


def _runs(house: "_House", machine: Machine) -> Runs:
    return Runs(
        runs=house.runs,
        lists=RunLists(house.calls, house.shards, machine.now),
        deletions=house.runs.deletions,
        definitions=house.definitions,
        births=house.births(machine.new_id),
        doorbell=house.doorbell,
        lines=house.lines(machine),
        now=machine.now,
        new_id=machine.new_id,
    )


def _batch_worker(house: "_House", machine: Machine, runs: Runs, batches: BatchStore, queue: RunQueue) -> BatchWorker:
    now, new_id = machine.now, machine.new_id
    store = CancellationStore(house.clients.connection, house.calls, house.runs)
    cancellations = Cancellations(runs, house.runs, store, house.definitions, now, new_id)
    return BatchWorker(batches, house.runs, house.definitions, cancellations, queue, house.doorbell, now, new_id)


def _bulk_restarts(house: "_House", machine: Machine) -> BulkRestarts:
    return BulkRestarts(
        runs=house.runs,
        births=ManyBirths(house.clients.connection, house.calls, house.runs),
        definitions=house.definitions,
        doorbell=house.doorbell,
        now=machine.now,
        new_id=machine.new_id,
    )


def _dead_letters(house: "_House", machine: Machine) -> DeadLetters:
    return DeadLetters(
        letters=DeadLetterStore(house.calls, house.shards, machine.now),
        bulk=BulkStore(house.clients.connection, house.calls, house.runs),
        runs=house.runs,
        definitions=house.definitions,
        doorbell=house.doorbell,
        now=machine.now,
        new_id=machine.new_id,
    )


def _worker(house: "_House", settings: Settings, machine: Machine, performer: Performer) -> Worker:
    letters = FailureLetters(settings.signing_keys, machine.now)
    return Worker(
        runs=house.runs,
        definitions=house.definitions,
        performer=performer,
        doorbell=house.doorbell,
        slots=house.slots,
        lines=house.lines(machine),
        callbacks=FailureCallbacks(house.runs, performer, letters, house.doorbell, machine.now),
        deletions=house.runs.deletions,
        now=machine.now,
        new_id=machine.new_id,
    )


@dataclass(frozen=True, slots=True)
class _House:
    """What most use cases share."""

    clients: Clients
    calls: Calls
    shards: Shards
    accounts: AccountStore
    runs: RunStore
    policy: AddressPolicy
    definitions: Definitions
    slots: SlotStore
    doorbell: Doorbell

    @classmethod
    def of(cls, settings: Settings, machine: Machine, clients: Clients) -> "_House":
        connection, calls = clients.connection, Calls(machine.pause, machine.jitter)
        shards = Shards(settings.list_shards, settings.due_shards)
        accounts = AccountStore(calls, machine.now)
        deletions = RunDeletions(connection, calls, shards, machine.now)
        policy = AddressPolicy(is_private_allowed=settings.is_private_network_allowed)
        queue = RunQueue(clients.sqs, settings.runs_queue_url, calls)
        bulk_queue = RunQueue(clients.sqs, settings.bulk_runs_queue_url, calls)
        dispatch = DispatchQueue(clients.sqs, settings.dispatch_queue_url, calls)
        return cls(
            clients=clients,
            calls=calls,
            shards=shards,
            accounts=accounts,
            runs=RunStore(connection, calls, shards, accounts, deletions, machine.now),
            policy=policy,
            definitions=Definitions(DefinitionStore(connection, calls), policy, machine.now),
            slots=SlotStore(calls),
            doorbell=Doorbell(queue, bulk_queue, dispatch, machine.now),
        )

    def births(self, new_id: Callable[[], str]) -> Births:
        return Births(self.runs, self.definitions, self.doorbell, new_id)

    def lines(self, machine: Machine) -> Lines:
        return Lines(LineStore(self.clients.connection, self.calls), self.runs, self.doorbell, machine.now)

    def performer(self, machine: Machine) -> Performer:
        http = HttpCaller(self.policy, monotonic=machine.monotonic, now=lambda: machine.now() / 1000)
        return Performer(http, FunctionClient(self.clients.functions))


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
