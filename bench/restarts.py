"""Create and restart many runs, and show that a restart takes the same AWS calls however many there are.

    make bench                       10,000 runs
    python -m bench.restarts 1000    another number

Calls are counted, so they are the same on every machine. Times are ratios to the first tenth of the same run; what
grows there is the laptop's in-process AWS, not the service.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import boto3

from chalicelib import wiring
from chalicelib.actions.performer import Performer
from chalicelib.core.causes import Cause
from chalicelib.core.effects import Effect, Outcome, Succeeded
from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.json_values import Variables
from chalicelib.core.restart_requests import AfterEntry, Beginning, RestartRequest, StartRequest
from chalicelib.core.versions import PublishedVersion
from chalicelib.service.commands import Command
from chalicelib.stores.queues import read_message
from local import aws
from local.calls import CallCounter, observed
from local.template import create, read_template

ACCOUNT, ORDER = AccountId("bench"), DefinitionKey("order")
CAUSE = Cause("ops", "bench")
TENTHS = 10
EXAMPLE = Path(__file__).parent.parent / "examples" / "order.json"
ANSWER = Succeeded({"status": 200, "body": {"charge_id": "c", "reservation_id": "r", "shipment_id": "s"}})


class Outside:
    """An outside world in which every effect succeeds at once."""

    def perform(self, _effect: Effect) -> Outcome:
        return ANSWER


def build() -> tuple[wiring.Services, str]:
    """Answer fresh services with the example published, and the URL of their queue."""
    aws.start(time.time)  # noqa: TID251 - a bench runs in real time
    aws.reset()
    refs = create(read_template(), "bench").refs
    settings = wiring.Settings(
        stage="bench",
        region=aws.REGION,
        runs_queue_url=refs["RunsQueue"],
        bulk_runs_queue_url=refs["BulkRunsQueue"],
        dispatch_queue_url=refs["DispatchQueue"],
        batches_queue_url=refs["BatchesQueue"],
        cursor_secret="a secret of the bench, long enough",
    )
    services = wiring.build(settings, wiring.Machine(), performer=cast("Performer", Outside()))
    services.definitions.save_draft(ACCOUNT, ORDER, json.loads(EXAMPLE.read_text()))
    services.definitions.publish(ACCOUNT, ORDER)
    return services, refs["RunsQueue"]


def start(services: wiring.Services, number: int) -> RunId:
    variables: Variables = {"order": str(number), "amount": 1, "endpoint": "http://example.test"}
    command = Command(ACCOUNT, "ops", "start", ORDER, variables, key=f"start-{number}")
    request = StartRequest(ACCOUNT, CAUSE, variables)
    return services.runs.start(command, ORDER, PublishedVersion(), request).run.id


def restart(services: wiring.Services, source: RunId, number: int) -> RunId:
    """Restart every other run from the beginning, and the rest after their first activity."""
    point = AfterEntry(1) if number % 2 else Beginning()
    command = Command(ACCOUNT, "ops", "restart", source, repr(point), key="restart")
    return services.restarts.restart(command, RestartRequest(source, CAUSE, start=point)).run.id


def work(services: wiring.Services, queue_url: str) -> None:
    """Take every run that was rung for to its end, as the queue's function does."""
    sqs = boto3.client("sqs", region_name=aws.REGION)
    while got := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in got:
            services.worker.advance(read_message(message["Body"]), lambda: 60_000)
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(got)]
        sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


def by_tenths(
    counter: CallCounter, items: Sequence[Any], act: Callable[[Any], RunId]
) -> tuple[list[RunId], list[float], list[float]]:
    """Act on every item; answer what came out, and calls and seconds for each item, tenth by tenth."""
    made: list[RunId] = []
    calls: list[float] = []
    seconds: list[float] = []
    size = len(items) // TENTHS
    for tenth in range(TENTHS):
        counter.take()
        begun = time.perf_counter()
        made += [act(item) for item in items[tenth * size : (tenth + 1) * size]]
        seconds.append((time.perf_counter() - begun) / size)
        calls.append(counter.take().total() / size)
    return made, calls, seconds


def report(what: str, calls: list[float], seconds: list[float]) -> None:
    print(f"{what:<10} calls for each, by tenths: " + " ".join(f"{count:5.2f}" for count in calls))
    print(f"{'':<10} time, the first tenth is 1:  " + " ".join(f"{second / seconds[0]:5.2f}" for second in seconds))


def main(runs: int) -> int:
    services, queue_url = build()
    counter = CallCounter()
    with observed(counter):
        sources, *started = by_tenths(counter, range(runs), lambda number: start(services, number))
        report("start", *started)
        work(services, queue_url)
        numbered = list(enumerate(sources))
        made, *restarted = by_tenths(counter, numbered, lambda item: restart(services, item[1], item[0]))
        report("restart", *restarted)
    calls = restarted[0]
    is_flat = max(calls) == min(calls) and len(set(made)) == len(sources)
    print(f"{len(sources)} runs, {len(set(made))} restarts: " + ("flat" if is_flat else "NOT FLAT"))
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
