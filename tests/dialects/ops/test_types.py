"""Objects and workflows over our own dialect: the story of a key, and what is refused."""

from typing import Any

import pytest

from tests.dialects.client import Api
from tests.dialects.ops.conftest import APPROVED, publish, start
from tests.graphs import document
from tests.world import World

STARTS = "/ops/v1/definitions/order/runs"


def typed(type_: str) -> dict[str, Any]:
    return {**document(APPROVED), "type": type_}


def work(world: World) -> None:
    """Deliver all that is due now: who stands in line has a wake-up as long as somebody is at work."""
    while world.deliver():
        pass


def test_runs_of_an_objects_key_take_turns(world: World, api: Api) -> None:
    publish(api, APPROVED, document_=typed("object"))
    assert api.get("/ops/v1/definitions/order").json["type"] == "object"
    first, second, third = (start(api, business_key="k") for _ in range(3))
    work(world)
    assert [api.run(run)["status"] for run in (first, second, third)] == ["waiting", "pending", "pending"]
    assert api.post(f"/ops/v1/runs/{second}/restart").refusal == "source_not_started"

    assert api.post(f"/ops/v1/runs/{second}/cancel").status == 200
    [task] = api.run(first)["open_tasks"]
    assert api.post(f"/ops/v1/runs/{first}/tasks/{task['entry']}/complete").status == 200
    work(world)

    assert [api.run(run)["status"] for run in (first, second, third)] == ["completed", "canceled", "waiting"]
    again = api.post(f"/ops/v1/runs/{first}/restart").json
    work(world)
    assert api.run(again["id"])["status"] == "pending"


def test_a_workflows_key_has_one_run(world: World, api: Api) -> None:
    publish(api, APPROVED, document_=typed("workflow"))
    first = start(api, business_key="k")
    before = world.everything()

    reply = api.post(STARTS, {"business_key": "k"})

    assert (reply.status, reply.refusal) == (409, "workflow_run_exists")
    assert reply.json["error"]["details"]["run_id"] == first
    assert world.everything() == before


@pytest.mark.parametrize("type_", ["object", "workflow"])
def test_a_start_without_a_business_key_is_refused(world: World, api: Api, type_: str) -> None:
    publish(api, APPROVED, document_=typed(type_))
    before = world.everything()

    reply = api.post(STARTS, {})

    assert (reply.status, reply.refusal) == (400, "business_key_needed")
    assert world.everything() == before
