"""Reprise on Chalice: the dialects' routes, and the handlers of queue and schedule that Chalice finds here by name."""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, SQSEvent

from chalicelib import wiring
from chalicelib.dialects.camunda.routes import CAMUNDA
from chalicelib.dialects.edge import Edge
from chalicelib.dialects.flowx.routes import FLOWX
from chalicelib.dialects.front_door import FrontDoor
from chalicelib.dialects.ops.routes import OPS
from chalicelib.dialects.restate.ingress.routes import INGRESS
from chalicelib.dialects.restate.routes import RESTATE
from chalicelib.dialects.retab.routes import RETAB
from chalicelib.dialects.upstash.routes import UPSTASH
from chalicelib.service.deliveries import deliver, dispatch, work_batch

app = Chalice("reprise")
app.api.binary_types.append("multipart/form-data")  # deployments of files, whatever their encoding
edge = Edge((OPS, RETAB, UPSTASH, CAMUNDA, RESTATE, INGRESS, FLOWX), wiring.services)
edge.register(app)
front_door = FrontDoor.of(app.routes, app, edge.unrouted)


def advance(event: SQSEvent) -> dict[str, Any]:
    """Take the runs of a queue's messages as far as they go."""
    context: Any = event.context
    failed = deliver(wiring.services().worker, event.to_dict()["Records"], context.get_remaining_time_in_millis)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


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
    failed = dispatch(wiring.services().doorbell, event.to_dict()["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@app.on_sqs_message(queue="reprise-batches", batch_size=1)
def work_batches(event: SQSEvent) -> dict[str, Any]:
    """Look at a batch, or do one of its jobs."""
    failed = work_batch(wiring.services().batch_worker, event.to_dict()["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@app.schedule("rate(1 minute)")
def sweep(event: CloudWatchEvent) -> dict[str, int]:
    """Ring for every run and every batch that is overdue."""
    context: Any = event.context
    services = wiring.services()
    rung = services.sweep.run(context.get_remaining_time_in_millis)
    return {"rung": rung + services.batch_sweep.run()}
