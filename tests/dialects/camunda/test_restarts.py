"""Restarts over Camunda's wire: every message, status and order of checks that its clients know."""

from typing import Any

import pytest

from chalicelib.core.access import Scope
from tests.backends import on_both
from tests.dialects.camunda.stories import (
    BEFORE_DECIDE,
    NOBODY,
    REST,
    account,
    canceled,
    publish,
    restart,
    restarted_from,
    start,
    told,
    work,
    written,
)
from tests.dialects.client import Api, key_of
from tests.graphs import Ask, Call, Fork, Sub, steps
from tests.world import World

PERFORM = "Cannot perform instruction:"
ELEMENT_X = "Element 'x' does not exist in process '{def}': element is null"
INVALID, ENGINE = "InvalidRequestException", "ProcessEngineException"
BOTH = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@pytest.fixture(scope="module")
def shop(world: World) -> tuple[Api, str, str]:
    """Answer an account, its definition, and an instance of it that was deleted."""
    api = key_of(world, account("camunda-shop"))
    definition = publish(api)
    [source] = canceled(world, api)
    return api, definition, source


Shop = tuple[Api, str, str]


def before(activity: str) -> dict[str, Any]:
    return {"type": "startBeforeActivity", "activityId": activity}


def after(activity: str) -> dict[str, Any]:
    return {"type": "startAfterActivity", "activityId": activity}


def along(transition: str) -> dict[str, Any]:
    return {"type": "startTransition", "transitionId": transition}


