"""Variables of instances that go on, set and taken away over Camunda's wire."""

from typing import Any

import pytest

from tests.dialects.camunda.stories import NOBODY, REST, canceled, publish, start, told, written
from tests.dialects.client import Api
from tests.graphs import Ask
from tests.world import World

JSON = {"content_type": "application/json"}
INSTANCES = f"{REST}/process-instance"


@pytest.fixture
def instance(api: Api) -> str:
    publish(api, Ask("decide"))
    return start(api, variables={"n": {"value": 7}, "long": {"value": 8, "type": "Long"}})


def values(api: Api, instance: str) -> dict[str, Any]:
    told = api.get(f"{INSTANCES}/{instance}/variables").json
    return {name: (one["type"], one["value"]) for name, one in told.items()}


NEW = {"long": ("Long", 8), "n": ("Integer", 7)}


class TestAVariable:
    def test_is_set_with_its_type(self, api: Api, instance: str):
        path = f"{INSTANCES}/{instance}/variables"
        assert api.put(f"{path}/n", {"value": "9", "type": "Long"}, **JSON).status == 204
        assert api.put(f"{path}/m", {"value": "x"}, **JSON).status == 204

        assert values(api, instance) == {"long": ("Long", 8), "n": ("Long", 9), "m": ("String", "x")}

    def test_is_taken_away(self, api: Api, instance: str):
        path = f"{INSTANCES}/{instance}/variables/long"
        assert api.delete(path).status == 204
        assert api.delete(path).status == 204

        assert values(api, instance) == {"n": ("Integer", 7)}
        assert told(api.get(path))[0] == 404

    def test_has_a_history_of_its_changes(self, api: Api, instance: str):
        api.put(f"{INSTANCES}/{instance}/variables/n", {"value": 9}, **JSON)

        details = api.get(f"{REST}/history/detail?variableUpdates=true&processInstanceId={instance}").json
        assert [(one["value"], one["initial"]) for one in details if one["variableName"] == "n"] == [
            (7, True),
            (9, False),
        ]

    @pytest.mark.parametrize(
        ("body", "status", "said"),
        [
            ({"value": "x", "type": "Integer"}, 400, "Cannot convert value 'x' of type 'Integer'"),
            ({"value": 1, "type": "Strange"}, 400, "Unsupported value type 'Strange'"),
            ([], 400, ""),
        ],
    )
    def test_of_no_value_changes_nothing(
        self, world: World, api: Api, instance: str, body: Any, status: int, said: str
    ):
        before = written(world)
        reply = api.put(f"{INSTANCES}/{instance}/variables/n", body, **JSON)

        assert reply.status == status
        assert said in reply.json["message"]
        if said:
            assert reply.json["message"].startswith("Cannot put process instance variable n: ")
        assert written(world) == before


class TestVariables:
    def test_are_set_and_taken_away_together(self, api: Api, instance: str):
        body = {"modifications": {"a": {"value": True}, "b": {"value": 1.5}}, "deletions": ["n", "nobody"]}
        assert api.post(f"{INSTANCES}/{instance}/variables", body, **JSON).status == 204

        assert values(api, instance) == {"long": ("Long", 8), "a": ("Boolean", True), "b": ("Double", 1.5)}

    def test_that_are_set_and_taken_away_are_gone(self, api: Api, instance: str):
        body = {"modifications": {"n": {"value": 1}}, "deletions": ["n"]}
        api.post(f"{INSTANCES}/{instance}/variables", body, **JSON)

        assert values(api, instance) == {"long": ("Long", 8)}

    @pytest.mark.parametrize("body", [{}, {"modifications": None, "deletions": None}])
    def test_of_an_empty_body_stay(self, api: Api, instance: str, body: Any):
        assert api.post(f"{INSTANCES}/{instance}/variables", body, **JSON).status == 204
        assert values(api, instance) == NEW

    def test_are_told_what_is_wrong(self, world: World, api: Api, instance: str):
        before = written(world)
        path = f"{INSTANCES}/{instance}/variables"
        reply = api.post(path, {"modifications": {"a": {"value": 1, "type": "Nope"}}}, **JSON)

        said = f"Cannot modify variables for process instance {instance}: Unsupported value type 'Nope'"
        assert told(reply)[1:3] == ("RestException", said)
        assert api.post(path, {"deletions": "n"}, **JSON).status == 400
        assert written(world) == before


def test_nobodys_variables_can_be_changed(world: World, api: Api, instance: str):
    [ended] = canceled(world, api)
    before = written(world)

    for one in (ended, NOBODY):
        path, absent = f"{INSTANCES}/{one}/variables", f"execution {one} doesn't exist: execution is null"
        replies = {
            f"Cannot put process instance variable n: {absent}": api.put(f"{path}/n", {"value": 1}, **JSON),
            f"Cannot delete process instance variable n: {absent}": api.delete(f"{path}/n"),
            f"Cannot modify variables for process instance {one}: {absent}": api.post(path, {}, **JSON),
        }
        for said, reply in replies.items():
            assert told(reply) == (500, "RestException", said, 0)
    assert written(world) == before
