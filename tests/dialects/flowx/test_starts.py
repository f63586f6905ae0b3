"""Process instances over FlowX's routes: started, copied from others at any moment, refused in JHipster's words."""

from typing import Any
from uuid import UUID

import pytest

from app import edge
from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.aws_calls import Calls
from tests.backends import on_both
from tests.dialects.client import Api, key_of
from tests.dialects.flowx.stories import (
    APP,
    ENCODED,
    OPS_APP,
    PROCESS,
    READ,
    WAITS,
    copy,
    data_of,
    failed,
    publish,
    register,
    start,
)
from tests.graphs import Ask, Call, Compute, document, steps
from tests.world import MINUTE, World

TRANSACT, GET, QUERY, SEND = "dynamodb.TransactWriteItems", "dynamodb.GetItem", "dynamodb.Query", "sqs.SendMessageBatch"


def title(reply: Any) -> tuple[int, str]:
    told = reply.json
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert told["status"] == reply.status
    return reply.status, told["title"]


class TestAStart:
    @pytest.mark.parametrize("prefix", ["", "/rtm"])
    def test_answers_the_documented_shape_under_both_prefixes(self, world: World, api: Api, prefix: str) -> None:
        publish(api)
        register(api)

        reply = start(api, {"customer": 7}, app=prefix + APP)
        told = reply.json

        assert (reply.status, told["state"], told["processDefinitionName"]) == (200, "STARTED", PROCESS)
        assert (told["workspaceId"], told["applicationId"]) == ("ws-1", "app-1")
        assert (told["buildStatusAtStart"], told["parentApplicationId"], told["rootApplicationId"]) == (
            "COMMITTED",
            None,
            None,
        )
        assert told["instanceMetadata"]["processInstanceUuid"] == told["uuid"] == str(UUID(told["uuid"]))
        assert isinstance(told["instanceMetadata"]["processInstanceId"], int)
        assert told["instanceMetadata"]["processInstanceId"] < 2**53
        for name in ("buildId", "processDefinitionFlowxUuid"):
            assert told[name] == str(UUID(told[name]))
        assert (told["tokens"][0]["state"], told["tokens"][0]["statusCurrentNode"]) == ("ACTIVE", "ARRIVED")
        assert data_of(api, told["uuid"]) == {"customer": 7}
        world.settle()
        assert api.get(f"{prefix}/api/runtime/process/{told['uuid']}/status").json["state"] == "FINISHED"

    def test_with_nothing_in_its_body_has_no_data(self, api: Api) -> None:
        publish(api)
        register(api)

        assert data_of(api, start(api).json["uuid"]) == {}

    def test_twice_makes_two_instances_and_under_a_key_one(self, api: Api) -> None:
        publish(api)
        register(api)

        assert start(api).json["uuid"] != start(api).json["uuid"]
        first = start(api, {"a": 1}, idempotency_key="k").json
        assert start(api, {"a": 1}, idempotency_key="k").json["uuid"] == first["uuid"]
        assert start(api, {"a": 2}, idempotency_key="k").status == 409

    def test_begins_at_the_start_node_that_the_start_condition_picks(self, world: World, api: Api) -> None:
        graph: Any = document(steps(Call("common")))
        extra = {"id": "vip", "type": "start_event", "condition": "startCondition == 'vip'"}
        first = graph["transitions"][0]
        graph["activities"] = [extra, *graph["activities"]]
        graph["transitions"] = [*graph["transitions"], {"id": "tv", "from": "vip", "to": first["to"]}]
        graph["activities"][1]["condition"] = "startCondition == 'usual'"
        api.put(f"/ops/v1/definitions/{ENCODED}", graph)
        api.post(f"/ops/v1/definitions/{ENCODED}/publish")
        register(api)

        uuid = start(api, {"startCondition": "vip"}).json["uuid"]
        world.settle()

        assert api.get(f"/api/runtime/process/{uuid}/status").json["state"] == "FINISHED"
        unknown, unsaid = start(api, {"startCondition": "other"}), start(api, {})
        assert title(unknown) == (400, "Start node for process definition not found.")
        assert title(unsaid) == (400, "Multiple start nodes found, but start condition not specified.")


