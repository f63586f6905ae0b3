"""Take an ended run away, or its journal alone: one write lets it disappear, and what is left goes afterwards.

    head: deleted, in no list any more; its dead letter is gone,      head: its journal is gone
          its workflow's key is free                                   ← from here on there is no such run, or journal
    journal rows ─► head                                              journal rows ─► head: nothing left to take away

The head goes last, so that whoever was interrupted can go on, and nobody makes a run on the rows of an old one. Until
then it has a wake-up: what nobody finishes, the sweep rings for. A row goes only as it was read, since the run's id may
have been taken again by the time at which somebody slow comes to it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.errors import Busy
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.lines import Line
from chalicelib.core.retention import LINGER_MS, Expiry
from chalicelib.core.runs import GRACE_MS, Run, RunStatus
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.dead_letters import letter_key
from chalicelib.stores.lines import give_back
from chalicelib.stores.numbers import seconds_past
from chalicelib.stores.run_rows import GONE, is_gone, run_from
from chalicelib.stores.run_tables import JournalRow, RunRow
from chalicelib.stores.shards import Shards, run_key
from chalicelib.stores.tables import DeadLetterRow

ROWS = 100  # of a journal that are read, and removed, before somebody asks for the time

_LISTS = (RunRow.account_shard, RunRow.definition_shard, RunRow.root)
_DATA = (RunRow.input, RunRow.variables)
_ASLEEP: tuple[Action, ...] = (RunRow.wake_at.remove(), RunRow.due_shard.remove())

HasTime = Callable[[], bool]


def _always() -> bool:
    return True


def _is_born(at: int) -> Condition:
    """Tell a run from a later one, which has its id."""
    return RunRow.created_at == at


@dataclass(frozen=True, slots=True)
class RunDeletions:
    calls: Calls
    shards: Shards
    now: Callable[[], int]

    # -- a whole run

    def begin(self, run: Run) -> bool:
        """Let an ended run disappear; say no if its head was written meanwhile (another deletion, a callback)."""
        row, at = RunRow(run_key(run.account, run.id)), self.now()
        actions: list[Action] = [RunRow.status.set(GONE), RunRow.revision.set(RunRow.revision + 1)]
        actions += [attribute.remove() for attribute in (*_LISTS, *_DATA)]
        actions += self._waking(run, at + GRACE_MS)
        is_unmoved = _is_born(run.created_at) & (RunRow.revision == run.revision) & (RunRow.status == run.status.value)

        def put(transaction: TransactWrite) -> None:
            transaction.update(row, actions=actions, condition=is_unmoved)
            if run.dead_letter is not None:
                transaction.delete(DeadLetterRow(letter_key(run.account, run.dead_letter)))
            if run.line is Line.ONLY:
                give_back(transaction, run)

        try:
            self.calls.transact(put, row.pk, str(run.created_at), "delete", str(run.revision), str(at))
        except Refused:
            return False
        return True

    def finish(self, account: AccountId, run_id: RunId, has_time: HasTime = _always) -> bool:
        """Remove what is left of a run that has disappeared; say no if there is nothing of that kind.

        Without time it stops; the sweep rings for the rest.
        """
        key, head = run_key(account, run_id), None
        for rows, stands in self._pages(key):
            if stands is None or not is_gone(stands):
                return head is not None  # somebody else has finished it
            head = stands
            if not self._remove(rows, has_time):
                return True
        assert head is not None
        row, is_same = head, _is_born(int(head.created_at)) & (RunRow.status == GONE)
        self.calls.accepts(lambda: row.delete(condition=is_same))
        return True

    def make_way(self, row: RunRow) -> None:
        """Take away what nobody is shown any more, so that another run can stand in its place.

        Raises `Busy` if it cannot be yet: a run that was broken off may still have a worker, which would write into
        its successor's journal.
        """
        is_at_rest = row.status == RunStatus.COMPLETED.value or self.now() >= int(row.ended_at or 0) + LINGER_MS
        if not is_at_rest or not (is_gone(row) or self.begin(run_from(row))):
            raise Busy
        self.finish(AccountId(row.account), RunId(row.run_id))

    # -- a journal

    def forget(self, run: Run) -> Run | None:
        """Let an ended run's journal disappear now, and answer the head then; None if it was written meanwhile."""
        at = self.now()
        gone = replace(run, revision=run.revision + 1, expiry=Expiry(at, run.expiry.run))
        actions: list[Action] = [RunRow.journal_gone_at.set(at), RunRow.revision.set(gone.revision)]
        if not run.is_owing_callback:  # whose wake-up comes soon, and is followed by this one
            actions += self._waking(run, at + LINGER_MS)
        row, is_unmoved = self._head(run)
        return gone if self.calls.updates(row, actions, is_unmoved) else None

    def purge(self, run: Run, has_time: HasTime = _always) -> None:
        """Remove the journal of a run from which it has disappeared, and note what is left to take away.

        Without time it stops; the sweep rings for the rest.
        """
        for rows, stands in self._pages(run_key(run.account, run.id)):
            if stands is None or (stands.created_at, stands.revision) != (run.created_at, run.revision):
                return
            if not self._remove(rows, has_time):
                return
        if not run.is_owing_callback:
            row, is_unmoved = self._head(run)
            self.calls.accepts(lambda: row.update(self._leaving(run), condition=is_unmoved))

    def _leaving(self, run: Run) -> list[Action]:
        """Say who takes away a run without journal: nobody; the sweep; DynamoDB, if there is nothing but the head."""
        removed_at, is_head_all = run.expiry.removed_at, run.dead_letter is None and run.line is not Line.ONLY
        if removed_at is None:
            return [*_ASLEEP]
        if is_head_all:
            return [*_ASLEEP, RunRow.expires_at.set(seconds_past(removed_at))]
        return self._waking(run, removed_at)

    def _waking(self, run: Run, wake_at: int) -> list[Action]:
        due_shard = self.shards.due_of(run.id, is_of_many=run.is_of_many)
        return [RunRow.wake_at.set(wake_at), RunRow.due_shard.set(due_shard)]

    def _head(self, run: Run) -> tuple[RunRow, Condition]:
        """Answer a run's row, and what holds as long as nobody else has written it."""
        return RunRow(run_key(run.account, run.id)), _is_born(run.created_at) & (RunRow.revision == run.revision)

    # -- rows

    def _pages(self, key: str) -> Iterator[tuple[list[JournalRow], RunRow | None]]:
        """Read a journal's rows, without their entries, until there are none; with each page, the head that stands.

        The head is read after them: if it is still the one that is meant, they are its own.
        """
        names = ["pk", "index", "writer"]
        query = lambda: [*JournalRow.query(key, consistent_read=True, attributes_to_get=names, limit=ROWS)]  # noqa: E731
        is_more = True
        while is_more:
            rows = self.calls.make(query)
            yield rows, self.calls.find(RunRow, key)
            is_more = len(rows) == ROWS

    def _remove(self, rows: list[JournalRow], has_time: HasTime) -> bool:
        """Remove rows as they were read; say no if there may be more, and no time for them."""
        for row in rows:
            self._remove_row(row)
        return len(rows) < ROWS or has_time()

    def _remove_row(self, row: JournalRow) -> None:
        is_same = JournalRow.writer == row.writer
        self.calls.accepts(lambda: row.delete(condition=is_same))  # refused: somebody else has removed it
