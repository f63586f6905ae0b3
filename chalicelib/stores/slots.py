"""What runs with one flow-control key share: slots to hold, a count for each window of time, and who waits.

| part                   | what                                                                   |
|------------------------|------------------------------------------------------------------------|
| `slot#0002`            | the third slot, held by a worker until a time; free when it is over    |
| `rate#60000#17…`       | how many actions began in the minute that began then; who was too late |
| `wait#17…#<run>`       | a run, by its creation, that found every slot held                     |

Whoever finds every slot held leaves its run, writes that it waits, and looks once more; whoever lets one go looks
for those who wait. So one of the two always sees the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.overrides import FlowControl
from chalicelib.core.runs import Run
from chalicelib.stores.calls import Calls
from chalicelib.stores.shards import run_key
from chalicelib.stores.tables import SlotRow

LOOKS = 4  # at slots that others take at the same time
DAY_S = 86_400


def flow_key(account: AccountId, key: str) -> str:
    return f"{account}#{key}"


@dataclass(frozen=True, slots=True)
class FlowWindow:
    """How many actions began in a window of time (ms), of how many that may."""

    begins_at: int
    period_ms: int
    begun: int
    rate: int

    @classmethod
    def of(cls, row: SlotRow) -> "FlowWindow":
        _, period_ms, begins_at = row.part.split("#")
        return cls(int(begins_at), int(period_ms), int(row.begun or 0), _most(row))


@dataclass(frozen=True, slots=True)
class FlowUsage:
    """How much of a key's limits is in use: slots held of how many (None: none is), runs that wait, this window."""

    held: int
    parallelism: int | None
    waiting: int
    window: FlowWindow | None


@dataclass(frozen=True, slots=True)
class SlotStore:
    calls: Calls

    # -- parallelism

    def take(self, run: Run, flow: FlowControl, holder: str, until: int, at: int) -> str | None:
        """Take a free slot until a time (ms), and answer its name; None when every one is held."""
        for _ in range(LOOKS):
            free = self._free(run, flow, holder, at)
            if not free:
                return None
            row = SlotRow(flow_key(run.account, flow.key), free[0], holder=holder, until=until)
            row.most, row.expires_at = flow.limits.parallelism, until // 1000 + DAY_S
            if self._hold(row, at):
                return free[0]
        return None

    def has_free(self, run: Run, flow: FlowControl, at: int) -> bool:
        """Say whether a slot is free for a run."""
        return bool(self._free(run, flow, run.id, at))

    def _free(self, run: Run, flow: FlowControl, holder: str, at: int) -> list[str]:
        """Name the free slots: of as many as the most permissive of us and of those who hold one says."""
        held = {row.part: int(row.most) for row in self._slots(flow_key(run.account, flow.key)) if row.until > at}
        most = max(flow.limits.parallelism or 0, *held.values(), 0)
        return [name for name in _slot_names(most, holder) if name not in held]

    def _slots(self, pk: str) -> Sequence[SlotRow]:
        return self.calls.make(lambda: list(SlotRow.query(pk, SlotRow.part.startswith("slot#"), consistent_read=True)))

    def _hold(self, row: SlotRow, at: int) -> bool:
        is_free = SlotRow.pk.does_not_exist() | (SlotRow.until <= at) | (SlotRow.holder == row.holder)
        return self.calls.accepts(lambda: row.save(condition=is_free))

    def let_go(self, run: Run, flow: FlowControl, part: str, holder: str) -> None:
        """Free a slot, if it is still this holder's."""
        row = SlotRow(flow_key(run.account, flow.key), part)
        self.calls.accepts(lambda: row.delete(condition=SlotRow.holder == holder))

    def wait(self, run: Run, flow: FlowControl, at: int) -> None:
        """Write that a run waits for a slot."""
        part = f"wait#{run.created_at:013d}#{run.id}"
        row = SlotRow(flow_key(run.account, flow.key), part, holder=run.id, expires_at=at // 1000 + DAY_S)
        self.calls.make(row.save)

    def next_waiting(self, run: Run, flow: FlowControl, most: int) -> list[str]:
        """Take the runs that wait longest off the list, and answer their keys."""
        pk = flow_key(run.account, flow.key)
        waiting = SlotRow.part.startswith("wait#")
        rows = self.calls.make(lambda: list(SlotRow.query(pk, waiting, consistent_read=True, limit=most)))
        for row in rows:
            self.calls.make(row.delete)
        return [run_key(run.account, RunId(row.holder)) for row in rows]

    # -- rate

    def begin(self, run: Run, flow: FlowControl, at: int) -> int | None:
        """Count one more action in the window of now; if it is full, answer when (ms) its turn is likely to come.

        An answer that was lost may be counted twice: then fewer begin, never more.
        """
        rate, period_ms = flow.limits.rate, flow.limits.period_s * 1000
        assert rate is not None
        window = at - at % period_ms
        row = SlotRow(flow_key(run.account, flow.key), f"rate#{period_ms}#{window:013d}")
        expires = SlotRow.expires_at.set((window + period_ms) // 1000 + DAY_S)
        is_open = SlotRow.begun.does_not_exist() | (SlotRow.begun < rate)
        if self._count(row, [SlotRow.begun.add(1), SlotRow.rates.add({rate}), expires], is_open):
            return None
        self.calls.make(lambda: row.update([SlotRow.refused.add(1), expires]))
        if row.begun < _most(row):  # others with this key allow more
            is_open = SlotRow.begun < _most(row)
            if self._count(row, [SlotRow.begun.add(1), SlotRow.refused.add(-1)], is_open):
                return None
        return window + period_ms * (1 + (int(row.refused) - 1) // rate)

    def _count(self, row: SlotRow, actions: list[Action], condition: Condition) -> bool:
        return self.calls.accepts(lambda: row.update(actions, condition=condition))

    # -- looking

    def usage(self, account: AccountId, key: str, at: int) -> FlowUsage:
        """Count what is held and begun under a key, and the runs that wait."""
        rows = self.calls.make(lambda: list(SlotRow.query(flow_key(account, key), consistent_read=True)))
        held = [row for row in rows if row.part.startswith("slot#") and row.until > at]
        waiting = [row for row in rows if row.part.startswith("wait#")]
        windows = [FlowWindow.of(row) for row in rows if row.part.startswith("rate#")]
        current = [window for window in windows if window.begins_at <= at < window.begins_at + window.period_ms]
        return FlowUsage(
            held=len(held),
            parallelism=max((int(row.most) for row in held), default=None),
            waiting=len(waiting),
            window=max(current, key=lambda window: window.begins_at, default=None),
        )


def _most(row: SlotRow) -> int:
    """Answer how many may begin in a window: what the most permissive of those that began says."""
    return max(int(rate) for rate in row.rates)


def _slot_names(most: int, holder: str) -> list[str]:
    """List slots so that two holders begin to look at different ones."""
    first = crc32(holder.encode()) % most
    return [f"slot#{(first + n) % most:04d}" for n in range(most)]
