import json
from collections.abc import Mapping
from graphlib import CycleError
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.config import Config
from pynamodb.models import Model

from chalicelib.stores.tables import (
    AccountRow,
    AppRow,
    BatchRow,
    DeadLetterRow,
    DefinitionRow,
    DeploymentRow,
    JournalRow,
    KeyRow,
    RunRow,
    SlotRow,
    connect,
)
from chalicelib.wiring import settings_from
from local import aws
from local.template import Resources, create, event_source_queue, read_template
from tests.local.conftest import Clock

HANDLERS = {"api_handler": "APIHandler", "advance_runs": "AdvanceRuns", "sweep": "Sweep"}
TABLES: dict[str, type[Model]] = {
    "RunsTable": RunRow,
    "JournalTable": JournalRow,
    "DefinitionsTable": DefinitionRow,
    "DeadLettersTable": DeadLetterRow,
    "KeysTable": KeyRow,
    "AppsTable": AppRow,
    "DeploymentsTable": DeploymentRow,
    "AccountsTable": AccountRow,
    "SlotsTable": SlotRow,
    "BatchesTable": BatchRow,
}
EXPIRING = {"RunsTable", "JournalTable", "DeadLettersTable", "SlotsTable"}
TEMPLATE = read_template()
CHALICE = Path(__file__).parents[2] / ".chalice"


def settings_of(stage: str, function: str) -> Config:
    config = json.loads((CHALICE / "config.json").read_text())
    return Config(chalice_stage=stage, function_name=function, config_from_disk=config)


@pytest.fixture
def made(clock: Clock) -> Resources:
    return create(TEMPLATE, "test")


