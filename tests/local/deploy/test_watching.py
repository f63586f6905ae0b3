"""Whatever a stage has is watched, and what is counted is what the log says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from chalicelib.service.deliveries import deliver
from chalicelib.service.sweep import MARGIN_MS
from local.deploy.package import merge_template
from local.deploy.watching import FUNCTIONS, dead_queues, queues, tables
from tests.aws_calls import Calls
from tests.backends import backend
from tests.dialects.camunda.stories import later, work
from tests.dialects.client import Api
from tests.dialects.conftest import Log, account, api, log, world
from tests.graphs import Call, document
from tests.world import World

__all__ = ["account", "api", "backend", "log", "world"]

TEMPLATE = merge_template("prod")
ALARMS = {name: it["Properties"] for name, it in TEMPLATE["Resources"].items() if it.get("Type", "").endswith("Alarm")}
RUNBOOK = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("thing", [*queues(TEMPLATE), *tables(TEMPLATE), *FUNCTIONS.values()])
def test_every_queue_table_and_function_has_an_alarm(thing: str) -> None:
    assert any(thing in json.dumps([it.get("Dimensions"), it.get("Metrics")]) for it in ALARMS.values())


@pytest.mark.parametrize("alarm", ALARMS)
def test_whoever_is_alarmed_finds_what_to_do(alarm: str) -> None:
    things = "|".join([*queues(TEMPLATE), *tables(TEMPLATE), *FUNCTIONS.values()])

    assert f"`{alarm}`" in RUNBOOK or f"`{re.sub(f'^({things})', '…', alarm)}`" in RUNBOOK


def test_nobody_is_told_unless_there_is_a_topic() -> None:
    topic = {"Fn::If": ["IsAlarmed", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}

    assert all(it["AlarmActions"] == it["OKActions"] == topic for it in ALARMS.values())
    assert TEMPLATE["Parameters"]["AlarmTopicArn"]["Default"] == ""


@pytest.mark.parametrize("queue", dead_queues(TEMPLATE))
def test_one_message_that_nobody_can_handle_is_one_too_many(queue: str) -> None:
    assert ALARMS[f"{queue}NotEmpty"]["Threshold"] == 0


def test_the_dashboard_names_only_what_there_is() -> None:
    body = TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = {name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", body)}

    assert named - {"AWS::Region"} <= {*TEMPLATE["Parameters"], *TEMPLATE["Resources"]}
    assert len(json.loads(body)["widgets"]) == 16


# -- the lines that are counted


def counted(line: dict[str, Any], function: str = "ApiHandler") -> set[str]:
    """Name the metrics that CloudWatch makes of a line of a function's log: what its patterns ask for, and no more."""
    found, group = set(), {"Ref": f"{function}Log"}
    for name, it in TEMPLATE["Resources"].items():
        if it.get("Type") == "AWS::Logs::MetricFilter" and it["Properties"]["LogGroupName"] == group:
            clauses = it["Properties"]["FilterPattern"].strip("{} ").split(" && ")
            [metric] = it["Properties"]["MetricTransformations"]
            fields = [metric["MetricValue"], *(part["Value"] for part in metric.get("Dimensions", ()))]
            if all(_holds(clause, line) for clause in clauses):
                assert all(line[field[2:]] is not None for field in fields if field.startswith("$."))
                found.add(name.removesuffix("Counted"))
    return found


def _holds(clause: str, line: dict[str, Any]) -> bool:
    match clause.split(maxsplit=2):
        case [name, "=", value]:
            return bool(line.get(name[2:]) == json.loads(value))
        case [name, ">=", value]:
            return int(line.get(name[2:], 0)) >= int(value)
        case [name, "IS", "FALSE"]:
            return line.get(name[2:]) is False
        case _:
            raise AssertionError(clause)


@pytest.fixture
def run(api: Api) -> str:
    api.put("/ops/v1/definitions/order", document(Call("ship")))
    api.post("/ops/v1/definitions/order/publish")
    started: str = api.post("/ops/v1/definitions/order/runs").json["id"]
    return started


CALLS = {"RequestCalls", "RequestCallsRepeated"}


def metrics(log: Log) -> list[str]:
    """Name what is counted beside calls to AWS."""
    return [metric for line in log.lines for metric in sorted(counted(line) - CALLS)]


@pytest.fixture
def source(world: World, api: Api) -> str:
    """Answer a run that has ended."""
    api.put("/ops/v1/definitions/order", document(Call("ship")))
    api.post("/ops/v1/definitions/order/publish")
    started: str = api.post("/ops/v1/definitions/order/runs").json["id"]
    world.settle()
    return started


