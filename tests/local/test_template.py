import json
from collections.abc import Mapping
from graphlib import CycleError
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.config import Config
from pynamodb.models import Model

from app import app
from chalicelib.settings import settings_from
from chalicelib.stores.run_tables import JournalRow, RunRow
from chalicelib.stores.tables import (
    AccountRow,
    AppRow,
    AuditRow,
    BatchRow,
    DeadLetterRow,
    DefinitionRow,
    DeploymentRow,
    KeyRow,
    SlotRow,
    connect,
)
from local import aws
from local.deploy.watching import queues
from local.template import Resources, create, event_source_queue, read_template
from tests.local.conftest import Clock
from tests.permissions import FUNCTIONS, POLICIES, given, statements

NUMBERS = {"ListShards", "DueShards", "RetabSdk"}
TABLES: dict[str, type[Model]] = {
    "RunsTable": RunRow,
    "JournalTable": JournalRow,
    "DefinitionsTable": DefinitionRow,
    "DeadLettersTable": DeadLetterRow,
    "KeysTable": KeyRow,
    "AppsTable": AppRow,
    "AuditTable": AuditRow,
    "DeploymentsTable": DeploymentRow,
    "AccountsTable": AccountRow,
    "SlotsTable": SlotRow,
    "BatchesTable": BatchRow,
}
EXPIRING = {"AuditTable", "RunsTable", "JournalTable", "DeadLettersTable", "SlotsTable"}
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

    def test_no_queue_is_spoken_to_in_the_clear_and_none_is_open_to_other_accounts(self) -> None:
        [policy] = (
            it["Properties"] for it in TEMPLATE["Resources"].values() if it.get("Type") == "AWS::SQS::QueuePolicy"
        )
        [statement] = policy["PolicyDocument"]["Statement"]

        assert {queue["Ref"] for queue in policy["Queues"]} == {*queues(TEMPLATE)}
        assert (statement["Effect"], statement["Action"]) == ("Deny", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

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


class TestConditions:
    THING: Mapping[str, Any] = {"Fn::If": ["IsProd", "reprise-of-all", {"Fn::Sub": "reprise-of-${Env}"}]}

    @pytest.mark.parametrize(("stage", "name"), [("prod", "reprise-of-all"), ("dev", "reprise-of-dev")])
    @pytest.mark.usefixtures("clock")
    def test_what_holds_of_a_stage_is_made(self, stage: str, name: str) -> None:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": self.THING}}
        template = {"Conditions": TEMPLATE["Conditions"], "Resources": {"Queue": queue}}

        assert create(template, stage).arns["Queue"].endswith(f":{name}")


class TestFunctions:
    def test_a_function_is_told_what_it_reads_from_its_environment(self) -> None:
        variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
        told = {name: value["Ref"] for name, value in variables.items()}
        defaults = {name: str(it["Default"]) for name, it in TEMPLATE["Parameters"].items() if name in NUMBERS}
        numbers = {name: defaults[it] for name, it in told.items() if it in NUMBERS}

        settings = settings_from(told | numbers | {"AWS_REGION": aws.REGION})

        assert (settings.stage, settings.runs_queue_url, settings.cursor_secret) == ("Env", "RunsQueue", "CursorSecret")
        assert settings.signing_keys == ("SigningKey", "NextSigningKey")
        assert (settings.list_shards, settings.due_shards, settings.retab_sdk) == (1, 16, 142)

    @pytest.mark.parametrize("name", ["CursorSecret", "PreviousCursorSecret", "SigningKey", "NextSigningKey"])
    def test_a_secret_is_hidden_and_never_a_default(self, name: str) -> None:
        told = TEMPLATE["Parameters"][name]

        assert told["NoEcho"] is True
        assert not told.get("Default")

    @pytest.mark.parametrize("stage", ["local", "dev", "prod"])
    @pytest.mark.parametrize(
        ("function", "seconds", "memory"),
        [("api_handler", 29, 1024), ("advance_runs", 60, 1024), ("work_batches", 60, 1024), ("sweep", 60, 512)],
    )
    def test_a_function_has_its_time_and_its_policy_whatever_the_stage(
        self, stage: str, function: str, seconds: int, memory: int
    ) -> None:
        settings = settings_of(stage, function)

        assert (settings.lambda_timeout, settings.lambda_memory_size) == (seconds, memory)
        assert (settings.autogen_policy, settings.iam_policy_file) == (False, f"policies/{function}.json")

    def test_only_the_laptop_stage_has_the_laptop_behind_it(self) -> None:
        told = {stage: settings_of(stage, "api_handler").environment_variables for stage in ("local", "dev", "prod")}

        assert told == {"local": {"REPRISE_BACKEND": "local.stack"}, "dev": {}, "prod": {}}


class TestPolicies:
    STATEMENTS = tuple((function, it) for function in FUNCTIONS for it in statements(function))

    def test_every_function_has_one(self) -> None:
        assert (
            {it.stem for it in POLICIES.iterdir()}
            == {*FUNCTIONS}
            == {"api_handler", *(it.name for it in app.event_sources)}
        )

    def test_no_action_is_allowed_by_a_star_and_no_table_may_be_deleted_or_scanned(self) -> None:
        actions = json.dumps([it["Action"] for _, it in self.STATEMENTS])

        assert not [word for word in ("*", "DeleteTable", "Scan", "PurgeQueue") if word in actions]

    def test_a_resource_is_named_but_for_streams_of_a_log_and_the_functions_of_activities(self) -> None:
        starred = {it["Sid"] for _, it in self.STATEMENTS if "*" in json.dumps(it["Resource"])}

        assert starred == {"Logs"}
        assert {it["Sid"] for _, it in self.STATEMENTS if "ActivityFunctions" in json.dumps(it)} == {"Activities"}

    def test_every_function_that_a_queue_feeds_may_take_from_it_and_from_no_other(self) -> None:
        fed = [(function, it["Resource"]["Fn::GetAtt"][0]) for function, it in self.STATEMENTS if it["Sid"] == "Feed"]

        assert fed == [(name, event_source_queue(TEMPLATE, name)) for name, _ in fed]
        assert {name for name, _ in fed} == {*FUNCTIONS} - {"api_handler", "sweep"}

    @pytest.mark.parametrize("name", TABLES)
    def test_every_table_is_somebody_s(self, name: str) -> None:
        assert any(permission.resource == name for function in FUNCTIONS for permission in given(function))


@pytest.mark.parametrize("logical_id", TABLES)
def test_no_table_has_more_than_dynamodb_takes(logical_id: str) -> None:
    """Moto takes any number; DynamoDB 20 indexes, 20 projected attributes in each, and 100 in all."""
    indexes = TEMPLATE["Resources"][logical_id]["Properties"].get("GlobalSecondaryIndexes", [])
    projected = [len(index["Projection"].get("NonKeyAttributes", [])) for index in indexes]

    assert len(indexes) <= 20
    assert max(projected, default=0) <= 20
    assert sum(projected) <= 100
