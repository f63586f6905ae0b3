"""Every call to AWS has one of three ends, and only here are AWS's errors told apart.

| end       | when                                                          | what happens                          |
|-----------|---------------------------------------------------------------|---------------------------------------|
| *refused* | a condition failed: nothing was written                       | `Refused`; the caller reads back      |
| *passing* | throttled, conflicting, unreachable, answer lost: who knows   | again, with a pause; then `Busy`      |
| *final*   | anything else: the call is wrong, which is a defect of ours   | PynamoDB's or botocore's own error    |

Look at the cause, never at PynamoDB's class: it wraps refusals and lost answers in the same one. A call that is
repeated must be conditional, so that its second execution does nothing; whoever is refused asks whether the
first one was its own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.core.errors import Busy, Throttled
from chalicelib.core.ids import derived_uuid
from chalicelib.stores.audit_records import Rehearsal, Trail, record_alone, record_in, trail
from chalicelib.stores.tallies import count

T = TypeVar("T")
M = TypeVar("M", bound=Model)

Key = str | tuple[str, str]
MAX_KEY, MAX_SORT = 2048, 1024  # bytes; DynamoDB has no row with a longer key, and takes asking for one amiss

_CONDITION = "ConditionalCheckFailed"
_PASSING = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "LimitExceededException",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottlingError",
        "ThrottlingException",
    }
)


class Refused(Exception):
    """A condition did not hold. `reasons` has one code (or None) for each action of a transaction, in order."""

    def __init__(self, reasons: Sequence[str | None] = (_CONDITION,)) -> None:
        super().__init__(", ".join(str(reason) for reason in reasons))
        self.reasons = tuple(reasons)

    def is_refused(self, action: int) -> bool:
        return self.reasons[action] == _CONDITION

    def is_refused_from(self, action: int) -> bool:
        """Say whether actions from this one on were refused, and none before."""
        return _CONDITION not in self.reasons[:action]


@dataclass(frozen=True, slots=True)
class Calls:
    """Make calls, and repeat those whose outcome is unknown. `pause` sleeps seconds; `jitter` answers 0..1."""

    connection: Connection
    pause: Callable[[float], None]
    jitter: Callable[[], float]
    attempts: int = 4

    def make(self, call: Callable[[], T]) -> T:
        """Answer what the call answers; raise `Refused`, or `Busy` when every attempt passed without an answer.

        `Throttled` says that none of them found capacity, so that nothing was done.
        """
        is_throttled = True
        for attempt in range(self.attempts):
            if attempt:
                self.pause(self.jitter() * 0.05 * 2**attempt)
            count(is_repeat=attempt > 0)
            try:
                return call()
            except (PynamoDBException, BotoCoreError, ClientError) as error:
                is_throttled &= _raise_unless_passing(error)
        raise Throttled if is_throttled else Busy

    def accepts(self, call: Callable[[], object]) -> bool:
        """Make a conditional call, and say whether its condition held; raise `Busy` as `make` does."""
        return _is_held(lambda: self.make(call))

    def find(self, model: type[M], key: str, sort: str | float | None = None) -> M | None:
        """Read one row by its key, consistently; None where there is none."""
        if not _can_be((key, sort)):
            return None

        def get() -> M | None:
            try:
                return model.get(key, sort, consistent_read=True)
            except model.DoesNotExist:
                return None

        return self.make(get)

    def find_all(self, model: type[M], keys: Iterable[Key]) -> list[M]:
        """Read up to 100 rows by their keys in one call, consistently; what there is not is left out.

        A key is a partition key, or one and a sort key.
        """
        possible = [key for key in keys if _can_be((key, None) if isinstance(key, str) else key)]
        return self.make(lambda: list(model.batch_get(possible, consistent_read=True))) if possible else []

    # -- writing; what a caller has asked for leaves a record, in the same transaction

    def save(self, row: Model, condition: Condition | None = None) -> None:
        """Put one row."""
        self._write(lambda: row.save(condition=condition), lambda to: to.save(row, condition))

    def update(self, row: Model, actions: list[Action], condition: Condition | None = None) -> None:
        """Change one row; what it holds afterwards is not told."""
        self._write(lambda: row.update(actions, condition), lambda to: to.update(row, actions, condition))

    def updates(self, row: Model, actions: list[Action], condition: Condition) -> bool:
        """Do the same, and say whether the condition held."""
        return _is_held(lambda: self.update(row, actions, condition))

    def delete(self, row: Model, condition: Condition | None = None) -> None:
        """Remove one row."""
        self._write(lambda: row.delete(condition=condition), lambda to: to.delete(row, condition))

    def _write(self, alone: Callable[[], object], put: Callable[[TransactWrite], None]) -> None:
        if trail() is None:
            self.make(alone)
        else:
            self.transact(put)

    def transact(self, put: Callable[[TransactWrite], None], *token: str) -> None:
        """Make one transaction; its token makes DynamoDB answer a repeat within ten minutes from the first.

        The token names all by which two callers' transactions may differ, times too: under one token DynamoDB takes
        nothing else.
        """
        left = trail()
        if left is None:
            self._transact(put, *token)
        else:
            self._transact_recorded(put, left, *token)

    def _transact(self, put: Callable[[TransactWrite], None], *token: str) -> None:
        def transact() -> None:
            with TransactWrite(connection=self.connection, client_request_token=derived_uuid(*token)) as transaction:
                put(transaction)

        self.make(transact)

    def _transact_recorded(self, put: Callable[[TransactWrite], None], left: Trail, *token: str) -> None:
        """Do the same with a record behind all other actions, or before them if there is no room."""
        rehearsal = Rehearsal()
        put(cast("TransactWrite", rehearsal))
        record = replace(left.next(), things=rehearsal.things, is_attempt=rehearsal.is_full)
        name = (*token, record.position, *(thing.id for thing in record.things))
        if record.is_attempt:
            self.accepts(lambda: record_alone(left.shard, record))
            self._transact(put, *name)
            return

        def put_recorded(transaction: TransactWrite) -> None:
            put(transaction)
            record_in(transaction, left.shard, record)

        try:
            self._transact(put_recorded, *name)
        except Refused as refused:
            if refused.is_refused_from(-1):  # the very request has come before, to a process that told of it
                self._transact_recorded(put, left, *token)
            else:
                raise Refused(refused.reasons[:-1]) from refused


def _is_held(write: Callable[[], object]) -> bool:
    """Make a conditional write, and say whether its condition held."""
    try:
        write()
    except Refused:
        return False
    return True


def _can_be(key: tuple[str, str | float | None]) -> bool:
    """Say whether a row can have a key."""
    partition, sort = key
    is_short = not isinstance(sort, str) or len(sort.encode()) <= MAX_SORT
    return len(partition.encode()) <= MAX_KEY and is_short


def _raise_unless_passing(error: PynamoDBException | BotoCoreError | ClientError) -> bool:
    """Raise what will not pass; of what will, say whether it is for lack of capacity."""
    cause = error.cause if isinstance(error, PynamoDBException) else error
    if isinstance(cause, BotoCoreError) and not isinstance(cause, ParamValidationError):
        return False
    if not isinstance(cause, ClientError):
        raise error
    code = cause.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        raise Refused from error
    if code == "TransactionCanceledException":
        reasons = _reasons(error, cause)
        if _CONDITION in reasons:
            raise Refused(reasons) from error
        if not _PASSING_REASONS.issuperset(reason for reason in reasons if reason):
            raise error
        return not _THROTTLED.isdisjoint(reasons)
    if code not in _PASSING:
        raise error
    return code in _THROTTLED


def _reasons(error: Exception, cause: ClientError) -> tuple[str | None, ...]:
    told: Sequence[CancellationReason | None] = getattr(error, "cancellation_reasons", None) or ()
    if told:
        return tuple(reason.code if reason else None for reason in told)
    plain = cause.response.get("CancellationReasons", ())
    return tuple(None if reason["Code"] == "None" else reason["Code"] for reason in plain)
