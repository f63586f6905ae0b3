"""What tests of Restate's admin API do again and again."""

from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import RunId, SnapshotId
from chalicelib.dialects.restate.ids import read_run_id, write_run_id, write_version_id
from tests.dialects.client import Api, Reply
from tests.graphs import Ask, Block, Call, document, steps
from tests.world import World

CHARGED = steps(Call("charge"), Call("ship"))
APPROVED = steps(Call("charge"), Ask("approve"), Call("ship"))
NOBODY = write_run_id(RunId("99999999-0000-4000-8000-000000000000"), RunId("99999999-0000-4000-8000-000000000000"))
NO_DEPLOYMENT = write_version_id(SnapshotId(f"snap_{'9' * 32}"))


def publish(api: Api, block: Block = CHARGED, key: str = "order", type_: str = "service") -> str:
    """Publish a definition, and answer the deployment's id."""
    assert api.put(f"/ops/v1/definitions/{key}", {**document(block), "type": type_}).status == 200
    snapshot: str = api.post(f"/ops/v1/definitions/{key}/publish").json["snapshot_id"]
    return write_version_id(SnapshotId(snapshot))


def start(api: Api, key: str = "order", **fields: Any) -> str:
    """Start a run, and answer the invocation's id."""
    reply = api.post(f"/ops/v1/definitions/{key}/runs", fields)
    assert reply.status == 201, reply.json
    run_id = RunId(reply.json["id"])
    return write_run_id(run_id, run_id)


def completed(world: World, api: Api, key: str = "order", **fields: Any) -> str:
    invocation = start(api, key, **fields)
    world.deliver()
    assert status(api, invocation) == "completed"
    return invocation


def failed(world: World, api: Api, step: str = "ship", **fields: Any) -> str:
    world.outside.fail(step, is_retryable=False)
    invocation = start(api, **fields)
    world.settle()
    world.outside.heal(step)
    assert status(api, invocation) == "failed"
    return invocation


def run_of(api: Api, invocation: str) -> Any:
    return api.run(read_run_id(invocation))


def status(api: Api, invocation: str) -> str:
    told: str = run_of(api, invocation)["status"]
    return told


def patch(api: Api, invocation: str, operation: str, query: str = "", **headers: str) -> Reply:
    return api("PATCH", f"/invocations/{invocation}/{operation}{query and '?'}{query}", **headers)


def restart(api: Api, invocation: str, query: str = "", **headers: str) -> Reply:
    return patch(api, invocation, "restart-as-new", query, **headers)


def batch(api: Api, operation: str, *invocations: str, **fields: Any) -> Any:
    reply = api.post(f"/internal/invocations_batch_operations/{operation}", {"invocation_ids": invocations, **fields})
    assert reply.status == 200, reply.body
    return reply.json


@dataclass(frozen=True)
class Unchanged:
    """Ask so that nothing changes: all tables are byte for byte as they were, and nobody is rung for."""

    world: World

    def __call__(self, api: Api, method: str, path: str, *body: Any, **headers: str) -> Reply:
        before = self.world.everything()
        self.world.messages()
        reply = api(method, path, *body, **headers)
        assert self.world.everything() == before
        assert not self.world.messages()
        return reply
