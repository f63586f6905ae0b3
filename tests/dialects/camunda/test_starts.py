"""Starts over Camunda's routes: where a token begins, with what, and why there is none."""

import json
from typing import Any

import pytest

from tests.dialects.camunda.models import BAD, FORKED, bpmn, deploy, deployed, refusal
from tests.dialects.client import Api

OF_KEY = "/process-definition/key/order"
FIRST_UNKNOWN = "Element 'x' does not exist in process {}: targetElement is null"
LATER = "Cannot perform instruction: "
OF_TYPE = "For instruction type"


@pytest.fixture
def definition(camunda) -> Any:
    return deployed(camunda)


def before(activity: str, **more: Any) -> dict[str, Any]:
    return {"type": "startBeforeActivity", "activityId": activity, **more}


def after(activity: str) -> dict[str, Any]:
    return {"type": "startAfterActivity", "activityId": activity}


def instruction(type_: str) -> dict[str, Any]:
    return {"startInstructions": [{"type": type_}]}


def along(transition: str) -> dict[str, Any]:
    return {"type": "startTransition", "transitionId": transition}


def cannot(definition: Any, why: str) -> str:
    return f"Cannot instantiate process definition {definition['id']}: {why}"


class TestAStart:
    @pytest.mark.parametrize("by", ["id", "key", "tenant"])
    def test_answers_the_documented_shape(self, camunda, by):
        of = deployed(camunda, **({"tenant_id": "t"} if by == "tenant" else {}))
        path = {"id": f"/process-definition/{of['id']}", "key": OF_KEY, "tenant": f"{OF_KEY}/tenant-id/t"}[by]

        told = camunda.post(f"{path}/start", {"businessKey": "b-1"}, host="api.test").json

        href = f"http://api.test/engine-rest/process-instance/{told['id']}"
        assert told == {
            "links": [{"method": "GET", "href": href, "rel": "self"}],
            "id": told["id"],
            "definitionId": of["id"],
            "businessKey": "b-1",
            "caseInstanceId": None,
            "ended": False,
            "suspended": False,
            "tenantId": "t" if by == "tenant" else None,
            "definitionKey": "order",
        }

    def test_without_a_body_is_a_start_without_wishes(self, camunda, definition):
        reply = camunda.post(f"{OF_KEY}/start", content_type="application/json")

        assert (reply.status, reply.json["businessKey"]) == (200, None)

    def test_another_media_type_is_refused(self, camunda, definition):
        assert camunda.post(f"{OF_KEY}/start", {}, content_type="text/plain").status == 415

    def test_shows_typed_variables_if_asked(self, camunda, definition):
        given = {
            "amount": {"value": 5, "type": "Long"},
            "note": {"value": "x"},
            "when": {"value": "1950-01-01T00:00:00.000+0100", "type": "Date"},
        }

        told = camunda.post(f"{OF_KEY}/start", {"variables": given, "withVariablesInReturn": True}).json

        assert told["variables"] == {
            "amount": {"type": "Long", "value": 5, "valueInfo": {}},
            "note": {"type": "String", "value": "x", "valueInfo": {}},
            "when": {"type": "Date", "value": "1950-01-01T00:00:00.000+0100", "valueInfo": {}},
        }

    def test_an_older_version_is_started_by_its_id(self, camunda, definition):
        newest = deployed(camunda)

        told = [camunda.post(f"/process-definition/{it['id']}/start", {}).json for it in (definition, newest)]

        assert [it["definitionId"] for it in told] == [definition["id"], newest["id"]]

    def test_under_a_key_it_happens_once(self, camunda, definition):
        first, again = (camunda.post(f"{OF_KEY}/start", {}, idempotency_key="k") for _ in range(2))

        assert first.json["id"] == again.json["id"]
        assert camunda.post(f"{OF_KEY}/start", {"businessKey": "b"}, idempotency_key="k").status == 409

    def test_says_who_and_from_where(self, camunda, definition, world, account):
        run = camunda.post(f"{OF_KEY}/start", {}).json["id"]

        cause = world.run(run, account).lineage.cause

        assert (cause.dialect, cause.address) == ("camunda", "127.0.0.1")


class TestInstructions:
    @pytest.mark.parametrize(
        ("instructions", "waiting"),
        [
            ([], ["review"]),
            ([before("approve")], ["approve"]),
            ([after("review")], ["approve"]),
            ([along("reviewed")], ["approve"]),
            ([before("start")], ["review"]),
            ([before("review"), along("reviewed")], ["approve", "review"]),
        ],
    )
    def test_say_where_tokens_begin(self, camunda, definition, world, account, instructions, waiting):
        told = camunda.post(f"{OF_KEY}/start", {"startInstructions": instructions}).json

        assert sorted(world.run(told["id"], account).waiting_for) == waiting

    def test_may_end_at_once(self, camunda, definition):
        assert camunda.post(f"{OF_KEY}/start", {"startInstructions": [after("approve")]}).json["ended"] is True

    def test_bring_variables(self, camunda, definition):
        given = {"b": {"value": 2, "type": "Short"}}
        body = {
            "variables": {"a": {"value": 1, "type": "Long"}, "b": {"value": 1}},
            "startInstructions": [before("approve", variables=given)],
            "withVariablesInReturn": True,
        }

        told = camunda.post(f"{OF_KEY}/start", body).json["variables"]

        assert {name: (it["type"], it["value"]) for name, it in told.items()} == {"a": ("Long", 1), "b": ("Short", 2)}

    def test_skips_are_carried_into_the_run(self, camunda, definition, world, account):
        run = camunda.post(f"{OF_KEY}/start", {"skipCustomListeners": True, "skipIoMappings": True}).json["id"]

        start = world.run(run, account).start

        assert (start.is_skipping_listeners, start.is_skipping_mappings) == (True, True)


