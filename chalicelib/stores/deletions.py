"""Take an ended run away: one write lets it disappear, and what is left of it goes afterwards.

    head: deleted, in no list any more; its dead letter is gone,
          its workflow's key is free                                ← from here on there is no such run
    journal rows ─► head

The head goes last, so that whoever was interrupted can go on, and nobody makes a run on the rows of an old one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.connection import Connection
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.lines import Line
from chalicelib.core.runs import Run
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.dead_letters import letter_key
from chalicelib.stores.lines import give_back
from chalicelib.stores.run_rows import GONE, is_gone
from chalicelib.stores.shards import run_key
from chalicelib.stores.tables import DeadLetterRow, JournalRow, RunRow

_LISTS = (RunRow.account_shard, RunRow.definition_shard, RunRow.root, RunRow.due_shard, RunRow.wake_at)
_DATA = (RunRow.input, RunRow.variables)


@dataclass(frozen=True, slots=True)
class RunDeletions:
    connection: Connection
    calls: Calls

    def begin(self, run: Run) -> bool:
        """Let an ended run disappear; say no if its head was written meanwhile (another deletion, a callback)."""
        row = RunRow(run_key(run.account, run.id))
        actions: list[Action] = [RunRow.status.set(GONE), RunRow.revision.set(RunRow.revision + 1)]
        actions += [attribute.remove() for attribute in (*_LISTS, *_DATA)]
        is_unmoved = (RunRow.revision == run.revision) & (RunRow.status == run.status.value)

        def put(transaction: TransactWrite) -> None:
            transaction.update(row, actions=actions, condition=is_unmoved)
            if run.dead_letter is not None:
                transaction.delete(DeadLetterRow(letter_key(run.account, run.dead_letter)))
            if run.line is Line.ONLY:
                give_back(transaction, run)

        try:
            self.calls.transact(self.connection, put, row.pk, "delete", str(run.revision))
        except Refused:
            return False
        return True

    def finish(self, account: AccountId, run_id: RunId) -> bool:
        """Remove what is left of a run that has disappeared; say no if there is nothing of that kind."""
        key = run_key(account, run_id)
        row = self.calls.find(RunRow, key)
        if row is None or not is_gone(row):
            return False
        for entry in self._journal(key):
            self._remove(entry)
        try:
            self.calls.make(lambda: row.delete(condition=RunRow.status == GONE))
        except Refused:
            return True  # somebody else has finished it
        return True

    def _journal(self, key: str) -> Sequence[JournalRow]:
        query = lambda: [*JournalRow.query(key, consistent_read=True, attributes_to_get=["pk", "index"])]  # noqa: E731
        return self.calls.make(query)

    def _remove(self, entry: JournalRow) -> None:
        self.calls.make(entry.delete)