@on_both
class TestACopy:
    def test_has_the_source_s_values_with_the_body_over_them_key_by_key(self, world: World, api: Api) -> None:
        source = failed(world, api, {"customer": {"name": "a", "city": "b"}, "kept": 1})

        told = copy(api, source, {"customer": {"name": "c"}, "new": None}).json

        assert data_of(api, told["uuid"]) == {"customer": {"name": "c"}, "kept": 1, "new": None}
        assert told["instanceMetadata"]["copiedFromProcessInstanceUuid"] == source
        assert data_of(api, source) == {"customer": {"name": "a", "city": "b"}, "kept": 1}
        world.settle()
        assert api.get(f"/api/runtime/process/{told['uuid']}/status").json["state"] == "FINISHED"
        family = api.get(f"/ops/v1/runs/{source}/family").json["runs"]
        assert [(run["id"], run["cause"]["dialect"]) for run in family] == [(source, "flowx"), (told["uuid"], "flowx")]

    def test_of_a_running_instance_has_its_values_of_the_moment(self, world: World, api: Api) -> None:
        publish(api, steps(Call("read"), Ask("approve")))
        register(api)
        source = start(api, {"a": 1}).json["uuid"]
        world.settle()

        told = copy(api, source).json
        copied = data_of(api, told["uuid"])
        for uuid in (source, told["uuid"]):
            api.post(f"/ops/v1/runs/{uuid}/cancel")

        assert copied["a"] == 1
        assert copied["v_read"]["status"] == 200

    def test_may_be_of_another_process_and_takes_nothing_but_data(self, world: World, api: Api) -> None:
        publish(api, Compute("count", 2), process="other")
        publish(api)
        register(api)
        source = start(api, {"a": 1}, process="other").json["uuid"]

        told = copy(api, source).json

        assert told["processDefinitionName"] == PROCESS
        assert data_of(api, told["uuid"]) == {"a": 1, "v_count": 2}

    def test_may_be_of_a_run_that_was_started_in_no_app(self, api: Api) -> None:
        publish(api)
        register(api)
        source = api.post(f"/ops/v1/definitions/{ENCODED}/runs", {"input": {"a": 1}}).json["id"]

        assert data_of(api, copy(api, source).json["uuid"]) == {"a": 1}

    def test_under_a_key_is_made_once(self, world: World, api: Api) -> None:
        source = failed(world, api, {"a": 1})

        reply = copy(api, source, {"b": 2}, idempotency_key="k")
        first = reply.json["uuid"]
        assert "Idempotent-Replayed" not in reply.headers
        assert copy(api, source, {"b": 2}, idempotency_key="k").headers["Idempotent-Replayed"] == "true"

        assert copy(api, source, {"b": 2}, idempotency_key="k").json["uuid"] == first
        assert copy(api, source, {"b": 2}).json["uuid"] != first
        refused = copy(api, source, {"b": 3}, idempotency_key="k")
        assert (refused.status, refused.json["errorKey"]) == (409, "error.validation.idempotency_key_reused")

    @pytest.mark.parametrize(
        ("wanted", "left"),
        [
            (None, {"a": {"b": 1, "c": 2}, "d": 3}),
            ({}, {"a": {"b": 1, "c": 2}, "d": 3}),
            ({"paramsToCopy": ["d", "unknown"]}, {"d": 3}),
            ({"paramsToCopy": []}, {"a": {"b": 1, "c": 2}, "d": 3}),
            ({"withoutParams": ["a.b", "d"]}, {"a": {"c": 2}}),
            ({"withoutParams": ["a.b.c", "unknown"]}, {"a": {"b": 1, "c": 2}, "d": 3}),
        ],
    )
    def test_may_take_some_of_the_values(self, world: World, api: Api, wanted: Any, left: Any) -> None:
        source = failed(world, api, {"a": {"b": 1, "c": 2}, "d": 3})
        body = {} if wanted is None else {"paramsToInherit": wanted}

        reply = api.post(f"{APP}/process-name/{ENCODED}/start/inherit-from/{source}", {**body, "e": 5})

        assert data_of(api, reply.json["uuid"]) == {**left, "e": 5}

    def test_costs_four_calls_and_three_on_a_fixed_build(self, world: World, api: Api, calls: Calls) -> None:
        source = failed(world, api, {"a": 1})
        copy(api, source)
        calls.made.clear()
        copy(api, source)
        published = list(calls.made)
        build = api.post(f"{OPS_APP}/builds", {"definitions": [PROCESS]}).json["id"]
        register(api, active_build=build)
        copy(api, source)
        calls.made.clear()
        copy(api, source)

        assert published == [GET, GET, "dynamodb.TransactWriteItems", SEND]
        assert calls.made == [GET, "dynamodb.TransactWriteItems", SEND]

    def test_of_a_live_instance_reads_its_journal_too(self, world: World, api: Api, calls: Calls) -> None:
        publish(api, WAITS)
        register(api)
        source = start(api).json["uuid"]
        world.settle()
        copy(api, source)
        calls.made.clear()

        copy(api, source)
        made = list(calls.made)
        for run in api.get("/ops/v1/runs").json["runs"]:
            api.post(f"/ops/v1/runs/{run['id']}/cancel")

        assert made == [GET, GET, QUERY, TRANSACT, SEND]