class TestWhatIsRefused:
    @BOTH
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"instructions": BEFORE_DECIDE}, "processInstanceIds is empty"),
            ({"instructions": BEFORE_DECIDE, "processInstanceIds": []}, "processInstanceIds is empty"),
            ({"instructions": BEFORE_DECIDE, "processInstanceIds": None}, "processInstanceIds is empty"),
            (
                {"instructions": [], "processInstanceIds": ["a"]},
                "Restart instructions cannot be empty: instructions is empty",
            ),
            (
                {"instructions": [{"type": "cancel", "activityId": "x"}], "processInstanceIds": ["a"]},
                "Restart instructions cannot be empty: instructions is empty",
            ),
            ({"processInstanceIds": ["a"]}, "Restart instructions cannot be empty: instructions is empty"),
            ({}, "Restart instructions cannot be empty: instructions is empty"),
            (
                {"instructions": [{"type": "startBeforeActivity"}]},
                "For instruction type 'startBeforeActivity': 'activityId' must be set",
            ),
            (
                {"instructions": [{"type": "startAfterActivity", "transitionId": "x"}]},
                "For instruction type 'startAfterActivity': 'activityId' must be set",
            ),
            (
                {"instructions": [{"type": "startTransition", "activityId": "x"}]},
                "For instruction type 'startTransition': 'transitionId' must be set",
            ),
            ({"instructions": [{"type": "StartTransition", "transitionId": "x"}]}, ""),
            ({"instructions": [{"activityId": "x"}]}, ""),
            ({"instructions": [None]}, ""),
            ({"instructions": {}}, ""),
            ({"instructions": "x"}, ""),
            ({"instructions": [{**BEFORE_DECIDE[0], "variables": []}]}, ""),
            ({"instructions": [{**BEFORE_DECIDE[0], "ancestorActivityInstanceId": {}}]}, ""),
            ({"processInstanceIds": "a"}, ""),
            ({"processInstanceIds": [{}]}, ""),
            ({"initialVariables": "yes"}, ""),
            ({"skipCustomListeners": 1.5}, ""),
            ({"skipIoMappings": []}, ""),
            ({"withoutBusinessKey": {}}, ""),
            ({"historicProcessInstanceQuery": []}, ""),
            (b"{", ""),
            (b"[]", ""),
            (b"null", ""),
        ],
    )
    def test_is_400_and_writes_nothing(self, world: World, shop: Shop, body: Any, message: str, is_async: bool):
        api, definition, _ = shop
        was = written(world)

        assert told(restart(api, definition, body, is_async=is_async)) == (400, INVALID, message, None)

        assert written(world) == was

    def test_first_is_the_instructions_when_together_and_the_selection_when_a_batch(self, shop: Shop):
        api, definition, _ = shop

        assert told(restart(api, definition, {"instructions": []}))[2].startswith("Restart instructions")
        assert told(restart(api, definition, {"instructions": []}, is_async=True))[2] == "processInstanceIds is empty"

    @pytest.mark.parametrize(
        ("is_async", "message"),
        [
            (False, "Process instance ids cannot be null: Process instance ids contains null value"),
            (True, "Process instance ids cannot be null: processInstanceIds contains null value"),
        ],
    )
    def test_is_a_null_among_the_ids(self, shop: Shop, is_async: bool, message: str):
        api, definition, source = shop
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source, None]}

        assert told(restart(api, definition, body, is_async=is_async)) == (400, INVALID, message, None)

    @BOTH
    @pytest.mark.parametrize("definition", ["order:9:{uuid}", "nobody:1:{uuid}", "order", "order:1:x", "a:b:c"])
    def test_is_a_definition_that_nobody_knows(self, shop: Shop, definition: str, is_async: bool):
        api, known, source = shop
        unknown = definition.format(uuid=known.rpartition(":")[2])
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source]}
        message = f"no deployed process definition found with id '{unknown}': processDefinition is null"

        assert told(restart(api, unknown, body, is_async=is_async)) == (400, INVALID, message, None)

    @BOTH
    def test_is_another_accounts_definition(self, shop: Shop, stranger: Api, is_async: bool):
        _, definition, source = shop
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source]}

        assert restart(stranger, definition, body, is_async=is_async).status == 400

    @BOTH
    def test_is_whoever_may_not(self, world: World, shop: Shop, is_async: bool):
        reader = key_of(world, account("camunda-shop"), Scope.READ)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [shop[2]]}

        reply = restart(reader, shop[1], body, is_async=is_async)
        assert (reply.status, reply.json["type"], reply.json["code"]) == (403, "AuthorizationException", 0)
        missing = {"permissionName": "RESTART", "resourceName": None, "resourceId": None}
        assert (reply.json["missingAuthorizations"], reply.json["userId"]) == ([missing], None)
        nobody = restart(Api(), shop[1], body, is_async=is_async)
        assert (nobody.status, nobody.body, nobody.headers["WWW-Authenticate"]) == (401, b"", 'Basic realm="default"')

    @BOTH
    def test_is_a_body_of_another_type(self, shop: Shop, is_async: bool):
        path = f"{REST}/process-definition/{shop[1]}/restart{'-async' if is_async else ''}"

        assert shop[0].post(path, b"{}", content_type="text/plain").status == 415


