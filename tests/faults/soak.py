"""Many restarts over all dialects, in worlds of a few hundred, while a tenth of all calls fails in every way.

A world is a schedule that chance writes, from a seed: clients, messages, two workers of each function and the sweep
meet at random, call by call; messages come twice, late, out of order, or never. Then all is well again, clients
repeat what they were not answered, and every promise of promises.py is checked, as after any other schedule.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from chalicelib.core.ids import derived_uuid
from tests.faults.arranged import begin
from tests.faults.batch_scenarios import ORDER as REST_ORDER
from tests.faults.beginnings import INPUT, STARTS, THREE, publish
from tests.faults.dead_letter_scenarios import DLQ
from tests.faults.interleavings import Handler, Stepper
from tests.faults.lambdas import Reply, Sandbox
from tests.faults.plans import Delivery, Fault, Kind, Order, Plan
from tests.faults.play import Asked, Message, Play
from tests.faults.promises import check
from tests.faults.restate_scenarios import MANY, invocation
from tests.faults.stage import API, SWEEP, Stage
from tests.world import ACME

SOURCES = 4  # completed runs, which are restarted again and again
LETTERS = 40  # failed runs, each of which is restarted once
PAGE = 5  # letters, or sources, of one request
LOST = 0.03  # of all messages
MOST = 10_000  # messages of a world
MAY_END = frozenset({"completed", "failed"})  # an effect may fail as often as it is tried

Made = Callable[[Reply], dict[str, int]]
"""Which runs an answer tells of, and how many entries each has from its source."""


def what_has_ended(play: Play) -> None:
    publish(play, THREE)
    play.ask("app", "/ops/v1/apps/ws/app", {}, method="PUT")
    for number in range(SOURCES):
        play.ask(f"source {number}", STARTS, INPUT)
    play.settle()
    play.outside.fail("reserve", is_retryable=False)
    for number in range(LETTERS):
        play.ask(f"letter {number}", STARTS, INPUT)
    play.settle()


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that is sent until it is answered; then it may be sent again."""

    name: str
    path: str
    body: Any
    key: str | None
    made: Made
    method: str = "POST"
    runs: int = 1
    """How many restarts it asks for."""


# -- what clients wish for


def one(reply: Reply, kept: int = 0) -> dict[str, int]:
    return {reply.run: kept}


def by_ops(name: str, sources: list[str], random: Random) -> Wish:
    kept = random.choice((0, 3))
    body = {"start": {"type": "after_entry", "index": kept - 1}} if kept else {}
    return Wish(name, f"/ops/v1/runs/{sources[0]}/restart", body, name, partial(one, kept=kept))


def by_retab(name: str, sources: list[str], _random: Random) -> Wish:
    path = f"/v1/workflows/runs/run_{sources[0].replace('-', '')}/restart"
    return Wish(name, path, {"command_id": name}, name, one)


def by_flowx(name: str, sources: list[str], _random: Random) -> Wish:
    path = f"/rtm/api/runtime/wks/ws/app/app/process-name/order/start/copyDataFrom/{sources[0]}"
    return Wish(name, path, {"operator": name}, name, one)


def by_restate(name: str, sources: list[str], random: Random) -> Wish:
    kept = random.choice((0, 3))
    path = f"/invocations/{invocation(sources[0])}/restart-as-new" + (f"?from={kept - 1}" if kept else "")
    return Wish(name, path, None, name, partial(one, kept=kept), "PATCH")


def by_restate_at_once(name: str, sources: list[str], random: Random) -> Wish:
    chosen = random.choices(sources, k=PAGE)

    def made(reply: Reply) -> dict[str, int]:
        """A restart that nobody knows of stands among those that failed: the whole is sent again."""
        if json.loads(reply.body)["failed"]:
            return {}
        seen: Counter[str] = Counter()
        runs = {}
        for source in chosen:
            runs[derived_uuid(ACME, "restate", "batch/restart-as-new", source, f"{name}/{seen[source]}")] = 0
            seen[source] += 1
        return runs

    return Wish(name, MANY, {"invocation_ids": [*map(invocation, chosen)]}, name, made, runs=PAGE)


def by_camunda(name: str, sources: list[str], _random: Random) -> Wish:
    def made(reply: Reply) -> dict[str, int]:
        batch = json.loads(reply.body)["id"]
        return {derived_uuid(ACME, "batch", batch, source): 0 for source in sources}

    return Wish(name, f"{REST_ORDER}/restart-async", _instances(sources), name, made, runs=len(sources))


def by_camunda_at_once(name: str, sources: list[str], _random: Random) -> Wish:
    runs = {derived_uuid(ACME, "camunda", "restart", name, source): 0 for source in sources}
    return Wish(name, f"{REST_ORDER}/restart", _instances(sources), name, lambda _reply: runs, runs=len(sources))


def _instances(sources: list[str]) -> Any:
    return {"processInstanceIds": sources, "instructions": [{"type": "startBeforeActivity", "activityId": "charge"}]}


def by_upstash(name: str, _sources: list[str], _random: Random) -> Wish:
    """A page of letters, whichever come next: a letter is its own key."""
    return Wish(name, f"{DLQ}/restart?count={PAGE}", None, None, lambda _reply: {"": 0}, runs=0)


WAYS = (by_ops, by_retab, by_flowx, by_restate, by_restate_at_once, by_camunda, by_camunda_at_once, by_upstash)


