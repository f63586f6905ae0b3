"""What tests of Camunda's dialect do again and again: publish, start, end, restart, let workers and batches work."""

from typing import Any

from chalicelib.core.ids import AccountId
from chalicelib.service.deliveries import work_batch
from tests.dialects.client import Api, Reply
from tests.graphs import Ask, Block, Call, document, steps
from tests.world import MINUTE, World

REST = "/engine-rest"
BLOCK = steps(Call("first"), Ask("decide"), Call("last"))
BEFORE_DECIDE = [{"type": "startBeforeActivity", "activityId": "decide"}]
NOBODY = "00000000-0000-4000-8000-0000000000ff"
BATCH_KEYS = {
    *("id", "type", "totalJobs", "jobsCreated", "batchJobsPerSeed", "invocationsPerBatchJob"),
    *("seedJobDefinitionId", "monitorJobDefinitionId", "batchJobDefinitionId", "suspended", "tenantId"),
    *("createUserId", "startTime", "executionStartTime"),
}


def publish(api: Api, block: Block = BLOCK, key: str = "order") -> str:
    """Publish a definition, and answer the id of its newest version."""
    assert api.put(f"/ops/v1/definitions/{key}", document(block)).status == 200
    assert api.post(f"/ops/v1/definitions/{key}/publish").status == 200
    definition_id: str = api.get(f"{REST}/process-definition/key/{key}").json["id"]
    return definition_id


def start(api: Api, key: str = "order", **body: Any) -> str:
    reply = api.post(f"{REST}/process-definition/key/{key}/start", body, content_type="application/json")
    assert reply.status == 200, reply.json
    instance: str = reply.json["id"]
    return instance


def canceled(world: World, api: Api, number: int = 1, **body: Any) -> list[str]:
    """Start instances, and delete them where they wait."""
    instances = [start(api, **body) for _ in range(number)]
    work(world)
    for instance in instances:
        assert api.delete(f"{REST}/process-instance/{instance}").status == 204
    return instances


def work(world: World) -> None:
    """Let workers and batches do what is rung for; no time passes."""
    queue = world.resources.refs["BatchesQueue"]
    for _ in range(1_000):
        messages = world.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            if not work_batch(world.services.batch_worker, [record]):
                world.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        if not (world.deliver() or messages or _bulk(world)):
            return
    raise AssertionError("there is no end to it")


def _bulk(world: World) -> bool:
    """Let workers do what was rung for in the queue of many."""
    normal, world.queue_url = world.queue_url, world.resources.refs["BulkRunsQueue"]
    try:
        return bool(world.deliver())
    finally:
        world.queue_url = normal


def later(world: World) -> None:
    """Let a minute pass, with the sweep at its end."""
    world.clock.advance(MINUTE)
    world.services.sweep.run(lambda: MINUTE)
    world.services.batch_sweep.run()
    work(world)


def restart(api: Api, definition: str, body: Any, *, is_async: bool = False, **headers: str) -> Reply:
    path = f"{REST}/process-definition/{definition}/restart{'-async' if is_async else ''}"
    return api.post(path, body, content_type="application/json", **headers)


def restarted_from(api: Api, source: str) -> list[Any]:
    """Answer the historic instances that came from a source."""
    rows: list[Any] = api.post(f"{REST}/history/process-instance", {}, content_type="application/json").json
    return [row for row in rows if row["restartedProcessInstanceId"] == source]


def told(reply: Reply) -> tuple[int, str, str, int | None]:
    """Answer status, type, message and code of a refusal."""
    return reply.status, reply.json["type"], reply.json["message"], reply.json["code"]


def written(world: World) -> dict[str, Any]:
    return world.everything()


def account(name: str) -> AccountId:
    return AccountId(name)
