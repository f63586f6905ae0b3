"""What is watched: alarms, each with what to do in docs/deploy.md, Runbook.

Whatever the template has is watched: a new table, queue or function is so from its first deployment.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chalice.utils import to_cfn_resource_name

Template = Mapping[str, Any]
Resource = dict[str, Any]

METRICS = {"Fn::Sub": "Reprise/${Env}"}  # what lines of the log are counted as: chalicelib/service/metrics.py
RUNBOOK = "docs/deploy.md, Runbook"

FUNCTIONS = {
    "api_handler": "APIHandler",
    **{
        name: to_cfn_resource_name(name)
        for name in ("advance_runs", "advance_bulk_runs", "restart_dead_letters", "work_batches", "sweep")
    },
}
"""The functions, and their logical ids."""

MINUTE = 60
OLD_S = 1_800  # a message may rest for 900 s on purpose: a delay
LATE_MS = 300_000  # five sweeps


def watching(template: Template) -> dict[str, dict[str, Any]]:
    """Answer the parameters, conditions and resources that watch a template's."""
    return {
        "Parameters": {
            "AlarmTopicArn": {"Type": "String", "Default": "", "Description": "The SNS topic that alarms are told to"}
        },
        "Conditions": {"IsAlarmed": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]}},
        "Resources": dict(_alarms(template)),
    }


def tables(template: Template) -> list[str]:
    return _of_type(template, "AWS::DynamoDB::Table")


def queues(template: Template) -> list[str]:
    return _of_type(template, "AWS::SQS::Queue")


def dead_queues(template: Template) -> list[str]:
    """Name the queues to which others give up messages."""
    given_up = [it["Properties"].get("RedrivePolicy") for it in template["Resources"].values() if "Properties" in it]
    return [policy["deadLetterTargetArn"]["Fn::GetAtt"][0] for policy in given_up if policy]


def _of_type(template: Template, wanted: str) -> list[str]:
    return [name for name, it in template["Resources"].items() if it.get("Type") == wanted]


# -- alarms


def _alarms(template: Template) -> Iterator[tuple[str, Resource]]:
    dead = dead_queues(template)
    for queue in queues(template):
        if queue in dead:
            told = f"{queue} holds messages that nobody could handle"
            visible = _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", _queue(queue))
            yield f"{queue}NotEmpty", _alarm(told, visible, above=0)
        else:
            age = _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", _queue(queue))
            yield f"{queue}Old", _alarm(f"Messages of {queue} wait for {OLD_S} s", age, above=OLD_S)
    for table in tables(template):
        yield f"{table}Throttled", _throttled(table)
    for function in FUNCTIONS.values():
        yield f"{function}Failing", _alarm(f"{function} fails", _function("Errors", function), above=0)
        told = f"{function} finds no free concurrency"
        yield f"{function}Throttled", _alarm(told, _function("Throttles", function), above=0, periods=3)
    yield "APIFailing", _alarm("The API answers with 5xx", _metric("AWS/ApiGateway", "5XXError", "Sum", API), above=0)
    late = _metric(METRICS, "late_ms", "Maximum", {})
    yield "RunsLate", _alarm(f"Runs are looked at {LATE_MS} ms late", late, above=LATE_MS, periods=3)
    told = "The sweep does not run"
    yield "SweepMissing", _alarm(told, _function("Invocations", "Sweep"), below=1, missing="breaching")


API = {"ApiName": {"Fn::Sub": "reprise-${Env}"}}


def _queue(queue: str) -> dict[str, Any]:
    return {"QueueName": {"Fn::GetAtt": [queue, "QueueName"]}}


def _function(metric: str, function: str) -> Resource:
    return _metric("AWS/Lambda", metric, "Sum", {"FunctionName": {"Ref": function}})


def _metric(namespace: Any, name: str, statistic: str, dimensions: Mapping[str, Any]) -> Resource:
    """Name a metric, as alarms do, over five minutes."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    period = {"Statistic": statistic, "Period": 5 * MINUTE}
    return {"Namespace": namespace, "MetricName": name, **period, **({"Dimensions": named} if named else {})}


def _throttled(table: str) -> Resource:
    """Look at a table and its reads and writes together: no account is served less than it asks."""
    queries = [
        {"Id": id_, "ReturnData": False, "MetricStat": _stat(table, metric)}
        for id_, metric in (("reads", "ReadThrottleEvents"), ("writes", "WriteThrottleEvents"))
    ]
    total = {"Id": "both", "Expression": "FILL(reads, 0) + FILL(writes, 0)", "Label": "throttled"}
    return _alarm(f"DynamoDB throttles {table}", {"Metrics": [*queries, total]}, above=0, periods=2)


def _stat(table: str, metric: str) -> Resource:
    dimensions = [{"Name": "TableName", "Value": {"Ref": table}}]
    named = {"Namespace": "AWS/DynamoDB", "MetricName": metric, "Dimensions": dimensions}
    return {"Metric": named, "Stat": "Sum", "Period": 5 * MINUTE}


def _alarm(
    told: str,
    metric: Resource,
    *,
    above: int | None = None,
    below: int | None = None,
    periods: int = 1,
    missing: str = "notBreaching",
) -> Resource:
    compared = {"Threshold": above, "ComparisonOperator": "GreaterThanThreshold"}
    if above is None:
        compared = {"Threshold": below, "ComparisonOperator": "LessThanThreshold"}
    topic = {"Fn::If": ["IsAlarmed", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    properties = {
        "AlarmDescription": {"Fn::Sub": f"${{Env}}: {told}. {RUNBOOK}."},
        "AlarmActions": topic,
        "OKActions": topic,
        "EvaluationPeriods": periods,
        "TreatMissingData": missing,
        **compared,
        **metric,
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