# -- a world


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a world; `problems` are broken promises."""

    restarts: int
    failed: int
    batches: int
    calls: int
    faults: int
    problems: tuple[str, ...]

    def count(self, *kinds: str) -> int:
        return sum(problem.startswith(kinds) for problem in self.problems)


@dataclass(slots=True)
class World:
    """One world: `rate` of all calls fail while it lasts."""

    stage: Stage
    seed: str
    restarts: int
    rate: float = 0.12  # some kinds strike some calls only
    random: Random = field(init=False)
    play: Play = field(init=False)
    left: list[Wish] = field(init=False)
    workers: dict[str, list[Sandbox]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        lost = tuple(number for number in range(MOST) if self.random.random() < LOST)
        delivery = Delivery(self.random.choice([*Order]), self.random.random() < 0.5, lost)
        self.play = begin(self.stage, Plan(f"soak {self.seed}", delivery), what_has_ended)
        self.play.strikes.weather = self._weather
        self.left = [*self._wishes()]

    def _weather(self, number: int, _name: str) -> Fault | None:
        if self.random.random() >= self.rate:
            return None
        return Fault(number, self.random.choice([*Kind]))

    def _wishes(self) -> Iterator[Wish]:
        sources = sorted(run for name, run in self.play.given.items() if name.startswith("source"))
        for number in range(LETTERS // PAGE):
            yield by_upstash(f"page-{number}", sources, self.random)
        asked = LETTERS
        while asked < self.restarts:
            way = self.random.choice(WAYS[:-1])
            wish = way(f"wish-{asked}", self.random.sample(sources, SOURCES), self.random)
            asked += wish.runs
            yield wish

    def live(self) -> Result:
        """Let everything happen while calls fail, and then to its end."""
        self.random.shuffle(self.left)
        for turn in range(2 * len(self.left) + 20):
            self._turn(with_sweep=turn % 10 == 9)
        self.play.strikes.weather = lambda _number, _name: None
        while self.left:
            self._send(self.left.pop())()
        self.play.settle()
        self.play.ask_for_pages("the rest", f"{DLQ}/restart?count={PAGE}")
        self.play.settle()
        self._expect_what_letters_became()
        faults = len(self.play.strikes.fired)
        calls = len(self.play.strikes.made)
        problems = tuple(check(self.play))
        made = [row for row in self.play.rows("runs") if row["account"]["S"] == ACME and "source_id" in row]
        failed = sum(row["status"]["S"] == "failed" for row in made)
        batches = sum(row["part"]["S"] == "head" for row in self.play.rows("batches"))
        return Result(len(made), failed, batches, calls, faults, problems)

    def _turn(self, *, with_sweep: bool) -> None:
        """Let a client, two workers and now and then the sweep meet, and some time pass."""
        self.play.pull()
        actors: dict[str, Handler] = dict(self._deliveries())
        if self.left:
            actors["client"] = self._send(self.left.pop())
        if with_sweep:
            actors["sweep"] = partial(self.play.sweep, self._worker(SWEEP, 0))
        Stepper(self.play, self.random.choice, preemptions=MOST, jumps=0).run(actors)
        self.stage.clock.advance(self.random.choice((0, 100, 3_000, 20_000)))

    def _deliveries(self) -> Iterable[tuple[str, Handler]]:
        """Take a few messages for each of two workers; both may have the same one, which was sent twice."""
        now, pending = self.stage.clock.ms, self.play.pending
        due = [message for message in pending if message.visible_at <= now]
        self.random.shuffle(due)
        for number in range(2):
            taken = due[number::2][:8]
            for message in taken:
                pending.remove(message)
            yield f"worker {number}", partial(self._work, taken, number)

    def _work(self, messages: list[Message], number: int) -> None:
        for message in messages:
            self.play.hand_over(message, self._worker(message.function, number))

    def _worker(self, function: str, number: int) -> Sandbox:
        pair = self.workers.setdefault(function, [self.stage.sandbox(function) for _ in range(2)])
        return pair[number]

    # -- clients

    def _send(self, wish: Wish) -> Handler:
        """Send a request once; what is not answered is sent again later, and sometimes what is."""

        def send() -> None:
            reply = self.play.request(wish.method, wish.path, wish.body, wish.key, self._worker(API, 0))
            made = {} if reply.is_unknown else self._noted(wish, reply)
            if not made or (wish.key is not None and self.random.random() < 0.1):
                self.left.insert(0, wish)

        return send

    def _noted(self, wish: Wish, reply: Reply) -> dict[str, int]:
        if reply.is_refused:
            self.play.problems.append(f"ANSWER: {wish.name} was refused: {reply.body[:200]}")
            return {"": 0}
        made = wish.made(reply)
        for number, (run, kept) in enumerate(made.items()):
            key = wish.key if wish.runs == 1 else None  # else the answer names no run of its own
            asked = Asked(wish.path, wish.body, key, MAY_END, kept, method=wish.method, run=run or None)
            known = self.play.asked.setdefault(f"{wish.name} {number}", asked)
            if known.run != asked.run:
                self.play.problems.append(f"DOUBLED: {wish.name} was answered with {known.run}, and with {run}")
        return made

    def _expect_what_letters_became(self) -> None:
        """Expect of each letter, also of restarts that failed, that the run is there that it names."""
        for row in self.play.rows("dead-letters"):
            if row["account"]["S"] == ACME and "consumed_by" in row:
                run = derived_uuid(ACME, "dead_letter", row["dead_letter_id"]["S"])
                self.play.asked[f"reborn {run}"] = Asked("", None, None, MAY_END, run=run)
