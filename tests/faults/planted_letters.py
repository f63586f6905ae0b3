"""Plausible mistakes with dead letters, failure callbacks, slots, URLs, chosen ids and deletions (see planted.py)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

import chalicelib.service.failure_callbacks
import chalicelib.stores.bulk
import chalicelib.stores.runs
from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.ids import AccountId, DeadLetterId, RunId
from chalicelib.core.journal import Entry
from chalicelib.core.overrides import FlowControl
from chalicelib.core.runs import Lease, Run, RunStatus
from chalicelib.core.versions import Version
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import DeadLetters
from chalicelib.service.flow_control import Turn
from chalicelib.stores.bulk import BulkStore, Part
from chalicelib.stores.dead_letters import letter_key, unlisted
from chalicelib.stores.definitions import DefinitionStore
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.run_rows import row_of
from chalicelib.stores.run_tables import RunRow
from chalicelib.stores.runs import RunStore
from chalicelib.stores.shards import run_key
from chalicelib.stores.slots import SlotStore, flow_key
from chalicelib.stores.tables import DeadLetterRow, DefinitionRow, SlotRow
from tests.faults.planted import Planted

FOR_EVER = 10**15

# -- bulk restarts


def page_as_whole(patch: pytest.MonkeyPatch) -> None:
    """A page is restarted whole or not at all, as letters are that are named."""
    create = BulkStore.create

    def whole(store: BulkStore, plans: Sequence[Plan], writer: str, command: str = "", **_more: bool) -> list[Plan]:
        return create(store, plans, writer, command, is_whole=True)

    patch.setattr(BulkStore, "create", whole)


def one_refusal_drops_all(patch: pytest.MonkeyPatch) -> None:
    """A transaction that was refused for one letter is given up for all of them."""
    patch.setattr(chalicelib.stores.bulk, "_winners", lambda _parts, _refused: [])


def tombstone_restarted(patch: pytest.MonkeyPatch) -> None:
    """A letter is consumed in bulk as it is by one restart: whoever comes second is let in too."""

    def consumed(to: TransactWrite, account: AccountId, letter: DeadLetterId, by: RunId, _command: str) -> None:
        unlisted(to, account, letter, by)

    patch.setattr(chalicelib.stores.bulk, "consumed", consumed)


def letters_consumed_afterwards(patch: pytest.MonkeyPatch) -> None:
    """The runs are born first, and their letters consumed when they are there."""
    birth, create = BulkStore._birth, BulkStore.create  # noqa: SLF001 - the mistake is there

    def unconsuming(store: BulkStore, plan: Plan, writer: str, command: str) -> Part:
        return replace(birth(store, plan, writer, command), consumes=None)

    def apart(store: BulkStore, plans: Sequence[Plan], writer: str, command: str = "", **more: bool) -> list[Plan]:
        written = create(store, plans, writer, command, **more)
        for plan in written:
            assert plan.consumed is not None
            row = DeadLetterRow(letter_key(plan.run.account, plan.consumed))
            gone: list[Action] = [DeadLetterRow.consumed_by.set(plan.run.id), DeadLetterRow.live_shard.remove()]
            store.calls.make(lambda row=row, gone=gone: row.update(gone))  # type: ignore[misc]
        return written

    patch.setattr(BulkStore, "_birth", unconsuming)
    patch.setattr(BulkStore, "create", apart)


def reborn_asleep(patch: pytest.MonkeyPatch) -> None:
    """Runs that one message tells of need no wake-up."""
    birth = BulkStore._birth  # noqa: SLF001 - the mistake is there

    def asleep(store: BulkStore, plan: Plan, writer: str, command: str) -> Part:
        return birth(store, replace(plan, run=replace(plan.run, wake_at=None)), writer, command)

    patch.setattr(BulkStore, "_birth", asleep)


def forgotten_command(patch: pytest.MonkeyPatch) -> None:
    """A tombstone does not say on what command its letter was restarted."""
    patch.setattr(DeadLetters, "_earlier", lambda *_args: {})


def tombstone_removed(patch: pytest.MonkeyPatch) -> None:
    """A letter that was live when it was listed is removed, whatever became of it."""

    def remove(
        store: BulkStore, account: AccountId, letters: Sequence[DeadLetterId], _writer: str, _at: int
    ) -> list[DeadLetterId]:
        for letter in letters:
            row = DeadLetterRow(letter_key(account, letter))
            store.calls.make(row.delete)
        return [*letters]

    patch.setattr(BulkStore, "remove", remove)


# -- telling of a failure


def letter_untold(patch: pytest.MonkeyPatch) -> None:
    """How telling of a failure stands is written on the run alone."""
    patch.setattr(RunStore, "tell", _tell_head)


def letter_told_afterwards(patch: pytest.MonkeyPatch) -> None:
    """The run says first how telling of its failure stands, and then its letter."""

    def apart(store: RunStore, run: Run, writer: str) -> Run:
        told = _tell_head(store, run, writer)
        assert run.dead_letter is not None
        letter = DeadLetterRow(letter_key(run.account, run.dead_letter))
        told_of = DeadLetterRow.callback.set(row_of(run, store.shards, writer).callback)
        store.calls.make(lambda: letter.update([told_of], condition=DeadLetterRow.pk.exists()))
        return told

    patch.setattr(RunStore, "tell", apart)


def _tell_head(store: RunStore, run: Run, writer: str) -> Run:
    head = row_of(replace(run, revision=run.revision + 1), store.shards, writer)
    store._save_head(head, RunRow.revision == run.revision)  # noqa: SLF001 - the mistake is in its neighbour
    return replace(run, revision=run.revision + 1)


def unfenced_tell(patch: pytest.MonkeyPatch) -> None:
    """Whoever is answered last says how telling of a failure stands."""
    tell = RunStore.tell

    def anyhow(store: RunStore, run: Run, writer: str) -> Run:
        stands = store.load(run.account, run.id)
        return tell(store, run if stands is None else replace(run, revision=stands.revision), writer)

    patch.setattr(RunStore, "tell", anyhow)


def told_without_lease(patch: pytest.MonkeyPatch) -> None:
    """Whoever gets the message tells of the failure."""
    claim = RunStore._claim_callback  # noqa: SLF001 - the mistake is there

    def anyhow(store: RunStore, row: RunRow, lease: Lease, at: int) -> Run | None:
        store.calls.make(lambda: row.update([RunRow.lease_until.remove()], condition=RunRow.pk.exists()))
        return claim(store, row, lease, at)

    patch.setattr(RunStore, "_claim_callback", anyhow)


def failed_run_revived(patch: pytest.MonkeyPatch) -> None:
    """A failed run of which somebody has to be told is claimed as one that runs."""
    live = [status.value for status in RunStatus if status not in {RunStatus.COMPLETED, RunStatus.CANCELED}]
    patch.setattr(chalicelib.stores.runs, "_LIVE", live)


def failed_run_asleep(patch: pytest.MonkeyPatch) -> None:
    """A run that has failed needs no wake-up."""
    commit = RunStore.commit

    def asleep(
        store: RunStore, run: Run, index: int, entries: Sequence[Entry], letter: DeadLetter | None, writer: str
    ) -> Run:
        left = replace(run, wake_at=None) if run.status is RunStatus.FAILED else run
        return commit(store, left, index, entries, letter, writer)

    patch.setattr(RunStore, "commit", asleep)


def uncounted_callbacks(patch: pytest.MonkeyPatch) -> None:
    """A callback may kill its workers for ever."""
    patch.setattr(chalicelib.service.failure_callbacks, "MAX_CLAIMS", 10**9)


# -- flow control


def slot_taken_anyway(patch: pytest.MonkeyPatch) -> None:
    """A slot that was free when it was looked at is taken."""

    def hold(store: SlotStore, row: SlotRow, _at: int) -> bool:
        store.calls.make(row.save)
        return True

    patch.setattr(SlotStore, "_hold", hold)


def slot_of_another_let_go(patch: pytest.MonkeyPatch) -> None:
    """A worker lets its slot go when somebody else holds it by now."""

    def let_go(store: SlotStore, run: Run, flow: FlowControl, part: str, _holder: str) -> None:
        store.calls.make(SlotRow(flow_key(run.account, flow.key), part).delete)

    patch.setattr(SlotStore, "let_go", let_go)


def slot_held_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A slot is held until it is let go."""
    take = SlotStore.take

    def forever(store: SlotStore, run: Run, flow: FlowControl, holder: str, _until: int, at: int) -> str | None:
        return take(store, run, flow, holder, FOR_EVER, at)

    patch.setattr(SlotStore, "take", forever)


