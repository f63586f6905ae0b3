"""Runs that are kept for ten minutes, and their journals for five: how they end, and what is left of them."""

from typing import Any

from chalicelib.core.json_values import Json
from chalicelib.core.overrides import FailureCallback, Overrides
from chalicelib.core.retention import Retention
from chalicelib.core.runs import Run
from tests.graphs import Block, Call, document, steps
from tests.world import ACME, MINUTE, World

TWO = steps(Call("first"), Call("last"))
KEPT = Retention(completion_s=600, journal_s=300)
JOURNAL_MS, RUN_MS = 300_000, 600_000
TOLD = Overrides(failure_callback=FailureCallback("http://example.test/failed"), retries=2)
MOMENTS = [(-1, True), (0, False), (1, False)]


def publish(world: World, retention: Retention = KEPT, block: Block = TWO, **more: str) -> None:
    said: Json = {"completion_s": retention.completion_s, "journal_s": retention.journal_s}
    world.publish({**document(block), "retention": said, **more})


def ended(world: World, **more: Any) -> Run:
    """Let a run end, and the rings for it be heard."""
    run = world.start(**more)
    while world.deliver():
        pass
    return world.run(run.id)


def failed(world: World, **more: Any) -> Run:
    world.outside.fail("last", is_retryable=False)
    run = ended(world, **more)
    world.outside.heal("last")
    return run


def end_of(run: Run) -> int:
    assert run.ended_at is not None
    return run.ended_at


def is_there(world: World, run: Run) -> bool:
    return world.services.runs.runs.load(ACME, run.id) is not None


def journal_rows(world: World) -> list[str]:
    return [row["pk"]["S"] for row in world.rows("journal")]


def sweep(world: World) -> None:
    """Let everything happen that is due now."""
    world.services.sweep.run(lambda: MINUTE)
    while world.deliver():
        pass
