"""History over Camunda's routes: rows of instances, activities, variables and their updates."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from chalicelib.core.access import Scope
from chalicelib.dialects.camunda.dates import write_date
from chalicelib.dialects.camunda.ids import write_definition_id
from tests.dialects.camunda.history_stories import (
    ACTIVITIES,
    DETAILS,
    INSTANCES,
    TYPED,
    VARIABLES,
    WORK,
    History,
    rows,
    tell,
)
from tests.dialects.client import key_of
from tests.world import ACME, OTHER, World


def _keys(text: str) -> list[str]:
    return text.split()


INSTANCE_KEYS = _keys(
    "id businessKey processDefinitionId processDefinitionKey processDefinitionName processDefinitionVersion "
    "startTime endTime removalTime durationInMillis startUserId startActivityId deleteReason "
    "rootProcessInstanceId superProcessInstanceId superCaseInstanceId caseInstanceId tenantId state "
    "restartedProcessInstanceId "
)
ACTIVITY_KEYS = _keys(
    "id parentActivityInstanceId activityId activityName activityType processDefinitionKey "
    "processDefinitionId processInstanceId executionId taskId calledProcessInstanceId calledCaseInstanceId "
    "assignee startTime endTime durationInMillis canceled completeScope tenantId removalTime "
    "rootProcessInstanceId "
)
_OF_VARIABLES = (
    "id processDefinitionKey processDefinitionId processInstanceId executionId activityInstanceId caseDefinitionKey "
    "caseDefinitionId caseInstanceId caseExecutionId taskId errorMessage tenantId removalTime rootProcessInstanceId "
    "type value valueInfo "
)
VARIABLE_KEYS = (_OF_VARIABLES + "name state createTime").split()
DETAIL_KEYS = (
    _OF_VARIABLES + "userOperationId time variableName variableInstanceId variableType initial revision"
).split()


@pytest.fixture(scope="module")
def history(world: World) -> History:
    return tell(world)


class TestInstances:
    def test_row_of_a_completed_one_has_all_keys(self, history: History) -> None:
        run, row = history.runs["completed"], history.row("completed")
        assert run.ended_at is not None
        assert sorted(row) == sorted(INSTANCE_KEYS)
        assert row == dict.fromkeys(INSTANCE_KEYS) | {
            "id": run.id,
            "businessKey": "key_completed",
            "processDefinitionId": write_definition_id(ACME, WORK, 1),
            "processDefinitionKey": "work",
            "processDefinitionName": "The work",
            "processDefinitionVersion": 1,
            "startTime": write_date(run.created_at),
            "endTime": write_date(run.ended_at),
            "durationInMillis": run.ended_at - run.created_at,
            "startUserId": "key-1",
            "startActivityId": "start1",
            "rootProcessInstanceId": run.id,
            "state": "COMPLETED",
        }

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("waiting", {"state": "ACTIVE", "endTime": None, "durationInMillis": None, "deleteReason": None}),
            ("failed", {"state": "INTERNALLY_TERMINATED", "deleteReason": "unwell"}),
            ("canceled", {"state": "EXTERNALLY_TERMINATED", "deleteReason": "not wanted"}),
            ("tenants", {"tenantId": "blue", "processDefinitionKey": "work", "processDefinitionName": None}),
            ("restarted", {"startActivityId": "second", "startUserId": "key-1", "state": "COMPLETED"}),
            ("batched", {"startActivityId": "start1", "startUserId": None}),
        ],
    )
    def test_row(self, history: History, name: str, told: dict[str, Any]) -> None:
        row = history.row(name)
        assert {key: row[key] for key in told} == told

    def test_a_list_tells_what_the_instance_tells(self, history: History) -> None:
        listed = {row["id"]: row for row in history.ok(history.api.get(INSTANCES))}
        assert listed == {run.id: history.row(name) for name, run in history.runs.items()}

    def test_a_restart_names_its_source_and_is_its_own_root(self, history: History) -> None:
        row = history.row("restarted")
        assert row["restartedProcessInstanceId"] == history.runs["failed"].id
        assert row["rootProcessInstanceId"] == row["id"]

    @pytest.mark.parametrize("id_", ["nobody", "no%20id!", str(uuid5(NAMESPACE_URL, "nobody"))])
    def test_unknown(self, history: History, id_: str) -> None:
        for method in ("GET", "DELETE"):
            reply = history.api(method, f"{INSTANCES}/{id_}")
            told = id_.replace("%20", " ")
            message = f"Historic process instance with id {told} does not exist"
            assert (reply.status, reply.json["message"]) == (404, message)

    def test_another_account_sees_none(self, history: History) -> None:
        other = key_of(history.world, OTHER)
        assert other.get(f"{INSTANCES}/{history.runs['failed'].id}").status == 404
        assert other.get(INSTANCES).json == []

    def test_reading_needs_its_scope_and_so_does_deleting(self, history: History) -> None:
        writer = key_of(history.world, ACME, Scope.WRITE)
        reader = key_of(history.world, ACME, Scope.READ)
        assert writer.get(INSTANCES).status == 403
        assert reader.delete(f"{INSTANCES}/x").status == 403


class TestActivities:
    def test_rows_have_all_keys(self, history: History) -> None:
        run = history.runs["canceled"]
        [row] = rows(history, ACTIVITIES, "canceled")
        assert sorted(row) == sorted(ACTIVITY_KEYS)
        assert row == dict.fromkeys(ACTIVITY_KEYS) | {
            "id": f"{run.id}.1",
            "taskId": f"{run.id}.1",
            "parentActivityInstanceId": run.id,
            "activityId": "approve",
            "activityType": "userTask",
            "processDefinitionKey": "ask",
            "processDefinitionId": write_definition_id(ACME, run.definition, 1),
            "processInstanceId": run.id,
            "executionId": run.id,
            "rootProcessInstanceId": run.id,
            "startTime": row["startTime"],
            "endTime": write_date(run.ended_at or 0),
            "durationInMillis": row["durationInMillis"],
            "canceled": True,
            "completeScope": False,
        }

    @pytest.mark.parametrize(
        ("name", "query", "found"),
        [
            ("completed", {}, ["first", "second"]),
            ("completed", {"sortBy": "activityId", "sortOrder": "desc"}, ["second", "first"]),
            ("completed", {"activityId": "second"}, ["second"]),
            ("completed", {"activityIdIn": "second,x"}, ["second"]),
            ("completed", {"activityType": "userTask"}, []),
            ("completed", {"activityNameLike": "%"}, []),
            ("completed", {"finished": True}, ["first", "second"]),
            ("completed", {"unfinished": True}, []),
            ("completed", {"canceled": True}, []),
            ("completed", {"completeScope": True}, []),
            ("completed", {"taskAssignee": "me"}, []),
            ("completed", {"startedAfter": "2099-11-21T00:00:00.000+0000"}, []),
            ("completed", {"finishedBefore": "2099-11-21T00:00:00.000+0000"}, ["first", "second"]),
            ("failed", {"canceled": True}, ["second"]),
            ("waiting", {"unfinished": True}, ["approve"]),
            ("waiting", {"finished": True}, []),
            ("tenants", {"tenantIdIn": "blue"}, ["pause"]),
            ("tenants", {"withoutTenantId": True}, []),
            ("tenants", {"activityType": "intermediateTimer"}, ["pause"]),
        ],
    )
    def test_filter(self, history: History, name: str, query: dict[str, Any], found: list[str]) -> None:
        assert [row["activityId"] for row in rows(history, ACTIVITIES, name, **query)] == found

    def test_window(self, history: History) -> None:
        path = f"{ACTIVITIES}?processInstanceId={history.runs['completed'].id}"
        assert [row["activityId"] for row in history.ok(history.api.get(f"{path}&firstResult=1"))] == ["second"]
        assert history.ok(history.api.get(f"{path}&maxResults=0")) == []

    def test_ids_stay(self, history: History) -> None:
        [first, second] = rows(history, ACTIVITIES, "completed")
        assert rows(history, ACTIVITIES, "completed", activityInstanceId=second["id"]) == [second]
        assert rows(history, ACTIVITIES, "completed", activityInstanceIdIn=first["id"]) == [first]


class TestVariables:
    def test_rows_have_all_keys(self, history: History) -> None:
        found = {row["name"]: row for row in rows(history, VARIABLES, "completed")}
        assert set(found) == {"amount", "word", "flag", "nothing", "day", "v_first", "v_second"}
        assert all(sorted(row) == sorted(VARIABLE_KEYS) for row in found.values())
        types = {name: row["type"] for name, row in found.items()}
        assert types | {"v_first": "", "v_second": ""} == {
            "amount": "Integer", "word": "String", "flag": "Boolean", "nothing": "Null", "day": "Date",
            "v_first": "", "v_second": "",
        }  # fmt: skip
        assert (found["day"]["value"], found["day"]["state"]) == (TYPED["day"], "CREATED")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"variableName": "amount"}, ["amount"]),
            ({"variableName": "AMOUNT"}, []),
            ({"variableName": "AMOUNT", "variableNamesIgnoreCase": True}, ["amount"]),
            ({"variableName": "word", "variableValue": "Apple"}, ["word"]),
            ({"variableName": "word", "variableValue": "apple"}, []),
            ({"variableName": "word", "variableValue": "apple", "variableValuesIgnoreCase": True}, ["word"]),
            ({"variableNameIn": "word,flag"}, ["flag", "word"]),
            ({"variableNameLike": "v%"}, ["v_first", "v_second"]),
            ({"variableTypeIn": "integer,date"}, ["amount", "day"]),
            ({"variableTypeIn": "Integer", "taskIdIn": "x"}, []),
            ({"caseInstanceId": "x"}, []),
            ({"variableNameIn": "word,flag", "sortBy": "variableName", "sortOrder": "desc"}, ["word", "flag"]),
        ],
    )
    def test_filter(self, history: History, query: dict[str, Any], found: list[str]) -> None:
        assert [row["name"] for row in rows(history, VARIABLES, "completed", **query)] == found


class TestDetails:
    def test_updates_are_told_in_their_order(self, history: History) -> None:
        found = rows(history, DETAILS, "completed", variableUpdates=True)
        assert all(sorted(row) == sorted(DETAIL_KEYS) for row in found)
        assert [(row["variableName"], row["initial"]) for row in found] == [
            ("amount", True), ("day", True), ("flag", True), ("nothing", True), ("word", True),
            ("v_first", False), ("v_second", False),
        ]  # fmt: skip
        assert {row["type"] for row in found} == {"variableUpdate"}
        assert {row["revision"] for row in found} == {0}

    def test_an_update_names_its_variable_and_who_wrote_it(self, history: History) -> None:
        [variable] = rows(history, VARIABLES, "completed", variableName="v_first")
        [update] = rows(history, DETAILS, "completed", variableInstanceId=variable["id"])
        [first, _] = rows(history, ACTIVITIES, "completed")
        assert update["activityInstanceId"] == first["id"]
        assert update["value"] == variable["value"]
        assert rows(history, DETAILS, "completed", activityInstanceId=first["id"]) == [update]

    def test_initial_and_form_fields(self, history: History) -> None:
        assert len(rows(history, DETAILS, "completed", initial=True)) == 5
        assert rows(history, DETAILS, "completed", formFields=True) == []
        day = rows(history, DETAILS, "completed", variableTypeIn="date")
        assert [row["value"] for row in day] == [TYPED["day"]]
        order = {"sortBy": "variableName", "sortOrder": "desc"}
        assert rows(history, DETAILS, "completed", **order)[0]["variableName"] == "word"


@pytest.mark.parametrize("path", [ACTIVITIES, VARIABLES, DETAILS])
class TestWhose:
    def test_an_instance_must_be_named(self, history: History, path: str) -> None:
        reply = history.api.get(path)
        assert (reply.status, reply.json["type"]) == (400, "InvalidRequestException")
        assert reply.json["message"].startswith("A processInstanceId, or processInstanceIdIn, is required")

    def test_a_hundred_at_most(self, history: History, path: str) -> None:
        ids = ",".join(f"id{number}" for number in range(101))
        assert "100 is the most" in history.api.get(f"{path}?processInstanceIdIn={ids}").json["message"]
        assert history.api.get(f"{path}?processInstanceIdIn={ids[:-6]}").json == []

    def test_several(self, history: History, path: str) -> None:
        ids = [history.runs[name].id for name in ("completed", "canceled")]
        both = history.ok(history.api.get(f"{path}?processInstanceIdIn={','.join(ids)}"))
        assert {row["processInstanceId"] for row in both} == set(ids)
        one = history.ok(history.api.get(f"{path}?processInstanceIdIn={','.join(ids)}&processInstanceId={ids[0]}"))
        assert {row["processInstanceId"] for row in one} == {ids[0]}

    def test_bad_orders_are_refused(self, history: History, path: str) -> None:
        reply = history.api.get(f"{path}?processInstanceId=x&sortBy=zz&sortOrder=asc")
        assert reply.json["message"] == "Cannot set query parameter 'sortBy' to value 'zz'"
