"""Many runs restarted at once, each for itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.core.errors import Busy
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.refusals import KeyReused, RunNotFound, SourceStillRunning, VersionNotFound
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.versions import NamedVersion, PublishedVersion
from chalicelib.service.bulk_restarts import Outcome
from chalicelib.service.commands import Command
from tests.aws_calls import Calls
from tests.graphs import Ask, Call, document
from tests.stores.faults import faulty, refusal
from tests.world import ACME, CAUSE, World

READ, READ_ALL, TRANSACT, SEND = (
    "dynamodb.GetItem",
    "dynamodb.BatchGetItem",
    "dynamodb.TransactWriteItems",
    "sqs.SendMessage",
)
WISH = RestartRequest(RunId(""), CAUSE)
NOBODY = RunId("00000000-0000-4000-8000-0000000000ff")
UNWELL = refusal("InternalServerError")


@pytest.fixture(autouse=True)
def _published(world: World) -> None:
    world.publish(document(Ask("decide")))


def canceled(world: World, number: int, definition: DefinitionKey = DefinitionKey("order")) -> list[RunId]:  # noqa: B008 - a name
    runs = [world.start(definition=definition).id for _ in range(number)]
    for run in runs:
        world.services.runs.cancel(ACME, run, "")
    return runs


def restart(
    world: World, sources: Sequence[RunId], key: str | None = None, wish: RestartRequest = WISH
) -> list[Outcome]:
    commands = [
        Command(ACME, "ops", "many", source, str(wish.version), key and f"{key}/{n}")
        for n, source in enumerate(sources)
    ]
    return world.services.bulk_restarts.restart(commands, wish)


def test_each_has_its_own_run_whose_first_step_is_its_workers(world: World) -> None:
    sources = canceled(world, 3)

    runs = restart(world, sources)

    assert [run.lineage.source for run in runs if isinstance(run, Run)] == sources
    assert {run.status for run in runs if isinstance(run, Run)} == {RunStatus.PENDING}
    world.clock.advance(120_000)
    world.settle()
    assert {world.run(run.id).status for run in runs if isinstance(run, Run)} == {RunStatus.WAITING}


def test_versions_are_looked_up_once_for_all_to_whom_they_are_the_same(world: World, calls: Calls) -> None:
    other = DefinitionKey("other")
    world.publish(document(Ask("sign")), other)
    sources = [*canceled(world, 120), *canceled(world, 3, other)]
    calls.made.clear()

    outcomes = restart(world, sources, wish=replace(WISH, version=PublishedVersion()))

    assert all(isinstance(outcome, Run) for outcome in outcomes)
    assert calls.counts == {READ_ALL: 2, READ: 2, TRANSACT: 2, SEND: 2}


def test_failed_sources_give_their_dead_letters_in_the_same_transactions(world: World, calls: Calls) -> None:
    world.publish(document(Call("charge")))
    world.outside.fail("charge", is_retryable=False)
    sources = [world.start().id for _ in range(100)]
    world.settle()
    calls.made.clear()

    runs = restart(world, sources)

    assert calls.counts == {READ_ALL: 1, TRANSACT: 2, SEND: 1}
    became = {row["consumed_by"]["S"] for row in world.rows("dead-letters")}
    assert became == {run.id for run in runs if isinstance(run, Run)}


def test_a_version_that_is_not_there_is_asked_for_once(world: World, calls: Calls) -> None:
    sources = canceled(world, 3)
    calls.made.clear()

    outcomes = restart(world, sources, wish=replace(WISH, version=NamedVersion(9)))

    assert {type(outcome) for outcome in outcomes} == {VersionNotFound}
    assert calls.counts == {READ_ALL: 1, READ: 1}


def test_each_is_refused_for_itself(world: World) -> None:
    [source], live = canceled(world, 1), world.start().id

    outcomes = restart(world, [NOBODY, source, live])

    assert [type(outcome) for outcome in outcomes] == [RunNotFound, Run, SourceStillRunning]


def test_a_key_makes_each_run_once(world: World, calls: Calls) -> None:
    sources = canceled(world, 3)
    first = restart(world, sources, "k")
    world.services.runs.delete(ACME, sources[0])
    calls.made.clear()

    again = restart(world, sources, "k")

    assert [run.id for run in again if isinstance(run, Run)] == [run.id for run in first if isinstance(run, Run)]
    assert calls.counts == {READ_ALL: 2}


def test_another_request_under_the_key_is_refused(world: World) -> None:
    sources = canceled(world, 2)
    restart(world, sources[:1], "k")

    outcomes = restart(world, sources, "k", replace(WISH, version=PublishedVersion()))

    assert [type(outcome) for outcome in outcomes] == [KeyReused, Run]


def test_when_nothing_can_be_read_nothing_is_known_of_a_hundred_and_the_others_go_on(world: World) -> None:
    sources = canceled(world, 101)

    with faulty() as faults:
        faults.refuse(READ_ALL, [UNWELL] * 4)
        outcomes = restart(world, sources)

    assert [type(outcome) for outcome in outcomes] == [Busy] * 100 + [Run]


def test_whoever_has_no_turn_in_time_is_told_to_ask_again(world: World) -> None:
    sources = canceled(world, 101)
    bulk = world.services.bulk_restarts
    commands = [Command(ACME, "ops", "many", source, None) for source in sources]
    ticking = iter(range(0, 10_000_000, 1_000))

    outcomes = replace(bulk, now=lambda: next(ticking)).restart(commands, WISH)

    assert [type(outcome) for outcome in outcomes] == [Run] * 100 + [Busy]
