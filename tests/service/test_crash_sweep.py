"""Kill the process before and after every AWS call of a schedule; then go on, and nothing is lost or doubled.

A schedule is what a client does under its keys, all deliveries and sweeps included. After the kill the client
repeats its requests, messages come again, the sweep goes round: then the promises must hold.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from chalicelib.core.ids import RunId
from chalicelib.core.journal import Performed
from chalicelib.core.json_values import Json
from chalicelib.core.restart_requests import AfterEntry, FromFailure
from chalicelib.core.runs import Run, RunStatus
from tests.aws_calls import Killed, When, watched
from tests.graphs import Ask, Call, Fork, Pause, document, steps
from tests.world import INPUT, World

Scenario = Callable[[World], list[Run]]
"""Do all of it, repeatably, and answer the runs that there must be."""


def start_and_complete(world: World) -> list[Run]:
    run = world.start(key="start")
    world.settle()
    return [run]


def fail_after_retries(world: World) -> list[Run]:
    run = world.start(key="start")
    world.outside.fail("reserve", run=run.id)
    world.settle()
    return [run]


def restart_from_the_beginning(world: World) -> list[Run]:
    [source] = fail_after_retries(world)
    new = world.restart(source.id, key="restart")
    world.settle()
    return [source, new]


def restart_from_failure(world: World) -> list[Run]:
    [source] = fail_after_retries(world)
    new = world.restart(source.id, key="restart", start=FromFailure())
    world.settle()
    return [source, new]


def restart_with_a_prefix(world: World) -> list[Run]:
    [source] = start_and_complete(world)
    new = world.restart(source.id, key="restart", start=AfterEntry(2))
    world.settle()
    return [source, new]


def branches_a_task_and_a_timer(world: World) -> list[Run]:
    block = steps(Call("first"), Fork((Call("left"), Ask("right"), Pause("later", 120))), Call("last"))
    world.publish(document(block))
    run = world.start(INPUT, key="start")
    world.settle()
    stands = world.run(run.id)
    if not stands.status.is_ended:
        state = world.services.runs.journal(stands.account, stands.id)
        opened = next(i for i, entry in enumerate(state) if getattr(entry, "activity", "") == "right")
        world.services.runs.complete(stands.account, stands.id, opened, {"answer": 1})
        world.settle()
    return [run]


SCENARIOS: list[tuple[Scenario, list[RunStatus]]] = [
    (start_and_complete, [RunStatus.COMPLETED]),
    (fail_after_retries, [RunStatus.FAILED]),
    (restart_from_the_beginning, [RunStatus.FAILED, RunStatus.COMPLETED]),
    (restart_from_failure, [RunStatus.FAILED, RunStatus.COMPLETED]),
    (restart_with_a_prefix, [RunStatus.COMPLETED, RunStatus.COMPLETED]),
    (branches_a_task_and_a_timer, [RunStatus.COMPLETED]),
]


def schedule(scenario: Scenario, order: Json, kill_at: int | None, when: When) -> tuple[World, list[Run], bool]:
    """Play a scenario with one kill; answer the world after it, its runs, and whether the kill took place."""
    world = World()
    world.publish(order)
    with watched(kill_at, when):
        try:
            return world, scenario(world), False
        except Killed:
            pass
    runs = scenario(world)
    world.settle()
    return world, runs, True


def check(world: World, runs: list[Run], statuses: list[RunStatus]) -> None:
    ids = [run.id for run in runs]
    assert {row["run_id"]["S"] for row in world.rows("runs")} == set(ids), (
        "each key has one run, and no other run exists"
    )
    stands = [world.run(id_) for id_ in ids]
    assert [run.status for run in stands] == statuses
    assert world.waking() == []
    failed = {run.id for run in stands if run.status is RunStatus.FAILED}
    assert Counter(row["run_id"]["S"] for row in world.rows("dead-letters")) == Counter(failed)
    for run in stands:
        check_journal(world, run)


def check_journal(world: World, run: Run) -> None:
    journal = world.services.runs.journal(run.account, run.id)
    assert len(journal) == run.journal_length, "the journal is as long as the head says"
    done = Counter((entry.activity, entry.token) for entry in journal if isinstance(entry, Performed))
    assert set(done.values()) <= {1}, "each effect is journaled once"


def kept(world: World, run_id: RunId) -> list[object]:
    return sorted(world.rows_of([run_id]), key=repr)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("scenario", "statuses"), SCENARIOS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_kill_at_any_call_loses_nothing_and_doubles_nothing(scenario, statuses, when: When, order):
    kill_at, was_killed = 1, True
    while was_killed:
        world, runs, was_killed = schedule(scenario, order, kill_at, when)
        try:
            check(world, runs, statuses)
        except AssertionError as error:
            error.add_note(f"{scenario.__name__}: killed {when} call {kill_at}")
            raise
        kill_at += 1
    assert kill_at > 8, "a schedule has at least that many calls"


def test_a_restart_leaves_its_source_as_it_was(order):
    world = World()
    world.publish(order)
    [source] = fail_after_retries(world)
    before = kept(world, source.id)
    world.outside.heal("reserve")

    for start in (FromFailure(), AfterEntry(1)):
        world.restart(source.id, start=start)
        world.settle()

    assert kept(world, source.id) == before
