"""Whatever a stage has is watched, and what is counted is what the log says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.service.sweep import MARGIN_MS
from local.deploy.package import merge_template
from local.deploy.watching import FUNCTIONS, dead_queues, queues, tables
from tests.backends import backend
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
    assert len(json.loads(body)["widgets"]) == 12


# -- the lines that are counted


def counted(line: dict[str, Any]) -> set[str]:
    """Name the metrics that CloudWatch makes of a line of the log: what the patterns here ask for, and no more."""
    found = set()
    for name, it in TEMPLATE["Resources"].items():
        if it.get("Type") == "AWS::Logs::MetricFilter":
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


def metrics(log: Log) -> list[str]:
    return [metric for line in log.lines for metric in sorted(counted(line))]


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
    assert all(counted(line) == {"RunsLeft", "BulkRunsLeft"} for line in left)


def test_a_sweep_tells_how_late_it_was(world: World, run: str, log: Log) -> None:
    world.clock.advance(10 * MARGIN_MS)
    services = world.services
    services.sweep.run(lambda: 60_000)

    [swept] = [line for line in log.lines if line["message"] == "swept"]
    assert counted(swept) == {"Overdue", "LateMs"}
    assert swept["rung"] >= 1
    assert 0 < swept["late_ms"] <= 10 * MARGIN_MS
