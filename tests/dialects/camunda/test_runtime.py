"""Process instances that go on, and their tasks, over Camunda's wire."""

import base64
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.core.access import Scope
from tests.dialects.camunda.stories import NOBODY, REST, account, canceled, publish, start, told, work
from tests.dialects.client import Api, key_of
from tests.graphs import Ask, Pause, Sub, steps
from tests.world import World

JSON = {"content_type": "application/json"}
INSTANCES = f"{REST}/process-instance"


@pytest.fixture(scope="module")
def shop(world: World) -> tuple[Api, dict[str, str]]:
    """Let three instances go on, and one have ended: `b` is of another definition."""
    api = key_of(world, account("runtime-shop"))
    publish(api, Ask("decide"))
    publish(api, steps(Sub(Ask("look")), Ask("decide")), key="other")
    runs = {
        "a": start(api, businessKey="k-1", variables={"n": {"value": 7}, "s": {"value": "x"}}),
        "b": start(api, key="other", businessKey="k-2"),
        "c": start(api),
    }
    [runs["ended"]] = canceled(world, api)
    return api, runs


Shop = tuple[Api, dict[str, str]]


def names(shop: Shop, rows: list[Any]) -> str:
    known = {run: name for name, run in shop[1].items()}
    return "".join(sorted(known[row["id"]] for row in rows))


class TestAList:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, "abc"),
            ({"businessKey": "k-1"}, "a"),
            ({"businessKeyLike": "k-%"}, "ab"),
            ({"businessKeyIn": ["k-1", "k-2"]}, "ab"),
            ({"processDefinitionKey": "other"}, "b"),
            ({"processDefinitionKeyIn": ["other", "order"]}, "abc"),
            ({"processDefinitionKeyNotIn": ["other"]}, "ac"),
            ({"processInstanceIds": ["{a}", "{ended}"]}, "a"),
            ({"active": True}, "abc"),
            ({"suspended": True}, ""),
            ({"suspended": "true"}, ""),
            ({"active": 1}, "abc"),
            ({"activityIdIn": ["look"]}, "b"),
            ({"withoutTenantId": True}, "abc"),
            ({"processDefinitionWithoutTenantId": True}, "abc"),
            ({"rootProcessInstances": True}, "abc"),
            ({"superProcessInstance": "{a}"}, ""),
            ({"caseInstanceId": "x"}, ""),
            ({"variables": [{"name": "n", "operator": "eq", "value": 7}]}, "a"),
        ],
    )
    def test_holds_what_a_body_asks_for(self, shop: Shop, query: dict[str, Any], expected: str) -> None:
        api, runs = shop
        filled = {
            name: [one.format(**runs) if isinstance(one, str) else one for one in value]
            if isinstance(value, list)
            else value.format(**runs)
            if isinstance(value, str)
            else value
            for name, value in query.items()
        }

        rows = api.post(INSTANCES, filled, **JSON).json

        assert names(shop, rows) == expected
        assert api.post(f"{INSTANCES}/count", filled, **JSON).json == {"count": len(expected)}

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", "abc"),
            ("businessKey=k-1", "a"),
            ("processDefinitionKeyIn=other,order", "abc"),
            ("processInstanceIds={a},{ended}", "a"),
            ("suspended=true", ""),
            ("suspended=False", "abc"),
            ("withIncident=1", ""),
            ("activityIdIn=look,gone", "b"),
            ("variables=s_eq_x", "a"),
            ("variables=n_eq_7", ""),  # values in a URL are texts, as Camunda takes them
            ("maxResults=0", ""),
        ],
    )
    def test_holds_what_a_url_asks_for(self, shop: Shop, query: str, expected: str) -> None:
        api, runs = shop
        filled = query.format(**runs)

        assert names(shop, api.get(f"{INSTANCES}?{filled}").json) == expected
        if "maxResults" not in query:
            assert api.get(f"{INSTANCES}/count?{filled}").json == {"count": len(expected)}

    @pytest.mark.parametrize("by", ["businessKey", "definitionId", "definitionKey", "instanceId", "tenantId"])
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    def test_is_sorted_as_asked_and_what_has_no_value_stands_first(self, shop: Shop, by: str, direction: str) -> None:
        api, query = shop[0], {"sortBy": by, "sortOrder": direction}
        listed = [
            api.get(f"{INSTANCES}?sortBy={by}&sortOrder={direction}"),
            api.post(INSTANCES, query, **JSON),
            api.post(INSTANCES, {"sorting": [query]}, **JSON),
        ]

        for reply in listed:
            found = [row["id" if by == "instanceId" else by] for row in reply.json]
            is_upwards = direction == "asc"
            assert found == sorted(found, key=lambda one: (one is not None, one or ""), reverse=not is_upwards)
            assert len(found) == 3

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("sortBy=startTime&sortOrder=asc", "Cannot set query parameter 'sortBy' to value 'startTime'"),
            ("sortBy=instanceId", "Only a single sorting parameter specified. sortBy and sortOrder required"),
        ],
    )
    @pytest.mark.parametrize("path", ["", "/count"])
    def test_is_sorted_by_nothing_that_it_has_not(self, shop: Shop, query: str, told: str, path: str) -> None:
        reply = shop[0].get(f"{INSTANCES}{path}?{query}")

        assert (reply.status, reply.json["message"]) == (400, told)

    def test_has_a_window(self, shop: Shop) -> None:
        api, _ = shop
        pages = [api.get(f"{INSTANCES}?firstResult={n}&maxResults=1").json for n in range(4)]

        assert sorted(names(shop, page) for page in pages) == ["", "a", "b", "c"]

    @pytest.mark.parametrize("name", ["deploymentId", "incidentId", "leafProcessInstances", "orQueries"])
    def test_asked_for_what_nobody_can_answer_is_refused(self, shop: Shop, name: str) -> None:
        reply = shop[0].post(INSTANCES, {name: "x"}, **JSON)

        assert told(reply)[:3] == (400, "InvalidRequestException", f"The query parameter '{name}' is not supported")
        assert shop[0].get(f"{INSTANCES}?{name}=x").status == 400
        assert shop[0].post(INSTANCES, b"null", **JSON).status == 400

    def test_is_each_accounts_own(self, stranger: Api) -> None:
        assert stranger.get(INSTANCES).json == []


