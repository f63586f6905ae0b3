"""The composition root of what requests ask for: all use cases, the workers' included.

Nothing is connected until `services()` is first called. Tests and the local stack `install` services of their
own making: the same ones, on another machine.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import workers
from chalicelib.actions.performer import Performer
from chalicelib.core.batch_sizes import Sizes
from chalicelib.house import House, connect_clients
from chalicelib.service.access import Access
from chalicelib.service.accounts import Accounts
from chalicelib.service.apps import Apps
from chalicelib.service.attendance import Attendance
from chalicelib.service.audit import Audit
from chalicelib.service.batches import Batches
from chalicelib.service.bulk_restarts import BulkRestarts
from chalicelib.service.cursors import Cursors
from chalicelib.service.dead_letters import DeadLetters
from chalicelib.service.definitions import Definitions
from chalicelib.service.deployments import Deployments
from chalicelib.service.flow_control import Flows
from chalicelib.service.restarts import Restarts
from chalicelib.service.resumptions import Resumptions
from chalicelib.service.runs import Runs
from chalicelib.service.together import Together
from chalicelib.settings import Machine, Settings, own_settings, start_backend
from chalicelib.stores.apps import AppStore
from chalicelib.stores.audit import AuditStore
from chalicelib.stores.bulk import BulkStore
from chalicelib.stores.clients import Clients
from chalicelib.stores.dead_letters import DeadLetterStore
from chalicelib.stores.deployments import DeploymentStore
from chalicelib.stores.job_logs import JobLogs
from chalicelib.stores.keys import KeyStore
from chalicelib.stores.many_births import ManyBirths
from chalicelib.workers import Workers

# what tests and the laptop make services of their own with
__all__ = ["Machine", "Services", "Settings", "build", "connect_clients", "install", "services"]


@dataclass(frozen=True, slots=True)
class Services(Workers):
    """The use cases, ready to be called."""

    access: Access
    audit: Audit
    definitions: Definitions
    runs: Runs
    restarts: Restarts
    resumptions: Resumptions
    bulk_restarts: BulkRestarts
    dead_letters: DeadLetters
    batches: Batches
    together: Together
    batch_sizes: Sizes
    flows: Flows
    accounts: Accounts
    apps: Apps
    deployments: Deployments
    attendance: Attendance
    cursors: Cursors
    now: Callable[[], int]
    new_id: Callable[[], str]
    retab_sdk: int
    flowx_prefix: str
    signing_keys: tuple[str, str] | None


def build(
    settings: Settings, machine: Machine, clients: Clients | None = None, performer: Performer | None = None
) -> Services:
    """Connect everything, lazily: AWS is first called when a use case needs it.

    Services that share `clients` share connections, and nothing that they remember. `performer` stands for the
    world outside.
    """
    house = House.of(settings, machine, clients)
    made, now, new_id = workers.build(house, performer), machine.now, machine.new_id
    runs, batches = workers.runs(house), workers.batch_store(house)
    return Services(
        worker=made.worker,
        batch_worker=made.batch_worker,
        sweep=made.sweep,
        batch_sweep=made.batch_sweep,
        doorbell=made.doorbell,
        access=Access(KeyStore(house.calls), now, new_id, machine.new_secret),
        audit=Audit(AuditStore(house.calls, house.shards, now)),
        definitions=house.definitions,
        runs=runs,
        restarts=Restarts(house.runs, house.definitions, workers.births(house), now, new_id),
        resumptions=Resumptions(runs, house.definitions),
        bulk_restarts=_bulk_restarts(house),
        dead_letters=_dead_letters(house),
        batches=Batches(batches, JobLogs(house.calls), workers.batch_queue(house), now, new_id),
        together=Together(house.runs, batches, house.definitions, house.doorbell, now, new_id),
        batch_sizes=settings.batch_sizes,
        flows=Flows(house.slots, now),
        accounts=Accounts(house.accounts),
        apps=Apps(AppStore(house.calls), house.definitions, now, new_id),
        deployments=Deployments(DeploymentStore(house.calls), house.definitions, runs, now, new_id),
        attendance=Attendance(runs, made.worker, now, machine.pause),
        cursors=Cursors(settings.cursor_secret, settings.previous_cursor_secret),
        now=now,
        new_id=new_id,
        retab_sdk=settings.retab_sdk,
        flowx_prefix=settings.flowx_prefix,
        signing_keys=settings.signing_keys,
    )


def _bulk_restarts(house: House) -> BulkRestarts:
    return BulkRestarts(
        runs=house.runs,
        births=ManyBirths(house.calls, house.runs),
        definitions=house.definitions,
        doorbell=house.doorbell,
        now=house.machine.now,
        new_id=house.machine.new_id,
    )


def _dead_letters(house: House) -> DeadLetters:
    return DeadLetters(
        letters=DeadLetterStore(house.calls, house.shards, house.machine.now),
        bulk=BulkStore(house.calls, house.runs),
        runs=house.runs,
        definitions=house.definitions,
        doorbell=house.doorbell,
        now=house.machine.now,
        new_id=house.machine.new_id,
    )


_installed: list[Services] = []


def install(services: Services) -> None:
    """Make these the services of this process, and its workers."""
    workers.install(services)
    _installed[:] = [services]


def services() -> Services:
    """Answer this process's services, made from the environment when first asked."""
    if not _installed and not start_backend():
        install(build(own_settings(), Machine()))
    return _installed[0]