@on_both
class TestTogether:
    @pytest.mark.parametrize(
        ("instructions", "status", "message"),
        [
            ([before("x")], 400, "Element 'x' does not exist in process {def}: targetElement is null"),
            ([along("x")], 400, "Element 'x' does not exist in process {def}: targetElement is null"),
            ([before("")], 400, "Element '' does not exist in process {def}: targetElement is null"),
            (
                [before("decide"), before("x")],
                400,
                f"{PERFORM} Start before activity 'x'; {ELEMENT_X}",
            ),
            (
                [before("decide"), along("x")],
                400,
                f"{PERFORM} Start transition 'x'; {ELEMENT_X}",
            ),
            (
                [after("x")],
                400,
                "Cannot perform instruction: Start after activity 'x'; Activity 'x' does not exist: activity is null",
            ),
        ],
    )
    def test_an_element_that_nobody_knows_is_refused(
        self, world: World, shop: Shop, instructions: list[Any], status: int, message: str
    ):
        api, definition, source = shop
        was = written(world)

        reply = restart(api, definition, {"instructions": instructions, "processInstanceIds": [source]})

        assert told(reply) == (status, INVALID, message.replace("{def}", definition), None)
        assert written(world) == was

    @pytest.mark.parametrize(("activity", "ways"), [("fork", "more than one"), ("end", "no")])
    def test_an_activity_without_one_way_out_cannot_be_started_after(self, world: World, api: Api, activity, ways):
        definition = publish(api, steps(Ask("decide"), Fork((Ask("a"), Ask("b")))))
        graph = api.get("/ops/v1/definitions/order").json["document"]["activities"]
        kind = {"fork": "parallel_gateway", "end": "end_event"}[activity]
        name = next(node["id"] for node in graph if node["type"] == kind)
        [source] = canceled(world, api)
        message = f"Cannot start after activity {name}; activity has {ways} outgoing sequence flow"

        reply = restart(api, definition, {"instructions": [after(name)], "processInstanceIds": [source]})

        assert told(reply) == (500, ENGINE, message + (" to take" if ways == "no" else ""), 0)

    def test_a_place_in_one_of_two_scopes_is_refused(self, world: World, api: Api):
        definition = publish(api, steps(Sub(steps(Ask("b"), Ask("c"))), Ask("d")))
        graph = api.get("/ops/v1/definitions/order").json["document"]["activities"]
        scope = next(node["id"] for node in graph if node["type"] == "sub_process")
        [source] = canceled(world, api)
        message = f"Ancestor activity execution is ambiguous for activity Activity({scope})"
        given = [before(scope), before(scope), before("b")]

        reply = restart(api, definition, {"instructions": given, "processInstanceIds": [source]})

        assert told(reply) == (500, ENGINE, message, 0)
        started = api.post(
            f"{REST}/process-definition/key/order/start", {"startInstructions": given}, content_type="application/json"
        )
        assert (started.status, started.json["message"].endswith(message)) == (500, True)

    def test_an_instance_that_nobody_knows_is_refused(self, shop: Shop):
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [shop[2], NOBODY]}
        message = "Historic process instance cannot be found: historicProcessInstanceId is null"

        assert told(restart(shop[0], shop[1], body)) == (400, INVALID, message, None)

    def test_an_instance_that_goes_on_is_refused(self, world: World, shop: Shop):
        api, definition, _ = shop
        running = start(api)
        work(world)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [running]}
        cannot = f"ENGINE-13040 Historic process instance '{running}' cannot be restarted."
        message = f"{cannot} It is not completed or terminated."

        assert told(restart(api, definition, body)) == (500, ENGINE, message, 0)

    def test_an_instance_of_another_version_is_refused(self, world: World, api: Api):
        first = publish(api)
        [source] = canceled(world, api)
        second = publish(api, steps(Ask("decide"), Call("more")))
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source]}
        message = (
            f"ENGINE-13039 Historic process instance '{source}' cannot be restarted. "
            f"Its process definition '{first}' does not match given process definition '{second}'"
        )

        assert told(restart(api, second, body)) == (500, ENGINE, message, 0)
        assert restart(api, first, body).status == 204

    def test_all_are_restarted_or_none(self, world: World, api: Api):
        definition = publish(api)
        sources = canceled(world, api, 3)
        was = written(world)

        assert (
            restart(api, definition, {"instructions": BEFORE_DECIDE, "processInstanceIds": [*sources, NOBODY]}).status
            == 400
        )
        assert written(world) == was
        reply = restart(api, definition, {"instructions": BEFORE_DECIDE, "processInstanceIds": sources})
        assert (reply.status, reply.body) == (204, b"")
        assert [len(restarted_from(api, source)) for source in sources] == [1, 1, 1]

    def test_more_than_one_transaction_holds_are_refused(self, world: World, api: Api):
        definition = publish(api)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [f"x{n}" for n in range(51)]}

        reply = restart(api, definition, body)
        assert reply.status == 413
        assert "Restart them as a batch" in reply.json["message"]

    def test_the_same_can_be_restarted_again_and_again(self, world: World, api: Api):
        definition = publish(api)
        [source] = canceled(world, api)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source, source]}

        assert [restart(api, definition, body).status for _ in range(2)] == [204, 204]
        assert len(restarted_from(api, source)) == 2

    def test_a_key_makes_a_repeat_the_same_restart(self, world: World, api: Api):
        definition = publish(api)
        [source] = canceled(world, api)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source]}

        assert [restart(api, definition, body, idempotency_key="k").status for _ in range(2)] == [204, 204]
        assert len(restarted_from(api, source)) == 1


