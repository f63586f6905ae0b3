"""One schedule: a client that repeats until it is answered, messages that come as they like, sweeps, and time."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from chalicelib.core.callbacks import Callback
from chalicelib.core.ids import derived_uuid
from chalicelib.core.journal import Entry, Opened
from chalicelib.stores.conversions import convert
from chalicelib.stores.entries import unpack_entries
from chalicelib.stores.packing import unpack
from tests.faults.disasters import Weather
from tests.faults.engines import Row
from tests.faults.lambdas import Died, Reply, Sandbox, read_reply, request_event, schedule_event
from tests.faults.lateness import overdue_since
from tests.faults.plans import Order, Plan
from tests.faults.stage import API, SWEEP, Stage
from tests.faults.strikes import Strikes
from tests.faults.wall import foreign_key
from tests.permissions import Permission, forbidden, needed
from tests.world import ACME, MINUTE, Outside

VISIBILITY = 360_000  # ms until a message that failed comes again
MAX_RECEIVES = 5  # then it lies in the DLQ, where nobody looks
PATIENCE = 8  # times that a client asks
PAUSE = 5_000  # ms between them
LONG_PAUSE = 20_000  # the same while AWS is unwell
MOST_TURNS = 2_000  # of a schedule that comes to rest
TABLES = ("runs", "journal", "dead-letters", "definitions", "batches", "slots", "apps", "deployments", "accounts")

ENDED = frozenset({"completed", "failed", "canceled"})
DIED = Reply(502, "")


@dataclass(slots=True)
class Message:
    function: str
    body: str
    visible_at: int
    receives: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asked for, and what came of it: the run that was answered, or the refusal.

    `ends`: the statuses that the run may end with. `kept`: how many entries it has from its source.
    """

    path: str
    body: Any
    key: str | None
    ends: frozenset[str] = frozenset({"completed"})
    kept: int = 0
    may_be_refused: frozenset[str | None] = frozenset()
    method: str = "POST"
    run: str | None = None
    refusal: str | None = None
    is_optional: bool = False
    """Whether there may be no such run."""


