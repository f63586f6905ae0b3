"""AWS is unwell for minutes, or every queue is emptied: then all that was accepted goes on, with nobody's hands.

"Soon" is a lease and two sweeps: four minutes. `make faults` lets every disaster begin at every call.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.arranged import begin
from tests.faults.beginnings import HANDLER, INPUT, STARTS, an_app_with_a_failed_run, publish
from tests.faults.campaigns import HEAVY, SOON, UNWELL, disasters, perform, tallied
from tests.faults.plans import Outage, Plan
from tests.faults.play import Play
from tests.faults.promises import check
from tests.faults.restate_scenarios import MANY, invocation
from tests.faults.scenarios import SCENARIOS
from tests.graphs import Call, Pause, steps

MOST = 3  # disasters of a scenario; `make faults` leaves none out
QUICK = [name for name, scenario in SCENARIOS.items() if scenario.every < HEAVY]
HOW = [*((kind,) for kind in UNWELL), UNWELL]
FOR_EVER = 10**9  # minutes: until the test is over


@pytest.mark.parametrize("name", QUICK)
def test_after_a_disaster_all_goes_on_soon(lean, name):
    tally = tallied(disasters(lean, name, MOST))

    assert not tally.failing, "\n".join(tally.failing)
    assert tally.latest <= SOON


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("restart_from_failure", 6),
        ("restart_with_a_short_prefix", 6),
        ("restart_as_a_batch_from_the_work_on", 8),
        ("restart_dead_letters_page_by_page", 8),
    ],
)
@pytest.mark.parametrize("how", HOW[:2])  # calls whose answers are lost send further messages
def test_what_came_so_often_that_it_lies_in_the_dlq_is_found_all_the_same(lean, name, call, how):
    play, problems = perform(lean, Plan(name, disaster=Outage(call, how, 40)))

    assert problems == []
    assert play.dead
    assert play.late <= SOON


# -- a wait that is over while AWS is unwell

RUNG_FOR = 9  # the call that rings for the timer


def what_pauses(play: Play) -> None:
    publish(play, steps(Call("charge"), Pause("dry", 90), Call("ship")))


@pytest.mark.parametrize("how", HOW)
def test_a_timer_that_fell_due_meanwhile_fires_soon_after(lean, how):
    play = begin(lean, Plan("timer", disaster=Outage(RUNG_FOR, how)), what_pauses)
    run = play.ask("start", STARTS, INPUT, key="k")
    play.settle()

    assert check(play) == []
    assert play.weather is not None
    assert play.weather.over_at is not None
    assert play.outside.asked == {"charge": 1, "ship": 1}
    [head] = [row for row in play.rows("runs") if row["run_id"]["S"] == run and row["account"]["S"] == "acme"]
    assert 0 <= int(head["ended_at"]["N"]) - play.weather.over_at <= SOON


# -- what is answered meanwhile


def hexed(source: str) -> str:
    return source.replace("-", "")


def placed(source: str) -> Any:
    return {"processInstanceIds": [source], "instructions": [{"type": "startBeforeActivity", "activityId": "ship"}]}


@dataclass(frozen=True, slots=True)
class Wish:
    """A request for a new run, of a source or of none; `tells`: what a refusal's body has in it, in its dialect."""

    tells: str
    path: Callable[[str], str]
    body: Callable[[str], Any] = lambda _source: None
    method: str = "POST"
    key: str | None = "k"


ORDERED = "/engine-rest/process-definition/key/order"
COPIED = "/rtm/api/runtime/wks/ws/app/app/process-name/order/start/copyDataFrom"
WISHES = {
    "ops": Wish("error", lambda source: f"/ops/v1/runs/{source}/restart"),
    "retab": Wish("detail", lambda source: f"/v1/workflows/runs/run_{hexed(source)}/restart", lambda _: {}),
    "upstash": Wish("error", lambda _: "/v2/workflows/dlq/restart?count=2", key=None),
    "camunda": Wish("type", lambda _: f"{ORDERED}/restart-async", placed),
    "camunda, at once": Wish("type", lambda _: f"{ORDERED}/restart", placed),
    "restate": Wish("message", lambda run: f"/invocations/{invocation(run)}/restart-as-new", method="PATCH"),
    "restate, many": Wish("message", lambda _: MANY, lambda source: {"invocation_ids": [invocation(source)]}),
    "restate's ingress": Wish("source", lambda _: HANDLER, lambda _: {"amount": 1}),
    "flowx": Wish("errorKey", lambda source: f"{COPIED}/{source}"),
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("dialect", WISHES)
def test_a_request_is_told_meanwhile_in_its_dialects_words_when_to_ask_again(lean, dialect, how):
    wish = WISHES[dialect]
    for call in range(6):  # of the request: who is calling, what is asked for, ...
        play = begin(lean, Plan("unwell", disaster=Outage(call, how, FOR_EVER)), an_app_with_a_failed_run)
        source = play.given["source"]
        for _ in range(2):  # the second one comes to a process that knows its caller
            reply = play.request(wish.method, wish.path(source), wish.body(source), wish.key)
            if reply.is_refused:
                assert reply.status in {429, 503}
                assert reply.headers["Retry-After"] == "1"
                assert wish.tells in json.loads(reply.body or '{"message": "Restate says no more of a 429"}')
        assert reply.is_refused or '"failed":[{' in reply.body  # of many, each is told by itself
        assert play.problems == []
