"""Several runs restarted in one transaction: all of them, or none."""

import pytest

from chalicelib import wiring
from chalicelib.core.errors import Busy
from chalicelib.core.ids import ActivityId, RunId
from chalicelib.core.refusals import ElementUnknown, KeyReused, RunNotFound, SourceOfOtherVersion, SourceStillRunning
from chalicelib.core.restart_requests import Data
from chalicelib.core.runs import RunStatus
from chalicelib.core.state import BeforeActivity
from chalicelib.service.commands import Command
from chalicelib.service.together import MOST, TooManyTogether
from chalicelib.stores.batches import TogetherTooLarge
from tests.faults.strikes import invoked
from tests.graphs import Ask, Call, steps
from tests.service.batch_stories import canceled_run, leave_runs, order, publish, reborn, started_run
from tests.stores.faults import faulty, refusal
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, CAUSE, MINUTE

ASK = BeforeActivity(ActivityId("decide"))
COMMAND = Command(ACME, "camunda", "restart", "order", {"n": 1})
KEYED = Command(ACME, "camunda", "restart", "order", {"n": 1}, "k")
NOBODY = RunId("00000000-0000-4000-8000-0000000000ff")
MOVED = refusal("TransactionCanceledException", "ConditionalCheckFailed", "None")


@pytest.fixture
def services(play) -> wiring.Services:
    return publish(play, steps(Call("one"), Ask("decide")))


def restart(services: wiring.Services, sources: list[RunId], command: Command = COMMAND, place=ASK, **more):
    return services.together.restart(command, order(services, place, **more), sources, CAUSE)


def test_fifty_are_two_calls_and_one_run_each(play, services):
    sources = leave_runs(services, play, MOST)
    wish = order(services, ASK)

    with invoked():
        runs = services.together.restart(COMMAND, wish, [*sources, sources[0]], CAUSE)

    assert play.stage.strikes.made == ["dynamodb.BatchGetItem", "dynamodb.TransactWriteItems"]
    assert [run.lineage.source for run in runs] == sources
    assert reborn(play).keys() == set(sources)
    assert {run.status for run in runs} == {RunStatus.WAITING}


def test_those_that_have_work_to_do_are_rung_for(play, services):
    sources = leave_runs(services, play, 3)

    restart(services, sources, place=BeforeActivity(ActivityId("one")))
    play.settle()

    assert {row["status"]["S"] for row in reborn(play).values()} == {"waiting"}
    assert play.outside.asked == {"one": 3}


@pytest.mark.parametrize("data", [Data.INPUT, Data.LAST_VARIABLES])
def test_each_has_its_own_data(services, data):
    sources = [canceled_run(services, input={"n": n}) for n in range(3)]

    runs = restart(services, sources, data=data)

    assert [run.input for run in runs] == [{"n": n} for n in range(3)]


@pytest.mark.parametrize(
    ("bad", "refusal_"),
    [(NOBODY, RunNotFound), ("running", SourceStillRunning), ("other", SourceOfOtherVersion)],
)
def test_none_is_restarted_if_one_cannot_be(play, services, bad, refusal_):
    sources = leave_runs(services, play, 2)
    chosen = order(services, ASK)
    if bad == "running":
        bad = started_run(services)
        play.settle()
    elif bad == "other":
        publish(play, Ask("decide"))
        bad = canceled_run(play.stage.boot())

    with pytest.raises(refusal_):
        services.together.restart(COMMAND, chosen, [*sources, bad], CAUSE)

    assert reborn(play) == {}


def test_none_is_restarted_at_an_element_that_nobody_knows(play, services):
    with pytest.raises(ElementUnknown):
        restart(services, leave_runs(services, play, 2), place=BeforeActivity(ActivityId("nowhere")))

    assert reborn(play) == {}


def test_more_than_one_transaction_holds_are_refused(play, services):
    with pytest.raises(TooManyTogether):
        restart(services, leave_runs(services, play, MOST + 1))

    large = {"text": INCOMPRESSIBLE[:500_000]}
    with pytest.raises(TogetherTooLarge):
        restart(services, [canceled_run(services, input={**large, "n": n}) for n in range(20)])
    assert reborn(play) == {}


def test_a_key_makes_a_repeat_the_same_runs(play, services):
    sources = leave_runs(services, play, 3)

    first, again = (restart(services, sources, KEYED) for _ in range(2))

    assert [run.id for run in first] == [run.id for run in again]
    assert len(reborn(play)) == 3
    with pytest.raises(KeyReused):
        restart(services, sources, Command(ACME, "camunda", "restart", "order", {"n": 2}, "k"))


def test_a_source_whose_dead_letter_is_gone_is_restarted_all_the_same(play):
    services = publish(play, Call("work"))
    play.outside.fail("work", is_retryable=False)
    run = started_run(services)
    play.settle()
    letter = services.runs.load(ACME, run).dead_letter
    assert letter is not None
    services.dead_letters.remove(ACME, [letter])
    play.outside.heal("work")

    restart(services, [run], place=BeforeActivity(ActivityId("work")))
    play.stage.clock.advance(MINUTE)
    play.settle()

    assert [row["status"]["S"] for row in reborn(play).values()] == ["completed"]


def test_of_some_sources_those_dead_letters_are_consumed_that_are_there(play):
    services = publish(play, Call("work"))
    play.outside.fail("work", is_retryable=False)
    first, second, third = [started_run(services) for _ in range(3)]
    play.settle()
    letters = [letter for run in (first, second, third) if (letter := services.runs.load(ACME, run).dead_letter)]
    services.dead_letters.remove(ACME, [letters[1]])

    runs = restart(services, [first, second, third], place=BeforeActivity(ActivityId("work")))

    consumed = {row["dead_letter_id"]["S"]: row["consumed_by"]["S"] for row in play.rows("dead-letters")}
    assert consumed == {letters[0]: runs[0].id, letters[2]: runs[2].id}


def test_what_somebody_else_makes_at_that_moment_is_to_be_sent_again(play, services):
    sources = leave_runs(services, play, 1)
    chosen = order(services, ASK)

    with faulty() as faults:
        faults.refuse("dynamodb.TransactWriteItems", [MOVED])
        with pytest.raises(Busy):
            services.together.restart(COMMAND, chosen, sources, CAUSE)

    assert reborn(play) == {}
