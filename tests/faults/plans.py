"""What goes wrong in a schedule, as data: one line of text that says it, and reads back as the same plan.

    restart_from_failure fifo 7:crash_after 12:err_before+

A fault is a numbered call and what happens to it. `+` lets it last: every further call of that handler meets the
same fate, so that the handler has to give up. A delivery says in which order messages come, whether each comes
twice (`+twice`), and whether one of them is never seen again (`+lost3`, numbered from 0).

A disaster is no single call's: `7:outage10:err_before,throttle` lets every AWS call fail from number 7 on, for ten
minutes, in these ways by turns; `7:purge` empties all queues before call number 7.
"""

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    ERR_BEFORE = "err_before"
    """No connection: the call never took place."""
    ERR_AFTER = "err_after"
    """The call took place, and its answer is lost."""
    CRASH_BEFORE = "crash_before"
    """The process is gone before the call."""
    CRASH_AFTER = "crash_after"
    """The process is gone after the call took place."""
    THROTTLE = "throttle"
    """AWS refuses for now: a throttle, or a conflict with another transaction."""
    REPEATED = "repeated"
    """The answer is lost, and the SDK silently repeats the call: our own first write looks like a stranger's."""
    PARTIAL = "partial"
    """A batch call answers well, but its last entry was not done."""


LASTING = frozenset({Kind.ERR_BEFORE, Kind.ERR_AFTER, Kind.THROTTLE})
"""What a handler survives, and may therefore meet again at its next call."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What happens at the call with this number, counted from 0 over a whole schedule."""

    call: int
    kind: Kind
    is_lasting: bool = False

    def __str__(self) -> str:
        return f"{self.call}:{self.kind.value}{'+' * self.is_lasting}"


@dataclass(frozen=True, slots=True)
class Outage:
    """From the call with this number on, every AWS call fails for some minutes, in these ways by turns."""

    call: int
    kinds: tuple[Kind, ...]
    minutes: int = 10

    def __str__(self) -> str:
        return f"{self.call}:outage{self.minutes}:{','.join(kind.value for kind in self.kinds)}"


@dataclass(frozen=True, slots=True)
class Purge:
    """Before the call with this number, whatever is in the queues or on its way is gone for good."""

    call: int

    def __str__(self) -> str:
        return f"{self.call}:purge"


Disaster = Outage | Purge


class Order(Enum):
    FIFO = "fifo"
    LIFO = "lifo"
    SHUFFLED = "shuffled"
    LATE = "late"
    """Every message comes after the next sweep, which has rung again by then."""


@dataclass(frozen=True, slots=True)
class Delivery:
    order: Order = Order.FIFO
    is_twice: bool = False
    lost: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.order.value + "+twice" * self.is_twice + "".join(f"+lost{number}" for number in self.lost)


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule: which scenario, how messages come, and what goes wrong."""

    scenario: str
    delivery: Delivery = Delivery()
    faults: tuple[Fault, ...] = ()
    disaster: Disaster | None = None

    def __str__(self) -> str:
        told = self.faults if self.disaster is None else (*self.faults, self.disaster)
        return " ".join([self.scenario, str(self.delivery), *map(str, told)])


_FAULT = re.compile(r"(\d+):([a-z_]+)(\+?)")
_OUTAGE = re.compile(r"(\d+):outage(\d+):([a-z_,]+)")
_PURGE = re.compile(r"(\d+):purge")
_DELIVERY = re.compile(r"([a-z]+)(\+twice)?((?:\+lost\d+)*)")


def read_plan(line: str) -> Plan:
    """Read the line that a plan is printed as; raise `ValueError` for anything else."""
    scenario, delivery, *told = line.split()
    disasters = [disaster for text in told if (disaster := _read_disaster(text))]
    faults = tuple(_read_fault(text) for text in told if _read_disaster(text) is None)
    if len(disasters) > 1:
        raise ValueError(f"'{line}' says no plan: one disaster is enough")
    return Plan(scenario, _read_delivery(delivery), faults, *disasters)


def _read_disaster(text: str) -> Disaster | None:
    if found := _OUTAGE.fullmatch(text):
        return Outage(int(found[1]), tuple(map(Kind, found[3].split(","))), int(found[2]))
    found = _PURGE.fullmatch(text)
    return Purge(int(found[1])) if found else None


def _read_delivery(text: str) -> Delivery:
    found = _DELIVERY.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no delivery")
    return Delivery(Order(found[1]), bool(found[2]), tuple(map(int, found[3].split("+lost")[1:])))


def _read_fault(text: str) -> Fault:
    found = _FAULT.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no fault")
    return Fault(int(found[1]), Kind(found[2]), bool(found[3]))
