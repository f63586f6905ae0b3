"""Which instances are restarted: those that are named, those that a query finds, and none of what is suspended."""

import pytest

from tests.dialects.camunda.stories import BEFORE_DECIDE, REST, canceled, publish, restart, restarted_from, told, work
from tests.dialects.client import Api
from tests.world import World

INVALID = "InvalidRequestException"
BOTH = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


class TestTheSelection:
    @BOTH
    def test_is_ids_and_a_query_together(self, world: World, api: Api, is_async: bool):
        definition = publish(api)
        named = canceled(world, api, 2)
        found = canceled(world, api, 2, businessKey="wanted")
        other = canceled(world, api)
        body = {
            "instructions": BEFORE_DECIDE,
            "processInstanceIds": named,
            "historicProcessInstanceQuery": {"processInstanceBusinessKey": "wanted", "unknownFilter": 7},
        }

        assert restart(api, definition, body, is_async=is_async).status in {200, 204}
        work(world)

        assert [len(restarted_from(api, source)) for source in [*named, *found, *other]] == [1, 1, 1, 1, 0]

    def test_of_an_empty_query_is_everything(self, world: World, api: Api):
        definition = publish(api)
        sources = canceled(world, api, 3)
        body = {"instructions": BEFORE_DECIDE, "historicProcessInstanceQuery": {}}

        assert restart(api, definition, body).status == 204
        assert all(restarted_from(api, source) for source in sources)

    @BOTH
    def test_of_a_query_that_finds_nobody_is_empty(self, api: Api, is_async: bool):
        definition = publish(api)
        body = {"instructions": BEFORE_DECIDE, "historicProcessInstanceQuery": {"processInstanceBusinessKey": "nobody"}}

        assert told(restart(api, definition, body, is_async=is_async))[2] == "processInstanceIds is empty"


class TestASuspendedDefinition:
    @BOTH
    def test_has_no_instance_restarted_until_it_is_active_again(self, world: World, api: Api, is_async: bool):
        definition = publish(api)
        [source] = canceled(world, api)
        body = {"instructions": BEFORE_DECIDE, "processInstanceIds": [source]}
        path = f"{REST}/process-definition/{definition}/suspended"
        message = f"ENGINE-03043 Process Definition with id '{definition}' is suspended."

        assert api.put(path, {"suspended": True}, content_type="application/json").status == 204
        assert told(restart(api, definition, body, is_async=is_async)) == (400, INVALID, message, None)
        assert api.put(path, {"suspended": False}, content_type="application/json").status == 204
        assert restart(api, definition, body, is_async=is_async).status in {200, 204}
