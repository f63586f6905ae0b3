"""What tests of FlowX's dialect do again and again."""

from typing import Any

from chalicelib.core.json_values import Variables
from tests.dialects.client import Api, Reply
from tests.graphs import Ask, Block, Call, document, steps
from tests.world import World

PROCESS = "[DOCS]customer_onboarding"
ENCODED = "%5BDOCS%5Dcustomer_onboarding"
APP = "/api/runtime/wks/ws-1/app/app-1"
OPS_APP = "/ops/v1/apps/ws-1/app-1"
READ = Call("read")
WAITS = steps(Call("read"), Ask("approve"))


def publish(api: Api, block: Block = READ, process: str = ENCODED, **more: Any) -> None:
    graph: Variables = {**document(block), **more}
    assert api.put(f"/ops/v1/definitions/{process}", graph).status == 200
    assert api.post(f"/ops/v1/definitions/{process}/publish").status == 200


def register(api: Api, **policy: Any) -> None:
    assert api.put(OPS_APP, policy).status == 200


def start(api: Api, data: Any = None, process: str = ENCODED, app: str = APP, **headers: str) -> Reply:
    return api.post(f"{app}/process-name/{process}/start", data, **headers)


def copy(api: Api, source: str, data: Any = None, process: str = ENCODED, app: str = APP, **headers: str) -> Reply:
    return api.post(f"{app}/process-name/{process}/start/copyDataFrom/{source}", data, **headers)


def failed(world: World, api: Api, data: Any) -> str:
    """Let an instance fail at its first step, and answer its UUID."""
    publish(api)
    register(api)
    world.outside.fail("read", is_retryable=False)
    uuid: str = start(api, data).json["uuid"]
    world.settle()
    world.outside.heal("read")
    return uuid


def data_of(api: Api, uuid: str) -> Any:
    return api.get(f"/api/runtime/process/{uuid}/data").json