def test_a_run_is_counted_once_however_often_it_is_asked_for(api: Api, run: str, log: Log) -> None:
    for _ in range(2):
        api.post("/ops/v1/definitions/order/runs", None, idempotency_key="once")

    assert metrics(log) == ["RunsMade"]


def test_what_a_request_makes_bears_its_name(api: Api, run: str, log: Log) -> None:
    reply = api.post("/ops/v1/definitions/order/runs")

    [made] = [line for line in log.lines if line["message"] == "run made"]
    assert (made["run"], made["request_id"]) == (reply.json["id"], reply.headers["x-request-id"])


def test_a_refusal_is_counted_by_its_reason(api: Api, run: str, log: Log) -> None:
    api.post(f"/ops/v1/runs/{run}/restart", {"start": {"type": "beginning"}})

    assert metrics(log) == ["Refusals"]
    assert log.requests[0]["refusal"]


def test_a_run_is_counted_as_a_worker_leaves_it(world: World, run: str, log: Log) -> None:
    world.settle()

    left = [line for line in log.lines if line["message"] == "run left"]
    assert "completed" in {line["status"] for line in left if line["run"] == run}
    for line in left:
        assert counted(line, "AdvanceRuns") == {"RunsLeft"}
        assert counted(line, "AdvanceBulkRuns") == {"BulkRunsLeft"}


def test_a_sweep_tells_how_late_it_was(world: World, run: str, log: Log) -> None:
    world.clock.advance(10 * MARGIN_MS)
    services = world.services
    services.sweep.run(lambda: 60_000)

    [swept] = [line for line in log.lines if line["message"] == "swept"]
    assert counted(swept, "Sweep") == {"Overdue", "LateMs", "SweepCalls"}
    assert swept["rung"] >= 1
    assert 0 < swept["late_ms"] <= 10 * MARGIN_MS


def test_a_request_tells_what_it_took_of_aws(api: Api, source: str, log: Log, calls: Calls) -> None:
    calls.made.clear()

    api.post(f"/ops/v1/runs/{source}/restart")

    [line] = log.requests
    assert line["aws_calls"] == len(calls) == 3
    assert line["aws_repeats"] == 0
    assert counted(line) == CALLS


@pytest.mark.parametrize(("body", "refusal"), [('{{"run": "{account}#{run}"}}', None), ("{{", "message_invalid")])
def test_a_message_tells_what_it_took_of_aws_and_whether_it_stays(
    world: World, account: AccountId, run: str, log: Log, calls: Calls, body: str, refusal: str | None
) -> None:
    calls.made.clear()

    deliver(world.services.worker, [{"messageId": "m", "body": body.format(account=account, run=run)}], lambda: 60_000)

    [told] = [line for line in log.lines if line["message"] == "message"]
    assert told["aws_calls"] == len(calls)
    assert (told["id"], told["is_done"], told["refusal"]) == ("m", refusal is None, refusal)
    assert counted(told, "AdvanceRuns") == {"RunCalls"}


def test_a_page_of_dead_letters_is_counted_run_by_run(world: World, api: Api, source: str, log: Log) -> None:
    world.outside.fail("ship", is_retryable=False)
    for _ in range(3):
        api.post("/ops/v1/definitions/order/runs")
    world.settle()
    world.outside.heal("ship")
    before = len(log.lines)

    api.post("/v2/workflows/dlq/restart", {})

    made = [line for line in log.lines[before:] if line["message"] == "run made"]
    assert [counted(line) for line in made] == [{"RunsMade"}] * 3


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
        assert counted(told[0], "WorkBatches") == {"BatchRunsMade"}
        assert counted(told[1], "WorkBatches") == {"JobsDone"}

    def test_tells_why_a_job_failed_and_what_is_left(
        self, world: World, api: Api, source: str, batch: str, log: Log
    ) -> None:
        assert api.delete(f"/ops/v1/runs/{source}").status == 204
        work(world)
        later(world)

        told = [line for line in log.lines if line.get("batch") == batch]
        failed = [line for line in told if line["message"] == "job failed"]
        assert {line["refusal"] for line in failed} == {"run_not_found"}
        assert all(counted(line, "WorkBatches") == {"JobsFailed"} for line in failed)
        assert told[-1]["message"] == "batch seen"
        assert (told[-1]["jobs_left"], told[-1]["jobs_failed"]) == (1, 1)
        assert counted(told[-1], "WorkBatches") == {"JobsLeft"}