def described(name: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = boto3.client("dynamodb").describe_table(TableName=name)["Table"]
    return told


def keys_and_indexes(table: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what reads depend on, in an order that says nothing."""
    indexes = [
        {
            "name": index["IndexName"],
            "keys": index["KeySchema"],
            "type": index["Projection"]["ProjectionType"],
            "held": sorted(index["Projection"].get("NonKeyAttributes", [])),
        }
        for index in table.get("GlobalSecondaryIndexes", [])
    ]
    return {
        "keys": table["KeySchema"],
        "attributes": sorted((it["AttributeName"], it["AttributeType"]) for it in table["AttributeDefinitions"]),
        "indexes": sorted(indexes, key=lambda index: index["name"]),
    }


class TestTables:
    @pytest.mark.parametrize(("logical_id", "model"), TABLES.items())
    def test_a_table_has_the_keys_and_indexes_of_its_model(
        self, made: Resources, logical_id: str, model: type[Model]
    ) -> None:
        connect("model", aws.REGION)
        model.create_table(billing_mode="PAY_PER_REQUEST")

        told = described(made.refs[logical_id])

        assert keys_and_indexes(told) == keys_and_indexes(described(model.Meta.table_name))

    @pytest.mark.parametrize("logical_id", TABLES)
    def test_a_table_is_billed_by_request_and_backed_up(self, made: Resources, logical_id: str) -> None:
        name = made.refs[logical_id]
        backups = boto3.client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]

        told = described(name)

        assert told["TableArn"] == made.arns[logical_id]
        assert told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"

    @pytest.mark.parametrize("logical_id", TABLES)
    def test_rows_expire_where_they_may(self, made: Resources, logical_id: str) -> None:
        life = boto3.client("dynamodb").describe_time_to_live(TableName=made.refs[logical_id])
        expected = {"TimeToLiveStatus": "DISABLED"}
        if logical_id in EXPIRING:
            expected = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}

        assert life["TimeToLiveDescription"] == expected

    @pytest.mark.parametrize("logical_id", TABLES)
    def test_a_table_outlives_its_stack(self, logical_id: str) -> None:
        assert TEMPLATE["Resources"][logical_id]["DeletionPolicy"] == "Retain"
        assert TEMPLATE["Resources"][logical_id]["UpdateReplacePolicy"] == "Retain"


class TestQueues:
    def attributes(self, url: str) -> Mapping[str, str]:
        told: Mapping[str, str] = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        return told

    def test_a_message_that_nobody_can_work_on_is_put_aside_and_kept(self, made: Resources) -> None:
        runs, dead = (self.attributes(made.refs[name]) for name in ("RunsQueue", "RunsDeadQueue"))

        assert json.loads(runs["RedrivePolicy"]) == {
            "deadLetterTargetArn": made.arns["RunsDeadQueue"],
            "maxReceiveCount": 5,
        }
        assert dead["QueueArn"] == made.arns["RunsDeadQueue"]
        assert runs["MessageRetentionPeriod"] == dead["MessageRetentionPeriod"] == str(14 * 24 * 60 * 60)
        assert runs["SqsManagedSseEnabled"] == dead["SqsManagedSseEnabled"] == "true"

    def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_take(self, made: Resources) -> None:
        hidden_s = int(self.attributes(made.refs["RunsQueue"])["VisibilityTimeout"])

        assert hidden_s >= 6 * settings_of("prod", "advance_runs").lambda_timeout

    def test_a_handler_is_fed_from_the_queue_that_its_function_names(self) -> None:
        assert event_source_queue(TEMPLATE, "advance_runs") == "RunsQueue"

    def test_a_handler_that_no_queue_feeds_is_told(self) -> None:
        with pytest.raises(KeyError):
            event_source_queue(TEMPLATE, "sweep")


@pytest.mark.usefixtures("clock")
class TestCreate:
    DEAD: Mapping[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "dead-${Env}"}}}

    def queue(self, name: str, dead: Any) -> dict[str, Any]:
        redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": 3}
        return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, "RedrivePolicy": redrive}}

    @pytest.mark.parametrize("dead", [{"Fn::GetAtt": ["Dead", "Arn"]}, {"Fn::Sub": "${Dead.Arn}"}])
    def test_what_is_named_is_made_first_wherever_it_stands(self, dead: Any) -> None:
        made = create({"Resources": {"Queue": self.queue("q", dead), "Dead": self.DEAD}}, "test")

        assert made.refs["Dead"].endswith("/dead-test")
        assert set(made.refs) == set(made.arns) == {"Queue", "Dead"}

    def test_pseudo_parameters_are_known(self) -> None:
        dead = {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:dead-${Env}"}
        create({"Resources": {"Dead": self.DEAD}}, "test")

        assert create({"Resources": {"Queue": self.queue("q", dead)}}, "test").refs["Queue"].endswith("/q")

    def test_things_that_name_each_other_are_refused(self) -> None:
        queues = {name: self.queue(name, {"Fn::GetAtt": [other, "Arn"]}) for name, other in ("ab", "ba")}

        with pytest.raises(CycleError):
            create({"Resources": queues}, "test")

    def test_a_name_that_stands_for_nothing_is_refused(self) -> None:
        with pytest.raises(KeyError, match="Nobody"):
            create({"Resources": {"Queue": self.queue("q", {"Fn::GetAtt": ["Nobody", "Arn"]})}}, "test")

    def test_what_is_neither_table_nor_queue_is_left_to_the_deployment(self) -> None:
        assert create({"Resources": {"Sweep": TEMPLATE["Resources"]["Sweep"]}}, "test").refs == {}


class TestFunctions:
    @pytest.mark.parametrize("logical_id", HANDLERS.values())
    def test_a_function_is_told_what_it_reads_from_its_environment(self, logical_id: str) -> None:
        variables = TEMPLATE["Resources"][logical_id]["Properties"]["Environment"]["Variables"]
        told = {name: value["Ref"] for name, value in variables.items()}

        settings = settings_from(told | {"AWS_REGION": aws.REGION})

        assert (settings.stage, settings.runs_queue_url, settings.cursor_secret) == ("Env", "RunsQueue", "CursorSecret")

    def test_a_message_may_fail_without_its_batch(self) -> None:
        source = TEMPLATE["Resources"]["AdvanceRuns"]["Properties"]["Events"]["AdvanceRunsSqsEventSource"]

        assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    def test_the_cursor_secret_is_long_hidden_and_never_a_default(self) -> None:
        assert TEMPLATE["Parameters"]["CursorSecret"] == {
            "Type": "String",
            "NoEcho": True,
            "MinLength": 32,
            "Description": "Seals cursors; at least 32 characters of chance",
        }

    def test_an_unknown_route_is_answered_in_our_shape(self) -> None:
        body = TEMPLATE["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        told = body["x-amazon-apigateway-gateway-responses"]["MISSING_AUTHENTICATION_TOKEN"]

        assert told["statusCode"] == "404"
        assert json.loads(told["responseTemplates"]["application/json"]) == {
            "error": {"code": "not_found", "message": "No such route.", "details": {}}
        }

    @pytest.mark.parametrize("stage", ["local", "dev", "prod"])
    @pytest.mark.parametrize(("function", "seconds"), [("api_handler", 29), ("advance_runs", 60), ("sweep", 60)])
    def test_a_function_has_its_time_and_the_policy_whatever_the_stage(
        self, stage: str, function: str, seconds: int
    ) -> None:
        settings = settings_of(stage, function)

        assert (settings.lambda_timeout, settings.lambda_memory_size) == (seconds, 1024)
        assert (settings.autogen_policy, settings.iam_policy_file) == (False, "policy.json")

    def test_only_the_laptop_stage_has_the_laptop_behind_it(self) -> None:
        told = {stage: settings_of(stage, "api_handler").environment_variables for stage in ("local", "dev", "prod")}

        assert told == {"local": {"REPRISE_BACKEND": "local.stack"}, "dev": {}, "prod": {}}


class TestPolicy:
    STATEMENTS: Mapping[str, Any] = {
        it["Sid"]: it for it in json.loads((CHALICE / "policy.json").read_text())["Statement"]
    }

    def test_every_table_and_every_index_may_be_read(self) -> None:
        indexed = [name for name in TABLES if "GlobalSecondaryIndexes" in TEMPLATE["Resources"][name]["Properties"]]

        assert self.STATEMENTS["Rows"]["Resource"] == [{"Fn::GetAtt": [name, "Arn"]} for name in TABLES]
        assert self.STATEMENTS["Lists"]["Resource"] == [{"Fn::Sub": f"${{{name}.Arn}}/index/*"} for name in indexed]

    def test_nothing_is_allowed_by_a_star_and_no_table_may_be_deleted(self) -> None:
        actions = json.dumps([it["Action"] for it in self.STATEMENTS.values()])

        assert "*" not in actions
        assert "dynamodb:DeleteTable" not in actions
        assert all(it["Resource"] != "*" for it in self.STATEMENTS.values())
