"""What works on messages, and by the clock: the half of the composition root that no request needs."""

from dataclasses import dataclass

from chalicelib.actions.http import HttpCaller
from chalicelib.actions.performer import Performer
from chalicelib.dialects.upstash.failure_letters import FailureLetters
from chalicelib.house import House
from chalicelib.service.batch_work import BatchSweep, BatchWorker
from chalicelib.service.births import Births
from chalicelib.service.cancellations import Cancellations
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.failure_callbacks import FailureCallbacks
from chalicelib.service.lines import Lines
from chalicelib.service.runs import Runs
from chalicelib.service.sweep import Sweep
from chalicelib.service.work import Worker
from chalicelib.settings import Machine, own_settings, start_backend
from chalicelib.stores.batches import BatchStore
from chalicelib.stores.cancellations import CancellationStore
from chalicelib.stores.clients import FunctionClient
from chalicelib.stores.lines import LineStore
from chalicelib.stores.queues import RunQueue
from chalicelib.stores.run_lists import RunLists


@dataclass(frozen=True, slots=True)
class Workers:
    """What messages and the schedule are given to."""

    worker: Worker
    batch_worker: BatchWorker
    sweep: Sweep
    batch_sweep: BatchSweep
    doorbell: Doorbell


def build(house: House, performer: Performer | None = None) -> Workers:
    """Build them on what a house has; `performer` stands for the world outside."""
    batches, queue = batch_store(house), batch_queue(house)
    return Workers(
        worker=_worker(house, performer or _performer(house)),
        batch_worker=_batch_worker(house, batches, queue),
        sweep=Sweep(house.runs, house.doorbell, house.shards, house.machine.now),
        batch_sweep=BatchSweep(batches, queue, house.machine.now),
        doorbell=house.doorbell,
    )


def batch_store(house: House) -> BatchStore:
    return BatchStore(house.calls, house.runs, house.shards)


def batch_queue(house: House) -> RunQueue:
    return RunQueue(house.clients.sqs, house.settings.batches_queue_url, house.calls)


def births(house: House) -> Births:
    return Births(house.runs, house.definitions, house.doorbell, house.machine.new_id)


def runs(house: House) -> Runs:
    return Runs(
        runs=house.runs,
        lists=RunLists(house.calls, house.shards, house.machine.now),
        deletions=house.runs.deletions,
        definitions=house.definitions,
        births=births(house),
        doorbell=house.doorbell,
        lines=_lines(house),
        now=house.machine.now,
        new_id=house.machine.new_id,
    )


def _lines(house: House) -> Lines:
    return Lines(LineStore(house.calls), house.runs, house.doorbell, house.machine.now)


def _performer(house: House) -> Performer:
    machine = house.machine
    http = HttpCaller(house.policy, monotonic=machine.monotonic, now=lambda: machine.now() / 1000)
    return Performer(http, FunctionClient(house.clients.functions))


def _worker(house: House, performer: Performer) -> Worker:
    now = house.machine.now
    letters = FailureLetters(house.settings.signing_keys, now)
    return Worker(
        runs=house.runs,
        definitions=house.definitions,
        performer=performer,
        doorbell=house.doorbell,
        slots=house.slots,
        lines=_lines(house),
        callbacks=FailureCallbacks(house.runs, performer, letters, house.doorbell, now),
        deletions=house.runs.deletions,
        now=now,
        new_id=house.machine.new_id,
    )


def _batch_worker(house: House, batches: BatchStore, queue: RunQueue) -> BatchWorker:
    now, new_id = house.machine.now, house.machine.new_id
    store = CancellationStore(house.calls, house.runs)
    cancellations = Cancellations(runs(house), house.runs, store, house.definitions, now, new_id)
    return BatchWorker(batches, house.runs, house.definitions, cancellations, queue, house.doorbell, now, new_id)


_installed: list[Workers] = []


def install(workers: Workers) -> None:
    """Make these the workers of this process."""
    _installed[:] = [workers]


def workers() -> Workers:
    """Answer this process's workers, made from the environment when first asked."""
    if not _installed and not start_backend():
        install(build(House.of(own_settings(), Machine())))
    return _installed[0]
