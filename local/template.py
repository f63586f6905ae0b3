"""Tables and queues from the merge template: deployment and the laptop have one description of them.

Of CloudFormation it knows what those parts say of them: `Ref`, `Fn::GetAtt` of an ARN, `Fn::Sub`, and `Fn::If` with
conditions that compare by `Fn::Equals`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import boto3
from chalice.utils import to_cfn_resource_name

from local.aws import ACCOUNT, REGION

_PARTS = Path(__file__).parent.parent / ".chalice"
PARTS = (_PARTS / "resources.json", _PARTS / "functions.json")

_PSEUDO_PARAMETERS = {"AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::Region": REGION}
_PLACE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Resources:
    """What stands, by logical id: what `Ref` says of it (a table's name, a queue's URL), and its ARN."""

    refs: Mapping[str, str]
    arns: Mapping[str, str]


def read_template() -> dict[str, Any]:
    """Join the parts: what holds data, and what works on it."""
    template: dict[str, Any] = {}
    for part in PARTS:
        for section, things in json.loads(part.read_text()).items():
            template.setdefault(section, {}).update(things)
    return template


def create(template: Mapping[str, Any], stage: str) -> Resources:
    """Create every table and queue of a template for a stage, each after those that it names.

    Raises `KeyError` for a name that stands for nothing, and `CycleError` for things that name each other.
    """
    refs, arns = {**_PSEUDO_PARAMETERS, "Env": stage}, dict[str, str]()
    truths = {name: _is_true(it, refs) for name, it in template.get("Conditions", {}).items()}
    things = _decided(template["Resources"], truths).items()
    wanted = {name: it for name, it in things if it.get("Type") in _MAKERS}
    needs = {name: wanted.keys() & set(_names_in(it["Properties"])) for name, it in wanted.items()}
    for name in TopologicalSorter(needs).static_order():
        make = _MAKERS[wanted[name]["Type"]]
        refs[name], arns[name] = make(_resolved(wanted[name]["Properties"], refs, arns))
    return Resources({name: refs[name] for name in wanted}, arns)


def event_source_queue(template: Mapping[str, Any], handler: str) -> str:
    """Answer the logical id of the queue that feeds a handler's function; raise `KeyError` if none does."""
    function = to_cfn_resource_name(handler)
    source = template["Resources"][function]["Properties"]["Events"][f"{function}SqsEventSource"]
    return next(_names_in(source["Properties"]["Queue"]))


# -- intrinsic functions


def _names_in(value: Any) -> Iterator[str]:
    """Name everything that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from (name.partition(".")[0] for name in _PLACE.findall(text))
        case dict():
            yield from _names_in(list(value.values()))
        case list():
            for inner in value:
                yield from _names_in(inner)
        case _:
            return


def _is_true(condition: Mapping[str, Any], refs: Mapping[str, str]) -> bool:
    one, other = condition["Fn::Equals"]
    return bool(_resolved(one, refs, {}) == _resolved(other, refs, {}))


def _decided(value: Any, truths: Mapping[str, bool]) -> Any:
    """Leave of each `Fn::If` what holds."""
    match value:
        case {"Fn::If": [str(name), then, otherwise]}:
            return _decided(then if truths[name] else otherwise, truths)
        case dict():
            return {name: _decided(inner, truths) for name, inner in value.items()}
        case list():
            return [_decided(inner, truths) for inner in value]
        case _:
            return value


def _resolved(value: Any, refs: Mapping[str, str], arns: Mapping[str, str]) -> Any:
    match value:
        case {"Ref": str(name)}:
            return refs[name]
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return arns[name]
        case {"Fn::Sub": str(text)}:
            named = {**refs, **{f"{name}.Arn": arn for name, arn in arns.items()}}
            return _PLACE.sub(lambda place: named[place[1]], text)
        case dict():
            return {name: _resolved(inner, refs, arns) for name, inner in value.items()}
        case list():
            return [_resolved(inner, refs, arns) for inner in value]
        case _:
            return value


# -- makers: properties -> what `Ref` says, and the ARN


def _table(properties: dict[str, Any]) -> tuple[str, str]:
    """Create a table; the API takes its rows' life and its backups in calls of their own."""
    client, name = boto3.client("dynamodb", region_name=REGION), properties["TableName"]
    life = properties.pop("TimeToLiveSpecification", None)
    backups = properties.pop("PointInTimeRecoverySpecification", None)
    arn: str = client.create_table(**properties)["TableDescription"]["TableArn"]
    if life:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=life)
    if backups:
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=backups)
    return name, arn


def _queue(properties: dict[str, Any]) -> tuple[str, str]:
    client = boto3.client("sqs", region_name=REGION)
    name = properties.pop("QueueName")
    attributes = {key: value if isinstance(value, str) else json.dumps(value) for key, value in properties.items()}
    url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


_MAKERS: Mapping[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
}
