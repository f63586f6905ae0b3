"""Instances that are suspended, and what Camunda's wire says of them and of save points."""

from typing import Any

import pytest

from tests.dialects.camunda.models import deploy
from tests.dialects.camunda.stories import (
    BEFORE_DECIDE,
    NOBODY,
    REST,
    canceled,
    publish,
    restart,
    restarted_from,
    start,
    told,
    work,
)
from tests.dialects.client import Api
from tests.graphs import Ask
from tests.world import World

INSTANCES = f"{REST}/process-instance"
SAVED = (
    b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="t"'
    b' xmlns:c="http://camunda.org/schema/1.0/bpmn"><process id="saved" isExecutable="true">'
    b'<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="x"/>'
    b'<serviceTask id="x" name="X" c:expression="${1}" c:asyncBefore="true"/>'
    b'<sequenceFlow id="g" sourceRef="x" targetRef="t"/><userTask id="t"/>'
    b'<sequenceFlow id="h" sourceRef="t" targetRef="e"/><endEvent id="e"/></process></definitions>'
)


def suspend(api: Api, instance: str, body: Any) -> Any:
    return api.put(f"{INSTANCES}/{instance}/suspended", body, content_type="application/json")


def ids(api: Api, **query: Any) -> list[str]:
    return [row["id"] for row in api.post(INSTANCES, query, content_type="application/json").json]


class TestASuspendedInstance:
    def test_stands_still_until_it_is_activated(self, api: Api):
        publish(api, Ask("decide"))
        instance, other = start(api), start(api)
        assert suspend(api, instance, {"suspended": True}).status == 204
        assert suspend(api, instance, {"suspended": True}).status == 204

        assert api.get(f"{INSTANCES}/{instance}").json["suspended"] is True
        assert (ids(api, suspended=True), ids(api, active=True)) == ([instance], [other])
        assert api.get(f"{REST}/history/process-instance/{instance}").json["state"] == "SUSPENDED"
        [task] = api.get(f"{REST}/task?processInstanceId={instance}").json
        assert task["suspended"] is True

        reply = api.post(f"{REST}/task/{task['id']}/complete", {})
        said = f"Cannot complete task {task['id']}: ENGINE-03043 task with id '{task['id']}' is suspended."
        assert told(reply) == (500, "RestException", said, 0)

        assert suspend(api, instance, {"suspended": False}).status == 204
        assert api.post(f"{REST}/task/{task['id']}/complete", {}).status == 204
        assert api.get(f"{REST}/history/process-instance/{instance}").json["state"] == "COMPLETED"

    @pytest.mark.parametrize("body", [{}, {"suspended": None}, {"suspended": "false"}])
    def test_is_activated_where_nothing_else_is_said(self, api: Api, body: Any):
        publish(api, Ask("decide"))
        instance = start(api)
        suspend(api, instance, {"suspended": True})

        assert suspend(api, instance, body).status == 204
        assert api.get(f"{INSTANCES}/{instance}").json["suspended"] is False

    def test_can_be_deleted_and_is_told_why(self, world: World, api: Api):
        publish(api, Ask("decide"))
        instance = start(api)
        suspend(api, instance, {"suspended": True})
        assert api.delete(f"{INSTANCES}/{instance}").status == 204

        row = api.get(f"{REST}/history/process-instance/{instance}").json
        assert (row["state"], row["deleteReason"]) == (
            "EXTERNALLY_TERMINATED",
            "deleted through /process-instance",
        )

    def test_cannot_be_restarted(self, api: Api):
        definition = publish(api, Ask("decide"))
        instance = start(api)
        suspend(api, instance, {"suspended": True})
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [instance]}

        reply = restart(api, definition, body)

        assert reply.json["message"].startswith("ENGINE-13040")

    def test_is_one_that_goes_on(self, world: World, api: Api):
        publish(api, Ask("decide"))
        [ended] = canceled(world, api)

        for instance in (ended, NOBODY):
            said = f"Process instance with id {instance} does not exist"
            assert told(suspend(api, instance, {"suspended": True}))[:3] == (404, "InvalidRequestException", said)

    def test_is_asked_for_with_an_object(self, api: Api):
        publish(api, Ask("decide"))

        assert suspend(api, start(api), []).status == 400


def test_an_instance_at_a_save_point_is_shown_in_transition(world: World, api: Api):
    assert deploy(api, ("saved.bpmn", SAVED)).status == 200
    instance = start(api, "saved")

    tree = api.get(f"{INSTANCES}/{instance}/activity-instances").json
    [transition] = tree["childTransitionInstances"]
    assert tree["childActivityInstances"] == []
    assert (transition["activityId"], transition["activityName"], transition["targetActivityId"]) == ("x", "X", "x")
    assert transition["parentActivityInstanceId"] == instance

    work(world)
    tree = api.get(f"{INSTANCES}/{instance}/activity-instances").json
    assert ([child["activityId"] for child in tree["childActivityInstances"]], tree["childTransitionInstances"]) == (
        ["t"],
        [],
    )


def test_a_restart_before_a_save_point_rests_there(world: World, api: Api):
    [definition] = deploy(api, ("saved.bpmn", SAVED)).json["deployedProcessDefinitions"]
    [instance] = canceled(world, api, key="saved")
    body = {"instructions": [{"type": "startBeforeActivity", "activityId": "x"}], "processInstanceIds": [instance]}
    assert restart(api, definition, body).status == 204

    [new] = restarted_from(api, instance)
    tree = api.get(f"{INSTANCES}/{new['id']}/activity-instances").json
    assert [one["activityId"] for one in tree["childTransitionInstances"]] == ["x"]