def waiting_run_asleep(patch: pytest.MonkeyPatch) -> None:
    """Whoever lets a slot go rings: a run that waits for one needs no wake-up."""
    wait = Turn.wait

    def asleep(turn: Turn, at: int) -> None:
        row = RunRow(run_key(turn.run.account, turn.run.id))
        turn.slots.calls.make(lambda: row.update([RunRow.wake_at.remove(), RunRow.due_shard.remove()]))
        wait(turn, at)

    patch.setattr(Turn, "wait", asleep)


def window_that_is_never_full(patch: pytest.MonkeyPatch) -> None:
    """What begins is counted, and nobody looks at the count."""

    def count(store: SlotStore, row: SlotRow, actions: list[Action], _condition: Condition) -> bool:
        store.calls.make(lambda: row.update(actions))
        return True

    patch.setattr(SlotStore, "_count", count)


# -- ids that a client chooses, URLs, deletions


def chosen_id_ignored(patch: pytest.MonkeyPatch) -> None:
    """A run gets an id of ours, and the one that its client chose is only shown."""
    run_id = Command.run_id
    patch.setattr(Command, "run_id", lambda command, new_id: run_id(replace(command, chosen=None), new_id))


def _is_url(row: Model) -> bool:
    return isinstance(row, DefinitionRow) and row.version == "url"


