"""Plausible mistakes, planted in the product: what the harness finds says more of it than how much it plays.

Each is a patch of one function, in force only inside `planted`. Those in `HARMFUL` must be found; those in
`HARMLESS` must do no harm, because the tables are the truth and the queue only rings.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

import chalicelib.core.runs
import chalicelib.service.deliveries
import chalicelib.service.work
from chalicelib.core.advance import effect
from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.effects import HttpCall
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Entry
from chalicelib.core.refusals import KeyReused, RunNotFound
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.runs import Lease, Run
from chalicelib.service.births import Made
from chalicelib.service.commands import Command
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.flow_control import Turn
from chalicelib.service.restarts import Restarts
from chalicelib.service.work import Work, Worker
from chalicelib.stores.calls import Refused
from chalicelib.stores.dead_letters import letter_row
from chalicelib.stores.journals import rows_of
from chalicelib.stores.queues import AnyRing, Ring, RunQueue
from chalicelib.stores.run_rows import row_of
from chalicelib.stores.run_tables import JournalRow, RunRow
from chalicelib.stores.runs import Remains, RunStore, Wake
from chalicelib.stores.shards import run_key

Patch = Callable[[pytest.MonkeyPatch], None]


def no_wake_up(patch: pytest.MonkeyPatch) -> None:
    """The queue is the truth: nobody looks after a new run whose message is lost."""
    create = RunStore.create

    def born_asleep(store: RunStore, plan: Plan, writer: str) -> Run:
        return create(store, replace(plan, run=replace(plan.run, wake_at=None)), writer)

    patch.setattr(RunStore, "create", born_asleep)


def check_then_put(patch: pytest.MonkeyPatch) -> None:
    """Look whether the run is there, then write it."""

    def put(store: RunStore, plan: Plan, writer: str) -> Run:
        stands = store.load(plan.run.account, plan.run.id)
        if stands is not None:
            return stands
        store.calls.make(lambda: row_of(plan.run, store.shards, writer).save())
        return plan.run

    patch.setattr(RunStore, "create", put)


def random_id(patch: pytest.MonkeyPatch) -> None:
    """A key is looked at, and no id follows from it."""
    patch.setattr(Command, "run_id", lambda _command, new_id: RunId(new_id()))


def own_write_is_a_strangers(patch: pytest.MonkeyPatch) -> None:
    """A refused condition means that somebody asked for something else."""

    def create(store: RunStore, plan: Plan, writer: str) -> Run:
        try:
            store._create(plan, writer)  # noqa: SLF001 - the mistake is in its neighbour
        except Refused as refused:
            raise KeyReused from refused
        return plan.run

    patch.setattr(RunStore, "create", create)


def validate_first(patch: pytest.MonkeyPatch) -> None:
    """The source is judged before the key is looked at."""
    load = Restarts._load  # noqa: SLF001 - the mistake is there

    def judged(service: Restarts, command: Command, request: RestartRequest, run_id: RunId) -> Any:
        source, earlier = load(service, command, request, run_id)
        if source is None:
            raise RunNotFound(request.source)
        return source, earlier

    patch.setattr(Restarts, "_load", judged)


def prefix_after_head(patch: pytest.MonkeyPatch) -> None:
    """The run is there before its journal is."""

    def create(store: RunStore, plan: Plan, writer: str) -> None:
        head = row_of(plan.run, store.shards, writer)
        store.calls.make(lambda: head.save(condition=RunRow.pk.does_not_exist()))
        store.append(plan.run, 1, plan.journal[1:], writer)

    patch.setattr(RunStore, "_create", create)


def frozen_too_late(patch: pytest.MonkeyPatch) -> None:
    """A draft is kept after the run that runs on it."""
    freeze, restart = Definitions.freeze, Restarts.restart

    def late(service: Restarts, command: Command, request: RestartRequest) -> Made:
        todo: list[Any] = []
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Definitions, "freeze", lambda *args: todo.append(args))
            made = restart(service, command, request)
        for args in todo:
            freeze(*args)
        return made

    patch.setattr(Restarts, "restart", late)


def no_transaction_token(patch: pytest.MonkeyPatch) -> None:
    """A transaction that is repeated is another one."""

    begin = TransactWrite.__init__

    def anew(transaction: TransactWrite, client_request_token: str | None = None, **more: Any) -> None:
        begin(transaction, **more)

    patch.setattr(TransactWrite, "__init__", anew)


def claim_without_lease(patch: pytest.MonkeyPatch) -> None:
    """Whoever gets the message works on the run."""
    claim = RunStore.claim

    def anyhow(store: RunStore, key: str, lease: Lease, at: int) -> Run | Remains | None:
        row = RunRow(key)
        store.calls.make(lambda: row.update([RunRow.lease_until.remove()], condition=RunRow.pk.exists()))
        return claim(store, key, lease, at)

    patch.setattr(RunStore, "claim", anyhow)


def claim_that_hides(patch: pytest.MonkeyPatch) -> None:
    """A run that is being worked on needs no sweep."""
    claim = RunStore.claim

    def hidden(store: RunStore, key: str, lease: Lease, at: int) -> Run | Remains | None:
        run = claim(store, key, lease, at)
        if run is not None:
            row = RunRow(key)
            store.calls.make(lambda: row.update([RunRow.wake_at.remove(), RunRow.due_shard.remove()]))
        return run

    patch.setattr(RunStore, "claim", hidden)


def unfenced_head(patch: pytest.MonkeyPatch) -> None:
    """Whoever comes last writes the head."""

    def commit(
        store: RunStore, run: Run, index: int, entries: Sequence[Entry], letter: DeadLetter | None, writer: str
    ) -> Run:
        moved = replace(run, revision=run.revision + 1)

        def put(transaction: TransactWrite) -> None:
            transaction.save(row_of(moved, store.shards, writer))
            for row in rows_of(run.account, run.id, index, entries, writer):
                transaction.save(row, condition=JournalRow.pk.does_not_exist())
            if letter is not None:
                transaction.save(letter_row(letter, store.shards, store.accounts))

        store.calls.transact(put, run.id, writer, str(run.revision), str(index))
        return moved

    patch.setattr(RunStore, "commit", commit)


def overwritten_entry(patch: pytest.MonkeyPatch) -> None:
    """An entry is put where one may be."""
    patch.setattr(RunStore, "_put_row", lambda store, row: store.calls.make(row.save))


def letter_beside(patch: pytest.MonkeyPatch) -> None:
    """A dead letter is written after the run has failed."""
    commit = RunStore.commit

    def apart(
        store: RunStore, run: Run, index: int, entries: Sequence[Entry], letter: DeadLetter | None, writer: str
    ) -> Run:
        written = commit(store, run, index, entries, None, writer)
        if letter is not None:
            row = letter_row(letter, store.shards, store.accounts)
            store.calls.make(row.save)
        return written

    patch.setattr(RunStore, "commit", apart)


def blind_counter(patch: pytest.MonkeyPatch) -> None:
    """The head counts entries for itself."""
    commit = RunStore.commit

    def counted(
        store: RunStore, run: Run, index: int, entries: Sequence[Entry], letter: DeadLetter | None, writer: str
    ) -> Run:
        stands = store.load(run.account, run.id)
        assert stands is not None
        length = stands.journal_length + len(entries)
        return commit(store, replace(run, journal_length=length), index, entries, letter, writer)

    patch.setattr(RunStore, "commit", counted)


def forgotten_tries(patch: pytest.MonkeyPatch) -> None:
    """How often something was tried is known to one process alone."""
    leave = Worker._leave  # noqa: SLF001 - the mistake is there

    def forgetful(worker: Worker, work: Work, turn: Turn) -> None:
        known = {token: replace(tries, count=0) for token, tries in work.run.tries.items()}
        leave(worker, replace(work, run=replace(work.run, tries=known)), turn)

    patch.setattr(Worker, "_leave", forgetful)


def uncounted_claims(patch: pytest.MonkeyPatch) -> None:
    """A run may kill its workers for ever."""
    patch.setattr(chalicelib.service.work, "MAX_CLAIMS", 10**9)


def dropped_outcome(patch: pytest.MonkeyPatch) -> None:
    """What was performed is forgotten when somebody else wrote meanwhile."""
    reread = Worker._reread  # noqa: SLF001 - the mistake is there

    def empty_handed(worker: Worker, work: Work, owner: str) -> Work | None:
        return reread(worker, replace(work, asked=None), owner)

    patch.setattr(Worker, "_reread", empty_handed)


def key_of_each_try(patch: pytest.MonkeyPatch) -> None:
    """An effect that is repeated tells the world another key."""
    perform = Worker._perform  # noqa: SLF001 - the mistake is there

    def performed(worker: Worker, work: Work, token: Any) -> Work:
        def keyed(*args: Any) -> Any:
            asked = effect(*args)
            assert isinstance(asked, HttpCall)
            return replace(asked, idempotency_key=f"{asked.idempotency_key}/{worker.new_id()}")

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(chalicelib.service.work, "effect", keyed)
            return perform(worker, work, token)

    patch.setattr(Worker, "_perform", performed)


def sweep_that_forgets(patch: pytest.MonkeyPatch) -> None:
    """What was rung for is done."""

    def forget(store: RunStore, wake: Wake, _to: int) -> None:
        row = RunRow(wake.key)
        gone: list[Action] = [RunRow.wake_at.remove(), RunRow.due_shard.remove()]
        try:
            store.calls.make(lambda: row.update(gone, condition=RunRow.wake_at == wake.wake_at))
        except Refused:
            return

    patch.setattr(RunStore, "postpone", forget)


def blind_postpone(patch: pytest.MonkeyPatch) -> None:
    """The sweep moves a wake-up that is none any more."""

    def anyhow(store: RunStore, wake: Wake, to: int) -> None:
        row = RunRow(wake.key)
        store.calls.make(lambda: row.update([RunRow.wake_at.set(to)]))

    patch.setattr(RunStore, "postpone", anyhow)


# -- what does no harm


def silent_doorbell(patch: pytest.MonkeyPatch) -> None:
    """Nobody ever rings but the sweep."""
    patch.setattr(Doorbell, "ring", lambda _doorbell, _run: None)


def ring_before_writing(patch: pytest.MonkeyPatch) -> None:
    """The message is sent before there is a run."""
    restart = Restarts.restart

    def early(service: Restarts, command: Command, request: RestartRequest) -> Made:
        run_id = command.run_id(service.new_id)
        service.births.doorbell.queue.put([Ring(run_key(command.account, run_id))])
        return restart(service, command, request)

    patch.setattr(Restarts, "restart", early)


def swallowed_batch_failures(patch: pytest.MonkeyPatch) -> None:
    """What SQS did not take of a batch counts as taken."""
    send = RunQueue._send  # noqa: SLF001 - the mistake is there

    def careless(queue: RunQueue, rings: list[AnyRing]) -> list[AnyRing]:
        send(queue, rings)
        return []

    patch.setattr(RunQueue, "_send", careless)


def swallowed_busy(patch: pytest.MonkeyPatch) -> None:
    """A worker that could not work lets its message go."""
    is_done = chalicelib.service.deliveries._is_done  # noqa: SLF001 - the mistake is there

    def careless(*args: Any) -> bool:
        is_done(*args)
        return True

    patch.setattr(chalicelib.service.deliveries, "_is_done", careless)


# -- where they show


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake, and where the harness looks for it first: scenarios that faults strike, encounters."""

    patch: Patch
    scenarios: tuple[str, ...] = ()
    encounters: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.patch.__name__


