"""Runs that are made together wait in a queue of their own, whatever rings for them: nobody else waits behind them."""

from collections import Counter
from collections.abc import Callable

import pytest

from chalicelib import wiring
from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.ids import ActivityId, RunId
from chalicelib.core.restart_requests import RestartRequest, StartRequest
from chalicelib.core.runs import GRACE_MS
from chalicelib.core.state import BeforeActivity
from chalicelib.core.versions import PublishedVersion
from chalicelib.service.commands import Command
from chalicelib.service.sweep import PATIENCE_MS
from tests.faults.plans import Fault, Kind
from tests.faults.play import Play
from tests.graphs import Call
from tests.service.batch_stories import COMMAND, order, publish, restart
from tests.world import ACME, CAUSE, INPUT, ORDER

WISH = RestartRequest(RunId(""), CAUSE)
WORK = BeforeActivity(ActivityId("work"))
ALONE, CROWD = "advance_runs", "advance_bulk_runs"

Sources = list[RunId]


@pytest.fixture
def services(play: Play) -> wiring.Services:
    return publish(play, Call("work"))


def failed(play: Play, services: wiring.Services, number: int) -> Sources:
    play.outside.fail("work", is_retryable=False)
    request = StartRequest(ACME, CAUSE, INPUT)
    sources = [services.runs.start(COMMAND, ORDER, PublishedVersion(), request).run.id for _ in range(number)]
    play.settle()
    play.outside.heal("work")
    return sources


def by_letters(services: wiring.Services, sources: Sources) -> None:
    letters = [letter for source in sources if (letter := services.runs.load(ACME, source).dead_letter)]
    services.dead_letters.restart(COMMAND, letters, WISH)


def by_a_page(services: wiring.Services, sources: Sources) -> None:
    services.dead_letters.restart_page(COMMAND, LetterFilter(), WISH, before=None, limit=len(sources))


def by_ids(services: wiring.Services, sources: Sources) -> None:
    services.bulk_restarts.restart([Command(ACME, "ops", "many", source, {}) for source in sources], WISH)


def together(services: wiring.Services, sources: Sources) -> None:
    services.together.restart(COMMAND, order(services, WORK), sources, CAUSE)


def as_a_batch(services: wiring.Services, sources: Sources) -> None:
    restart(services, sources, WORK)


def heard(play: Play) -> Counter[str]:
    """Count who was rung for, once everything that leads to rings is done."""
    while leading := [message for message in play.pending if message.function not in {ALONE, CROWD}]:
        for message in leading:
            play.pending.remove(message)
            play.hand_over(message)
        play.pull()
    return Counter(message.function for message in play.pending)


WAYS = [by_letters, by_a_page, by_ids, together, as_a_batch]
Way = Callable[[wiring.Services, Sources], None]


@pytest.mark.parametrize("way", WAYS)
def test_those_that_are_restarted_together_are_rung_for_in_a_queue_of_their_own(play, services, way):
    way(services, failed(play, services, 3))
    play.pull()

    assert heard(play) == {CROWD: 3}


@pytest.mark.parametrize("way", WAYS[:-1])
def test_one_that_is_restarted_alone_waits_behind_no_crowd(play, services, way):
    way(services, failed(play, services, 1))
    play.pull()

    assert heard(play) == {ALONE: 1}


@pytest.mark.parametrize("way", WAYS)
def test_the_sweep_rings_where_the_lost_ring_was(play, services, way):
    way(services, failed(play, services, 3))
    play.pull()
    heard(play)
    play.purge()
    play.stage.clock.advance(2 * GRACE_MS)
    play.sweep()
    play.pull()

    assert heard(play)[CROWD] == 3
    assert heard(play)[ALONE] == 0


@pytest.mark.parametrize("way", WAYS)
def test_who_waits_in_a_crowd_is_rung_for_again_when_it_takes_too_long(play, services, way):
    way(services, failed(play, services, 3))
    play.pull()
    heard(play)
    begun, before = play.stage.clock.ms, play.rows("runs")

    for late_ms in range(2 * GRACE_MS, PATIENCE_MS, GRACE_MS):
        play.stage.clock.ms = begun + late_ms
        play.sweep()
        play.pull()
        assert (heard(play), play.rows("runs")) == ({CROWD: 3}, before)

    play.stage.clock.ms = begun + PATIENCE_MS + 2 * GRACE_MS
    play.sweep()
    play.pull()
    assert heard(play) == {CROWD: 6}


@pytest.mark.parametrize("way", WAYS)
def test_nobody_waits_for_a_queue_that_does_not_tell(play, services, way):
    way(services, failed(play, services, 3))
    play.pull()
    heard(play)
    play.stage.clock.advance(2 * GRACE_MS)
    play.stage.strikes.weather = lambda number, name: (
        Fault(number, Kind.THROTTLE, is_lasting=False) if name == "sqs.GetQueueAttributes" else None
    )
    play.sweep()
    play.pull()

    assert heard(play) == {CROWD: 6}


@pytest.mark.parametrize("way", WAYS)
def test_a_retry_is_rung_for_there_too(play, services, way):
    way(services, failed(play, services, 3))
    play.outside.fail("work")
    play.pull()
    heard(play)
    play.deliver()

    assert heard(play) == {CROWD: 3}
    assert {message.visible_at > play.stage.clock.ms for message in play.pending} == {True}
