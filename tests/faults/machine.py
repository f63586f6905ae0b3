"""Any mix of requests, deliveries, losses, sweeps, time and faults, against a model that says how each run must end.

A run charges, asks a person, and ships. Shipping fails for every other run, by its id. The model knows of each
run whether somebody approved or canceled it: from that follows how it ends, whatever happened on the way.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.core.effects import Failed, HttpCall, Outcome, Succeeded
from tests.faults.beginnings import STARTS, publish, task_of
from tests.faults.openings import begin
from tests.faults.plans import Fault, Kind, Plan
from tests.faults.play import ENDED, Asked, Play
from tests.faults.promises import check
from tests.faults.stage import Stage
from tests.graphs import Ask, Call, steps
from tests.world import ANSWERED

APPROVED = steps(Call("charge"), Ask("approve"), Call("ship"))

keys = st.sampled_from(["k1", "k2", "k3"])
strikes = st.none() | st.tuples(st.integers(0, 7), st.sampled_from(Kind))
indexes = st.integers(0, 5)


def what_needs_approval(play: Play) -> None:
    publish(play, APPROVED)


def is_broken(run: str) -> bool:
    return int(run[-1], 16) % 2 == 0


def ship(call: HttpCall) -> Outcome:
    if is_broken(call.idempotency_key.split("/", 1)[0]):
        return Failed("http_422", "cannot be shipped", is_retryable=False)
    return Succeeded({"status": 200, "body": ANSWERED})


@dataclass(slots=True)
class ModelRun:
    """What is known of a run from the answers to its clients alone."""

    is_approved: bool = False
    is_canceled: bool = False

    def end_of(self, run: str) -> str:
        if self.is_canceled:
            return "canceled"
        if not self.is_approved:
            return "waiting"
        return "failed" if is_broken(run) else "completed"


@dataclass(slots=True)
class Model:
    """The reference: which requests were sent under a key, which run answered them, and how it must end."""

    runs: dict[str, ModelRun] = field(default_factory=dict)
    sent: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    answered: dict[tuple[str, str], tuple[str, Any]] = field(default_factory=dict)
    open: list[tuple[str, str, Any]] = field(default_factory=list)
    """Completions and cancels of which nobody knows whether they took place: kind, run, body."""


class Machine(RuleBasedStateMachine):
    """`stage` is set by whoever runs it."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.play = begin(self.stage, Plan("machine"), what_needs_approval)
        self.play.outside.answers["ship"] = ship
        self.model = Model()
        self.ended: dict[str, Any] = {}

    def strike(self, struck: tuple[int, Kind] | None) -> None:
        """Let a fault strike one of the next calls."""
        strikes = self.play.strikes
        at = len(strikes.made)
        strikes.faults = {at + struck[0]: Fault(at + struck[0], struck[1])} if struck else {}

    # -- clients

    @rule(key=keys, amount=st.integers(1, 2), struck=strikes)
    def start(self, key: str, amount: int, struck: tuple[int, Kind] | None) -> None:
        self.strike(struck)
        run = self.make(STARTS, {"input": {"amount": amount}}, key)
        if run:
            self.model.runs.setdefault(run, ModelRun())

    @precondition(lambda self: self.model.runs)
    @rule(key=keys, of=indexes, is_keeping=st.booleans(), struck=strikes)
    def restart(self, key: str, of: int, is_keeping: bool, struck: tuple[int, Kind] | None) -> None:
        self.strike(struck)
        source = self.pick(of)
        body: Any = {"start": {"type": "from_failure"}} if is_keeping else {}
        has_ended = self.status_of(source) in ENDED
        run = self.make(f"/ops/v1/runs/{source}/restart", body, key, may_be_refused=not has_ended or is_keeping)
        if run:
            self.model.runs.setdefault(run, ModelRun(is_keeping and self.model.runs[source].is_approved))

    def make(self, path: str, body: Any, key: str, *, may_be_refused: bool = False) -> str | None:
        """Ask for a run once, and hold the answer against the model."""
        model, at = self.model, (path, key)
        reply = self.play.request("POST", path, body, key)
        model.sent.setdefault(at, []).append(body)
        if reply.is_unknown:
            return None
        known = model.answered.get(at)
        if reply.status >= 400:
            is_other = any(sent != body for sent in model.sent[at])
            assert is_other or (may_be_refused and known is None), f"{path} under {key}: {reply}"
            return None
        run = reply.run
        assert known is None or known == (run, body), f"one key, two answers: {known} and {run} for {body}"
        model.answered[at] = run, body
        return run

    @precondition(lambda self: self.model.runs)
    @rule(of=indexes, by=st.sampled_from(["me", "you"]), struck=strikes)
    def complete(self, of: int, by: str, struck: tuple[int, Kind] | None) -> None:
        self.strike(struck)
        self.change("complete", self.pick(of), {"variables": {"by": by}})

    @precondition(lambda self: self.model.runs)
    @rule(of=indexes, struck=strikes)
    def cancel(self, of: int, struck: tuple[int, Kind] | None) -> None:
        self.strike(struck)
        self.change("cancel", self.pick(of), {})

    def change(self, kind: str, run: str, body: Any) -> None:
        """Complete a run's task, or cancel the run, and note in the model what was answered."""
        path = task_of(self.play, run, "approve") if kind == "complete" else f"/ops/v1/runs/{run}/cancel"
        reply = self.play.request("POST", path, body)
        known = self.model.runs[run]
        if reply.is_unknown:
            self.model.open.append((kind, run, body))
        elif reply.status < 300 and kind == "complete":
            known.is_approved = True
        elif reply.status < 300:
            known.is_canceled = True

    # -- AWS

    @rule(at=indexes, is_left=st.booleans(), struck=strikes)
    def deliver(self, at: int, is_left: bool, struck: tuple[int, Kind] | None) -> None:
        """Deliver any message; `is_left`: it is not deleted afterwards, and comes again."""
        self.strike(struck)
        self.play.pull()
        if self.play.pending:
            message = self.play.pending.pop(at % len(self.play.pending))
            self.play.hand_over(message)
            if is_left and message not in self.play.pending:
                self.play.pending.append(message)

    @rule(at=indexes)
    def lose(self, at: int) -> None:
        self.play.pull()
        if self.play.pending:
            self.play.pending.pop(at % len(self.play.pending))

    @rule(struck=strikes)
    def sweep(self, struck: tuple[int, Kind] | None) -> None:
        self.strike(struck)
        self.play.sweep()

    @rule(seconds=st.sampled_from([1, 30, 100, 700]))
    def tick(self, seconds: int) -> None:
        self.play.stage.clock.advance(seconds * 1000)

    # -- what must hold

    @invariant()
    def what_has_ended_does_not_change(self) -> None:
        assert self.play.problems == []
        assert self.play.stage.engine.written_twice("journal") == []
        for row in self.play.rows("runs"):
            if row["status"]["S"] in ENDED:
                first = self.ended.setdefault(row["pk"]["S"], row)
                assert row == first, "an ended run was written"

    def teardown(self) -> None:
        self.strike(None)
        for kind, run, body in self.model.open:
            self.change(kind, run, body)
        for path, key in self.model.sent.keys() - self.model.answered.keys():
            self.ask_until_one_is_answered(path, key)
        self.play.settle()
        for (path, key), (run, body) in self.model.answered.items():
            ends = frozenset({self.model.runs[run].end_of(run)})
            self.play.asked[f"{path} {key}"] = Asked(path, body, key, ends, run=run)
        self.play.most_tries = 99  # faults are struck off the list again by the next rule
        problems = check(self.play)
        assert problems == [], problems

    def ask_until_one_is_answered(self, path: str, key: str) -> None:
        """Repeat every request that nobody was told the end of; the first that is answered is the one that counted."""
        for body in self.model.sent[path, key]:
            reply = self.play.request("POST", path, body, key)
            if reply.status < 300:
                run = reply.run
                is_approved = "start" in body and self.model.runs[path.split("/")[4]].is_approved
                self.model.runs.setdefault(run, ModelRun(is_approved))
                self.model.answered[path, key] = run, body
                return

    # -- looking

    def pick(self, of: int) -> str:
        known = sorted(self.model.runs)
        return known[of % len(known)]

    def status_of(self, run: str) -> str:
        rows = self.play.rows("runs")
        return next(str(row["status"]["S"]) for row in rows if row["pk"]["S"] == f"acme#{run}")
