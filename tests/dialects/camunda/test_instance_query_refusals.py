"""What the historic process instance query refuses, in the engine's words, and in which order it answers."""

from typing import Any

import pytest

from chalicelib.dialects.camunda import instance_queries, run_records
from chalicelib.dialects.camunda.instance_queries import read_query
from chalicelib.dialects.camunda.refusals import EngineRefusal
from chalicelib.dialects.camunda.variable_filters import Folding, read_comparison
from tests.dialects.camunda.history_stories import INSTANCES, History, tell
from tests.world import World


@pytest.fixture(scope="module")
def history(world: World) -> History:
    return tell(world)


BAD_USER, NOT_VALID, INVALID = "BadUserRequestException", "NotValidException", "InvalidRequestException"
CANNOT_SET = "Cannot set query parameter"
FORMAT = "variable query parameter has to have format KEY_OPERATOR_VALUE."
ROOTS = "Invalid query usage: cannot set both rootProcessInstances and"
STATES = "Already querying for historic process instance with another state:"
NO_ORDER = (
    "You should call any of the orderBy methods first before specifying a direction: currentOrderingProperty is null"
)
NO_DIRECTION = "Invalid query: call asc() or desc() after using orderByXX(): direction is null"
ONE_OF_TWO = "Only a single sorting parameter specified. sortBy and sortOrder required"


def _one(operator: str | None, value: Any, name: str | None = "x") -> dict[str, Any]:
    return {"variables": [{"name": name, "operator": operator, "value": value}]}


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "status", "kind", "message", "code"),
        [
            ({"processInstanceIds": []}, 500, "NullValueException", "Set of process instance ids is empty", 0),
            ({"active": True, "completed": True}, 400, BAD_USER, f"{STATES} ACTIVE is not empty", 0),
            ({"completed": True, "internallyTerminated": True}, 400, BAD_USER, f"{STATES} COMPLETED is not empty", 0),
            (
                {"rootProcessInstances": True, "superProcessInstanceId": "x"},
                400,
                BAD_USER,
                f"{ROOTS} superProcessInstanceId",
                0,
            ),
            (
                {"rootProcessInstances": True, "superCaseInstanceId": "x"},
                400,
                BAD_USER,
                f"{ROOTS} superCaseInstanceId",
                0,
            ),
            (_one("zz", 1), 400, INVALID, "Invalid variable comparator specified: zz", None),
            (
                _one(None, 1),
                500,
                "NullPointerException",
                'Cannot invoke "String.equals(Object)" because "op" is null',
                None,
            ),
            (_one("eq", 1, None), 400, NOT_VALID, "name is null", 0),
            (_one("gt", True), 400, NOT_VALID, "Booleans and null cannot be used in 'greater than' condition", 0),
            (
                _one("gteq", None),
                400,
                NOT_VALID,
                "Booleans and null cannot be used in 'greater than or equal' condition",
                0,
            ),
            (_one("lt", None), 400, NOT_VALID, "Booleans and null cannot be used in 'less than' condition", 0),
            (
                _one("lteq", False),
                400,
                NOT_VALID,
                "Booleans and null cannot be used in 'less than or equal' condition",
                0,
            ),
            (_one("eq", {}), 500, "ProcessEngineException", "Object values cannot be used to query", 0),
            (_one("like", []), 500, "ProcessEngineException", "Object values cannot be used to query", 0),
            ({"tenantIdIn": [None]}, 400, BAD_USER, "tenantIdIn contains null value", 0),
            ({"sortBy": None}, 400, INVALID, "", None),
            ({"sortBy": "zz", "sortOrder": "asc"}, 400, INVALID, "", None),
            ({"sortBy": "startTime", "sortOrder": "up"}, 400, INVALID, "", None),
            ({"sortBy": "startTime"}, 400, INVALID, ONE_OF_TWO, None),
            ({"sorting": [{"sortBy": "zz", "sortOrder": "asc"}]}, 400, NOT_VALID, NO_ORDER, 0),
            ({"sorting": [{"sortBy": "startTime"}]}, 400, NOT_VALID, NO_DIRECTION, 0),
            ({"finished": "yes"}, 400, INVALID, "", None),
            ({"startedAfter": "2026-11-21"}, 400, INVALID, "", None),
            ({"processInstanceIds": "x"}, 400, INVALID, "", None),
            ({"variables": {}}, 400, INVALID, "", None),
            (
                {"orQueries": [{"orQueries": []}]},
                400,
                BAD_USER,
                "Invalid query usage: cannot set or() within 'or' query",
                0,
            ),
            (
                {"incidentIdIn": ["x"]},
                400,
                INVALID,
                "The filter 'incidentIdIn' is not supported: it asks for what is not recorded here.",
                None,
            ),
            (
                {"executedActivityIdIn": ["start1"]},
                400,
                INVALID,
                "Whether 'start1' was executed is not recorded: executedActivityIdIn takes tasks and timers.",
                None,
            ),
        ],
    )
    def test_refusal(
        self, history: History, query: dict[str, Any], status: int, kind: str, message: str, code: int | None
    ) -> None:
        assert history.refused(**query) == (status, {"type": kind, "message": message, "code": code})

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ("sortBy=zz&sortOrder=asc", "Cannot set query parameter 'sortBy' to value 'zz'"),
            ("sortBy=startTime", ONE_OF_TWO),
            (
                "startedAfter=x",
                f"{CANNOT_SET} 'startedAfter' to value 'x': Cannot convert value x to java type java.util.Date",
            ),
            (
                "variables=a_eq",
                f"{CANNOT_SET} 'variables' to value 'a_eq': {FORMAT}",
            ),
            ("executedJobAfter=0", None),
        ],
    )
    def test_refusal_of_an_address(self, history: History, asked: str, message: str | None) -> None:
        reply = history.api.get(f"{INSTANCES}?{asked}")
        assert reply.status == 400
        assert message is None or reply.json == {"type": INVALID, "message": message, "code": None}

    def test_null_is_no_query(self, history: History) -> None:
        reply = history.api.post(INSTANCES, b"null", content_type="application/json")
        assert (reply.status, reply.json["type"]) == (500, "NullPointerException")
        assert history.api.post(INSTANCES, b"[]", content_type="application/json").json["message"] == ""

    def test_within_a_restart_bad_requests_are_the_rest_layers_own(self) -> None:
        with pytest.raises(EngineRefusal) as refused:
            read_query({"active": True, "completed": True})
        assert (refused.value.kind, refused.value.engine_code) == (INVALID, None)
        with pytest.raises(EngineRefusal) as refused:
            read_query({"processInstanceIds": []})
        assert (refused.value.status, refused.value.engine_code) == (500, 0)

    def test_nothing_is_a_variable_of_no_name(self) -> None:
        comparison = read_comparison({"name": "a", "operator": "eq", "value": 1}, Folding(), is_reading_dates=True)
        assert not comparison.holds({"b": 1})


