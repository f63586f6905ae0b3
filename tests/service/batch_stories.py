"""What tests of batches do again and again: leave ended runs, restart them as a batch, see that each was, once."""

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import boto3

from chalicelib import wiring
from chalicelib.core.batch_sizes import Sizes
from chalicelib.core.batches import Batch, Order
from chalicelib.core.ids import RunId
from chalicelib.core.restart_requests import Data, StartRequest
from chalicelib.core.state import Place, Start
from chalicelib.core.versions import PublishedVersion
from chalicelib.service.commands import Command
from local import aws
from tests.faults.play import Play
from tests.graphs import Block, document
from tests.world import ACME, CAUSE, INPUT, ORDER

COMMAND = Command(ACME, "ops", "start", ORDER, {})
Row = dict[str, Any]


def publish(play: Play, block: Block, **more: Any) -> wiring.Services:
    """Publish a definition with these fields, and answer a warm process."""
    services = play.stage.boot()
    services.definitions.save_draft(ACME, ORDER, {**document(block), **more})
    services.definitions.publish(ACME, ORDER)
    return services


def deliver(play: Play, rounds: int = 100_000) -> None:
    """Deliver what is visible, and what comes of it; no time passes."""
    for _ in range(rounds):
        if not play.deliver():
            return


def canceled_run(services: wiring.Services, **more: Any) -> RunId:
    """Start a run and cancel it."""
    run_id = started_run(services, **more)
    services.runs.cancel(ACME, run_id, "test")
    return run_id


def started_run(services: wiring.Services, **more: Any) -> RunId:
    request = replace(StartRequest(ACME, CAUSE, INPUT), **more)
    return services.runs.start(COMMAND, ORDER, PublishedVersion(), request).run.id


def leave_runs(services: wiring.Services, play: Play, number: int) -> list[RunId]:
    """Let there be so many canceled runs, which differ in their ids alone."""
    first = canceled_run(services)
    for queue in play.stage.queues:
        play.stage.engine.take(queue)
    [row] = [row for row in play.rows("runs") if row["run_id"]["S"] == first]
    client = boto3.client("dynamodb", region_name=aws.REGION)
    ids = [first]
    for n in range(1, number):
        run = str(UUID(int=(n << 80) + 0x8000_0000_0000_0000, version=4))  # n stands above the version
        told = {"pk": f"{ACME}#{run}", "run_id": run, "root_id": run, "root": f"{ACME}#{run}"}
        told["created"] = f"{row['created']['S'].partition('#')[0]}#{run}"
        client.put_item(
            TableName="reprise-runs-test", Item={**row, **{name: {"S": text} for name, text in told.items()}}
        )
        ids.append(RunId(run))
    return ids


def order(services: wiring.Services, *places: Place, **more: Any) -> Order:
    version = services.definitions.find(ACME, ORDER, PublishedVersion())
    start = Start(places)
    return Order(ORDER, version.number or 0, version.snapshot, start, more.pop("data", Data.LAST_VARIABLES), **more)


def restart(
    services: wiring.Services, sources: list[RunId], *places: Place, per_job: int = 1, per_seed: int = 100
) -> Batch:
    """Restart sources as a batch, of which nothing has been done yet."""
    return services.batches.create(COMMAND, order(services, *places), sources, CAUSE, Sizes(per_job, per_seed))


def reborn(play: Play) -> dict[str, Row]:
    """Answer the runs that came from others, by their sources; none came twice from one."""
    rows = [row for row in play.rows("runs") if "source_id" in row]
    assert max(Counter(row["source_id"]["S"] for row in rows).values(), default=1) == 1
    return {row["source_id"]["S"]: row for row in rows}


def stands(services: wiring.Services, batch: Batch) -> Batch:
    """Read a batch as it is now."""
    found = services.batches.batches.load(ACME, batch.id)
    assert found is not None
    return found


def check_done(services: wiring.Services, play: Play, batch: Batch, sources: list[RunId]) -> None:
    """See that a batch has ended, and that each of its sources was restarted once."""
    assert not play.problems
    runs = reborn(play)
    assert runs.keys() == set(sources)
    assert all(row["run_id"]["S"] == batch.run_id(RunId(source)) for source, row in runs.items())
    ended = stands(services, batch)
    assert ended.ended_at is not None
    assert (ended.jobs_created, services.batches.jobs(ended, after=-1, limit=9)) == (ended.jobs, [])
