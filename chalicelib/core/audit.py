"""Who changed what, and why: records of what callers asked for, each written in the very transaction that did it."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.errors import Invalid
from chalicelib.core.ids import AccountId

MAX_REASON = 500  # characters


class ReasonInvalid(Invalid):
    code = "reason_invalid"

    def __init__(self) -> None:
        super().__init__(f"A reason is 1 to {MAX_REASON} printable characters.", header="X-Reason")


@dataclass(frozen=True, slots=True)
class Asked:
    """A caller's request: who (`key_id`), what (`operation`, and what its path names), why, and from where (IP).

    `id` is our own name of the request, which its answer and every line of the log have too; `at` in ms.
    """

    id: str
    at: int
    account: AccountId
    key_id: str
    dialect: str
    operation: str
    target: Mapping[str, str]
    reason: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a transaction wrote or took away."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One transaction of a request, and what it touched: it took place, whole.

    That is certain unless the record had to be written before it (`is_attempt`): then it may have been refused.
    A request that takes several transactions leaves several records, in the order of `number`.
    """

    asked: Asked
    number: int
    things: tuple[Thing, ...] = ()
    is_attempt: bool = False

    @property
    def position(self) -> str:
        """Answer where this stands in its account's list."""
        return f"{self.asked.at:013d}#{self.asked.id}#{self.number:06d}"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records count; what is None or empty does not matter. Times in ms."""

    since: int | None = None
    until: int | None = None
    request_id: str | None = None
    key_id: str | None = None
    dialect: str | None = None
    thing: str | None = None

    def keeps(self, record: AuditRecord) -> bool:
        """Say whether a record of the right time is meant."""
        asked = record.asked
        is_meant = self.thing is None or any(thing.id == self.thing for thing in record.things)
        return (
            is_meant
            and self.request_id in (None, asked.id)
            and self.key_id in (None, asked.key_id)
            and self.dialect in (None, asked.dialect)
        )


def read_reason(given: str | None) -> str | None:
    """Answer a reason as a caller gave it; raise `ReasonInvalid` for what could not be shown again."""
    if given is None:
        return None
    reason = given.strip()
    if not reason or len(reason) > MAX_REASON or not reason.isprintable():
        raise ReasonInvalid
    return reason
