"""History that changes: each test has one of its own."""

import pytest

from chalicelib import wiring
from chalicelib.core.restart_requests import At
from chalicelib.core.state import AfterActivity, AlongTransition
from tests.dialects.camunda.history_stories import ACTIVITIES, DETAILS, INSTANCES, History, rows, tell
from tests.world import ACME, World


@pytest.fixture
def own() -> History:
    return tell(World())


def test_delete_takes_away_what_has_ended_and_nothing_else(own: History) -> None:
    ended, running = own.runs["failed"].id, own.runs["waiting"].id
    reply = own.api.delete(f"{INSTANCES}/{ended}")
    assert (reply.status, reply.body) == (204, b"")
    assert own.api.get(f"{INSTANCES}/{ended}").status == 404
    assert own.api.delete(f"{INSTANCES}/{ended}").status == 404
    assert own.api.delete(f"{INSTANCES}/{running}").status == 404
    assert own.api.get(f"{INSTANCES}/{running}").status == 200


def test_a_restart_began_at_the_target_of_its_transition(own: History) -> None:
    source = own.runs["completed"]
    definition = own.world.services.definitions.of(source).definition
    [way] = [one for one in definition.transitions.values() if one.target == "second"]
    for place in (AfterActivity(way.source), AlongTransition(way.id)):
        run = own.world.restart(source.id, start=At((place,)))
        assert own.api.get(f"{INSTANCES}/{run.id}").json["startActivityId"] == "second"


def test_a_definition_that_is_gone_leaves_its_instances(own: History) -> None:
    for row in own.world.rows("definitions"):
        key = {name: row[name] for name in ("pk", "version")}
        own.world.dynamodb.delete_item(TableName="reprise-definitions-test", Key=key)
    own.world.services = own.world._services()  # noqa: SLF001 - a service that remembers no definition
    wiring.install(own.world.services)
    row = own.row("completed")
    assert (row["processDefinitionName"], row["startActivityId"]) == (None, None)
    assert own.row("restarted")["startActivityId"] == "second"
    assert own.found(activeActivityIdIn=["approve"]) == set()
    assert [one["activityType"] for one in rows(own, ACTIVITIES, "completed")] == [None, None]


def test_a_task_writes_as_its_own_activity_instance(own: History) -> None:
    run = own.runs["waiting"]
    own.world.services.runs.complete(ACME, run.id, 1, {"amount": 4})
    updates = [row for row in rows(own, DETAILS, "waiting") if row["variableName"] == "amount"]
    assert [(row["value"], row["revision"], row["activityInstanceId"]) for row in updates] == [
        ("3", 0, run.id),
        (4, 1, f"{run.id}.1"),
    ]
    [task] = [row for row in rows(own, ACTIVITIES, "waiting") if row["activityId"] == "approve"]
    assert (task["canceled"], task["endTime"] is None) == (False, False)
