"""The package: what CloudFormation is given for each stage, as Chalice, SAM and moto read it."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from local.deploy.bundle import lay_out_app
from local.deploy.check import defects, translated
from local.deploy.front_path import PATHS
from local.deploy.package import package
from local.deploy.watching import FUNCTIONS, dead_queues, queues, tables
from local.template import Resources, create, read_template
from tests.local.conftest import Clock, clock
from tests.permissions import statements

__all__ = ["clock"]

Template = Mapping[str, Any]
PARAMETERS = {"CursorSecret": "x" * 32}
DATA = ("AWS::DynamoDB::Table", "AWS::SQS::Queue")


@pytest.fixture(scope="module", params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def sam(stage: str, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Package a stage, without the libraries."""
    out = tmp_path_factory.mktemp("package") / stage
    package(stage, out, lay_out_app)
    packaged: Template = json.loads((out / "sam.json").read_text())
    return packaged


@pytest.fixture(scope="module")
def plain(sam: Template) -> Template:
    """Answer what CloudFormation makes of it."""
    return translated(dict(sam))


def of_type(template: Template, wanted: str) -> dict[str, Any]:
    return {name: it["Properties"] for name, it in template["Resources"].items() if it["Type"] == wanted}


def test_cloudformation_finds_nothing_wrong(sam: Template, plain: Template) -> None:
    assert not defects(dict(sam))
    assert not defects(dict(plain))


def test_a_package_is_deployed_as_the_stage_that_it_was_made_for(sam: Template, stage: str) -> None:
    assert sam["Parameters"]["Env"]["Default"] == stage


# -- functions


@pytest.mark.parametrize(("name", "logical_id"), FUNCTIONS.items())
def test_a_function_has_a_role_of_its_own_with_its_policy(sam: Template, name: str, logical_id: str) -> None:
    role = sam["Resources"][logical_id]["Properties"]["Role"]["Fn::GetAtt"][0]
    [policy] = sam["Resources"][role]["Properties"]["Policies"]

    assert policy["PolicyDocument"]["Statement"] == statements(name)
    assert [sam["Resources"][it]["Properties"]["Role"]["Fn::GetAtt"][0] for it in FUNCTIONS.values()].count(role) == 1


@pytest.mark.parametrize("logical_id", FUNCTIONS.values())
def test_a_function_logs_where_it_may(sam: Template, logical_id: str) -> None:
    log = sam["Resources"][logical_id]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    name = next(name for name, id_ in FUNCTIONS.items() if id_ == logical_id)

    assert sam["Resources"][log]["Properties"]["LogGroupName"] == {"Fn::Sub": f"/reprise/${{Env}}/{name}"}
    assert [it["Resource"]["Fn::Sub"] for it in statements(name) if it["Sid"] == "Logs"] == [
        f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/reprise/${{Env}}/{name}:*"
    ]


def test_every_queue_is_worked_on_message_by_message_and_by_so_many_at_a_time(plain: Template) -> None:
    sources = of_type(plain, "AWS::Lambda::EventSourceMapping")

    assert len(sources) == len(dead_queues(read_template()))
    for source in sources.values():
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"]["MaximumConcurrency"]["Ref"] in plain["Parameters"]


def test_a_function_is_told_its_settings(plain: Template) -> None:
    functions = of_type(plain, "AWS::Lambda::Function")

    told = [it["Environment"]["Variables"] for it in functions.values()]
    assert len(told) == len(FUNCTIONS)
    assert all(it == read_template()["Globals"]["Function"]["Environment"]["Variables"] for it in told)


# -- the API


def test_the_api_has_one_way_in(plain: Template) -> None:
    [api] = of_type(plain, "AWS::ApiGateway::RestApi").values()

    assert tuple(api["Body"]["paths"]) == PATHS
    assert all([*methods] == ["x-amazon-apigateway-any-method"] for methods in api["Body"]["paths"].values())
    assert plain["Resources"]["APIHandler"]["Properties"]["Handler"] == "app.front_door"


# -- data


@pytest.fixture
def stacked(plain: Template, clock: Clock) -> dict[str, Any]:
    """Let CloudFormation make what holds data, and answer each thing's physical id."""
    kept = ("Parameters", "Conditions")
    data = {name: it for name, it in plain["Resources"].items() if it["Type"] in DATA}
    body = json.dumps({"Resources": data, **{section: plain[section] for section in kept}})
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()]
    client = boto3.client("cloudformation")
    client.create_stack(StackName="reprise", TemplateBody=body, Parameters=given)
    assert client.describe_stacks(StackName="reprise")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    made = client.describe_stack_resources(StackName="reprise")["StackResources"]
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in made}


def described(names: Mapping[str, str]) -> dict[str, Any]:
    """Answer everything that is so of tables and queues, without the moment in which they were made."""
    dynamodb, sqs, told = boto3.client("dynamodb"), boto3.client("sqs"), {}
    for id_, name in names.items():
        if id_.endswith("Table"):
            table = dynamodb.describe_table(TableName=name)["Table"]
            told[id_] = {key: it for key, it in table.items() if key not in {"CreationDateTime", "TableId"}}
        else:
            attributes = sqs.get_queue_attributes(QueueUrl=name, AttributeNames=["All"])["Attributes"]
            told[id_] = {key: it for key, it in attributes.items() if not key.endswith("Timestamp")}
    return json.loads(json.dumps(told, default=str, sort_keys=True))  # type: ignore[no-any-return]


def test_cloudformation_makes_what_the_laptop_makes(stacked: dict[str, Any], stage: str) -> None:
    deployed = described(stacked)
    for name in stacked.values():
        _delete(name)
    made: Resources = create(read_template(), stage)

    assert described(made.refs) == deployed
    assert {*stacked} == {*tables(read_template()), *queues(read_template())}


def _delete(name: str) -> None:
    if name.startswith("https://"):
        boto3.client("sqs").delete_queue(QueueUrl=name)
    else:
        dynamodb = boto3.client("dynamodb")
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)


def test_tables_of_production_alone_are_protected(stacked: dict[str, Any], stage: str) -> None:
    for id_ in tables(read_template()):
        table = boto3.client("dynamodb").describe_table(TableName=stacked[id_])["Table"]

        assert table["DeletionProtectionEnabled"] is (stage == "prod")


def test_what_is_deployed_is_told(plain: Template) -> None:
    assert {"EndpointURL", "Stage", *tables(plain), *queues(plain)} <= {*plain["Outputs"]}