class TestABuild:
    def test_fixes_what_an_app_runs_for_all_or_for_one_key(self, world: World, api: Api, account: AccountId) -> None:
        publish(api)
        register(api)
        latest = start(api).json
        build = api.post(f"{OPS_APP}/builds", {"definitions": [PROCESS]}).json["id"]
        publish(api, Compute("newer"))
        newer = start(api).json
        register(api, active_build=build)
        world.clock.advance(MINUTE)
        fixed = start(api).json
        known = {key["id"] for key in api.get("/ops/v1/keys").json["keys"]}
        other = key_of(world, account)
        [key] = {key["id"] for key in api.get("/ops/v1/keys").json["keys"]} - known
        register(api, overrides={key: build})

        assert latest["buildId"] != newer["buildId"] == start(api).json["buildId"]
        assert fixed["buildId"] == start(other).json["buildId"] == build
        world.settle()
        assert "v_newer" not in data_of(api, fixed["uuid"])
        info = api.get(f"{APP}/build/info").json
        assert (info["workspaceId"], info["applicationId"], info["buildId"]) == ("ws-1", "app-1", None)

    def test_can_be_named_in_the_path(self, world: World, api: Api) -> None:
        publish(api)
        register(api)
        build = api.post(f"{OPS_APP}/builds", {"definitions": [PROCESS]}).json["id"]
        publish(api, Compute("newer"))

        reply = api.post(f"{APP}/build/{build}/process-name/{ENCODED}/start", {"a": 1})
        world.settle()

        assert reply.json["buildId"] == build
        assert "v_newer" not in data_of(api, reply.json["uuid"])
        shown = api.get(f"{OPS_APP}/builds/{build}").json
        assert (shown["id"], list(shown["definitions"])) == (build, [PROCESS])
        assert title(api.post(f"{APP}/build/x/process-name/{ENCODED}/start")) == (404, "Build not found.")
        assert title(api.post(f"{APP}/build/{build}/process-name/none/start")) == (
            400,
            "Process definition not found.",
        )

    def test_is_of_one_app_and_of_what_is_published(self, world: World, api: Api) -> None:
        publish(api)
        before = world.everything()

        assert api.post(f"{OPS_APP}/builds", {"definitions": [PROCESS]}).status == 404
        assert api.get(OPS_APP).status == 404
        assert api.put(OPS_APP, {"active_build": "x"}).status == 404
        assert world.everything() == before
        register(api)
        assert api.post(f"{OPS_APP}/builds", {"definitions": ["none"]}).status == 404
        assert api.get(OPS_APP).json == {"workspace": "ws-1", "app": "app-1", "active_build": None, "overrides": {}}


