"""Use cases of runs: start, read, list, complete a task, change variables, pause, resume, cancel, delete."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core.advance import closed, settle
from chalicelib.core.births import Birth, plan_start
from chalicelib.core.dead_letters import with_dead_letter
from chalicelib.core.definitions import Definition, UserTask
from chalicelib.core.errors import Busy, Conflict, NotFound
from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.journal import Changed, Entry, Opened, Signal, SignalName, closing_of
from chalicelib.core.json_values import Variables, is_same_json
from chalicelib.core.refusals import JournalGone, RunNotFound
from chalicelib.core.replay import apply, replay
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.run_summaries import RunFilter, RunSummary
from chalicelib.core.runs import Run, RunStatus, visited
from chalicelib.core.state import State
from chalicelib.core.versions import PublishedVersion, Version, VersionChoice
from chalicelib.core.waits import Wait, open_waits
from chalicelib.service.births import Births, Made
from chalicelib.service.commands import Command
from chalicelib.service.current import current_variables
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.lines import Lines
from chalicelib.stores.calls import Refused
from chalicelib.stores.deletions import RunDeletions
from chalicelib.stores.pages import Page
from chalicelib.stores.run_lists import RunLists
from chalicelib.stores.runs import RunStore

MAX_COLLISIONS = 6  # with a worker that appends at the same time; each one means that the run went on
MAX_FAMILY = 200


class RunEnded(Conflict):
    code = "run_ended"

    def __init__(self, run: Run) -> None:
        super().__init__(f"The run '{run.id}' has ended: it is {run.status.value}.", run_id=run.id)


class RunNotEnded(Conflict):
    code = "run_not_ended"

    def __init__(self, run: Run) -> None:
        super().__init__(f"The run '{run.id}' has not ended: it is {run.status.value}.", run_id=run.id)


class RunNotBegun(Conflict):
    code = "run_not_begun"

    def __init__(self, run: Run) -> None:
        super().__init__(f"The run '{run.id}' has not begun.", run_id=run.id)


class RunPaused(Conflict):
    code = "run_paused"

    def __init__(self, run: Run) -> None:
        super().__init__(f"The run '{run.id}' is paused.", run_id=run.id)


class TaskNotFound(NotFound):
    code = "task_not_found"

    def __init__(self, run_id: RunId, entry: int) -> None:
        super().__init__(f"Entry {entry} of run '{run_id}' opened no user task.", run_id=run_id, entry=entry)


class TaskClosed(Conflict):
    code = "task_closed"

    def __init__(self, run_id: RunId, entry: int) -> None:
        super().__init__(f"The task of entry {entry} of run '{run_id}' is closed.", run_id=run_id, entry=entry)


@dataclass(frozen=True, slots=True)
class Runs:
    runs: RunStore
    lists: RunLists
    deletions: RunDeletions
    definitions: Definitions
    births: Births
    doorbell: Doorbell
    lines: Lines
    now: Callable[[], int]
    new_id: Callable[[], str]

    # -- starting

    def start(self, command: Command, key: DefinitionKey, choice: VersionChoice, request: StartRequest) -> Made:
        """Start a first run of a definition, and answer it; the same command again answers the same run."""
        return self._start(command, choice, request, lambda: self.definitions.find(command.account, key, choice))

    def start_on(self, command: Command, version: Version, request: StartRequest) -> Made:
        """Do the same on a published version that is at hand."""
        return self._start(command, PublishedVersion(), request, lambda: version)

    def _start(
        self, command: Command, choice: VersionChoice, request: StartRequest, find: Callable[[], Version]
    ) -> Made:
        run_id = command.run_id(self.new_id)
        earlier = self.runs.load(command.account, run_id) if command.key is not None else None
        if earlier is not None:
            command.check_same(earlier)
            return Made(earlier, is_repeat=True)
        self.definitions.check_callback(request.overrides.failure_callback)
        version = find()
        settled = self.definitions.settled(command.account, version.key)
        plan = plan_start(request, version, Birth(run_id, command.request_hash, self.now()), settled)
        return self.births.bear(command, plan, version, choice)

    # -- reading

    def load(self, account: AccountId, run_id: RunId) -> Run:
        run = self.runs.load(account, run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run

    def only(self, account: AccountId, key: DefinitionKey, business_key: str) -> RunId:
        """Answer which run a workflow has of a key; raise `WorkflowRunNotFound`."""
        return self.lines.only(account, key, business_key)

    def load_all(self, account: AccountId, run_ids: Sequence[RunId]) -> dict[RunId, Run]:
        """Read up to 100 runs in one call; what does not exist is left out."""
        return self.runs.load_all(account, run_ids) if run_ids else {}

    def journal(self, account: AccountId, run_id: RunId) -> tuple[Entry, ...]:
        """Answer a run's journal; raise `JournalGone`."""
        run = self.load(account, run_id)
        if not run.expiry.has_journal(self.now()):
            raise JournalGone(run_id)
        return self.journal_of(run)

    def journal_of(self, run: Run) -> tuple[Entry, ...]:
        """Answer a run's journal; where it is gone, its first entry, the input, is left."""
        return self.runs.journal(run)

    def variables(self, run: Run) -> Variables:
        """Answer a run's variables as of now."""
        return current_variables(run, self.definitions, self.runs)

    def waits(self, run: Run) -> tuple[Wait, ...]:
        """List what a run waits for; one that has not begun, or has ended, waits for nothing."""
        if run.status is RunStatus.PENDING or run.status.is_ended:
            return ()
        definition, journal = self.definitions.of(run).definition, self.runs.journal(run)
        return open_waits(definition, replay(definition, run.start, journal), journal)

    def position(self, run: Run) -> tuple[Definition, State]:
        """Answer where a run stands, in which graph; its waits are those of its journal as it is now."""
        definition = self.definitions.of(run).definition
        return definition, replay(definition, run.start, self.runs.journal(run))

    def page(
        self, account: AccountId, filter_: RunFilter, *, before: str | None, limit: int, is_ascending: bool = False
    ) -> Page[RunSummary]:
        return self.lists.page(account, filter_, before=before, limit=limit, is_ascending=is_ascending)

    def family(self, account: AccountId, run_id: RunId) -> list[RunSummary]:
        """List the root of a run and everything that was restarted from it, oldest first (at most `MAX_FAMILY`)."""
        return self.lists.family(account, self.load(account, run_id).lineage.root, MAX_FAMILY)

    # -- changing

    def cancel(self, account: AccountId, run_id: RunId, reason: str, *, is_once: bool = False) -> Run:
        """End a run where it stands, and answer it; raise `RunEnded` if it has ended by itself.

        Whoever asks a second time is answered too, unless it `is_once`: then that is refused as well.
        """

        def signal(run: Run, _version: Version, _journal: tuple[Entry, ...], _state: State) -> Entry | None:
            if run.status is RunStatus.CANCELED and not is_once:
                return None
            if run.status.is_ended:
                raise RunEnded(run)
            return Signal(SignalName.CANCEL, self.now(), reason)

        return self._append(account, run_id, signal)

    def pause(self, account: AccountId, run_id: RunId, reason: str) -> Run:
        """Let a run stand still where it is, and answer it, the second time too.

        Its journal grows by what is under way at that moment, and by what is changed from outside. Raises `RunEnded`,
        or `RunNotBegun` for a run that is to begin later, or in its turn.
        """

        def signal(run: Run, _version: Version, _journal: tuple[Entry, ...], state: State) -> Entry | None:
            if run.status.is_ended:
                raise RunEnded(run)
            if state.is_paused:
                return None
            self.check_begun(run)
            return Signal(SignalName.PAUSE, self.now(), reason)

        return self._append(account, run_id, signal)

    def resume(self, account: AccountId, run_id: RunId, reason: str) -> Run:
        """Let a paused run go on, and answer it; one that is not paused is answered as it is. Raises `RunEnded`."""

        def signal(run: Run, _version: Version, _journal: tuple[Entry, ...], state: State) -> Entry | None:
            if run.status.is_ended:
                raise RunEnded(run)
            return Signal(SignalName.RESUME, self.now(), reason) if state.is_paused else None

        return self._append(account, run_id, signal)

    def change(self, account: AccountId, run_id: RunId, revise: Callable[[Variables], Variables]) -> Run:
        """Make a live run's variables what `revise` makes of them as they stand, and answer it.

        Raises `RunEnded`, or `RunNotBegun`.
        """

        def change(run: Run, _version: Version, _journal: tuple[Entry, ...], state: State) -> Entry | None:
            if run.status.is_ended:
                raise RunEnded(run)
            self.check_begun(run)
            return _difference(state.variables, revise(state.variables), self.now())

        return self._append(account, run_id, change)

    def complete(self, account: AccountId, run_id: RunId, opened: int, variables: Variables) -> Run:
        """Close the user task that an entry opened, and answer the run, which goes on; so too when it is repeated."""

        def close(run: Run, version: Version, journal: tuple[Entry, ...], state: State) -> Entry | None:
            token = next((token for token in state.tokens.values() if token.opened == opened), None)
            _check_task(run, version, journal, opened)
            if _is_completed(journal, opened, variables):
                return None
            if run.status.is_ended:
                raise RunEnded(run)
            if state.is_paused:
                raise RunPaused(run)
            if token is None:
                raise TaskClosed(run.id, opened)
            return closed(version.definition, state, token, variables, self.now())

        return self._append(account, run_id, close)

    def check_begun(self, run: Run) -> None:
        """Raise `RunNotBegun` for a run that is to begin later, or in its turn."""
        is_later = run.not_before is None or run.not_before > self.now()
        has_to_wait = is_later or (run.line is not None and run.line.is_before_its_turn)
        if run.status is RunStatus.PENDING and has_to_wait:
            raise RunNotBegun(run)

    def delete(self, account: AccountId, run_id: RunId) -> None:
        """Take an ended run away with its journal and its dead letter; raise `RunNotEnded` for any other.

        It is away as soon as it has disappeared: what cannot be removed now is the sweep's.
        """
        for collisions in range(MAX_COLLISIONS):
            run = self.runs.load(account, run_id)
            if run is None:
                if not self.deletions.finish(account, run_id) and not collisions:
                    raise RunNotFound(run_id)
                return  # somebody else has begun, or it was begun before
            if not run.status.is_ended:
                raise RunNotEnded(run)
            if self.deletions.begin(run):
                with suppress(Busy):
                    self.deletions.finish(account, run_id)
                return
        raise Busy

    def purge_journal(self, account: AccountId, run_id: RunId) -> None:
        """Take an ended run's journal away, now and for good; a second time is fine. Raises `RunNotEnded`."""
        for _ in range(MAX_COLLISIONS):
            run = self.load(account, run_id)
            if not run.status.is_ended:
                raise RunNotEnded(run)
            if not run.expiry.has_journal(self.now()):
                return  # what is left of it is the sweep's
            gone = self.deletions.forget(run)
            if gone is not None:
                with suppress(Busy):
                    self.deletions.purge(gone)
                return  # what is left of it is the sweep's
        raise Busy

    def _append(
        self,
        account: AccountId,
        run_id: RunId,
        decide: Callable[[Run, Version, tuple[Entry, ...], State], Entry | None],
    ) -> Run:
        """Append what is decided on the run as it stands, and all that follows; decide again if it moved.

        Nothing to append means that it has been done: the answer to a client who asks twice.
        """
        for _ in range(MAX_COLLISIONS):
            run = self.load(account, run_id)
            version, journal = self.definitions.of(run), self.runs.journal(run)
            state = replay(version.definition, run.start, journal)
            if state.is_over and not run.status.is_ended:
                continue  # it ended after we had read its head: what we hold is not one moment
            entry = decide(run, version, journal, state)
            if entry is None:
                return run
            try:
                return self._commit(run, version, apply(version.definition, state, entry), entry)
            except Refused:
                continue
        raise Busy

    def _commit(self, run: Run, version: Version, state: State, entry: Entry) -> Run:
        at = self.now()
        settled = settle(version.definition, state, at)
        entries = (entry, *settled.entries)
        moved = visited(run, version.definition, settled.state, at)
        moved, letter = with_dead_letter(moved, at)
        written = self.runs.commit(moved, state.length - 1, entries, letter, writer=self.new_id())
        self.lines.hand_over(written)
        if written.lease is None:
            self.doorbell.ring(written)
        return written


def _difference(old: Variables, new: Variables, at: int) -> Changed | None:
    """Answer the entry that turns variables into others; None if they are the same, as JSON."""
    removed = tuple(name for name in old if name not in new)
    writes = {name: value for name, value in new.items() if name not in old or not is_same_json(old[name], value)}
    return Changed(at, writes, removed) if writes or removed else None


def _is_completed(journal: tuple[Entry, ...], opened: int, variables: Variables) -> bool:
    """Tell whether somebody completed a task with these very variables."""
    closing = closing_of(journal, opened)
    return closing is not None and is_same_json(closing.result, variables)


def _check_task(run: Run, version: Version, journal: tuple[Entry, ...], opened: int) -> None:
    entry = journal[opened] if 0 <= opened < len(journal) else None
    if isinstance(entry, Opened) and isinstance(version.definition.activities[entry.activity].kind, UserTask):
        return
    raise TaskNotFound(run.id, opened)
