"""Services and deployments: published definitions as Restate's admin API tells of them."""

from typing import Any

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from chalicelib.dialects.times import write_time
from chalicelib.service import definitions
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.restate.query_stories import WORK, publish, row, start, told
from tests.graphs import Ask, Call, document
from tests.world import MINUTE, World

UNKNOWN = "dp_1" + "0" * 22
JSON = "application/json"
HANDLER = {
    "name": "start1",
    "input_description": "JSON object",
    "output_description": "JSON object",
    "input_json_schema": {"type": "object", "required": []},
}
TWO_WAYS: dict[str, Any] = {
    "activities": [
        {"id": "add", "type": "start_event", "condition": "way == 'add'"},
        {"id": "look", "type": "start_event", "condition": "way == 'look'"},
        {"id": "inner", "type": "sub_process", **document(Ask("approve"))},
        {"id": "end", "type": "end_event"},
    ],
    "transitions": [
        {"id": "a", "from": "add", "to": "inner"},
        {"id": "l", "from": "look", "to": "inner"},
        {"id": "e", "from": "inner", "to": "end"},
    ],
    "required": ["way"],
}


def deployment_of(api: Api, service: str = "order") -> str:
    id_: str = api.get(f"/services/{service}").json["deployment_id"]
    return id_


def text(reply: Reply) -> tuple[int, str, str]:
    return reply.status, reply.headers["Content-Type"], reply.body.decode()


