"""Fixtures of our own dialect: a definition to run, and an outside world that is well when a test begins."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.json_values import Variables
from tests.dialects.client import Api
from tests.graphs import Ask, Block, Call, Pause, document, steps
from tests.world import World

CHARGED = steps(Call("charge"), Call("ship"))
APPROVED = steps(Call("charge"), Ask("approve"), Call("ship"))
LATER = steps(Pause("cool_off", 3600))


@pytest.fixture(autouse=True)
def _well_again(world: World) -> Iterator[None]:
    yield
    world.outside.answers.clear()


def publish(api: Api, block: Block, key: str = "order", document_: Variables | None = None) -> str:
    """Publish a definition and answer its snapshot's id."""
    assert api.put(f"/ops/v1/definitions/{key}", document_ or document(block)).status == 200
    snapshot: str = api.post(f"/ops/v1/definitions/{key}/publish").json["snapshot_id"]
    return snapshot


def start(api: Api, key: str = "order", **fields: Any) -> str:
    reply = api.post(f"/ops/v1/definitions/{key}/runs", fields)
    assert reply.status == 201, reply.json
    run_id: str = reply.json["id"]
    return run_id


def failed(world: World, api: Api, step: str = "ship", **fields: Any) -> str:
    """Answer a run that failed at a step, which is well again."""
    world.outside.fail(step, is_retryable=False)
    run_id = start(api, **fields)
    world.settle()
    world.outside.heal(step)
    assert api.run(run_id)["status"] == "failed"
    return run_id
