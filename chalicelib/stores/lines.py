"""Lines in DynamoDB: one row for all runs of a definition and a key, changed with the runs themselves.

| part                | what                                                                  |
|---------------------|-----------------------------------------------------------------------|
| `line#<definition>` | the runs of an object's key that have not ended, in order of arrival  |
| `only#<definition>` | who is the run of a workflow's key                                    |

A run enters its line in the transaction that writes it (one that is delayed: in the transaction that notes its
arrival), and leaves it in the transaction that writes its end. So a run is in its line exactly as long as its head
says so, and DynamoDB, which lets one transaction after the other at a row, makes the order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.lines import MOST_IN_LINE, Line, LineFull, WorkflowRunExists
from chalicelib.core.runs import Run
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.run_tables import RunRow
from chalicelib.stores.shards import run_key
from chalicelib.stores.slots import flow_key
from chalicelib.stores.tables import SlotRow

LINE_BYTES = MOST_IN_LINE * 40  # a run's id, as DynamoDB counts it
LOOKS = 4  # for a place in a line that others leave at the same time


def is_entering(run: Run) -> bool:
    """Say whether a new run takes a place beside others of its key."""
    return run.line in {Line.INBOXED, Line.ONLY}


def line_row(run: Run) -> SlotRow:
    """Name the row that a run shares with others of its key."""
    assert run.business_key is not None
    if run.line is Line.ONLY:
        return only_row(run.account, run.definition, run.business_key)
    return SlotRow(flow_key(run.account, run.business_key), f"line#{run.definition}")


def only_row(account: AccountId, definition: DefinitionKey, business_key: str) -> SlotRow:
    """Name the row that says which run a workflow has of a key."""
    return SlotRow(flow_key(account, business_key), f"only#{definition}")


def line_name(run: Run) -> tuple[str, str]:
    """Tell a run's line from all others."""
    row = line_row(run)
    return row.pk, row.part


def together(runs: Iterable[Run]) -> list[list[Run]]:
    """Put new runs that enter the same line together, in their order."""
    lines: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if is_entering(run):
            lines.setdefault(line_name(run), []).append(run)
    return [*lines.values()]


def enter(transaction: TransactWrite, runs: Iterable[Run]) -> None:
    """Let a transaction enter new runs into their lines: one update for each line, after all other actions."""
    for ours in together(runs):
        if ours[0].line is Line.ONLY:
            [run] = ours  # a bulk restart makes no workflow's first run
            transaction.update(line_row(run), [SlotRow.holder.set(run.id)], condition=SlotRow.pk.does_not_exist())
        else:
            _append(transaction, ours)


def _append(transaction: TransactWrite, runs: Sequence[Run]) -> None:
    behind: Action = SlotRow.line.set((SlotRow.line | []).append([run.id for run in runs]))
    has_room = SlotRow.line.does_not_exist() | (size(SlotRow.line) <= MOST_IN_LINE - len(runs))
    transaction.update(line_row(runs[0]), [behind], condition=has_room)


def holder_of(run: Run, calls: Calls) -> RunId | None:
    """Read who has the key of a new run's workflow."""
    if run.line is not Line.ONLY:
        return None
    row = line_row(run)
    stands = calls.find(SlotRow, row.pk, row.part)
    return None if stands is None else RunId(stands.holder)


def refusal_of(run: Run, holder: RunId | None) -> RestartError:
    """Say why a run could not enter its line."""
    assert run.business_key is not None
    if run.line is not Line.ONLY:
        return LineFull(run.definition, run.business_key, MOST_IN_LINE)
    return Busy() if holder is None else WorkflowRunExists(run.business_key, holder)


def let_leave(transaction: TransactWrite, run: Run, place: int) -> None:
    """Let a transaction take an ended run out of its line, if it has this place there."""
    at = SlotRow.line[place]
    transaction.update(line_row(run), [at.remove()], condition=at == run.id)


def give_back(transaction: TransactWrite, run: Run) -> None:
    """Let a transaction free the key of a workflow whose only run goes."""
    is_ours = SlotRow.pk.does_not_exist() | (SlotRow.holder == run.id)
    transaction.delete(line_row(run), condition=is_ours)


def is_leaving(run: Run) -> bool:
    """Say whether a run stands in a line that it leaves with its end."""
    return run.status.is_ended and run.line is not None and run.line.is_in_line


def places_to_leave(run: Run, calls: Calls) -> Iterator[int | None]:
    """Answer which place a run that ends leaves, anew as often as others leave meanwhile; None: it has none.

    Whoever is at work is the first, which needs no look.
    """
    if not is_leaving(run):
        yield None
        return
    if run.line is Line.AT_WORK:
        yield 0
    for _ in range(LOOKS):
        members = _members(run, calls)
        yield members.index(run.id) if run.id in members else None
    raise Busy


def _members(run: Run, calls: Calls) -> list[RunId]:
    row = line_row(run)
    stands = calls.find(SlotRow, row.pk, row.part)
    return [] if stands is None else [RunId(str(member)) for member in stands.line]


@dataclass(frozen=True, slots=True)
class LineStore:
    calls: Calls

    def members(self, run: Run) -> list[RunId]:
        """Read who stands in a run's line, the first one first."""
        return _members(run, self.calls)

    def only(self, account: AccountId, definition: DefinitionKey, business_key: str) -> RunId | None:
        """Answer which run a workflow has of a key, if it has one."""
        row = only_row(account, definition, business_key)
        stands = self.calls.find(SlotRow, row.pk, row.part)
        return None if stands is None else RunId(str(stands.holder))

    def arrive(self, run: Run, writer: str) -> bool:
        """Let a run whose delay is over enter its line; say no if the line is full.

        Raises `Refused` if somebody has moved the run.
        """
        head = RunRow(run_key(run.account, run.id))
        actions: list[Action] = [
            RunRow.line.set(Line.INBOXED.value),
            RunRow.revision.set(run.revision + 1),
            RunRow.writer.set(writer),
        ]

        def put(transaction: TransactWrite) -> None:
            transaction.update(head, actions, condition=RunRow.revision == run.revision)
            _append(transaction, [run])

        try:
            self.calls.transact(put, head.pk, "arrive", writer, str(run.revision))
        except Refused as refused:
            if refused.is_refused(0):
                raise
            return False
        return True

    def forget(self, run: Run) -> None:
        """Remove the row of a line in which nobody stands."""
        row = line_row(run)
        self.calls.accepts(lambda: row.delete(condition=size(SlotRow.line) == 0))
