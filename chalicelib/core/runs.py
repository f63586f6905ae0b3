"""A run's head: who and what it is, how it stands, and when somebody must look at it again.

    pending ──► running ◄──► waiting
       │           │            │   ◄──► paused, from and to each of them
       └───────────┴────────────┴──► completed | failed | canceled, from paused too

`revision` counts every write of the head, so that a write made from an old reading is refused.
`not_before` is when it may next be worked on, `wake_at` when the sweep rings if nobody has: a run that can go
on always has both; a paused one, and one that waits for a person alone, have neither. An ended one that is not kept
for ever has `wake_at`: when something of it is to be taken away (retention.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from chalicelib.core.advance import next_effects, save_points
from chalicelib.core.callbacks import Callback, CallbackState
from chalicelib.core.causes import Cause
from chalicelib.core.definitions import Definition, DefinitionType
from chalicelib.core.ids import AccountId, ActivityId, DeadLetterId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.journal import Failure
from chalicelib.core.json_values import Variables
from chalicelib.core.lines import Line
from chalicelib.core.overrides import Overrides
from chalicelib.core.retention import Expiry, Retention
from chalicelib.core.state import Start, State, Token

RING_REACH_MS = 900_000  # the longest delay of an SQS message
GRACE_MS = 60_000  # how long a ring may be on its way before the sweep rings again


class RunStatus(Enum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_ended(self) -> bool:
        return self in ENDED


ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a run comes from: `attempt` counts from 1 along the line of sources up to the root."""

    root: RunId
    source: RunId | None
    attempt: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a run until a time (ms). It saves work; what is written is fenced by `revision`."""

    owner: str
    until: int


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a token's action was tried in vain, and when it may be tried again (ms).

    `since` is the token's: where it comes to next, nothing has been tried yet.
    """

    count: int
    not_before: int
    since: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """The head of a run. Times are milliseconds since 1970; `journal_length` is as of this head's last write.

    `alias` is the name that a client chose for it; `url` the address of its definition; `type` that definition's.
    """

    account: AccountId
    id: RunId
    definition: DefinitionKey
    snapshot: SnapshotId
    version: int | None
    status: RunStatus
    input: Variables
    variables: Variables
    start: Start
    lineage: Lineage
    request_hash: str
    created_at: int
    updated_at: int
    journal_length: int
    alias: str | None = None
    url: str | None = None
    business_key: str | None = None
    type: DefinitionType = DefinitionType.SERVICE
    is_of_many: bool = False
    """It was made together with others: they wait for each other, and nobody else waits for them."""
    line: Line | None = None
    labels: tuple[str, ...] = ()
    overrides: Overrides = Overrides()
    retention: Retention = Retention()
    expiry: Expiry = Expiry()
    started_at: int | None = None
    ended_at: int | None = None
    failure: Failure | None = None
    dead_letter: DeadLetterId | None = None
    callback: Callback | None = None
    revision: int = 1
    claims: int = 0
    lease: Lease | None = None
    tries: Mapping[int, Tries] = field(default_factory=dict)
    not_before: int | None = None
    wake_at: int | None = None
    waiting_for: tuple[ActivityId, ...] = ()
    """The user tasks that are open; since when there was one without a break, and for how long before that (ms)."""
    waiting_since: int | None = None
    waited_ms: int = 0

    @property
    def is_owing_callback(self) -> bool:
        """Say whether somebody has still to be told that it failed."""
        return self.callback is not None and self.callback.state is CallbackState.IN_PROGRESS


def tries_of(run: Run, token: Token) -> Tries | None:
    """Answer the tries of what a token stands at now."""
    tries = run.tries.get(token.id)
    return tries if tries is not None and tries.since == token.since else None


def scheduled(run: Run, not_before: int | None, at: int) -> Run:
    """Say when the run may next be worked on; the sweep looks a little later, since a message is on its way."""
    if not_before is None:
        return replace(run, not_before=None, wake_at=run.expiry.cleaned_at)
    is_rung = not_before - at <= RING_REACH_MS
    return replace(run, not_before=not_before, wake_at=not_before + (GRACE_MS if is_rung else 0))


def ring_delay_s(run: Run, at: int) -> int | None:
    """Answer after how many seconds a message should ring for this run; None if no message can."""
    if run.not_before is None or run.not_before - at > RING_REACH_MS:
        return None
    return max(0, -(-(run.not_before - at) // 1000))


def progressed(run: Run, definition: Definition, state: State, at: int) -> Run:
    """Answer the head after a journal led to this settled state, with nobody at work on it."""
    moved = replace(
        _waiting(run, state, at),
        variables=state.variables,
        journal_length=state.length,
        updated_at=at,
        started_at=run.started_at or at,
        claims=0,
        lease=None,
        tries={token: tries for token, tries in run.tries.items() if token in state.tokens},
    )
    if state.is_over:
        return _ended(moved, state, at)
    if state.is_paused:
        return scheduled(replace(moved, status=RunStatus.PAUSED), None, at)
    ready = [tries.not_before if (tries := tries_of(moved, t)) else at for t in next_effects(definition, state)]
    ready += [at for _ in save_points(state)]
    due = [token.due for token in state.tokens.values() if token.due is not None]
    status = RunStatus.RUNNING if ready else RunStatus.WAITING
    return scheduled(replace(moved, status=status), min(ready + due, default=None), at)


def _waiting(run: Run, state: State, at: int) -> Run:
    """Say for which people a run waits now, and keep count of how long it has waited for any."""
    open_tasks = {token.activity for token in state.tokens.values() if token.opened is not None and token.due is None}
    tasks = () if state.is_over else tuple(sorted(open_tasks))
    if tasks:
        return replace(run, waiting_for=tasks, waiting_since=at if run.waiting_since is None else run.waiting_since)
    waited = 0 if run.waiting_since is None else at - run.waiting_since
    return replace(run, waiting_for=(), waiting_since=None, waited_ms=run.waited_ms + waited)


def broken_off(run: Run, failure: Failure, journal_length: int, at: int) -> Run:
    """Answer the head of a run that failed where it stands, whatever its state, with the data that its head has."""
    ended = replace(
        run,
        status=RunStatus.FAILED,
        failure=failure,
        journal_length=journal_length,
        updated_at=at,
        ended_at=at,
        expiry=run.retention.expiry(at),
        claims=0,
        lease=None,
        tries={},
        waiting_for=(),
        waiting_since=None,
    )
    return scheduled(ended, None, at)


def visited(run: Run, definition: Definition, state: State, at: int) -> Run:
    """Answer the head after somebody other than its worker appended what led to this settled state.

    A worker that holds the lease keeps it: its next write is refused, and it reads what was appended.
    """
    moved = progressed(run, definition, state, at)
    if moved.status.is_ended or run.lease is None or run.lease.until <= at:
        return moved
    led = replace(moved, claims=run.claims, lease=run.lease)
    if moved.status is RunStatus.PAUSED:
        return led
    not_before = at if run.not_before is None else run.not_before
    wake_at = run.lease.until if run.wake_at is None else run.wake_at
    return replace(led, status=RunStatus.RUNNING, not_before=not_before, wake_at=wake_at)


def _ended(run: Run, state: State, at: int) -> Run:
    if state.is_canceled:
        status = RunStatus.CANCELED
    elif state.failure is not None:
        status = RunStatus.FAILED
    else:
        status = RunStatus.COMPLETED
    expiry = run.retention.expiry(at)
    ended = replace(run, status=status, failure=state.failure, ended_at=at, expiry=expiry, tries={})
    return scheduled(ended, None, at)