class TestServices:
    @pytest.mark.parametrize("mount", ["", "/v2", "/v3", "/v4"])
    def test_are_the_published_definitions_by_name(self, api: Api, stranger: Api, mount: str):
        publish(api, key="b", name="The second", url="https://shop.test/b")
        publish(api, key="a")
        publish(api, Ask("approve"), key="a")
        api.put("/ops/v1/definitions/draft", document(WORK))

        first, second = api.get(f"{mount}/services").json["services"]

        assert (first["name"], first["revision"], first["ty"], first["public"]) == ("a", 2, "Service", True)
        assert "metadata" not in first
        assert second == {
            "name": "b",
            "ty": "Service",
            "handlers": [HANDLER],
            "deployment_id": deployment_of(api, "b"),
            "revision": 1,
            "public": True,
            "metadata": {"name": "The second", "url": "https://shop.test/b"},
        }
        assert api.get(f"{mount}/services/b").json == second
        assert stranger.get(f"{mount}/services").json == {"services": []}
        assert stranger.get(f"{mount}/services/b").status == 404

    @pytest.mark.parametrize(
        ("type_", "is_shared", "ty", "handler_types"),
        [
            ("object", False, "VirtualObject", ["Exclusive", "Exclusive"]),
            ("object", True, "VirtualObject", ["Exclusive", "Shared"]),
            ("workflow", False, "Workflow", ["Workflow", "Workflow"]),
        ],
    )
    def test_have_the_start_events_for_handlers(
        self, api: Api, type_: str, is_shared: bool, ty: str, handler_types: list[str]
    ):
        add, look, *rest = TWO_WAYS["activities"]
        ways = {**TWO_WAYS, "type": type_, "activities": [add, {**look, "shared": is_shared}, *rest]}
        assert api.put("/ops/v1/definitions/cart", ways).status == 200
        assert api.post("/ops/v1/definitions/cart/publish").status == 200

        handlers = api.get("/services/cart/handlers").json["handlers"]

        assert api.get("/services/cart").json["ty"] == ty
        schema = {"type": "object", "required": ["way"]}
        assert [(one["name"], one["ty"], one["input_json_schema"]) for one in handlers] == [
            (name, handler_type, schema) for name, handler_type in zip(("add", "look"), handler_types, strict=True)
        ]
        assert api.get("/services/cart/handlers/look").json == handlers[1]

    def test_that_are_unknown_are_told_in_the_servers_words(self, api: Api):
        publish(api)
        api.put("/ops/v1/definitions/draft", document(WORK))

        for name in ("x", "draft"):
            for path in (f"/services/{name}", f"/services/{name}/handlers", f"/services/{name}/handlers/y"):
                assert told(api.get(path)) == (404, f"The requested service '{name}' does not exist")
        assert told(api.get("/services/no%20name")) == (404, "The requested service 'no name' does not exist")
        assert told(api.get("/services/order/handlers/y")) == (
            404,
            "The requested handler 'y' on service 'order' does not exist",
        )
        assert api.get("/services/x").json["restate_code"] is None

    def test_more_than_can_be_listed_are_refused(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(definitions, "MAX_LISTED", 2)
        monkeypatch.setattr(definitions, "_AT_ONCE", 1)
        for key in ("a", "b"):
            publish(api, key=key)
        assert len(api.get("/services").json["services"]) == 2
        publish(api, key="c")

        assert told(api.get("/services")) == (
            413,
            "There are more than 2 definitions: this list tells of all or of none.",
        )


class TestModifyingAService:
    @pytest.mark.parametrize("wanted", [{}, {"public": None}, {"public": True}, {"unknown": 1}])
    def test_that_is_so_already_changes_nothing(self, world: World, api: Api, wanted: dict[str, Any]):
        publish(api)
        before = world.everything()

        reply = api("PATCH", "/services/order", wanted, content_type=JSON)

        assert (reply.status, reply.json) == (200, api.get("/services/order").json)
        assert world.everything() == before

    @pytest.mark.parametrize(
        ("wanted", "named"),
        [
            ({"public": False}, "public"),
            ({"workflow_completion_retention": "1 day"}, "workflow_completion_retention"),
            ({"public": True, "abort_timeout": "1s", "inactivity_timeout": "1s"}, "inactivity_timeout, abort_timeout"),
        ],
    )
    def test_that_cannot_be_honoured_is_refused(self, world: World, api: Api, wanted: dict[str, Any], named: str):
        publish(api)
        before = world.everything()

        reply = api("PATCH", "/services/order", wanted, content_type=JSON)

        assert told(reply) == (501, f"A service's {named} cannot be changed here.")
        assert world.everything() == before

    def test_says_for_how_long_new_invocations_are_kept(self, world: World, api: Api):
        publish(api)
        wanted = {"journal_retention": "1 day", "idempotency_retention": "PT48H"}
        assert api("PATCH", "/services/order", wanted, content_type=JSON).json["journal_retention"] == "PT86400S"
        service = api("PATCH", "/services/order", {"journal_retention": "PT1M"}, content_type=JSON).json
        assert (service["idempotency_retention"], service["journal_retention"]) == ("PT172800S", "PT60S")
        assert api.get("/services/order").json == service

        start(api)
        world.deliver()
        told = row(api, "SELECT completion_retention, journal_retention, journal_size FROM sys_invocation")
        assert told == {"completion_retention": "PT172800S", "journal_retention": "PT60S", "journal_size": 3}
        world.clock.advance(MINUTE)
        assert row(api, "SELECT journal_size FROM sys_invocation") == {"journal_size": 0}

    def test_of_a_workflow_has_a_retention_of_another_name(self, api: Api):
        publish(api, type="workflow")
        patch = lambda **wanted: api("PATCH", "/services/order", wanted, content_type=JSON)  # noqa: E731

        assert patch(idempotency_retention="1 day").status == 501
        assert patch(workflow_completion_retention="1 day").json["workflow_completion_retention"] == "PT86400S"

    @pytest.mark.parametrize("duration", ["", "soon", "1 year", "-1s"])
    def test_for_a_time_that_is_none_is_told_as_text(self, world: World, api: Api, duration: str):
        publish(api)
        before = world.everything()

        status, type_, _ = text(api("PATCH", "/services/order", {"journal_retention": duration}, content_type=JSON))

        assert (status, type_) == (422, "text/plain; charset=utf-8")
        assert world.everything() == before

    def test_that_is_unknown_is_refused_in_words_of_its_own(self, api: Api):
        patch = lambda wanted: told(api("PATCH", "/services/x", wanted, content_type=JSON))  # noqa: E731

        assert patch({}) == (404, "The requested service 'x' does not exist")
        assert patch({"public": False}) == (404, "not found in the schema registry: service with name 'x'")

    def test_with_a_value_of_another_type_is_told_as_text(self, api: Api):
        status, type_, said = text(api("PATCH", "/services/order", {"public": 3}, content_type=JSON))

        assert (status, type_) == (422, "text/plain; charset=utf-8")
        assert said.startswith("Failed to deserialize the JSON body into the target type: ")

    def test_needs_the_right_to_write(self, world: World, account: AccountId):
        assert key_of(world, account, Scope.READ)("PATCH", "/services/order", {}, content_type=JSON).status == 403


class TestDeployments:
    def test_are_published_graphs_the_oldest_first(self, world: World, api: Api, stranger: Api):
        published_at = write_time(world.clock.ms)
        publish(api, key="a")
        publish(api, key="b")
        world.clock.advance(MINUTE)
        publish(api, Ask("approve"), key="a")
        world.clock.advance(MINUTE)
        publish(api, key="a")
        first = deployment_of(api, "b")

        shared, approval = api.get("/deployments").json["deployments"]

        assert shared == {
            "id": first,
            "created_at": published_at,
            "services": [{"name": "a", "revision": 3}, {"name": "b", "revision": 1}],
        }
        assert approval["services"] == [{"name": "a", "revision": 2}]
        assert stranger.get("/deployments").json == {"deployments": []}
        detailed = api.get(f"/deployments/{first}").json
        assert [(one["name"], one["revision"]) for one in detailed["services"]] == [("a", 3), ("b", 1)]
        assert detailed["services"][1] == api.get("/services/b").json
        assert stranger.get(f"/deployments/{first}").status == 404

    def test_are_what_invocations_are_pinned_to(self, api: Api):
        publish(api, Ask("approve"))
        start(api)

        pinned = row(api, "SELECT pinned_deployment_id FROM sys_invocation")["pinned_deployment_id"]

        assert api.get(f"/deployments/{pinned}").json["id"] == pinned

    def test_of_a_frozen_draft_there_is_none(self, api: Api):
        publish(api)
        api.put("/ops/v1/definitions/order", document(Ask("approve")))
        start(api, version="draft")
        pinned = row(api, "SELECT pinned_deployment_id FROM sys_invocation")["pinned_deployment_id"]

        assert told(api.get(f"/deployments/{pinned}")) == (404, f"The requested deployment '{pinned}' does not exist")

    @pytest.mark.parametrize(
        ("given", "reason"),
        [("nope", "bad format"), ("dp_11", "bad length"), ("inv_1abc", "id doesn't match the expected type")],
    )
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_with_an_id_that_is_none_are_told_as_text(self, api: Api, method: str, given: str, reason: str):
        assert text(api(method, f"/deployments/{given}")) == (
            400,
            "text/plain; charset=utf-8",
            f"Invalid URL: Cannot parse `deployment` with value `{given}`: {reason}",
        )

    def test_of_a_definition_with_more_versions_than_can_be_told_are_refused(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(definitions, "MAX_VERSIONS", 1)
        publish(api)
        assert api.get("/deployments").status == 200
        publish(api, Call("other"))

        assert told(api.get("/deployments"))[0] == 413


class TestChangingDeployments:
    def test_none_is_discovered(self, world: World, api: Api):
        before = world.everything()

        for asked in ({"uri": "http://127.0.0.1:9080"}, {"arn": "arn:aws:lambda:eu-central-1:1:function:f:1"}):
            status, message = told(api.post("/deployments", asked, content_type=JSON))
            assert status == 501
            assert "PUT /ops/v1/definitions/{key}" in message
        status, _, said = text(api.post("/deployments", {"force": True}, content_type=JSON))

        assert (status, said.rpartition(": ")[2]) == (
            422,
            "data did not match any variant of untagged enum RegisterDeploymentRequest",
        )
        assert world.everything() == before

    def test_none_is_taken_back(self, world: World, api: Api):
        publish(api)
        id_ = deployment_of(api)
        before = world.everything()

        for unforced in ("", "?force=false"):
            reply = api.delete(f"/deployments/{id_}{unforced}")
            assert (reply.status, reply.body) == (501, b"")
        assert told(api.delete(f"/deployments/{id_}?force=true")) == (
            501,
            "Published versions are never taken back: runs may be restarted on them.",
        )
        assert told(api.delete(f"/deployments/{UNKNOWN}?force=true")) == (
            404,
            f"not found in the schema registry: deployment with id '{UNKNOWN}'",
        )
        assert text(api.delete(f"/deployments/{id_}?force=maybe")) == (
            400,
            "text/plain; charset=utf-8",
            "Failed to deserialize query string: force: provided string was not `true` or `false`",
        )
        assert world.everything() == before