class TestOrder:
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    @pytest.mark.parametrize("by", sorted(instance_queries.SORTED_BY))
    def test_sort(self, history: History, by: str, direction: str) -> None:
        key = {
            "instanceId": "id", "definitionId": "processDefinitionId", "definitionKey": "processDefinitionKey",
            "definitionName": "processDefinitionName", "definitionVersion": "processDefinitionVersion",
            "duration": "durationInMillis",
        }.get(by, by)  # fmt: skip
        rows = history.ok(history.api.get(f"{INSTANCES}?sortBy={by}&sortOrder={direction}"))
        values = [(row[key] is not None, row[key]) for row in rows]
        assert len(rows) == len(history.all)
        assert values == sorted(values, key=lambda one: (one[0], one[1] if one[0] else 0), reverse=direction == "desc")
        again = {"sorting": [{"sortBy": by, "sortOrder": direction}, {"sortBy": "instanceId", "sortOrder": "asc"}]}
        assert len(history.ok(history.api.post(INSTANCES, again, content_type="application/json"))) == len(rows)

    def test_newest_come_first(self, history: History) -> None:
        rows = history.ok(history.api.get(INSTANCES))
        assert [row["startTime"] for row in rows] == sorted((row["startTime"] for row in rows), reverse=True)

    def test_window(self, history: History) -> None:
        every = history.ok(history.api.get(INSTANCES))
        assert history.ok(history.api.get(f"{INSTANCES}?firstResult=2&maxResults=3")) == every[2:5]
        assert (
            history.ok(history.api.post(f"{INSTANCES}?firstResult=6", {}, content_type="application/json")) == every[6:]
        )
        for nothing in ("maxResults=0", "maxResults=-1", "firstResult=-1"):
            assert history.ok(history.api.get(f"{INSTANCES}?{nothing}")) == []
        assert history.api.get(f"{INSTANCES}?maxResults=x").status == 404

    def test_too_many_are_not_sorted(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(instance_queries, "MAX_SORTED", 3)
        assert "sort by startTime alone" in history.api.get(f"{INSTANCES}?sortBy=endTime&sortOrder=asc").json["message"]
        assert history.api.get(f"{INSTANCES}?sortBy=startTime&sortOrder=asc").status == 200

    def test_too_many_journals_are_not_read(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_records, "MAX_JOURNALS", 1)
        _, error = history.refused(activeActivityIdIn=["approve"])
        assert "journals of more than 1 instances" in error["message"]

    def test_pages_lose_nothing(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(instance_queries, "PAGE", 2)
        assert history.found() == history.all
        assert history.found(variables=[{"name": "amount", "operator": "gt", "value": 3}]) == {
            "failed",
            "retrying",
            "restarted",
        }
        assert history.found(processInstanceIds=[run.id for run in history.runs.values()]) == history.all
        assert len(history.ok(history.api.get(f"{INSTANCES}?sortBy=startTime&sortOrder=asc"))) == len(history.all)
