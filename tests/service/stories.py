"""What tests of the service do again and again: look into a journal, find a task, let a run fail."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.core.effects import HttpCall, Outcome, Succeeded
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Entry, Opened
from chalicelib.core.json_values import Json
from chalicelib.core.runs import Run
from chalicelib.stores.definitions import DefinitionStore
from tests.graphs import Block, document
from tests.world import ACME, ANSWERED, World

SUCCEEDED = Succeeded({"status": 200, "body": ANSWERED})


def begun(world: World, block: Block, **more: Any) -> Run:
    """Publish a definition and start a run of it."""
    world.publish(document(block))
    return world.start(**more)


def journal(world: World, run_id: RunId) -> tuple[Entry, ...]:
    return world.services.runs.journal(ACME, run_id)


def kinds(world: World, run_id: RunId) -> list[str]:
    """Answer the kinds of a run's entries, without the input."""
    return [type(entry).__name__ for entry in journal(world, run_id)][1:]


def task(world: World, run_id: RunId, activity: str) -> int:
    """Answer the entry that opened this activity's wait."""
    entries = enumerate(journal(world, run_id))
    return next(i for i, entry in entries if isinstance(entry, Opened) and entry.activity == activity)


def complete(world: World, run_id: RunId, activity: str, **variables: Json) -> Run:
    """Complete the user task that stands at this activity."""
    return world.services.runs.complete(ACME, run_id, task(world, run_id, activity), variables)


def during(act: Callable[[], object], outcome: Outcome = SUCCEEDED) -> Callable[[HttpCall], Outcome]:
    """Let somebody act while a step's first effect is performed, which then ends so; later ones succeed."""
    todo = [act]

    def answer(_call: HttpCall) -> Outcome:
        if not todo:
            return SUCCEEDED
        todo.pop()()
        return outcome

    return answer


def failed(world: World, order: Json) -> Run:
    """Let a run of the example fail at its second step, and heal what it failed of."""
    world.publish(order)
    world.outside.fail("reserve")
    run = world.start()
    world.settle()
    world.outside.heal("reserve")
    return world.run(run.id)


def completed(world: World, order: Json) -> Run:
    """Let a run of the example complete."""
    world.publish(order)
    run = world.start()
    world.settle()
    return world.run(run.id)


def go_cold(world: World) -> None:
    """Let another process, which has read no definition yet, do everything from here on."""
    services, store = world.services, world.services.definitions.store
    cold = replace(services.definitions, store=DefinitionStore(store.calls))
    world.services = replace(
        services,
        definitions=cold,
        runs=replace(services.runs, definitions=cold),
        restarts=replace(services.restarts, definitions=cold),
        worker=replace(services.worker, definitions=cold),
    )
