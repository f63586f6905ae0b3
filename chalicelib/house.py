"""The house: what most use cases of a process share.

    settings.py ──► house.py ─┬─► workers.py   what works on messages, and by the clock
                              └─► wiring.py    that, and what requests ask for

A function works either on messages or on requests, so that each loads its own half alone, with its first event. Nothing
is connected before somebody asks.
"""

from dataclasses import dataclass

from chalicelib.actions.addresses import AddressPolicy
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.settings import Machine, Settings
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.calls import Calls
from chalicelib.stores.clients import Clients
from chalicelib.stores.definitions import DefinitionStore
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.queues import DispatchQueue, RunQueue
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import Shards
from chalicelib.stores.slots import SlotStore
from chalicelib.stores.tables import connect


def connect_clients(settings: Settings) -> Clients:
    """Make the connections of a process."""
    return Clients.of(connect(settings.stage, settings.region))


@dataclass(frozen=True, slots=True)
class House:
    """What most use cases share. AWS is first called when one of them needs it."""

    settings: Settings
    machine: Machine
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
    def of(cls, settings: Settings, machine: Machine, clients: Clients | None = None) -> "House":
        """Build a house; those that are given the same `clients` share connections, and nothing they remember."""
        clients = clients or connect_clients(settings)
        calls = Calls(clients.connection, machine.pause, machine.jitter)
        shards = Shards(settings.list_shards, settings.due_shards)
        accounts = AccountStore(calls, machine.now)
        deletions = RunDeletions(calls, shards, machine.now)
        policy = AddressPolicy(is_private_allowed=settings.is_private_network_allowed)
        queue = RunQueue(clients.sqs, settings.runs_queue_url, calls)
        bulk_queue = RunQueue(clients.sqs, settings.bulk_runs_queue_url, calls)
        dispatch = DispatchQueue(clients.sqs, settings.dispatch_queue_url, calls)
        return cls(
            settings=settings,
            machine=machine,
            clients=clients,
            calls=calls,
            shards=shards,
            accounts=accounts,
            runs=RunStore(calls, shards, accounts, deletions, machine.now),
            policy=policy,
            definitions=Definitions(DefinitionStore(calls), policy, machine.now),
            slots=SlotStore(calls),
            doorbell=Doorbell(queue, bulk_queue, dispatch, machine.now),
        )