@on_both
class TestTheNewInstance:
    def reborn(self, world: World, api: Api, definition: str, source: str, **body: Any) -> Any:
        given = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source], **body}
        assert restart(api, definition, given).status == 204
        work(world)
        [row] = restarted_from(api, source)
        return row

    def test_has_its_sources_last_variables_with_their_types_and_its_business_key(self, world: World, api: Api):
        definition = publish(api)
        variables = {"l": {"value": 7, "type": "Long"}, "s": {"value": "x"}, "d": {"value": 2.0, "type": "Double"}}
        [source] = canceled(world, api, variables=variables, businessKey="b-1")

        row = self.reborn(world, api, definition, source)

        assert (row["businessKey"], row["state"], row["processDefinitionId"]) == ("b-1", "ACTIVE", definition)
        shown = api.get(f"{REST}/process-instance/{row['id']}/variables").json
        assert {name: (shown[name]["type"], shown[name]["value"]) for name in "lsd"} == {
            "l": ("Long", 7),
            "s": ("String", "x"),
            "d": ("Double", 2.0),
        }
        assert "v_first" in shown  # what its source came to

    def test_may_have_the_initial_variables_and_no_business_key(self, world: World, api: Api):
        definition = publish(api)
        [source] = canceled(world, api, variables={"a": {"value": 1}}, businessKey="b-1")

        row = self.reborn(world, api, definition, source, initialVariables="true", withoutBusinessKey=1)

        assert row["businessKey"] is None
        assert set(api.get(f"{REST}/process-instance/{row['id']}/variables").json) == {"a"}

    def test_begins_where_each_instruction_says(self, world: World, api: Api):
        block = steps(Ask("a"), Sub(steps(Ask("b"), Ask("c"))), Ask("d"))
        definition = publish(api, block)
        [source] = canceled(world, api)
        given = [before("b"), before("c"), after("a"), before("d")]

        row = self.reborn(world, api, definition, source, instructions=given)

        tree = api.get(f"{REST}/process-instance/{row['id']}/activity-instances").json
        assert sorted(_leaves(tree)) == ["b", "b", "c", "d"]
        tasks = api.get(f"{REST}/task?processInstanceId={row['id']}&sortBy=name&sortOrder=asc").json
        assert sorted(task["taskDefinitionKey"] for task in tasks) == ["b", "b", "c", "d"]

    def test_goes_on_to_its_end(self, world: World, api: Api):
        definition = publish(api)
        [source] = canceled(world, api)
        row = self.reborn(world, api, definition, source)

        [task] = api.get(f"{REST}/task?processInstanceId={row['id']}").json
        done = api.post(f"{REST}/task/{task['id']}/complete", {"variables": {"ok": {"value": True}}})
        work(world)

        assert (done.status, done.body) == (204, b"")
        assert api.get(f"{REST}/history/process-instance/{row['id']}").json["state"] == "COMPLETED"
        again = api.post(f"{REST}/task/{task['id']}/complete", {})
        assert again.status == 500
        assert again.json["message"].endswith("task is null")

    def test_can_be_found_by_the_key_of_its_definition_too(self, world: World, api: Api):
        publish(api)
        [source] = canceled(world, api)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source]}
        path = f"{REST}/process-definition/key/order"

        assert api.post(f"{path}/restart", body, content_type="application/json").status == 204
        assert api.post(f"{path}/restart-async", body, content_type="application/json").status == 200
        unknown = api.post(f"{REST}/process-definition/key/nobody/restart", body, content_type="application/json")
        message = "No matching process definition with key: nobody and no tenant-id"
        assert told(unknown) == (404, "RestException", message, None)


def _leaves(node: Any) -> list[str]:
    children = node["childActivityInstances"]
    return [leaf for child in children for leaf in _leaves(child)] if children else [node["activityId"]]
