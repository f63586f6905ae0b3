"""Whoever restarts one run waits for nobody who restarts thousands, and of the thousands none is lost.

All processes that are deployed work at once, in virtual time (traffic.py).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from chalicelib import wiring
from chalicelib.core.access import Scope
from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.versions import PublishedVersion
from tests.faults.lambdas import API_S, Reply
from tests.faults.plans import Plan
from tests.faults.play import Play
from tests.faults.stage import Stage
from tests.faults.traffic import Traffic
from tests.graphs import Call, document
from tests.service.batch_stories import COMMAND, leave_runs, publish
from tests.world import ACME, CAUSE, INPUT, ORDER

NEIGHBOUR = AccountId("neighbour")
SECOND = 1_000
SOON = 5 * SECOND  # what a crowd next door may cost, at most
EVERY = 7 * SECOND  # the neighbour restarts a run
ALONE = 10  # restarts of a neighbour with nobody next door
RESTART = "/engine-rest/process-definition/key/order/restart-async"
WORK = Call("work")

Note = Callable[[Reply, int], None]


@dataclass(slots=True)
class Street:
    """Two accounts on one stage: one restarts many runs as a batch, its neighbour one run, again and again."""

    stage: Stage
    effect_ms: int
    crowd: int
    traffic: Traffic = field(init=False)
    play: Play = field(init=False)
    asked: dict[str, int] = field(default_factory=dict)
    """When (ms) the neighbour asked for each of its runs."""
    worked: dict[str, int] = field(default_factory=dict)
    """When (ms) the effect of each run was performed."""
    to_do: int = field(init=False)
    """How many runs of the crowd, or of a neighbour without one, are still to be worked on."""
    slowest: int = 0
    """How long (ms) a request took, at most."""

    def __post_init__(self) -> None:
        self.to_do = self.crowd or ALONE
        self.stage.engine.empty()
        self.stage.clear()
        self.stage.make_key()
        self.play = Play(self.stage, Plan("street"))
        self.traffic = Traffic(self.stage, self.effect_ms)
        self.stage.outside.answers["work"] = self._work

    def _work(self, call: HttpCall) -> Outcome:
        run = call.idempotency_key.split("/")[0]
        self.to_do -= run not in self.worked and (not self.crowd or run not in self.asked)
        self.worked.setdefault(run, self.stage.clock.ms)
        return self.stage.outside.answer(call)

    def live(self) -> "Street":
        """Let the batch begin, and the neighbour ask until everybody's work is done."""
        services = publish(self.play, WORK)
        mine, secret = self._move_in(services)
        sources = leave_runs(services, self.play, self.crowd) if self.crowd else []
        for queue in self.stage.queues:
            self.stage.engine.take(queue)
        if sources:
            instructions = [{"type": "startBeforeActivity", "activityId": "work"}]
            body = json.dumps({"processInstanceIds": sources, "instructions": instructions})
            self._request(self.stage.secret, RESTART, body, lambda _reply, _at: None)
        self._ask_again(f"/ops/v1/runs/{mine}/restart", secret)
        self.traffic.run(self._is_over)
        return self

    def _move_in(self, services: wiring.Services) -> tuple[RunId, str]:
        """Let the neighbour have an ended run and a key."""
        services.definitions.save_draft(NEIGHBOUR, ORDER, document(WORK))
        services.definitions.publish(NEIGHBOUR, ORDER)
        command, request = replace(COMMAND, account=NEIGHBOUR), StartRequest(NEIGHBOUR, CAUSE, INPUT)
        run = services.runs.start(command, ORDER, PublishedVersion(), request).run.id
        services.runs.cancel(NEIGHBOUR, run, "to restart it")
        return run, services.access.create(NEIGHBOUR, "the neighbour's", frozenset(Scope), "live", None)[1]

    def _ask_again(self, path: str, secret: str) -> None:
        """Let the neighbour restart its run now, and later, as long as the crowd is not done."""

        def note(reply: Reply, at: int) -> None:
            self.asked[reply.run] = at

        self._request(secret, path, "", note)
        if not self._is_crowd_done():
            self.traffic.at(self.stage.clock.ms + EVERY, lambda: self._ask_again(path, secret))

    def _request(self, secret: str, path: str, body: str, note: Note) -> None:
        at = self.stage.clock.ms

        def answer(reply: Reply) -> None:
            assert reply.status < 300, reply
            self.slowest = max(self.slowest, self.stage.clock.ms - at)
            note(reply, at)

        self.traffic.request(at, secret, path, body, answer)

    def _is_crowd_done(self) -> bool:
        return self.to_do <= 0

    def _is_over(self) -> bool:
        return self._is_crowd_done() and self.asked.keys() <= self.worked.keys() and self.traffic.is_idle

    @property
    def delays(self) -> list[int]:
        """Answer how long (ms) each run of the neighbour's took from its request to its effect."""
        return [self.worked[run] - at for run, at in self.asked.items()]


@pytest.mark.parametrize(
    ("number", "effect_ms"),
    [(500, 20 * SECOND), pytest.param(10_000, SECOND, marks=pytest.mark.heavy)],
)
def test_a_restart_beside_a_crowd_starts_as_soon_as_alone(lean, number, effect_ms):
    alone = Street(lean, effect_ms, 0).live()
    beside = Street(lean, effect_ms, number).live()

    assert max(beside.delays) - max(alone.delays) <= SOON, (max(beside.delays), max(alone.delays))
    assert len(beside.delays) > number * effect_ms / 20 / EVERY / 2  # it asked all along
    assert beside.traffic.arrived["advance_bulk_runs"] <= number  # each is rung for once, however long it waits
    assert beside.slowest <= API_S * SECOND
    made = [row for row in beside.play.rows("runs") if "source_id" in row and row["account"]["S"] == ACME]
    assert len({row["source_id"]["S"] for row in made}) == len(made) == number
    assert {row["status"]["S"] for row in made} == {"completed"}
