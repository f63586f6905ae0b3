"""Lines of the log are numbers too, in CloudWatch's embedded metric format: what happens is counted, and once."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from chalicelib.dialects.request_log import JsonLines
from chalicelib.service.deliveries import deliver
from chalicelib.service.metrics import Meter
from chalicelib.service.sweep import MARGIN_MS
from tests.aws_calls import Calls
from tests.dialects.camunda.stories import later, work
from tests.dialects.client import Api
from tests.dialects.conftest import Log, logging_as
from tests.graphs import Call, document
from tests.world import World

FUNCTION, STAGE = "a_function", "Reprise/test"
CALLS = {"aws_calls a_function", "aws_repeats a_function"}


@pytest.fixture
def log() -> Iterator[Log]:
    """Answer what a function writes to its log."""
    with logging_as(JsonLines(Meter(STAGE, FUNCTION))) as log:
        yield log


def counted(line: dict[str, Any]) -> dict[str, float]:
    """Answer what CloudWatch makes of a line, by name and dimensions; what is not as it takes it is an error."""
    told, numbers = line.get("_aws"), dict[str, float]()
    if told is None:
        return {}
    assert {*told} == {"Timestamp", "CloudWatchMetrics"}
    assert type(told["Timestamp"]) is int
    for directive in told["CloudWatchMetrics"]:
        assert directive["Namespace"] == STAGE
        for by in directive["Dimensions"]:
            assert all(isinstance(line[field], str) and 0 < len(line[field]) <= 1_024 for field in by)
            for metric in directive["Metrics"]:
                assert metric.get("Unit") == ("Milliseconds" if metric["Name"].endswith("_ms") else None)
                assert type(line[metric["Name"]]) in {int, float}
                numbers[" ".join([metric["Name"], *(line[field] for field in by)])] = line[metric["Name"]]
    return numbers


def totals(log: Log, account: AccountId) -> dict[str, float]:
    """Add up what is counted of an account, beside calls to AWS and requests."""
    total = dict[str, float]()
    for line in (line for line in log.lines if line.get("account") == account):
        for name, number in counted(line).items():
            if name not in CALLS and not name.startswith("requests "):
                total[name] = total.get(name, 0) + number
    return total


@pytest.fixture
def run(api: Api) -> str:
    api.put("/ops/v1/definitions/order", document(Call("ship")))
    api.post("/ops/v1/definitions/order/publish")
    started: str = api.post("/ops/v1/definitions/order/runs").json["id"]
    return started


@pytest.fixture
def source(world: World, run: str) -> str:
    """Answer a run that has ended."""
    world.settle()
    return run


def test_a_run_is_counted_once_however_often_it_is_asked_for(api: Api, run: str, log: Log, account: AccountId) -> None:
    for _ in range(2):
        api.post("/ops/v1/definitions/order/runs", None, idempotency_key="once")

    assert totals(log, account) == {"runs_made ops start": 1}


def test_what_a_request_makes_bears_its_name(api: Api, run: str, log: Log) -> None:
    reply = api.post("/ops/v1/definitions/order/runs")

    [made] = [line for line in log.lines if line["message"] == "run made"]
    assert (made["run"], made["request_id"]) == (reply.json["id"], reply.headers["x-request-id"])


def test_a_refusal_is_counted_by_its_reason(api: Api, run: str, log: Log, account: AccountId) -> None:
    api.post(f"/ops/v1/runs/{run}/restart", {"start": {"type": "beginning"}})

    assert totals(log, account) == {"refusals ops source_not_started": 1}


def test_a_run_is_counted_as_a_worker_leaves_it(world: World, run: str, log: Log, account: AccountId) -> None:
    world.settle()

    assert totals(log, account) == {"runs_begun ops start": 1, "waited_ms": 0, "runs_left completed": 1}


def test_a_run_is_begun_once_and_had_waited_since_it_could_have_been(
    world: World, api: Api, source: str, log: Log, account: AccountId
) -> None:
    world.outside.fail("ship")
    api.post(f"/ops/v1/runs/{source}/restart")
    world.clock.advance(MARGIN_MS)
    world.settle()
    world.outside.heal("ship")

    left = {"runs_left running": 3, "runs_left failed": 1}  # after a try each
    assert totals(log, account) == {
        "runs_made ops restart": 1,
        "runs_begun ops restart": 1,
        "waited_ms": MARGIN_MS,
        **left,
    }


def test_a_sweep_tells_how_late_it_was(world: World, run: str, log: Log) -> None:
    world.clock.advance(10 * MARGIN_MS)
    world.services.sweep.run(lambda: 60_000)

    [swept] = [line for line in log.lines if line["message"] == "swept"]
    assert counted(swept).keys() == {"rung", "late_ms", *CALLS}
    assert swept["rung"] >= 1
    assert 0 < swept["late_ms"] <= 10 * MARGIN_MS


def test_a_request_tells_what_it_took_of_aws(api: Api, source: str, log: Log, calls: Calls) -> None:
    calls.made.clear()

    api.post(f"/ops/v1/runs/{source}/restart")

    [line] = log.requests
    assert line["aws_calls"] == len(calls) == 3
    assert line["aws_repeats"] == 0
    assert counted(line).keys() == {"requests ops", *CALLS}


@pytest.mark.parametrize(("body", "refusal"), [('{{"run": "{account}#{run}"}}', None), ("{{", "message_invalid")])
def test_a_message_tells_what_it_took_of_aws_and_whether_it_stays(
    world: World, account: AccountId, run: str, log: Log, calls: Calls, body: str, refusal: str | None
) -> None:
    calls.made.clear()

    deliver(world.services.worker, [{"messageId": "m", "body": body.format(account=account, run=run)}], lambda: 60_000)

    [told] = [line for line in log.lines if line["message"] == "message"]
    assert told["aws_calls"] == len(calls)
    assert (told["id"], told["is_done"], told["refusal"]) == ("m", refusal is None, refusal)
    assert counted(told).keys() == CALLS


def test_a_page_of_dead_letters_is_counted_run_by_run(
    world: World, api: Api, source: str, log: Log, account: AccountId
) -> None:
    world.outside.fail("ship", is_retryable=False)
    for _ in range(3):
        api.post("/ops/v1/definitions/order/runs")
    world.settle()
    world.outside.heal("ship")

    api.post("/v2/workflows/dlq/restart", {})

    assert totals(log, account)["runs_made upstash restart"] == 3


class TestABatch:
    @pytest.fixture
    def batch(self, world: World, api: Api, source: str) -> str:
        body = {"processInstanceIds": [source], "instructions": [{"type": "startBeforeActivity", "activityId": "ship"}]}
        reply = api.post("/engine-rest/process-definition/key/order/restart-async", body)
        assert reply.status == 200, reply.json
        batch: str = reply.json["id"]
        return batch

    def test_is_told_of_from_its_making_to_its_end(self, world: World, batch: str, log: Log) -> None:
        work(world)

        told = [line for line in log.lines if line.get("batch") == batch]
        assert [line["message"] for line in told] == ["run made", "job done", "batch ended"]
        assert [{*counted(line)} for line in told] == [
            {"runs_made camunda restart"},
            {"jobs_done camunda"},
            {"batches_ended camunda"},
        ]

    def test_tells_why_a_job_failed_and_what_is_left(
        self, world: World, api: Api, source: str, batch: str, log: Log
    ) -> None:
        assert api.delete(f"/ops/v1/runs/{source}").status == 204
        work(world)
        later(world)

        told = [line for line in log.lines if line.get("batch") == batch]
        failed = [line for line in told if line["message"] == "job failed"]
        assert {line["refusal"] for line in failed} == {"run_not_found"}
        assert all(counted(line).keys() == {"jobs_failed camunda"} for line in failed)
        assert told[-1]["message"] == "batch seen"
        assert (told[-1]["jobs_left"], told[-1]["jobs_failed"]) == (1, 1)
        assert counted(told[-1]) == {"jobs_left": 1}