class TestIsRefusedAndWritesNothing:
    @pytest.fixture
    def source(self, world: World, api: Api) -> str:
        return failed(world, api, {"a": 1})

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"process": "none"}, (400, "Process definition not found.")),
            ({"app": "/api/runtime/wks/ws-2/app/app-1"}, (404, "Application not found.")),
            ({"app": "/api/runtime/wks/ws-1/app/app-2"}, (404, "Application not found.")),
            ({"source": "00000000-0000-4000-8000-999999999999"}, (404, "Process instance not found.")),
            ({"source": "7"}, (400, "The process instance's id must be a UUID.")),
            ({"data": b"[]"}, (400, "The body must be a JSON object.")),
            ({"data": b"7"}, (400, "The body must be a JSON object.")),
            ({"data": b"{"}, (400, None)),
            ({"app": "/api/runtime/wks/ws 1/app/app-1"}, (400, None)),
        ],
    )
    def test_in_jhipster_s_words(self, world: World, api: Api, source: str, change: Any, told: Any) -> None:
        before = world.everything()

        reply = copy(api, **{"source": source, **change})

        assert reply.status == told[0]
        assert told[1] is None or title(reply)[1] == told[1]
        assert reply.json["title"] == reply.json["defaultMessage"]
        assert reply.json["message"] == reply.json["errorKey"]
        assert reply.json["params"] == reply.json["entityName"]
        assert world.everything() == before

    def test_for_lack_of_mandatory_parameters_in_what_was_merged(self, world: World, api: Api, source: str) -> None:
        publish(api, required=["a", "b"])
        before = world.everything()

        assert title(copy(api, source)) == (400, "Some mandatory params are missing.")
        assert title(copy(api, source, {"b": None})) == (400, "Some mandatory params are missing.")
        assert world.everything() == before
        assert copy(api, source, {"b": 2}).status == 200

    def test_when_the_source_is_of_another_app_or_account(
        self, world: World, api: Api, stranger: Api, source: str
    ) -> None:
        api.put("/ops/v1/apps/ws-1/app-2", {})
        publish(stranger)
        register(stranger)

        other_app = copy(api, source, app="/api/runtime/wks/ws-1/app/app-2")
        foreign, unknown = copy(stranger, source), copy(stranger, "00000000-0000-4000-8000-999999999999")

        assert title(other_app) == title(foreign) == (404, "Process instance not found.")
        assert foreign.body == unknown.body

    def test_for_keys_that_may_not(self, world: World, account: AccountId, source: str) -> None:
        reader = key_of(world, account, Scope.READ, Scope.WRITE)
        before = world.everything()

        nobody, forbidden = copy(Api(None), source), copy(reader, source)

        assert (nobody.status, nobody.json["message"]) == (401, "error.http.401")
        assert (forbidden.status, forbidden.json["message"]) == (403, "error.http.403")
        assert world.everything() == before

    @pytest.mark.parametrize(
        "wanted",
        [7, {"paramsToCopy": "a"}, {"paramsToCopy": [7]}, {"paramsToCopy": ["a"], "withoutParams": ["b"]}, {"x": []}],
    )
    def test_for_an_inheritance_that_cannot_be_meant(self, api: Api, source: str, wanted: Any) -> None:
        path = f"{APP}/process-name/{ENCODED}/start/inherit-from/{source}"

        assert api.post(path, {"paramsToInherit": wanted}).json["errorKey"] == "error.validation.inheritance_invalid"

    def test_under_a_prefix_that_the_stage_does_not_have(self, api: Api, source: str) -> None:
        assert start(api, app="/other" + APP).status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/runtime/none", 404),
        ("DELETE", "/rtm/api/runtime/process/x/status", 405),
        ("DELETE", "/onboarding/api/runtime/process/x/status", 405),
    ],
)
def test_whatever_reaches_no_route_is_a_problem_too(method: str, path: str, status: int) -> None:
    code, headers, body = edge.unrouted(method, path, status)

    assert (code, headers["Content-Type"]) == (status, "application/problem+json")
    assert '"errorKey"' in body


def test_several_start_nodes_whose_conditions_hold_are_too_many(api: Api) -> None:
    graph: Any = document(READ)
    second = {"id": "s2", "type": "start_event", "condition": "true"}
    third = {"id": "s3", "type": "start_event", "condition": "1 < 2"}
    ways = [{"id": "w2", "from": "s2", "to": "read"}, {"id": "w3", "from": "s3", "to": "read"}]
    graph["activities"] = [*graph["activities"], second, third]
    graph["transitions"] = [*graph["transitions"], *ways]
    assert api.put(f"/ops/v1/definitions/{ENCODED}", graph).status == 200
    api.post(f"/ops/v1/definitions/{ENCODED}/publish")
    register(api)

    assert title(start(api)) == (400, "Multiple start nodes found, but start condition not specified.")


def test_the_dialect_describes_its_routes(api: Api) -> None:
    assert (
        f"{APP}".replace("ws-1", "{workspace}").replace("app-1", "{app}") + "/build/info"
        in (Api(None).get("/api/runtime/openapi.json").json["paths"])
    )


def test_a_waiting_instance_s_status_names_its_nodes(world: World, api: Api) -> None:
    publish(api, WAITS)
    register(api)
    uuid = start(api).json["uuid"]
    world.settle()

    told = api.get(f"/api/runtime/process/{uuid}/status").json
    api.post(f"/ops/v1/runs/{uuid}/cancel")

    assert (told["state"], told["nodes"][0]["currentNodeName"]) == ("STARTED", "approve")
    assert api.get(f"/api/runtime/process/{uuid}/status").json["state"] == "TERMINATED"


def test_a_failed_instance_s_status_says_what_failed(world: World, api: Api) -> None:
    uuid = failed(world, api, {})

    told = api.get(f"/api/runtime/process/{uuid}/status").json

    assert (told["state"], told["failure"]["source"]) == ("FAILED", "read")
