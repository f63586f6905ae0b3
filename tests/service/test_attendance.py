"""Standing by a run: what a caller is told of it, whatever hinders whoever looks."""

from dataclasses import fields, replace

import pytest

from chalicelib.core.errors import Busy
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run, RunStatus
from chalicelib.service.attendance import HOLD_MS, PAUSES_S, Attendance
from chalicelib.stores.runs import RunStore
from tests.graphs import Ask, Call, Compute, document, steps
from tests.world import ACME, World


class Unreachable(RunStore):
    """A store that has nobody to ask."""

    def load(self, account: AccountId, run_id: RunId) -> Run | None:
        raise Busy


def unreachable(world: World) -> Attendance:
    """Stand by where the run cannot be read, after its worker has left it."""
    stands, runs = world.services.attendance, world.services.runs
    store = runs.runs
    lost = Unreachable(**{field.name: getattr(store, field.name) for field in fields(store)})
    return replace(stands, runs=replace(runs, runs=lost))


def test_a_new_run_is_taken_to_its_end_without_a_pause(world: World) -> None:
    world.publish(document(Call("ship")))

    assert world.services.attendance.see_through(world.start()).status is RunStatus.COMPLETED


def test_one_that_has_ended_already_is_looked_at_no_more(world: World) -> None:
    world.publish(document(Compute("n")))
    run = world.start()

    assert unreachable(world).see_through(run) is run


def test_pauses_are_shorter_than_the_time_that_there_is(world: World) -> None:
    assert sum(PAUSES_S) * 1000 <= HOLD_MS
    world.publish(document(Ask("approve")))
    run = world.start()
    slept: list[float] = []

    def pause(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(round(seconds * 1000))

    waited = replace(world.services.attendance, pause=pause).wait(run)

    assert waited.status is RunStatus.WAITING
    assert slept == [*PAUSES_S]


def test_a_clock_that_leaps_ends_the_wait(world: World) -> None:
    world.publish(document(Ask("approve")))
    slept: list[float] = []

    def pause(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(HOLD_MS)

    replace(world.services.attendance, pause=pause).wait(world.start())

    assert len(slept) == 1


def test_a_run_that_nobody_can_read_is_answered_as_it_was(world: World) -> None:
    world.publish(document(steps(Call("ship"), Ask("approve"))))
    run = world.start()

    assert unreachable(world).see_through(run) == run


def test_a_run_that_is_deleted_meanwhile_is_not_found(world: World) -> None:
    world.publish(document(Ask("approve")))
    run = world.start()

    def pause(_seconds: float) -> None:
        world.services.runs.cancel(ACME, run.id, "")
        world.services.runs.delete(ACME, run.id)

    with pytest.raises(RunNotFound):
        replace(world.services.attendance, pause=pause).wait(run)
