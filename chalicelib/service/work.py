"""What a worker does with a ring: claim the run, take it as far as it goes, leave it in good order.

    claim ─► replay ─► settle ─► perform the next effect ─► append ─┐
                         ▲                                          │
                         └──────────────────────────────────────────┘
             … until it ends, waits, must be tried later, or time is short: then one transaction leaves it.

An effect is performed at least once and journaled exactly once. Whoever appended meanwhile (a completed task, a
cancel, a worker that took the lease over) makes our next write fail: we read what stands, and go on from there if
the run is still ours. An outcome that we hold is not lost by that: it is appended where it belongs now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chalicelib.actions.performer import Performer
from chalicelib.core.advance import effect, failed, next_effects, performed, settle
from chalicelib.core.dead_letters import with_dead_letter
from chalicelib.core.definitions import Activity, HttpAction, LambdaAction, ServiceTask
from chalicelib.core.effects import Failed, Succeeded
from chalicelib.core.errors import TooLarge
from chalicelib.core.journal import Entry, Failure, Input, Opened, Output, Performed
from chalicelib.core.replay import apply, replay
from chalicelib.core.retries import next_try
from chalicelib.core.runs import Lease, Run, Tries, broken_off, progressed, tries_of
from chalicelib.core.state import State, Token
from chalicelib.core.versions import Version
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.failure_callbacks import FailureCallbacks
from chalicelib.service.flow_control import Turn
from chalicelib.service.lines import Lines
from chalicelib.service.run_log import log_begun, log_left
from chalicelib.stores.calls import Refused
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.runs import Remains, RunStore
from chalicelib.stores.slots import SlotStore

LEASE_MS = 90_000  # longer than the function's timeout (60 s), shorter than the queue's visibility (360 s)
MAX_CLAIMS = 20  # claims in a row that led nowhere: the worker dies of this run
MARGIN_MS = 5_000  # kept back to commit and ring


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed run as its worker sees it: `entries` are decided and not yet written, `done` counts effects.

    `asked` is the token that the last effect was performed for, as it stood then.
    """

    run: Run
    version: Version
    state: State
    entries: tuple[Entry, ...] = ()
    done: int = 0
    asked: Token | None = None

    def then(self, entries: Sequence[Entry]) -> "Work":
        state = self.state
        for entry in entries:
            state = apply(self.version.definition, state, entry)
        return replace(self, state=state, entries=(*self.entries, *entries))

    def settled(self, at: int) -> "Work":
        settled = settle(self.version.definition, self.state, at, is_working=True)
        return replace(self, state=settled.state, entries=(*self.entries, *settled.entries))

    @property
    def first_unwritten(self) -> int:
        return self.state.length - len(self.entries)

    def lease_left(self, at: int) -> int:
        """Answer for how long (ms) nobody else should be at this run."""
        return 0 if self.run.lease is None else self.run.lease.until - at

    def postponed(self, token: Token, to: int) -> "Work":
        """Let a token wait for its turn (ms), which is no failure."""
        tries = tries_of(self.run, token)
        waiting = Tries(tries.count if tries else 0, to, token.since)
        return replace(self, run=replace(self.run, tries={**self.run.tries, token.id: waiting}))

    @property
    def next_timer(self) -> int | None:
        """Answer when (ms) a timer fires next."""
        return min((token.due for token in self.state.tokens.values() if token.due is not None), default=None)

    def ready(self, at: int) -> Token | None:
        """Answer the token whose effect is to be performed now."""
        for token in next_effects(self.version.definition, self.state):
            tries = tries_of(self.run, token)
            if tries is None or tries.not_before <= at:
                return token
        return None