HARMFUL = (
    Planted(no_wake_up, ("start",)),
    Planted(check_then_put, encounters=("two_requests_under_one_key",)),
    Planted(random_id, ("restart_from_the_beginning",)),
    Planted(own_write_is_a_strangers, encounters=("two_restarts_with_a_prefix_under_one_key",)),
    Planted(validate_first, ("restart_a_source_that_is_deleted_before_the_repeat",)),
    Planted(prefix_after_head, ("restart_with_a_short_prefix",)),
    Planted(frozen_too_late, ("restart_on_the_draft",)),
    Planted(no_transaction_token, ("publish_while_restarting",)),
    Planted(claim_without_lease, encounters=("two_workers_on_one_message",)),
    Planted(claim_that_hides, ("a_run_that_kills_its_worker",)),
    Planted(unfenced_head, encounters=("a_worker_that_must_try_again_and_a_cancel",)),
    Planted(overwritten_entry, encounters=("two_workers_on_one_message",)),
    Planted(letter_beside, ("fail_after_retries",)),
    Planted(blind_counter, ("start",)),
    Planted(forgotten_tries, ("fail_after_retries",)),
    Planted(uncounted_claims, ("a_run_that_kills_its_worker",)),
    Planted(dropped_outcome, encounters=("a_worker_and_a_completion",)),
    Planted(key_of_each_try, ("fail_after_retries",)),
    Planted(sweep_that_forgets, ("start",)),
    Planted(blind_postpone, encounters=("a_sweep_and_a_worker",)),
)
HARMLESS = (
    Planted(silent_doorbell, ("start", "restart_from_failure")),
    Planted(ring_before_writing, ("restart_from_failure",)),
    Planted(swallowed_batch_failures, ("start",)),
    Planted(swallowed_busy, ("start", "restart_from_failure")),
)


@contextmanager
def planted(mistake: Planted) -> Iterator[None]:
    """Let the product make a mistake inside."""
    with pytest.MonkeyPatch.context() as patch:
        mistake.patch(patch)
        yield
