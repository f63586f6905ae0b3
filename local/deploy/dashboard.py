"""One page that shows how a stage does: what comes in, what waits, what fails, what is late."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from local.deploy.watching import FUNCTIONS, METRICS, dead_queues, queues, tables

Metric = list[Any]

OURS = METRICS["Fn::Sub"]
_OF_RUNS = ("made", "begun")
_OF_BATCHES = ("batches_made", "batches_ended", "jobs_done", "jobs_failed")
_WIDTH, _HEIGHT = 12, 6  # of 24 columns


def dashboard(template: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the dashboard of a template's tables, queues and functions."""
    dead = dead_queues(template)
    waiting = [queue for queue in queues(template) if queue not in dead]
    age, depth = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
    widgets = [
        _widget("Requests and 5xx", [_api("Count"), _api("5XXError"), _api("4XXError")]),
        _widget("How long requests take (ms)", [_api("Latency")], "p99"),
        _widget("Requests, by dialect", [_search("requests,dialect")]),
        _widget("Refusals, by dialect and reason", [_search("refusals,dialect,refusal")]),
        _widget("Runs made and begun, by dialect and kind", [_search(f"runs_{it},dialect,kind") for it in _OF_RUNS]),
        _widget("Runs as workers leave them", [_search("runs_left,status")]),
        _widget("How long runs wait for a worker (ms)", [[OURS, "waited_ms"]], "p99"),
        _widget("Overdue runs; how late (ms)", [[OURS, "rung"], [OURS, "late_ms"]], "Maximum"),
        _widget("Batches and their jobs", [_search(f"{it},dialect") for it in _OF_BATCHES]),
        _widget("Batches: jobs that are left", [[OURS, "jobs_left"]], "Maximum"),
        _widget("Calls to AWS, by function", [_search("aws_calls,function")]),
        _widget("Calls to AWS that were repeated", [_search("aws_repeats,function")]),
        _widget("Age of the oldest message (s)", [_queue(age, queue) for queue in waiting], "Maximum"),
        _widget("Messages that nobody could handle", [_queue(depth, queue) for queue in dead], "Maximum"),
        _widget("Errors of functions", [_function("Errors", it) for it in FUNCTIONS.values()]),
        _widget("Functions at work", [_function("ConcurrentExecutions", it) for it in FUNCTIONS.values()], "Maximum"),
        _widget("Units that are read", [_table("ConsumedReadCapacityUnits", it) for it in tables(template)]),
        _widget("Units that are written", [_table("ConsumedWriteCapacityUnits", it) for it in tables(template)]),
    ]
    for number, widget in zip(count(), widgets, strict=False):
        widget |= {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
    body = {"Fn::Sub": json.dumps({"widgets": widgets})}
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {"DashboardName": {"Fn::Sub": "reprise-${Env}"}, "DashboardBody": body},
    }


def _widget(title: str, metrics: list[Metric], statistic: str = "Sum") -> dict[str, Any]:
    shown = {"title": title, "region": "${AWS::Region}", "view": "timeSeries", "stat": statistic, "period": 300}
    return {"type": "metric", "properties": {**shown, "metrics": metrics}}


def _search(named: str) -> Metric:
    """Find our own metrics, whatever values their dimensions have."""
    metric, *fields = named.split(",")
    schema = ",".join([OURS, *fields])
    return [{"expression": f"SEARCH('{{{schema}}} MetricName=\"{metric}\"', 'Sum')", "id": metric.lower()}]


def _api(metric: str) -> Metric:
    return ["AWS/ApiGateway", metric, "ApiName", "reprise-${Env}"]


def _queue(metric: str, queue: str) -> Metric:
    return ["AWS/SQS", metric, "QueueName", f"${{{queue}.QueueName}}"]


def _function(metric: str, function: str) -> Metric:
    return ["AWS/Lambda", metric, "FunctionName", f"${{{function}}}"]


def _table(metric: str, table: str) -> Metric:
    return ["AWS/DynamoDB", metric, "TableName", f"${{{table}}}"]
