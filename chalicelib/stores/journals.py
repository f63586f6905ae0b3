"""Journals as rows: entries that were written together share a row, named by the index of the first.

Entry 0 is the run's input and stands on its head, so a run that begins with nothing else is one item. A row is
put only where there is none: that is the lock which keeps a journal single (rule 3).
"""

from collections.abc import Iterator, Sequence

from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.journal import Entry, Input
from chalicelib.core.refusals import PrefixTooLarge
from chalicelib.core.runs import Run
from chalicelib.stores.calls import Calls
from chalicelib.stores.entries import pack_entries, unpack_entries
from chalicelib.stores.packing import MAX_ITEM, ItemTooLarge
from chalicelib.stores.run_tables import JournalRow
from chalicelib.stores.shards import run_key

MAX_TRANSACTION = 3_300_000  # bytes; DynamoDB takes 4 MB, and the head and a dead letter may go along
ROW_TARGET = 300_000  # bytes of entries that are packed into one row


def rows_of(account: AccountId, run_id: RunId, first: int, entries: Sequence[Entry], writer: str) -> list[JournalRow]:
    """Pack entries into as few rows as hold them; raise `PrefixTooLarge` if one transaction cannot."""
    rows: list[JournalRow] = []
    for start, packed in _chunks(entries):
        rows.append(JournalRow(run_key(account, run_id), first + start, entries=packed, writer=writer))
    size = sum(len(row.entries) for row in rows)
    if size > MAX_TRANSACTION:
        raise PrefixTooLarge(size, MAX_TRANSACTION)
    return rows


def _chunks(entries: Sequence[Entry]) -> Iterator[tuple[int, bytes]]:
    """Cut entries into pieces that each fit one row; what fits a row together is not cut apart.

    So no two neighbours fit one row, and a transaction's bytes are far fewer rows than the 100 it may have.
    """
    held: tuple[Entry, ...] = ()
    start, packed = 0, b""
    for piece, piece_packed in _halved(tuple(entries)):
        together = pack_entries((*held, *piece)) if held else piece_packed
        if held and len(together) > ROW_TARGET:
            yield start, packed
            start, held, together = start + len(held), (), piece_packed
        held, packed = (*held, *piece), together
    if held:
        yield start, packed


def _halved(entries: tuple[Entry, ...]) -> Iterator[tuple[tuple[Entry, ...], bytes]]:
    """Cut entries into pieces that each fit one row, halving a piece until it does."""
    todo = [entries] if entries else []
    while todo:
        piece = todo.pop()
        packed = pack_entries(piece)
        if len(packed) <= ROW_TARGET or (len(piece) == 1 and len(packed) <= MAX_ITEM):
            yield piece, packed
        elif len(piece) == 1:
            raise ItemTooLarge(len(packed))
        else:
            half = len(piece) // 2
            todo += [piece[half:], piece[:half]]


def load_journal(run: Run, calls: Calls) -> tuple[Entry, ...]:
    """Read a run's whole journal, consistently."""
    key = run_key(run.account, run.id)
    rows = calls.make(lambda: list(JournalRow.query(key, consistent_read=True)))
    entries: list[Entry] = [Input(run.input, run.created_at)]
    for row in rows:
        entries += unpack_entries(row.entries)
    return tuple(entries)


def load_length(run: Run, calls: Calls) -> int:
    """Count a run's entries by its last row, consistently: what is in the others does not matter."""
    key = run_key(run.account, run.id)
    query = lambda: [*JournalRow.query(key, consistent_read=True, scan_index_forward=False, limit=1)]  # noqa: E731
    rows = calls.make(query)
    return int(rows[0].index) + len(unpack_entries(rows[0].entries)) if rows else 1