class TestOne:
    def test_is_shown_until_it_has_ended(self, shop: Shop) -> None:
        api, runs = shop
        shown = api.get(f"{INSTANCES}/{runs['a']}").json

        assert (shown["definitionKey"], shown["businessKey"], shown["ended"], shown["links"]) == (
            "order",
            "k-1",
            False,
            [],
        )
        for run in (runs["ended"], NOBODY):
            message = f"Process instance with id {run} does not exist"
            assert told(api.get(f"{INSTANCES}/{run}")) == (404, "InvalidRequestException", message, None)
            assert api.get(f"{INSTANCES}/{run}/activity-instances").status == 404

    def test_stands_in_its_activities(self, shop: Shop) -> None:
        api, runs = shop
        tree = api.get(f"{INSTANCES}/{runs['b']}/activity-instances").json
        [scope] = tree["childActivityInstances"]
        [leaf] = scope["childActivityInstances"]

        assert (tree["id"], tree["activityType"]) == (runs["b"], "processDefinition")
        assert (scope["activityType"], leaf["activityId"], leaf["activityType"]) == ("subProcess", "look", "userTask")
        assert (leaf["parentActivityInstanceId"], scope["parentActivityInstanceId"]) == (scope["id"], tree["id"])

    def test_shows_its_variables(self, shop: Shop) -> None:
        api, runs = shop
        path = f"{INSTANCES}/{runs['a']}/variables"

        assert {name: value["type"] for name, value in api.get(path).json.items()} == {"n": "Integer", "s": "String"}
        assert api.get(f"{path}/n").json == {"type": "Integer", "value": 7, "valueInfo": {}}
        missing = "process instance variable with name x does not exist"
        assert told(api.get(f"{path}/x")) == (404, "InvalidRequestException", missing, None)
        gone = api.get(f"{INSTANCES}/{runs['ended']}/variables")
        assert told(gone)[:2] == (500, "NullValueException")

    def test_can_be_deleted_once(self, world: World, api: Api) -> None:
        publish(api, Ask("decide"))
        instance = start(api)
        absent = f"No process instance found for id '{instance}': processInstance is null"

        assert api.delete(f"{INSTANCES}/{instance}?skipCustomListeners=true").status == 204
        assert told(api.delete(f"{INSTANCES}/{instance}")) == (404, "InvalidRequestException", absent, 0)
        assert api.delete(f"{INSTANCES}/{instance}?failIfNotExists=false").status == 204
        assert api.get(f"{REST}/history/process-instance/{instance}").json["state"] == "EXTERNALLY_TERMINATED"

    def test_is_deleted_by_those_who_may_write(self, world: World, shop: Shop) -> None:
        reader = key_of(world, account("runtime-shop"), Scope.READ)

        assert reader.delete(f"{INSTANCES}/{shop[1]['a']}").status == 403
        assert reader.get(f"{INSTANCES}/{shop[1]['a']}").status == 200