class TestRefusals:
    def test_an_unknown_id(self, camunda, definition):
        id_ = definition["id"].replace("order:1", "order:2")

        reply = camunda.post(f"/process-definition/{id_}/start", {})

        why = f"no deployed process definition found with id '{id_}': processDefinition is null"
        assert refusal(reply) == (500, "RestException", cannot({"id": id_}, why), 0)

    def test_a_suspended_definition(self, camunda, definition, world):
        camunda.put(f"{OF_KEY}/suspended", {"suspended": True})
        before_it = world.everything()

        reply = camunda.post(f"{OF_KEY}/start", {})

        why = f"ENGINE-03043 Process Definition with id '{definition['id']}' is suspended."
        assert refusal(reply) == (500, "RestException", cannot(definition, why), 0)
        assert world.everything() == before_it

    @pytest.mark.parametrize(
        ("instructions", "why"),
        [
            ([before("x")], FIRST_UNKNOWN),
            ([along("x")], FIRST_UNKNOWN),
            ([after("x")], f"{LATER}Start after activity 'x'; Activity 'x' does not exist: activity is null"),
            (
                [before("review"), before("x")],
                f"{LATER}Start before activity 'x'; Element 'x' does not exist in process '{{}}': element is null",
            ),
            (
                [before("review"), along("x")],
                f"{LATER}Start transition 'x'; Element 'x' does not exist in process '{{}}': element is null",
            ),
            ([after("end")], "Cannot start after activity end; activity has no outgoing sequence flow to take"),
        ],
    )
    def test_a_place_that_there_is_not(self, camunda, definition, world, instructions, why):
        before_it = world.everything()

        reply = camunda.post(f"{OF_KEY}/start", {"startInstructions": instructions})

        assert refusal(reply) == (500, "RestException", cannot(definition, why.format(definition["id"])), 0)
        assert world.everything() == before_it

    def test_a_place_with_several_ways_on(self, camunda):
        made = deploy(camunda, ("order.bpmn", bpmn(flows=FORKED))).json["deployedProcessDefinitions"]
        (definition,) = made.values()

        reply = camunda.post(f"{OF_KEY}/start", {"startInstructions": [after("review")]})

        why = "Cannot start after activity review; activity has more than one outgoing sequence flow"
        assert refusal(reply) == (500, "RestException", cannot(definition, why), 0)

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ({"variables": {"a": {"value": 1, "type": "X"}}}, "Unsupported value type 'X'"),
            ({"variables": {"a": {"value": "{}", "type": "Object"}}}, "Unsupported value type 'Object': use 'Json'"),
            (instruction("startBeforeActivity"), f"{OF_TYPE} 'startBeforeActivity': 'activityId' must be set"),
            (instruction("startAfterActivity"), f"{OF_TYPE} 'startAfterActivity': 'activityId' must be set"),
            (instruction("startTransition"), f"{OF_TYPE} 'startTransition': 'transitionId' must be set"),
            (instruction("cancel"), f"{OF_TYPE} 'cancel': it is not supported by a start"),
            (
                {"startInstructions": [before("review", variables={"a": {"value": 1, "local": True}})]},
                f"{OF_TYPE} 'startBeforeActivity': local variables are not supported",
            ),
            ({"caseInstanceId": "c"}, "'caseInstanceId' is not supported"),
        ],
    )
    def test_what_rest_refuses(self, camunda, definition, body, why):
        for path in (OF_KEY, f"/process-definition/{definition['id']}"):
            assert refusal(camunda.post(f"{path}/start", body)) == (400, BAD, cannot(definition, why), None)

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            {"variables": []},
            {"variables": {"a": 1}},
            {"variables": {"a": {"value": 1, "valueInfo": 1}}},
            {"startInstructions": {}},
            {"startInstructions": [{"type": "startbeforeactivity"}]},
            {"startInstructions": [{}]},
            {"skipIoMappings": "yes"},
        ],
    )
    def test_json_of_another_shape(self, camunda, definition, body):
        reply = camunda.post(f"{OF_KEY}/start", json.dumps(body).encode())

        assert refusal(reply) == (400, BAD, "", None)

    def test_a_definition_that_cannot_begin_without_some_variables(self, camunda):
        ops = Api(camunda.secret)
        ops.put("/ops/v1/definitions/order", {"required": ["amount"], **_graph()})
        ops.post("/ops/v1/definitions/order/publish", {})

        reply = camunda.post(f"{OF_KEY}/start", {})

        assert (reply.status, reply.json["type"]) == (400, BAD)
        assert "amount" in reply.json["message"]


def _graph() -> Any:
    return {
        "activities": [{"id": "start", "type": "start_event"}, {"id": "end", "type": "end_event"}],
        "transitions": [{"id": "only", "from": "start", "to": "end"}],
    }
