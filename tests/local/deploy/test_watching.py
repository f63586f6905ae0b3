"""Whatever a stage has is watched, and what is looked at is what the log's lines are counted as."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import app
from chalicelib.service.metrics import COUNTED, Meter
from chalicelib.settings import own_meter
from local.deploy.dashboard import OURS
from local.deploy.package import merge_template
from local.deploy.watching import FUNCTIONS, METRICS, dead_queues, queues, tables

WORKERS = [f"app.{source.name}" for source in app.event_sources]
SEARCH = r"""SEARCH\('\{Reprise/\$\{Env\},(?P<by>[\w,]+)\} MetricName="(?P<number>\w+)"', 'Sum'\)"""
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
    assert len(json.loads(body)["widgets"]) == 18


# -- the numbers that are looked at


def shown() -> Iterator[tuple[str, frozenset[str]]]:
    """Name the numbers of ours that alarms and the dashboard look at, and what tells them apart."""
    for alarm in ALARMS.values():
        if alarm.get("Namespace") == METRICS:
            yield alarm["MetricName"], frozenset()
    body = json.loads(TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    for metric in (metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]):
        if metric[0] == OURS:
            yield metric[1], frozenset()
        elif isinstance(metric[0], dict):
            found = re.fullmatch(SEARCH, metric[0]["expression"])
            assert found
            yield found["number"], frozenset(found["by"].split(","))


def test_what_is_looked_at_is_what_lines_are_counted_as() -> None:
    assert {*shown()} == {(number, frozenset(it.by)) for of in COUNTED.values() for it in of for number in it.numbers}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "reprise-prod-Sweep-1A2B")
    monkeypatch.setenv("REPRISE_STAGE", "prod")


@pytest.mark.usefixtures("deployed")
def test_functions_count_where_it_is_looked_for_each_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    meters = []
    for handler in (TEMPLATE["Resources"]["APIHandler"]["Properties"]["Handler"], *WORKERS):
        monkeypatch.setenv("_HANDLER", handler)
        meters.append(own_meter())

    assert {*meters} == {Meter(METRICS["Fn::Sub"].replace("${Env}", "prod"), function) for function in FUNCTIONS}


def test_a_laptop_counts_nothing() -> None:
    assert own_meter() is None