def url_taken_anyway(patch: pytest.MonkeyPatch) -> None:
    """A URL belongs to who published under it last."""
    save = TransactWrite.save

    def anyhow(to: TransactWrite, row: Model, condition: Condition | None = None) -> None:
        save(to, row, None if _is_url(row) else condition)

    patch.setattr(TransactWrite, "save", anyhow)


def old_url_kept(patch: pytest.MonkeyPatch) -> None:
    """A definition that is published under another URL is found under the old one too."""
    delete = TransactWrite.delete

    def kept(to: TransactWrite, row: Model, condition: Condition | None = None) -> None:
        if not _is_url(row):
            delete(to, row, condition)

    patch.setattr(TransactWrite, "delete", kept)


def url_afterwards(patch: pytest.MonkeyPatch) -> None:
    """A URL is written once its definition is published."""
    save, publish = TransactWrite.save, DefinitionStore.publish

    def late(store: DefinitionStore, *args: Any) -> Version:
        todo: list[Model] = []

        def kept(to: TransactWrite, row: Model, condition: Condition | None = None) -> None:
            if _is_url(row):
                todo.append(row)
            else:
                save(to, row, condition)

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(TransactWrite, "save", kept)
            published = publish(store, *args)
        for row in todo:
            store.calls.make(row.save)
        return published

    patch.setattr(DefinitionStore, "publish", late)


def deletion_that_moves_nothing(patch: pytest.MonkeyPatch) -> None:
    """A run disappears, and its revision stays: who has read it before may write it still."""
    update, begin = TransactWrite.update, RunDeletions.begin

    def unmoved(deletions: RunDeletions, run: Run) -> bool:
        def kept(to: TransactWrite, row: Model, actions: list[Action], condition: Condition | None = None) -> None:
            still = [RunRow.revision.set(run.revision) if _raises_revision(action) else action for action in actions]
            update(to, row, still, condition)

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(TransactWrite, "update", kept)
            return begin(deletions, run)

    patch.setattr(RunDeletions, "begin", unmoved)


def _raises_revision(action: Action) -> bool:
    return "revision" in str(action) and "+" in str(action)


PAGES = "restart_dead_letters_page_by_page"
TELL = "tell_of_a_failure"
LETTER_MISTAKES = (
    Planted(page_as_whole, encounters=("two_who_restart_page_by_page",)),
    Planted(one_refusal_drops_all, encounters=("a_page_and_a_restart_of_one_run",)),
    Planted(tombstone_restarted, encounters=("a_page_and_a_restart_of_one_run",)),
    Planted(letters_consumed_afterwards, ("restart_dead_letters_by_their_ids",)),
    Planted(reborn_asleep, (PAGES,)),
    Planted(forgotten_command, ("restart_dead_letters_by_their_ids_under_a_key",)),
    Planted(tombstone_removed, encounters=("one_who_restarts_and_one_who_removes",)),
    Planted(letter_untold, (TELL,)),
    Planted(letter_told_afterwards, (TELL,)),
    Planted(unfenced_tell, encounters=("one_who_tells_and_one_who_says_no",)),
    Planted(told_without_lease, encounters=("two_workers_on_one_callback",)),
    Planted(failed_run_revived, (TELL,)),
    Planted(failed_run_asleep, (TELL,)),
    Planted(uncounted_callbacks, ("a_callback_that_kills_its_worker",)),
    Planted(slot_taken_anyway, encounters=("two_runs_for_one_slot",)),
    Planted(slot_of_another_let_go, encounters=("two_runs_for_one_slot",)),
    Planted(slot_held_for_ever, encounters=("one_who_dies_with_the_slot_and_one_who_waits",)),
    Planted(waiting_run_asleep, ("one_at_a_time",)),
    Planted(window_that_is_never_full, ("two_in_a_minute",)),
    Planted(chosen_id_ignored, ("trigger_twice_under_one_id",)),
    Planted(url_taken_anyway, encounters=("two_publishers_of_one_url",)),
    Planted(old_url_kept, ("publish_under_another_url",)),
    Planted(url_afterwards, ("publish_under_another_url",)),
    Planted(deletion_that_moves_nothing, encounters=("a_deletion_and_who_tells",)),
)

LAST_FOUND = {
    "one_refusal_drops_all": "a_page_and_a_restart_of_one_run a4 b6 a1",
    "tombstone_restarted": "a_page_and_a_restart_of_one_run a4 b6 a2",
    "letters_consumed_afterwards": "restart_dead_letters_by_their_ids fifo 4:crash_before",
    "line_entered_afterwards": "three_runs_of_one_key fifo 3:crash_after",
    "line_left_afterwards": "three_runs_of_one_key fifo 33:crash_after",
    "letter_told_afterwards": "tell_of_a_failure fifo 20:crash_before",
    "slot_taken_anyway": "two_runs_for_one_slot a4 b5 a5 b4",
    "slot_of_another_let_go": "two_runs_for_one_slot a7 time1 b5 a2 b4",
    "waiting_run_asleep": "one_at_a_time fifo 19:crash_before",
}
"""The schedules that found them among a hundred: played first, and the others when it does not find them any more."""
