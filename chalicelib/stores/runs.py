"""Runs and their journals in DynamoDB. Every write is conditional: a repeat, a late worker or a stranger is refused.

A head is written whole, on the revision it was read at. A refused write is read back: what our own `writer` wrote
was us, and only its answer was lost.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.errors import Busy
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.journal import Entry, Input
from chalicelib.core.lines import Line
from chalicelib.core.runs import ENDED, Lease, Run, RunStatus
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.dead_letters import letter_key, letter_row, unlisted
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.journals import load_journal, load_length, rows_of
from chalicelib.stores.lines import enter, holder_of, is_entering, is_leaving, let_leave, places_to_leave, refusal_of
from chalicelib.stores.run_rows import is_gone, is_kept, row_of, run_from
from chalicelib.stores.run_tables import JournalRow, RunRow
from chalicelib.stores.shards import Shards, run_key
from chalicelib.stores.tables import DeadLetterRow

_LIVE = [status.value for status in RunStatus if status not in ENDED | {RunStatus.PAUSED}]


class Wake(NamedTuple):
    """A run that the sweep found, and the time (ms) that it was found under."""

    key: str
    wake_at: int


class Remains(NamedTuple):
    """What is left of a run that has disappeared."""

    account: AccountId
    id: RunId


_BEFORE_ITS_TURN = [line.value for line in Line if line.is_before_its_turn]


def _beginning(at: int) -> list[Action]:
    """Say what becomes of the head of a run that somebody is at."""
    return [RunRow.status.set(RunStatus.RUNNING.value), RunRow.started_at.set(RunRow.started_at | at)]


def _is_due_before_its_turn(run: Run, at: int) -> bool:
    is_due = run.not_before is not None and run.not_before <= at
    return is_due and run.line is not None and run.line.is_before_its_turn


@dataclass(frozen=True, slots=True)
class RunStore:
    calls: Calls
    shards: Shards
    accounts: AccountStore
    deletions: RunDeletions
    now: Callable[[], int]

    # -- reading

    def load(self, account: AccountId, run_id: RunId) -> Run | None:
        """Read one run, consistently."""
        row = self.calls.find(RunRow, run_key(account, run_id))
        return run_from(row) if row and is_kept(row, self.now()) else None

    def load_all(self, account: AccountId, run_ids: Iterable[RunId]) -> dict[RunId, Run]:
        """Read up to 100 runs in one call, consistently; what does not exist is left out."""
        keys = [run_key(account, run_id) for run_id in run_ids]
        rows, at = self.calls.find_all(RunRow, keys), self.now()
        return {run.id: run for run in (run_from(row) for row in rows if is_kept(row, at))}

    def journal(self, run: Run) -> tuple[Entry, ...]:
        """Read a run's whole journal, consistently; of one that is not kept any more, the input, which its head has."""
        if not run.expiry.has_journal(self.now()):
            return (Input(run.input, run.created_at),)
        return load_journal(run, self.calls)

    def journal_length(self, run: Run) -> int:
        """Count a run's entries by its last row alone."""
        return load_length(run, self.calls)

    # -- a new run

    def check_size(self, plan: Plan) -> None:
        """Raise what `create` would raise for a plan that holds more than can be written."""
        self.rows(plan, writer="")

    def rows(self, plan: Plan, writer: str) -> tuple[RunRow, list[JournalRow]]:
        """Answer the rows of a new run; raise what is too large."""
        run = plan.run
        return row_of(run, self.shards, writer), rows_of(run.account, run.id, 1, plan.journal[1:], writer)

    def create(self, plan: Plan, writer: str) -> Run:
        """Write all that a plan says, whole or not at all, and answer the run that stands under its id.

        That is another than the plan's when the id was taken: an earlier delivery of the same request, or
        another request under the same key. A run whose time is over makes way. Raises what refuses the run its place
        beside others of its business key.
        """
        try:
            self._create(plan, writer)
        except Refused as refused:
            stands = self.calls.find(RunRow, run_key(plan.run.account, plan.run.id))
            if stands is not None and stands.writer == writer:
                return plan.run
            if stands is not None and is_kept(stands, self.now()):
                return run_from(stands)
            if stands is not None:
                return self._create_instead(stands, plan, writer)
            if refused.is_refused(0):
                raise Busy from refused  # what stood there has been taken away just now
            if is_entering(plan.run) and refused.is_refused(-1):
                return self._create_beside(refused, plan, writer)
            if plan.consumed is None:
                raise
            return self.create(replace(plan, consumed=None), writer)  # the dead letter is not kept any more
        return plan.run

    def _create_instead(self, stands: RunRow, plan: Plan, writer: str) -> Run:
        """Do the same in the place of a run that nobody is shown any more."""
        self.deletions.make_way(stands)
        return self.create(plan, f"{writer}+")  # a transaction's token is good for one try

    def _create_beside(self, refused: Refused, plan: Plan, writer: str) -> Run:
        """Do the same if that is so with the run that has the workflow's key."""
        holder = holder_of(plan.run, self.calls)
        stands = None if holder is None else self.calls.find(RunRow, run_key(plan.run.account, holder))
        if stands is None or is_kept(stands, self.now()):
            raise refusal_of(plan.run, holder) from refused
        return self._create_instead(stands, plan, writer)

    def _create(self, plan: Plan, writer: str) -> None:
        run, consumed = plan.run, plan.consumed
        head, rows = self.rows(plan, writer)
        is_new = RunRow.pk.does_not_exist()
        if not rows and plan.dead_letter is None and consumed is None and not is_entering(run):
            self.calls.save(head, is_new)
            return

        def put(transaction: TransactWrite) -> None:
            transaction.save(head, condition=is_new)
            for row in rows:
                transaction.save(row, condition=JournalRow.pk.does_not_exist())
            if plan.dead_letter is not None:
                transaction.save(letter_row(plan.dead_letter, self.shards, self.accounts))
            if consumed is not None:
                unlisted(transaction, run.account, consumed, run.id)
            enter(transaction, [run])

        self.calls.transact(put, run.id, writer, str(consumed))

    # -- work on a run

    def claim(self, key: str, lease: Lease, at: int) -> Run | Remains | None:
        """Take the right to work on a run that is due and that nobody works on; None if it is neither.

        A failed one of which somebody has still to be told is due too, and stays failed. These are answered as they
        stand, and nobody has a right to them: one that is before its turn (see `claim_turn`), an ended one of which
        something is to be taken away, and what is left of one that has disappeared.
        """
        row = RunRow(key)
        has_its_turn = RunRow.line.does_not_exist() | ~RunRow.line.is_in(*_BEFORE_ITS_TURN)
        try:
            self._claim(row, lease, at, _beginning(at), RunRow.status.is_in(*_LIVE) & has_its_turn)
        except Refused:
            found = self.calls.find(RunRow, key)
            if found is None:
                return None
            if is_gone(found):
                return Remains(AccountId(found.account), RunId(found.run_id))
            stands = run_from(found)
            if stands.lease == lease or _is_due_before_its_turn(stands, at):
                return stands
            if stands.is_owing_callback:
                return self._claim_callback(row, lease, at)
            return stands if stands.expiry.is_to_be_cleaned(at) else None
        return run_from(row)

    def claim_turn(self, run: Run, lease: Lease, at: int) -> Run | None:
        """Take the right to work on the first run of a line, which is at work from now on; None if it has moved."""
        row = RunRow(run_key(run.account, run.id))
        begun = [*_beginning(at), RunRow.line.set(Line.AT_WORK.value)]
        is_inboxed = RunRow.status.is_in(*_LIVE) & (RunRow.line == Line.INBOXED.value)
        try:
            self._claim(row, lease, at, begun, is_inboxed)
        except Refused:
            return self._claimed(row.pk, lease)
        return run_from(row)

    def _claim_callback(self, row: RunRow, lease: Lease, at: int) -> Run | None:
        try:
            self._claim(row, lease, at, [], RunRow.status == RunStatus.FAILED.value)
        except Refused:
            return self._claimed(row.pk, lease)
        return run_from(row)

    def _claimed(self, key: str, lease: Lease) -> Run | None:
        """Answer a run that this lease has been given to; its answer was lost."""
        row = self.calls.find(RunRow, key)
        stands = None if row is None or is_gone(row) else run_from(row)
        return stands if stands is not None and stands.lease == lease else None

    def _claim(self, row: RunRow, lease: Lease, at: int, more: Sequence[Action], status: Condition) -> None:
        actions: list[Action] = [
            *more,
            RunRow.lease_owner.set(lease.owner),
            RunRow.lease_until.set(lease.until),
            RunRow.wake_at.set(lease.until),
            RunRow.due_shard.set(RunRow.due_shard | self.shards.due_of(RunId(row.pk.rpartition("#")[2]))),
            RunRow.writer.set(lease.owner),
            RunRow.claims.set(RunRow.claims + 1),
            RunRow.revision.set(RunRow.revision + 1),
        ]
        is_free = RunRow.lease_until.does_not_exist() | (RunRow.lease_until <= at)
        condition = status & (RunRow.not_before <= at) & is_free
        self.calls.make(lambda: row.update(actions, condition=condition))

    def tell(self, run: Run, writer: str) -> Run:
        """Write how telling of a run's failure stands, on its head and on its dead letter if there is one still.

        `run` carries the revision it was read at; the one answered carries the next. Raises `Refused` if it moved.
        """
        assert run.dead_letter is not None
        head = row_of(replace(run, revision=run.revision + 1), self.shards, writer)
        letter = DeadLetterRow(letter_key(run.account, run.dead_letter))
        told = DeadLetterRow.callback.remove() if run.callback is None else DeadLetterRow.callback.set(head.callback)

        def put(transaction: TransactWrite) -> None:
            transaction.save(head, condition=RunRow.revision == run.revision)
            transaction.update(letter, actions=[told], condition=DeadLetterRow.pk.exists())

        try:
            self.calls.transact(put, head.pk, writer, str(run.revision), "callback")
        except Refused as refused:
            if refused.is_refused(0):
                raise
            self._save_head(head, RunRow.revision == run.revision)
        return replace(run, revision=run.revision + 1)

    def append(self, run: Run, index: int, entries: Sequence[Entry], writer: str) -> None:
        """Put entries at the journal's end, if nobody else did; raise `Refused` if somebody did."""
        for row in rows_of(run.account, run.id, index, entries, writer):
            self._put_row(row)

    def _put_row(self, row: JournalRow) -> None:
        try:
            self.calls.save(row, JournalRow.pk.does_not_exist())
        except Refused:
            stands = self.calls.find(JournalRow, row.pk, row.index)
            if stands is None or stands.writer != row.writer:
                raise

    def moved_rows(
        self, run: Run, index: int, entries: Sequence[Entry], writer: str
    ) -> tuple[RunRow, list[JournalRow]]:
        """Answer the rows of a run that has gone on since the revision that it carries; raise what is too large."""
        head = row_of(replace(run, revision=run.revision + 1), self.shards, writer)
        return head, rows_of(run.account, run.id, index, entries, writer)

    def commit(self, run: Run, index: int, entries: Sequence[Entry], letter: DeadLetter | None, writer: str) -> Run:
        """Write entries, head and dead letter, whole or not at all; raise `Refused` if the run moved meanwhile.

        A run that has ended leaves its line with that. `run` carries the revision it was read at; the one answered
        carries the next.
        """
        head, rows = self.moved_rows(run, index, entries, writer)
        is_unmoved = RunRow.revision == run.revision
        if not rows and letter is None and not is_leaving(run):
            self._save_head(head, is_unmoved)
            return replace(run, revision=run.revision + 1)

        def put(place: int | None, transaction: TransactWrite) -> None:
            transaction.save(head, condition=is_unmoved)
            for row in rows:
                transaction.save(row, condition=JournalRow.pk.does_not_exist())
            if letter is not None:
                transaction.save(letter_row(letter, self.shards, self.accounts))
            if place is not None:
                let_leave(transaction, run, place)

        token = (head.pk, writer, str(run.revision), str(index), str(run.updated_at))
        for place in places_to_leave(run, self.calls):
            if self._is_made(partial(put, place), *token, str(place), is_leaving=place is not None):
                break
        return replace(run, revision=run.revision + 1)

    def _is_made(self, put: Callable[[TransactWrite], None], *token: str, is_leaving: bool) -> bool:
        """Make a transaction; say no if its last action, which leaves a line, was all that was refused."""
        try:
            self.calls.transact(put, *token)
        except Refused as refused:
            if not is_leaving or not refused.is_refused_from(-1):
                raise
            return False
        return True

    def _save_head(self, head: RunRow, condition: Condition) -> None:
        try:
            self.calls.save(head, condition)
        except Refused:
            stands = self.calls.find(RunRow, head.pk)
            if stands is None or (stands.writer, stands.revision) != (head.writer, head.revision):
                raise

    # -- the sweep

    def overdue(self, shard: str, at: int, limit: int) -> list[Wake]:
        """List runs that should have been looked at by now (ms), the longest overdue first."""
        query = lambda: list(RunRow.due.query(shard, RunRow.wake_at <= at, limit=limit, page_size=limit))  # noqa: E731
        return [Wake(row.pk, int(row.wake_at)) for row in self.calls.make(query)]

    def postpone(self, wake: Wake, to: int) -> None:
        """Look at a run again at a later time (ms), unless somebody has moved it meanwhile."""
        row = RunRow(wake.key)
        is_unmoved = RunRow.wake_at == wake.wake_at
        try:
            self.calls.make(lambda: row.update([RunRow.wake_at.set(to)], condition=is_unmoved))
        except Refused:
            return
