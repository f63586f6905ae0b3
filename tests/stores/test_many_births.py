"""Many births: each run is born, or not, whatever becomes of the others."""

from dataclasses import replace

import pytest

from chalicelib.core.births import Plan
from chalicelib.core.definitions import DefinitionType
from chalicelib.core.errors import Busy
from chalicelib.core.ids import DeadLetterId
from chalicelib.core.lines import Line, LineFull
from chalicelib.core.runs import Run
from chalicelib.stores.dead_letters import letter_row
from chalicelib.stores.many_births import ManyBirths
from chalicelib.stores.packing import ItemTooLarge
from tests.aws_calls import Calls
from tests.stores.faults import SILENCES, Faults, refusal
from tests.stores.plans import planned
from tests.stores.test_bulk import dead
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, World

READ_ALL, READ, PUT, TRANSACT = (
    "dynamodb.BatchGetItem",
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.TransactWriteItems",
)
UNWELL = refusal("InternalServerError")


@pytest.fixture
def births(world: World) -> ManyBirths:
    return world.services.bulk_restarts.births


def stands(world: World, plan: Plan) -> bool:
    return plan.run.id in world.services.runs.runs.load_all(ACME, [plan.run.id])


def inboxed(number: int) -> Plan:
    """Plan a run of an object's key."""
    plan = planned(number)
    run = replace(plan.run, type=DefinitionType.OBJECT, business_key="k", line=Line.INBOXED)
    return replace(plan, run=run)


def test_a_hundred_are_one_transaction(births: ManyBirths, calls: Calls) -> None:
    plans = [planned(n) for n in range(100)]

    born = births.bear(plans, "writer")

    assert born == {plan.run.id: plan.run for plan in plans}
    assert calls.made == [TRANSACT]


def test_none_are_none(births: ManyBirths, calls: Calls) -> None:
    assert births.bear([], "writer") == {}
    assert not calls.made


def test_one_that_stands_is_answered_as_it_stands_and_the_others_are_born(births: ManyBirths, calls: Calls) -> None:
    first, second, third = (planned(n) for n in range(3))
    births.bear([replace(second, run=replace(second.run, labels=("earlier",)))], "earlier")
    calls.made.clear()

    born = births.bear([first, second, third], "writer")

    assert [*born] == [second.run.id, first.run.id, third.run.id]
    stood = born[second.run.id]
    assert isinstance(stood, Run)
    assert stood.labels == ("earlier",)
    assert born[third.run.id] == third.run
    assert calls.made == [TRANSACT, PUT, READ, TRANSACT]


def test_a_dead_letter_is_consumed(world: World, births: ManyBirths) -> None:
    letter = dead(7)
    letter_row(letter, births.runs.shards, births.runs.accounts).save()
    plan = replace(planned(1), consumed=letter.id)

    births.bear([plan, planned(2)], "writer")

    [row] = world.rows("dead-letters")
    assert row["consumed_by"]["S"] == plan.run.id
    assert "live_shard" not in row


def test_one_whose_dead_letter_is_not_kept_is_born_without_it(births: ManyBirths, calls: Calls) -> None:
    plans = [replace(planned(n), consumed=DeadLetterId(f"gone-{n}")) for n in range(50)]

    born = births.bear([*plans, planned(50)], "writer")

    assert len(born) == 51
    assert {type(run).__name__ for run in born.values()} == {"Run"}
    assert calls.made == [TRANSACT, TRANSACT, TRANSACT]


def test_one_whose_dead_letter_is_kept_consumes_it_beside_one_whose_letter_is_not(
    world: World, births: ManyBirths
) -> None:
    letter = dead(7)
    letter_row(letter, births.runs.shards, births.runs.accounts).save()
    kept, gone = replace(planned(1), consumed=letter.id), replace(planned(2), consumed=DeadLetterId("gone"))

    born = births.bear([kept, gone], "writer")

    assert [*born] == [kept.run.id, gone.run.id]
    assert [row["consumed_by"]["S"] for row in world.rows("dead-letters")] == [kept.run.id]


def test_a_line_takes_as_many_as_have_room(world: World, births: ManyBirths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.stores.lines.MOST_IN_LINE", 3)
    first = inboxed(9)
    births.bear([first], "earlier")
    plans = [inboxed(1), planned(2), inboxed(3), inboxed(4)]

    born = births.bear(plans, "writer")

    assert isinstance(born[plans[3].run.id], LineFull)
    assert [stands(world, plan) for plan in plans] == [True, True, True, False]
    [line] = [row for row in world.rows("slots") if row["part"]["S"] == "line#order"]
    assert [member["S"] for member in line["line"]["L"]] == [first.run.id, plans[0].run.id, plans[2].run.id]


def test_one_that_is_too_large_is_refused_alone(world: World, births: ManyBirths) -> None:
    large = planned(1)
    large = replace(large, run=replace(large.run, input={"noise": INCOMPRESSIBLE * 2}))

    born = births.bear([large, planned(2)], "writer")

    assert isinstance(born[large.run.id], ItemTooLarge)
    assert stands(world, planned(2))


def test_an_answer_that_is_lost_for_good_is_found_in_the_table(births: ManyBirths, faults: Faults) -> None:
    plans = [planned(n) for n in range(3)]
    faults.lose(TRANSACT, [*SILENCES, *SILENCES])

    born = births.bear(plans, "writer")

    assert [(id_, type(run)) for id_, run in born.items()] == [(plan.run.id, Run) for plan in plans]


@pytest.mark.parametrize("is_silent", [False, True])
def test_of_what_nobody_knows_nobody_is_told_that_it_stands(
    world: World, births: ManyBirths, faults: Faults, is_silent: bool
) -> None:
    plans = [planned(n) for n in range(3)]
    faults.refuse(TRANSACT, [UNWELL] * 4)
    if is_silent:
        faults.refuse(READ_ALL, [UNWELL] * 4)

    born = births.bear(plans, "writer")

    assert {type(error) for error in born.values()} == {Busy}
    assert not world.rows("runs")
