"""Reprise on Chalice: where each dialect stands, and the handlers of queue and schedule, which Chalice finds by name.

Six functions share this module. A cold start imports what all of them need, and each loads the rest of its part with
its first event: what requests need, and one dialect; or what messages need. That is why some imports stand below.
"""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, SQSEvent

from chalicelib.dialects.edge import Edge, Guard, Mount
from chalicelib.dialects.front_door import FrontDoor
from chalicelib.settings import is_on_lambda, own_meter

MOUNTS = (  # the first one that has a path is asked first
    Mount.of("ops", "/ops/v1 /health"),
    Mount.of("retab", "/v1/workflows /v1/auth /v1/openapi.json"),
    Mount.of("upstash", "/v2/dlq /v2/workflows /v2/batch /v2/trigger /v2/flowControl /v2/keys /v2/openapi.json"),
    Mount.of(
        "camunda",
        "/engine-rest /engine /process-definition /process-instance /deployment /history /batch /job /job-definition"
        " /incident /task",
    ),
    Mount.of(
        "restate",
        "/v1/invocations /v1/internal /v2 /v3 /v4 /v5"
        " /invocations /query /internal /deployments /services /version /restate",
    ),
    Mount.of("restate.ingress", "/ingress"),
    Mount.of("flowx", "/api/runtime", mark="/api/runtime/"),
)


def services() -> Guard:
    """Answer all use cases, which only requests need."""
    from chalicelib import wiring

    return wiring.services()


app = Chalice("reprise")
app.api.binary_types.append("multipart/form-data")  # deployments of files, whatever their encoding
edge = Edge(app, MOUNTS, services, own_meter())
edge.register(is_whole=not is_on_lambda())  # Chalice's commands, and tests, ask for all routes at once
front_door = FrontDoor(edge.route_of, app, edge.unrouted)


def advance(event: SQSEvent) -> dict[str, Any]:
    """Take the runs of a queue's messages as far as they go."""
    from chalicelib.service.deliveries import deliver
    from chalicelib.workers import workers

    context: Any = event.context
    return _left(deliver(workers().worker, event.to_dict()["Records"], context.get_remaining_time_in_millis))


def _left(message_ids: list[str]) -> dict[str, Any]:
    """Say which messages must stay in the queue."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


@app.on_sqs_message(queue="reprise-runs", batch_size=1)
def advance_runs(event: SQSEvent) -> dict[str, Any]:
    """Take the runs that messages name as far as they go; answer which messages must stay in the queue."""
    return advance(event)


@app.on_sqs_message(queue="reprise-bulk-runs", batch_size=1)
def advance_bulk_runs(event: SQSEvent) -> dict[str, Any]:
    """Do the same for runs that were made together, behind which nobody else should wait."""
    return advance(event)


@app.on_sqs_message(queue="reprise-dispatch", batch_size=1)
def restart_dead_letters(event: SQSEvent) -> dict[str, Any]:
    """Ring for the runs that became of dead letters."""
    from chalicelib.service.deliveries import dispatch
    from chalicelib.workers import workers

    return _left(dispatch(workers().doorbell, event.to_dict()["Records"]))


@app.on_sqs_message(queue="reprise-batches", batch_size=1)
def work_batches(event: SQSEvent) -> dict[str, Any]:
    """Look at a batch, or do one of its jobs."""
    from chalicelib.service.deliveries import work_batch
    from chalicelib.workers import workers

    return _left(work_batch(workers().batch_worker, event.to_dict()["Records"]))


@app.schedule("rate(1 minute)")
def sweep(event: CloudWatchEvent) -> dict[str, int]:
    """Ring for every run and every batch that is overdue."""
    from chalicelib.workers import workers

    context: Any = event.context
    working = workers()
    return {"rung": working.sweep.run(context.get_remaining_time_in_millis) + working.batch_sweep.run()}