class TestTasks:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", {"decide": 2, "look": 1}),
            ("processDefinitionKey=other", {"look": 1}),
            ("processInstanceId={a}", {"decide": 1}),
            ("processInstanceIdIn={a},{b},{ended}", {"decide": 1, "look": 1}),
            ("taskDefinitionKey=look", {"look": 1}),
            ("taskDefinitionKeyIn=look,decide", {"decide": 2, "look": 1}),
            ("processInstanceBusinessKey=k-2", {"look": 1}),
            ("taskId={a}.1", {"decide": 1}),
            ("taskId=nonsense", {}),
            ("tenantIdIn=t", {}),
        ],
    )
    def test_are_those_that_wait_for_a_person(self, shop: Shop, query: str, expected: dict[str, int]) -> None:
        api, runs = shop
        filled = query.format(**runs)
        keys = [task["taskDefinitionKey"] for task in api.get(f"{REST}/task?{filled}").json]

        assert {key: keys.count(key) for key in keys} == expected
        assert api.get(f"{REST}/task/count?{filled}").json == {"count": len(keys)}

    def test_are_shown_one_by_one(self, shop: Shop) -> None:
        api, runs = shop
        [task] = api.get(f"{REST}/task?processInstanceId={runs['a']}").json

        assert api.get(f"{REST}/task/{task['id']}").json == task
        assert (task["processInstanceId"], task["taskState"], task["assignee"]) == (runs["a"], "Created", None)
        for unknown in (f"{runs['a']}.99", f"{NOBODY}.1", "nonsense", quote("a b", safe="")):
            reply = api.get(f"{REST}/task/{unknown}")
            assert (reply.status, reply.json["message"][:21]) == (404, "No matching task with")

    @pytest.mark.parametrize("name", ["assignee", "candidateUser", "taskVariables"])
    def test_asked_for_by_what_nobody_knows_are_refused(self, shop: Shop, name: str) -> None:
        assert shop[0].get(f"{REST}/task?{name}=x").status == 400

    def test_are_completed_with_variables_and_their_types(self, world: World, api: Api) -> None:
        publish(api, steps(Ask("decide"), Ask("again"), Pause("later", 1)))
        instance = start(api, variables={"n": {"value": 1, "type": "Long"}})
        [task] = api.get(f"{REST}/task?processInstanceId={instance}").json
        given = {"variables": {"m": {"value": 2.0, "type": "Double"}}, "withVariablesInReturn": True}

        reply = api.post(f"{REST}/task/{task['id']}/complete", given)

        assert reply.status == 200
        assert {name: value["type"] for name, value in reply.json.items()} == {"n": "Long", "m": "Double"}
        [task] = api.get(f"{REST}/task?processInstanceId={instance}").json
        assert api.post(f"{REST}/task/{task['id']}/complete").status == 204
        work(world)
        assert api.get(f"{REST}/task?processInstanceId={instance}").json == []

    @pytest.mark.parametrize("task", [f"{NOBODY}.1", "nonsense"])
    def test_that_are_gone_cannot_be_completed(self, api: Api, task: str) -> None:
        message = f"Cannot complete task {task}: Cannot find task with id {task}: task is null"

        assert told(api.post(f"{REST}/task/{task}/complete", {})) == (500, "RestException", message, 0)


class TestTheEngine:
    def test_is_one_of_its_own_name(self, shop: Shop) -> None:
        api, runs = shop
        assert api.get(f"{REST}/engine").json == [{"name": "default"}]
        named = api.get(f"{REST}/engine/default/process-instance/{runs['a']}")
        assert named.json == api.get(f"/process-instance/{runs['a']}").json
        other = api.get(f"{REST}/engine/other/process-instance/{runs['a']}")
        assert told(other) == (400, "InvalidRequestException", "No process engine available", None)

    def test_is_asked_with_basic_authentication_too(self, shop: Shop) -> None:
        shown = base64.b64encode(f"anybody:{shop[0].secret}".encode()).decode()
        bare = Api()

        assert bare.get(f"{REST}/version", authorization=f"Basic {shown}").json["version"].startswith("7.")
        for nonsense in ("Basic", "Basic !", "Basic YQ==", "Digest x"):
            assert bare.get(f"{REST}/version", authorization=nonsense).status == 401
