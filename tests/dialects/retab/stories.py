"""What tests of Retab's dialect do again and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chalicelib import wiring
from tests.dialects.client import Api
from tests.graphs import Ask, Block, Call, document, steps
from tests.world import World

WF = "wf_invoices"
RUNS = "/v1/workflows/runs"
READ = Call("read")
CHECKED = steps(Call("read"), Ask("approve"), Call("file"))
INPUTS: dict[str, Any] = {
    "documents": {"start-1": {"filename": "invoice.pdf", "url": "https://files.test/invoice.pdf"}},
    "json_inputs": {"start-json-1": {"amount": 7}},
}


def publish(api: Api, block: Block = READ, workflow: str = WF) -> None:
    assert api.put(f"/ops/v1/definitions/{workflow}", document(block)).status == 200
    assert api.post(f"/v1/workflows/{workflow}/publish").status == 200


def create(api: Api, workflow: str = WF, **more: Any) -> str:
    reply = api.post(f"/v1/workflows/{workflow}/run", {**INPUTS, **more})
    assert reply.status == 200, reply.body
    run: str = reply.json["id"]
    return run


def completed(world: World, api: Api, block: Block = READ, **more: Any) -> str:
    publish(api, block)
    run = create(api, **more)
    world.settle()
    return run


def failed(world: World, api: Api) -> str:
    publish(api)
    world.outside.fail("read", is_retryable=False)
    run = create(api)
    world.settle()
    world.outside.heal("read")
    return run


def shown(api: Api, run: str) -> Any:
    return api.get(f"{RUNS}/{run}").json


@contextmanager
def later(world: World, sdk: int) -> Iterator[None]:
    """Serve clients of another era inside."""
    wiring.install(replace(world.services, retab_sdk=sdk))
    try:
        yield
    finally:
        wiring.install(world.services)
