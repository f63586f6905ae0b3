"""Use cases of dead letters: look through them, restart many at once, remove them, tell of them again.

A page of letters becomes a page of runs: one read, one transaction, one message. The id of a new run follows from
its letter, and the letter is consumed with the run's birth: whoever comes second finds a tombstone, not a letter.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.births import Birth, Plan
from chalicelib.core.callbacks import Callback, CallbackState
from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.errors import Busy, Invalid, NotFound, RestartError
from chalicelib.core.ids import AccountId, DeadLetterId, RunId, derived_uuid
from chalicelib.core.json_values import Variables
from chalicelib.core.refusals import KeyReused
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import Run, scheduled
from chalicelib.service.commands import Command
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.run_log import log_made_together
from chalicelib.stores.bulk import BulkStore
from chalicelib.stores.calls import Refused
from chalicelib.stores.dead_letters import DeadLetterStore
from chalicelib.stores.pages import Page
from chalicelib.stores.runs import RunStore

MOST = 50  # letters of one page: a transaction of 100 actions holds their births
MAX_COLLISIONS = 6


class DeadLettersGone(NotFound):
    """Some of the letters are not there; `became` says which run those became that were restarted."""

    code = "dead_letters_gone"

    def __init__(self, missing: Sequence[DeadLetterId], became: dict[DeadLetterId, RunId]) -> None:
        told = [f"{letter} (restarted as {became[letter]})" if letter in became else letter for letter in missing]
        runs: Variables = {letter: str(run) for letter, run in became.items()}
        super().__init__(f"There are no such dead letters: {', '.join(told)}.", missing=[*missing], became=runs)
        self.missing, self.became = tuple(missing), became


class CallbackStateWrong(Invalid):
    code = "callback_state"

    def __init__(self, letter: DeadLetterId, state: CallbackState | None) -> None:
        stands = "has none" if state is None else f"is {state.value}"
        super().__init__(f"The failure callback of '{letter}' {stands}.", dead_letter=letter)


Found = dict[DeadLetterId, DeadLetter]
"""Letters and tombstones by their ids."""


@dataclass(frozen=True, slots=True)
class Reborn:
    """A dead letter, and the run that it became."""

    letter: DeadLetter
    run: Run


@dataclass(frozen=True, slots=True)
class RebornPage:
    """What became of a page of letters; those that `refused` tells of stay as they were."""

    made: tuple[Reborn, ...]
    refused: tuple[tuple[DeadLetterId, RestartError], ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    letters: DeadLetterStore
    bulk: BulkStore
    runs: RunStore
    definitions: Definitions
    doorbell: Doorbell
    now: Callable[[], int]
    new_id: Callable[[], str]

    # -- looking

    def page(self, account: AccountId, filter_: LetterFilter, *, before: str | None, limit: int) -> Page[DeadLetter]:
        """List the letters that a filter keeps, newest first."""
        return self.letters.live(account, filter_, before=before, limit=limit)

    def load(self, account: AccountId, letter_id: DeadLetterId) -> DeadLetter:
        """Answer a live letter; raise `DeadLettersGone`."""
        found = self.letters.find(account, letter_id)
        self._check_live([letter_id], {} if found is None else {letter_id: found}, {})
        assert found is not None
        return found

    def load_all(self, account: AccountId, ids: Sequence[DeadLetterId]) -> list[DeadLetter]:
        """Answer live letters in this order; raise `DeadLettersGone` unless all of them are there."""
        found = self.letters.find_all(account, ids)
        self._check_live(ids, found, {})
        return [found[letter_id] for letter_id in ids]

    def _check_live(
        self, ids: Sequence[DeadLetterId], found: Found, ours: Mapping[DeadLetterId, Run], *, tells_all: bool = False
    ) -> None:
        """Raise `DeadLettersGone` unless all that are not ours are live; if it `tells_all`, ours are told of too."""
        gone = [id_ for id_ in ids if id_ not in found or found[id_].consumed_by is not None]
        if any(id_ not in ours for id_ in gone):
            missing = [id_ for id_ in gone if tells_all or id_ not in ours]
            became = {id_: run for id_ in missing if id_ in found and (run := found[id_].consumed_by) is not None}
            raise DeadLettersGone(missing, became)

    # -- restarting

    def restart(self, command: Command, ids: Sequence[DeadLetterId], wishes: RestartRequest) -> list[Reborn]:
        """Restart these letters (`MOST` at most), all or none, and answer them in this order.

        `wishes` says how; its source is each letter's run. With the command's key, letters that this very command
        has restarted before are answered with the runs that they became. Raises `DeadLettersGone`: when the letters
        took several transactions, and somebody was faster in a later one, it tells of all that became runs.
        """
        self.definitions.check_callback(wishes.failure_callback)
        token = _token(command) or self.new_id()
        for collisions in range(MAX_COLLISIONS):
            found = self.letters.find_all(command.account, ids)
            earlier = self._earlier(command, token, found)
            if collisions:  # this call has made them, in a transaction that was not refused
                self.doorbell.ring_later(earlier.values())
            self._check_live(ids, found, earlier, tells_all=collisions > 0)
            todo = [found[id_] for id_ in ids if id_ not in earlier]
            plans = [self._plan(command, letter, wishes, is_of_many=len(ids) > 1) for letter in todo]
            try:
                self.bulk.create(plans, self.new_id(), token, is_whole=True)
            except Refused:
                continue  # somebody was faster: look who
            runs = {**earlier, **{letter.id: plan.run for letter, plan in zip(todo, plans, strict=True)}}
            log_made_together(plan.run for plan in plans)
            self.doorbell.ring_later(plan.run for plan in plans)
            return [Reborn(found[id_], runs[id_]) for id_ in ids]
        raise Busy

    def _earlier(self, command: Command, token: str, found: Found) -> dict[DeadLetterId, Run]:
        """Answer the runs that were made on this token before; raise `KeyReused` if by another request."""
        ours = {
            id_: letter.consumed_by
            for id_, letter in found.items()
            if letter.consumed_by is not None and letter.consumed_on == token
        }
        if not ours:
            return {}
        runs = self.runs.load_all(command.account, ours.values())
        if any(run.request_hash != command.request_hash for run in runs.values()):
            raise KeyReused
        return {id_: runs[run_id] for id_, run_id in ours.items() if run_id in runs}

    def restart_page(
        self, command: Command, filter_: LetterFilter, wishes: RestartRequest, *, before: str | None, limit: int
    ) -> RebornPage:
        """Restart the next letters that a filter keeps, newest first; leave out those that somebody else takes."""
        self.definitions.check_callback(wishes.failure_callback)
        page = self.letters.live(command.account, filter_, before=before, limit=limit)
        plans: dict[DeadLetterId, Plan] = {}
        refused: list[tuple[DeadLetterId, RestartError]] = []
        for letter in page.items:
            try:
                plans[letter.id] = self._plan(command, letter, wishes, is_of_many=len(page.items) > 1)
            except Busy:
                raise
            except RestartError as error:
                refused.append((letter.id, error))
        written = self.bulk.create([*plans.values()], self.new_id())
        log_made_together(plan.run for plan in written)
        self.doorbell.ring_later(plan.run for plan in written)
        runs = {plan.consumed: plan.run for plan in written}
        made = tuple(Reborn(letter, runs[letter.id]) for letter in page.items if letter.id in runs)
        return RebornPage(made, tuple(refused), page.next)

    def _plan(self, command: Command, letter: DeadLetter, wishes: RestartRequest, *, is_of_many: bool) -> Plan:
        source = letter.run
        version = self.definitions.find(command.account, source.definition, wishes.version, source)
        journal = self.runs.journal(source) if wishes.needs_journal else ()
        run_id = RunId(derived_uuid(command.account, "dead_letter", letter.id))
        birth = Birth(run_id, command.request_hash, self.now())
        request = replace(wishes, source=source.id, is_resting=True, is_of_many=is_of_many)
        plan = replace(plan_restart(request, source, journal, version, birth), consumed_size=letter.size)
        self.runs.check_size(plan)
        return plan

    # -- removing

    def remove(self, account: AccountId, ids: Sequence[DeadLetterId]) -> int:
        """Remove live letters for good, their runs stay; answer how many there were."""
        return len(self.bulk.remove(account, ids, self.new_id(), self.now()))

    def remove_page(
        self, account: AccountId, filter_: LetterFilter, *, before: str | None, limit: int
    ) -> tuple[int, str | None]:
        """Remove the next letters that a filter keeps; answer how many, and where to go on."""
        page = self.letters.live(account, filter_, before=before, limit=limit)
        return self.remove(account, [letter.id for letter in page.items]), page.next

    # -- telling of a failure

    def tell_again(self, account: AccountId, letter_id: DeadLetterId) -> Run:
        """Call a failure callback that failed once more; raise `CallbackStateWrong` unless it did."""
        return self._turn(account, letter_id, CallbackState.FAILED, CallbackState.IN_PROGRESS)

    def cancel_callback(self, account: AccountId, letter_id: DeadLetterId) -> Run:
        """Call a failure callback that is in progress no more; raise `CallbackStateWrong` unless it is."""
        return self._turn(account, letter_id, CallbackState.IN_PROGRESS, CallbackState.CANCELED)

    def _turn(self, account: AccountId, letter_id: DeadLetterId, source: CallbackState, target: CallbackState) -> Run:
        letter = self.load(account, letter_id)
        for _ in range(MAX_COLLISIONS):
            run, at = self.runs.load(account, letter.run.id), self.now()
            state = run.callback.state if run is not None and run.callback is not None else None
            if run is None or state is not source:
                raise CallbackStateWrong(letter_id, state)
            turned = replace(run, callback=Callback(target), tries={}, claims=0, lease=None, updated_at=at)
            turned = scheduled(turned, at if target is CallbackState.IN_PROGRESS else None, at)
            try:
                told = self.runs.tell(turned, self.new_id())
            except Refused:
                continue
            self.doorbell.ring(told)
            return told
        raise Busy


def _token(command: Command) -> str:
    """Name a command that has a key; none is empty."""
    if command.key is None:
        return ""
    return derived_uuid(command.account, command.dialect, command.route, command.key)
