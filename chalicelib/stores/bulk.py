"""Many dead letters in as few transactions as hold them: each part whole or not at all, whatever becomes of the rest.

A part whose condition fails lost its letter to somebody else. It is dropped, and the others are written again
without it: no transaction that was refused has written anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.core.births import Plan
from chalicelib.core.ids import AccountId, DeadLetterId
from chalicelib.core.runs import Run
from chalicelib.stores.audit_records import MOST_ACTIONS
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.dead_letters import consumed, letter_key, letter_row
from chalicelib.stores.lines import LINE_BYTES, enter, holder_of, is_entering, line_name, refusal_of, together
from chalicelib.stores.run_tables import HeadRow, JournalRow, RunRow
from chalicelib.stores.runs import RunStore
from chalicelib.stores.tables import DeadLetterRow

P = TypeVar("P")

MOST_BYTES = 3_500_000  # of data in all items that one transaction touches; DynamoDB takes 4 MB


@dataclass(slots=True)
class Part:
    """What is written for one letter: all of it, or nothing."""

    subject: Any
    puts: list[Any] = field(default_factory=list)
    consumes: Callable[[TransactWrite], None] | None = None
    removes: tuple[Model, Condition] | None = None
    size: int = 0

    @property
    def actions(self) -> int:
        """Count what is its own: a line that its run enters is changed once for all that do."""
        return len(self.puts) + (self.consumes is not None) + (self.removes is not None)

    @property
    def run(self) -> Run | None:
        """Answer the run that is born."""
        return self.subject.run if isinstance(self.subject, Plan) else None


@dataclass(frozen=True, slots=True)
class BulkStore:
    calls: Calls
    runs: RunStore

    def create(self, plans: Sequence[Plan], writer: str, command: str = "", *, is_whole: bool = False) -> list[Plan]:
        """Write each plan and consume its dead letter; answer the plans that were written.

        With `is_whole`, raise `Refused` as soon as one of them cannot be.
        """
        parts = [self._birth(plan, writer, command) for plan in plans]
        return [part.subject for part in self._write(parts, writer, is_whole=is_whole)]

    def remove(self, account: AccountId, letters: Sequence[DeadLetterId], writer: str, at: int) -> list[DeadLetterId]:
        """Remove dead letters that are live at a time (ms); answer those that were removed by this."""
        is_kept = DeadLetterRow.gone_at.does_not_exist() | (DeadLetterRow.gone_at > at)
        is_live = DeadLetterRow.live_shard.exists() & (DeadLetterRow.expires_at > at // 1000) & is_kept
        parts = [Part(letter, removes=(DeadLetterRow(letter_key(account, letter)), is_live)) for letter in letters]
        return [part.subject for part in self._write(parts, writer, is_whole=False)]

    def _birth(self, plan: Plan, writer: str, command: str) -> Part:
        letter = plan.consumed
        assert letter is not None
        part = birth(self.runs, plan, writer)
        part.consumes = lambda to: consumed(to, plan.run.account, letter, plan.run.id, command)
        return part

    def _write(self, parts: Sequence[Part], writer: str, *, is_whole: bool) -> list[Part]:
        return [part for chunk in chunks(parts) for part in self._transact(chunk, writer, is_whole=is_whole)]

    def _transact(self, parts: list[Part], writer: str, *, is_whole: bool) -> list[Part]:
        left = parts
        while left:
            try:
                self.calls.transact(partial(put_parts, left), writer, *_names(left))
            except Refused as refused:
                if is_whole:
                    check_lines(left, refused, self.calls)
                    raise
                left = _winners(left, refused)
            else:
                break
        return left


def birth(runs: RunStore, plan: Plan, writer: str) -> Part:
    """Answer all that a plan writes, and how much it takes with what it consumes; raise what is too large."""
    head, rows = runs.rows(plan, writer)
    heads: list[HeadRow] = [head]
    if plan.dead_letter is not None:
        heads.append(letter_row(plan.dead_letter, runs.shards, runs.accounts))
    size = sum(len(row.input) + len(row.variables or b"") for row in heads) + sum(len(row.entries) for row in rows)
    return Part(plan, [heads[0], *rows, *heads[1:]], size=size + plan.consumed_size)


def _names(parts: Sequence[Part]) -> list[str]:
    """Tell these parts from any others, for DynamoDB to know a repeat by."""
    return [part.subject.run.id if isinstance(part.subject, Plan) else part.subject for part in parts]


@dataclass(slots=True)
class _Load:
    """What one transaction holds."""

    parts: list[Part] = field(default_factory=list)
    lines: set[tuple[str, str]] = field(default_factory=set)
    actions: int = 0
    size: int = 0

    def add(self, part: Part) -> None:
        lines = {line_name(run) for run in [part.run] if run is not None and is_entering(run)} - self.lines
        self.parts.append(part)
        self.lines |= lines
        self.actions += part.actions + len(lines)
        self.size += part.size + LINE_BYTES * len(lines)


def chunks(parts: Sequence[Part], spared: int = 0) -> Iterator[list[Part]]:
    """Cut parts into transactions, as few as hold them in their order; each has room for so many actions more."""
    load = _Load()
    for part in parts:
        before = load.parts[:]
        load.add(part)
        if before and (load.actions > MOST_ACTIONS - spared or load.size > MOST_BYTES):
            yield before
            load = _Load()
            load.add(part)
    if load.parts:
        yield load.parts


def put_parts(parts: Sequence[Part], transaction: TransactWrite) -> None:
    for part in parts:
        for row in part.puts:
            is_letter = isinstance(row, DeadLetterRow)
            is_new = JournalRow.pk.does_not_exist() if isinstance(row, JournalRow) else RunRow.pk.does_not_exist()
            transaction.save(row, condition=None if is_letter else is_new)
        if part.consumes is not None:
            part.consumes(transaction)
        if part.removes is not None:
            transaction.delete(*part.removes)
    enter(transaction, _born(parts))


def _born(parts: Sequence[Part]) -> list[Run]:
    return [part.run for part in parts if part.run is not None]


def check_lines(parts: Sequence[Part], refused: Refused, calls: Calls) -> None:
    """Raise why a line could not be entered, if that is all that was refused. A transaction's lines come last."""
    lines = together(_born(parts))
    first = len(refused.reasons) - len(lines)
    if refused.is_refused_from(first):
        shut_out = next(ours[0] for n, ours in enumerate(lines, first) if refused.is_refused(n))
        raise refusal_of(shut_out, holder_of(shut_out, calls))


def _winners(parts: Sequence[Part], refused: Refused) -> list[Part]:
    """Answer the parts of which nothing was refused, a line that is full included.

    PynamoDB sends all deletes first, then puts, then updates; those of lines come last.
    """
    owners = [[part] for part in parts if part.removes is not None]
    owners += [[part] for part in parts for _ in part.puts]
    owners += [[part] for part in parts if part.consumes is not None]
    owners += [[part for part in parts if part.run in ours] for ours in together(_born(parts))]
    losers = {id(part) for action, owned in enumerate(owners) if refused.is_refused(action) for part in owned}
    return [part for part in parts if id(part) not in losers]