@dataclass(slots=True)
class Play:
    """A schedule while it is played; `given` names the runs that stood before it began."""

    stage: Stage
    plan: Plan
    given: dict[str, str] = field(default_factory=dict)
    before: Mapping[str, list[Row]] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    pending: list[Message] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    """The failed runs whose dead letters were removed, or may have been."""
    told: set[str] = field(default_factory=set)
    """The runs that had ended, and of whose failure somebody is told again."""
    changed: set[str] = field(default_factory=set)
    """The runs that had ended, and do not stay as they were: a journal goes, or a key makes another one."""
    most_tries: int = 1
    """How often one effect may be asked for when nothing goes wrong."""
    guards: list[Callable[["Play"], Iterable[str]]] = field(default_factory=list)
    """What is looked at before every call: each answers what is wrong."""
    strikes: Strikes = field(default_factory=Strikes)
    used: set[tuple[str, Permission]] = field(default_factory=set)
    """What functions needed IAM's permission for."""
    heard: set[tuple[str, str]] = field(default_factory=set)
    """The routes that were asked, and did not refuse."""
    unlike: set[str] = field(default_factory=set)
    """The tables that need not stand as they do when nothing goes wrong: the scenario says what is right."""
    taken: int = 0
    """How many messages were sent."""
    dead: int = 0
    """How many of them came too often, and lie in the DLQ."""
    weather: Weather | None = None
    late: int = 0
    """For how long (ms) nobody came to whoever could go on, since a disaster was over."""
    account: str = ACME
    """Whose promises these are."""
    at_work: frozenset[str] = frozenset({ACME})
    """The accounts whose rows may be named."""
    copied: set[str] = field(default_factory=set)
    """The runs that may come from one that had not ended: such a copy is no restart."""
    _swept_at: int = 0

    def __post_init__(self) -> None:
        self.stage.held = self._visible

    @property
    def outside(self) -> Outside:
        return self.stage.outside

    @property
    def ended(self) -> set[str]:
        """Name the given runs that had ended before the schedule began."""
        heads = {row["pk"]["S"].partition("#")[2]: row["status"]["S"] for row in self.before.get("runs", ())}
        return {run for run in self.given.values() if heads.get(run) in ENDED}

    def rows(self, table: str) -> list[Row]:
        return self.stage.engine.rows(table)

    # -- the client

    def ask(
        self,
        name: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        ends: str = "completed",
        kept: int = 0,
        refused: str | None = None,
        unless: str = "",
        method: str = "POST",
        meanwhile: Callable[[], None] = lambda: None,
        by: Sandbox | None = None,
    ) -> str:
        """Ask until there is an answer, and say which run it told of (none: an empty text).

        `ends`: the statuses that the run may end with. `refused`: the refusal that must come; `unless`: one that
        may. `meanwhile` happens once, between the first answer that was lost and the next attempt. `by`: the process
        that is asked; if none is named, the one that all requests come to.
        """
        asked = Asked(path, body, key, frozenset(ends.split()), kept, frozenset({refused, unless}), method)
        reply = self.insist(method, path, body, key=key, by=by, meanwhile=meanwhile)
        self.asked[name] = answered = asked if reply is None else self._answered(name, asked, reply)
        if reply is not None and refused != answered.refusal and refused is not None:
            self.problems.append(f"ANSWER: {name} was not refused with {refused}")
        return answered.run or ""

    def change(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, refused: str = "", unless: str = ""
    ) -> Any:
        """Ask for a change that makes no run until there is an answer, and say what was told; refused: None.

        `refused`: the refusal that must come; `unless`: one that may, of a request that was heard before.
        """
        reply = self.insist(method, path, body, key=key)
        if reply is None:
            return None
        refusal = reply.refusal if reply.is_refused else ""
        if refusal not in ({refused} if refused else {"", unless}):
            self.problems.append(f"ANSWER: {method} {path} was refused with '{refusal}'")
        return None if reply.is_refused else json.loads(reply.body or "null")

    def shown(self, path: str) -> Any:
        """Answer what a client is shown who insists."""
        reply = self.insist("GET", path)
        return json.loads(reply.body) if reply else None

    def insist(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        by: Sandbox | None = None,
        is_answered: Callable[[Reply], bool] = lambda reply: not reply.is_unknown,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Reply | None:
        """Ask until there is an answer: a few times, and for as long as AWS is unwell; None if there never is.

        `meanwhile` happens once, between the first answer that was lost and the next attempt.
        """
        left, is_first = PATIENCE, True
        while left:
            reply = self.request(method, path, body, key, by)
            if is_answered(reply):
                return reply
            if is_first:
                meanwhile()
            is_first = False
            if self.is_unwell:
                self.live(LONG_PAUSE)
            else:
                left -= 1
                self.stage.clock.advance(PAUSE)
        self.problems.append(f"UNANSWERED: {method} {path}")
        return None

    @property
    def is_unwell(self) -> bool:
        return self.weather is not None and self.weather.is_raging

    def ask_for_pages(self, name: str, path: str, *, method: str = "POST", by: Sandbox | None = None) -> None:
        """Ask for page after page as an SDK does, each until it is answered, to the end."""
        cursor = ""
        for number in range(PATIENCE):
            reply = self.insist(method, f"{path}&cursor={cursor}", by=by)
            if reply is None:
                return
            if reply.status >= 400:
                self.problems.append(f"ANSWER: {name} {number} was refused: {reply.body}")
                return
            cursor = json.loads(reply.body).get("cursor", "")
            if not cursor:
                return
        self.problems.append(f"ENDLESS: {name}")

    def expect(self, run: str, *, ends: str = "completed", kept: int = 0, is_optional: bool = False) -> None:
        """Expect a run that no answer told of, and how it ends."""
        self.asked[f"expected {run}"] = Asked(
            "", None, None, frozenset(ends.split()), kept, run=run, is_optional=is_optional
        )

    def expect_reborn(self, *, ends: str = "completed", kept: int = 0, is_optional: bool = False) -> None:
        """Expect that each dead letter that stood before has become the one run whose id follows from it."""
        for row in self.before["dead-letters"]:
            if row["account"]["S"] == ACME:
                run = derived_uuid(ACME, "dead_letter", row["dead_letter_id"]["S"])
                self.expect(run, ends=ends, kept=kept, is_optional=is_optional)

    def expect_callback(self, run: str, state: str | None) -> None:
        """Expect that telling of a run's failure stands so, on its head and on its dead letter."""
        rows = [row for table in ("runs", "dead-letters") for row in self.rows(table)]
        ours = [row for row in rows if (row["account"]["S"], row["run_id"]["S"]) == (ACME, run)]
        found = [convert(unpack(row["callback"]["B"]), Callback).state.value for row in ours if "callback" in row]
        if not ours or {*found} - {state} or (state is not None and len(found) < len(ours)):
            self.problems.append(f"CALLBACK: {run} has {found} instead of {state}")

    def _answered(self, name: str, asked: Asked, reply: Reply) -> Asked:
        if reply.is_refused:
            refusal = reply.refusal
            if refusal not in asked.may_be_refused:
                self.problems.append(f"ANSWER: {name} was refused: {refusal}")
            return replace(asked, refusal=refusal)
        run = reply.run or None
        for other_name, other in self.asked.items():
            is_same = asked.key is not None and (other.key, other.path) == (asked.key, asked.path)
            if is_same and other.run not in {None, run}:
                self.problems.append(f"DOUBLED: {other_name} and {name} are one key, and two runs")
        return replace(asked, run=run)

    def request(self, method: str, path: str, body: Any, key: str | None = None, by: Sandbox | None = None) -> Reply:
        """Ask once. A refusal must have changed nothing, and a defect is told."""
        sent = None if isinstance(body, dict) and "command_id" in body else key  # Retab's word for it
        event = request_event(method, path, body, self.stage.secret, sent)
        changes = self.stage.engine.changes
        try:
            reply = read_reply((by or self.stage.functions[API]).invoke(event))
        except Died as died:
            self._tell(API, died)
            return DIED
        if not reply.is_refused:
            self.heard.add((method, event["requestContext"]["resourcePath"]))
        elif (reply.status < 500 or not reply.is_unknown) and by is None and self.stage.engine.changes != changes:
            self.problems.append(f"WRITTEN: {method} {path} was refused with {reply.status}, and wrote")
        if reply.status == 500 and not reply.is_engines:
            self.problems.append(f"DEFECT: {method} {path} was answered with 500")
        if reply.is_unknown and "Retry-After" not in reply.headers:
            self.problems.append(f"DEFECT: {method} {path} was answered with {reply.status}, and not when to ask again")
        return reply

    # -- queues and schedule

    def pull(self) -> None:
        """Take what was sent since: each message once or twice, some of them never."""
        delivery = self.plan.delivery
        for queue, function in self.stage.queues.items():
            for sent in self.stage.engine.take(queue):
                self.taken += 1
                if self.taken - 1 in delivery.lost:
                    continue
                visible_at = sent.visible_at
                if delivery.order is Order.LATE:
                    visible_at = _minute_after(visible_at + MINUTE) + 1
                copies = 2 if delivery.is_twice else 1
                self.pending += [Message(function, sent.body, visible_at) for _ in range(copies)]

    def deliver(self) -> bool:
        """Deliver every message that is visible, and tell whether there was one."""
        self.pull()
        now = self.stage.clock.ms
        due = [message for message in self.pending if message.visible_at <= now]
        self.pending = [message for message in self.pending if message.visible_at > now]
        match self.plan.delivery.order:
            case Order.LIFO:
                due.reverse()
            case Order.SHUFFLED:
                Random(self.taken).shuffle(due)
            case Order.FIFO | Order.LATE:
                pass
        for message in due:
            self.hand_over(message)
        self.pull()
        return bool(due)

    def _visible(self, function: str) -> int:
        now = self.stage.clock.ms
        return sum(message.function == function and message.visible_at <= now for message in self.pending)

    def purge(self) -> None:
        """Lose every message that there is."""
        self.pull()
        self.pending.clear()

    def hand_over(self, message: Message, to: Sandbox | None = None) -> None:
        """Let the function work on one message, which comes again if that failed."""
        if self._is_done(message, to or self.stage.functions[message.function]):
            return
        message.receives += 1
        message.visible_at = self.stage.clock.ms + VISIBILITY
        if message.receives < MAX_RECEIVES:
            self.pending.append(message)
        else:
            self.dead += 1

    def _is_done(self, message: Message, worker: Sandbox) -> bool:
        record = {"messageId": "message", "body": message.body, "eventSource": "aws:sqs"}
        try:
            answer = worker.invoke({"Records": [record]})
        except Died as died:
            self._tell(message.function, died)
            return False
        return not answer["batchItemFailures"]

    def sweep(self, by: Sandbox | None = None) -> None:
        """Let the schedule fire."""
        self._swept_at = self.stage.clock.ms
        try:
            (by or self.stage.functions[SWEEP]).invoke(schedule_event(self.stage.clock.ms))
        except Died as died:
            self._tell(SWEEP, died)

    def _tell(self, function: str, died: Died) -> None:
        if died.defect is not None:
            self.problems.append(f"DEFECT: {function} raised {died.defect}")

    # -- time

    def settle(self) -> None:
        """Deliver, sweep and let time pass until nothing is left to do."""
        self._go_on(until=None)

    def live(self, ms: int) -> None:
        """Do the same for so long."""
        until = self.stage.clock.ms + ms
        self._go_on(until)
        self.stage.clock.ms = until

    def _go_on(self, until: int | None) -> None:
        for _ in range(MOST_TURNS):
            if self.deliver():
                continue
            swept = self._next_sweep()
            times = [message.visible_at for message in self.pending] + ([swept] if swept else [])
            if not times or (until is not None and min(times) > until):
                return
            self._note_lateness(min(times))
            self.stage.clock.ms = max(self.stage.clock.ms, min(times))
            if swept == min(times):
                self.sweep()
        self.problems.append("RESTLESS: there is always something left to do")

    def _note_lateness(self, until: int) -> None:
        """Note for how long somebody will have been left standing when time has passed until then (ms)."""
        well_since = None if self.weather is None else self.weather.over_at
        if well_since is None or until <= well_since:
            return
        since = overdue_since(self.rows("runs"), self.rows("batches"))
        if since is not None:
            self.late = max(self.late, until - max(since, well_since))

    def _next_sweep(self) -> int | None:
        """Answer when the next sweep will find something; those before it find nothing, and are left out."""
        rows = [row for table in ("runs", "batches") for row in self.rows(table)]
        wakes = [int(row["wake_at"]["N"]) for row in rows if "due_shard" in row]
        if not wakes:
            return None
        return _minute_after(max(min(wakes), self.stage.clock.ms, self._swept_at + 1))

    # -- what a scenario looks at, and expects

    def entries(self, run: str) -> list[Entry]:
        """Answer a run's entries from 1 on: entry 0, its input, stands on the head."""
        rows = [row for row in self.rows("journal") if row["pk"]["S"] == f"{self.account}#{run}"]
        rows.sort(key=lambda row: int(row["index"]["N"]))
        return [entry for row in rows for entry in unpack_entries(row["entries"]["B"])]

    def opened(self, run: str, activity: str) -> int:
        """Answer the entry that opened the wait at an activity; 0 if none did."""
        waits = enumerate(self.entries(run), 1)
        return next((i for i, entry in waits if isinstance(entry, Opened) and entry.activity == activity), 0)

    def expect_entries(self, run: str, kind: str, number: int) -> None:
        found = [entry for entry in self.entries(run) if type(entry).__name__ == kind]
        if len(found) != number:
            self.problems.append(f"JOURNAL: {run} has {len(found)} entries {kind} instead of {number}")

    # -- what is watched

    def look(self, function: str, name: str, request: Any) -> None:
        """Tell of a call that names another account's rows, and of one that its function's policy does not allow."""
        self.used |= {(function, permission) for permission in needed(name, request)}
        for permission in forbidden(function, name, request):
            self.problems.append(f"FORBIDDEN: {function} may not {permission.action} {permission.resource}")
        key = foreign_key(name, request, self.at_work)
        if key is not None:
            self.problems.append(f"FOREIGN: {name} names {key}")
        # to look at moto is a call too, which would be looked at
        for guard in self.guards if self.stage.engine.changes is not None else ():
            self.problems += guard(self)


def _minute_after(at: int) -> int:
    return -(-at // MINUTE) * MINUTE