@dataclass(frozen=True, slots=True)
class Worker:
    runs: RunStore
    definitions: Definitions
    performer: Performer
    doorbell: Doorbell
    slots: SlotStore
    lines: Lines
    callbacks: FailureCallbacks
    deletions: RunDeletions
    now: Callable[[], int]
    new_id: Callable[[], str]

    def advance(self, key: str, time_left_ms: Callable[[], int]) -> None:
        """Take a run as far as it goes; do nothing if it is not due or somebody else is at it."""
        at, owner = self.now(), self.new_id()
        run = self._claim(key, Lease(owner, at + LEASE_MS), at)
        if run is None:
            return
        if isinstance(run, Remains) or run.status.is_ended:
            self._finish(run, owner, time_left_ms)
            return
        if run.started_at == at:
            log_begun(run, at)
        if run.claims > MAX_CLAIMS:
            problem = f"{MAX_CLAIMS} workers began and none came to an end."
            self._fail(run, Failure("run", "attempts_exhausted", problem), owner)
            return
        # The first claim after a head was written finds the journal as long as the head says.
        is_blank = run.claims == 1 and run.journal_length == 1
        work: Work | None = self._read(run, () if is_blank else self.runs.journal(run))
        turn = Turn(self.slots, self.doorbell, run, Lease(owner, at + LEASE_MS))
        while work is not None:
            work = self._step(work.settled(self.now()), turn, time_left_ms)
        turn.end()

    def _claim(self, key: str, lease: Lease, at: int) -> Run | Remains | None:
        run = self.runs.claim(key, lease, at)
        if not isinstance(run, Run) or run.status.is_ended or run.line is None or not run.line.is_before_its_turn:
            return run
        return self.lines.take_turn(run, lease)

    def _finish(self, run: Run | Remains, owner: str, time_left_ms: Callable[[], int]) -> None:
        """Tell of a failure that was claimed for that; else take away what is not kept any more."""

        def has_time() -> bool:
            return time_left_ms() > MARGIN_MS

        at = self.now()
        if isinstance(run, Remains):
            self.deletions.finish(run.account, run.id, has_time)
        elif run.lease is not None and run.lease.owner == owner:
            self.callbacks.deliver(run, owner)
        elif not run.expiry.is_to_be_removed(at):
            self.deletions.purge(run, has_time)
        elif self.deletions.begin(run):
            self.deletions.finish(run.account, run.id, has_time)

    def _read(self, run: Run, journal: Sequence[Entry]) -> Work:
        version = self.definitions.of(run)
        entries = journal or (Input(run.input, run.created_at),)
        return Work(run, version, replay(version.definition, run.start, entries))

    def _step(self, work: Work, turn: Turn, time_left_ms: Callable[[], int]) -> Work | None:
        """Write what is decided, or perform one effect; None when the run has been left."""
        at = self.now()
        token = work.ready(at)
        if token is None or not _has_time(work, token, min(time_left_ms(), work.lease_left(at))):
            return self._write(work, turn, is_leaving=True)
        if work.entries:
            return self._write(work, turn, is_leaving=False)
        if not turn.may_begin(at):
            return self._write(work, turn, is_leaving=True)
        begins_at = turn.begins_at(at)
        if begins_at is not None:
            return work.postponed(token, begins_at)
        return replace(self._perform(work, token), done=work.done + 1, asked=token)

    def _perform(self, work: Work, token: Token) -> Work:
        definition, run = work.version.definition, work.run
        activity = definition.activities[token.activity]
        request = effect(definition, work.state, token, run.id, run.lineage.cause.request_id)
        if isinstance(request, Failure):
            return work.then([failed(token, request, self.now())])
        outcome = self.performer.perform(request)
        match outcome:
            case Succeeded(result):
                return work.then([performed(work.state, token, activity, result, self.now())])
            case Failed():
                return self._failed(work, token, activity, outcome)
            case _:
                assert_never(outcome)

    def _failed(self, work: Work, token: Token, activity: Activity, outcome: Failed) -> Work:
        """Note when to try again, or that this was the last try."""
        assert isinstance(activity.kind, ServiceTask)
        run, at = work.run, self.now()
        tries = next_try(activity.kind.retry, run.overrides, tries_of(run, token), outcome, at)
        if tries is not None:
            counted = replace(tries, since=token.since)
            return replace(work, run=replace(run, tries={**run.tries, token.id: counted}))
        told = Failure(activity.id, outcome.code, outcome.message, outcome.answer, _tries(run, token) + 1)
        return work.then([failed(token, told, at)])

    # -- writing

    def _write(self, work: Work, turn: Turn, *, is_leaving: bool) -> Work | None:
        """Write the decided entries, and the head too when leaving; whatever is refused is decided anew."""
        owner = turn.lease.owner
        try:
            if is_leaving:
                self._leave(work, turn)
                return None
            self.runs.append(work.run, work.first_unwritten, work.entries, owner)
            return replace(work, entries=())
        except Refused:
            return self._reread(work, owner)
        except TooLarge as error:
            self._fail(work.run, Failure(_element(work), error.code, error.message), owner)
            return None

    def _leave(self, work: Work, turn: Turn) -> None:
        at = self.now()
        moved = progressed(work.run, work.version.definition, work.state, at)
        if work.done == 0 and work.ready(at) is not None and not turn.is_waiting:
            moved = replace(moved, claims=work.run.claims)  # it led nowhere: there was no time to begin
        moved, letter = with_dead_letter(moved, at)
        left = self.runs.commit(moved, work.first_unwritten, work.entries, letter, turn.lease.owner)
        log_left(left)
        self.lines.hand_over(left)
        if turn.is_waiting:  # whoever lets a slot go rings, but a timer of another branch does not wait for that
            self.doorbell.ring(replace(left, not_before=work.next_timer))
            turn.wait(at)
        else:
            self.doorbell.ring(left)

    def _reread(self, work: Work, owner: str) -> Work | None:
        """Go on from what stands, with the outcome that we hold; None if the run is not ours any more."""
        run = self.runs.load(work.run.account, work.run.id)
        if run is None or run.status.is_ended or run.lease is None or run.lease.owner != owner:
            return None
        fresh = self._read(replace(run, tries=work.run.tries), self.runs.journal(run))
        fresh = replace(fresh, done=work.done, asked=work.asked)
        held = work.entries[0] if work.entries else None
        if isinstance(held, Performed) and work.asked is not None and _stands(fresh.state, work.asked):
            return fresh.then([held])
        return fresh

    def _fail(self, run: Run, failure: Failure, owner: str) -> None:
        """End a run that cannot go on, without asking what it would do next: that may be what is wrong with it."""
        stands = self.runs.load(run.account, run.id)
        if stands is None or stands.lease is None or stands.lease.owner != owner:
            return
        at, length = self.now(), self.runs.journal_length(stands)
        ended, letter = with_dead_letter(broken_off(stands, failure, length + 1, at), at)
        try:
            left = self.runs.commit(ended, length, [Output(at, failure=failure)], letter, owner)
        except Refused:
            return  # somebody else moved the run: the lease runs out, and the sweep rings again
        log_left(left)
        self.lines.hand_over(left)
        self.doorbell.ring(left)


def _tries(run: Run, token: Token) -> int:
    tries = tries_of(run, token)
    return 0 if tries is None else tries.count


def _stands(state: State, asked: Token) -> bool:
    """Say whether a token is still where its effect was asked for: else somebody has told its outcome already."""
    token = state.tokens.get(asked.id)
    return token is not None and (token.activity, token.since) == (asked.activity, asked.since)


def _has_time(work: Work, token: Token, left_ms: int) -> bool:
    task = work.version.definition.activities[token.activity].kind
    assert isinstance(task, ServiceTask)
    assert isinstance(task.action, HttpAction | LambdaAction)
    return left_ms > task.action.timeout_s * 1000 + MARGIN_MS


def _element(work: Work) -> str:
    """Name what produced the first entry that could not be written."""
    first = work.entries[0] if work.entries else None
    return first.activity if isinstance(first, Performed | Opened) else "run"
