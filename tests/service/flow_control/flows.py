"""Runs that share a key, workers that come when told to, and what they meet."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.ids import AccountId
from chalicelib.core.overrides import FlowControl, FlowLimits, Overrides
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.runs import Lease, Run, RunStatus
from chalicelib.core.versions import PublishedVersion
from chalicelib.service.commands import Command
from chalicelib.service.flow_control import Turn
from chalicelib.stores.queues import read_message
from tests.graphs import Call, document
from tests.service.stories import SUCCEEDED
from tests.world import BEGINNING, CAUSE, INPUT, MINUTE, ORDER, World

WORK = Call("work")
SECOND = 1_000
MANY = [60, pytest.param(200, marks=pytest.mark.heavy)]
KEY = "key"
FAR = BEGINNING + 10_000 * MINUTE
TAKE = HOLD = APPEND = PUT = "dynamodb.PutItem"
LOOK, COUNT, CLAIM, END = "dynamodb.Query", "dynamodb.UpdateItem", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems"
LET_GO, SEND = "dynamodb.DeleteItem", "sqs.SendMessageBatch"


def limited(key: str = KEY, **limits: int) -> Overrides:
    return Overrides(flow=FlowControl(key, FlowLimits(**limits)))


def key_of(run: Run) -> str:
    return f"{run.account}#{run.id}"


def look_at(world: World, run: Run) -> None:
    """Let a worker look at one run, whatever the queue holds."""
    world.services.worker.advance(key_of(run), lambda: MINUTE)


def come(world: World) -> bool:
    """Let one more worker handle one message, if there is any."""
    taken = world.sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=1).get("Messages", [])
    for message in taken:
        world.services.worker.advance(read_message(message["Body"]), lambda: MINUTE)
        world.forget(message)
    return bool(taken)


def drain(world: World) -> None:
    """Let workers come as long as there are messages: no time passes, and nobody sweeps."""
    for _ in range(2_000):
        if not come(world):
            return
    raise AssertionError("they are rung for without end")


def lose_messages(world: World) -> None:
    for message in world.messages():
        world.forget(message)


def queued(world: World, count: int, overrides: Overrides) -> list[Run]:
    world.publish(document(WORK))
    return [world.start(overrides=overrides) for _ in range(count)]


def start_for(world: World, account: AccountId, overrides: Overrides) -> Run:
    """Start a run of another account's definition."""
    world.publish(document(WORK), account=account)
    command = Command(account, "ops", "start", ORDER, {}, None)
    request = StartRequest(account, CAUSE, INPUT, overrides=overrides)
    return world.services.runs.start(command, ORDER, PublishedVersion(), request).run


def statuses(world: World, runs: list[Run]) -> list[RunStatus]:
    return [world.run(run.id, run.account).status for run in runs]


def are_all_completed(world: World, runs: list[Run]) -> bool:
    return set(statuses(world, runs)) == {RunStatus.COMPLETED}


def turn_of(world: World, run: Run, owner: str = "another worker", until: int = FAR) -> Turn:
    """Answer what a worker that is in no hurry may do for a run."""
    worker = world.services.worker
    return Turn(worker.slots, worker.doorbell, run, Lease(owner, until))


def hold(world: World, run: Run, owner: str = "another worker") -> Turn:
    """Let somebody else hold a slot of this run's key, for a long time."""
    turn = turn_of(world, run, owner)
    assert turn.may_begin(world.clock.ms)
    return turn


@dataclass
class Crowd:
    """An action during which other workers come: each lets a few of them handle what is rung for.

    Once more are in flight than any test allows, nobody else comes, so that it ends.
    """

    world: World
    visitors: int = 3
    depth: int = 0
    depths: Counter[int] = field(default_factory=Counter)
    windows: Counter[int] = field(default_factory=Counter)
    too_deep: int = 8

    def __call__(self, _call: HttpCall) -> Outcome:
        self.depth += 1
        self.depths[self.depth] += 1
        self.windows[self.world.clock.ms // MINUTE] += 1
        for _ in range(self.visitors if self.depth < self.too_deep else 0):
            come(self.world)
        self.depth -= 1
        return SUCCEEDED

    @property
    def deepest(self) -> int:
        return max(self.depths)

    @property
    def minutes(self) -> int:
        """Count the minutes from the first action's to the last one's."""
        return max(self.windows) - min(self.windows) + 1


@dataclass
class Moment:
    """Somebody acts just before the n-th call to AWS (from 1), and once."""

    left: int
    act: Callable[[], object]
    is_over: bool = False

    def before(self, _client: BaseClient, _name: str, _request: dict[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            self.come()

    def after(self, client: BaseClient, name: str) -> None:
        pass

    def come(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.act()


def pass_time(world: World, minutes: int, step_ms: int = 10 * SECOND) -> None:
    """Let time pass in small steps, workers come whenever somebody rings, and the sweep each minute."""
    for _ in range(minutes):
        for _ in range(MINUTE // step_ms):
            drain(world)
            world.clock.advance(step_ms)
        world.services.sweep.run(lambda: MINUTE)
    drain(world)
