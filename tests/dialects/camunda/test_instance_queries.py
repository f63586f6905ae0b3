"""The historic process instance query, as section 4 of our notes on Camunda tells of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.ids import DefinitionKey
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.camunda.dates import write_date
from chalicelib.dialects.camunda.ids import write_definition_id
from chalicelib.dialects.camunda.instance_filters import Needs
from chalicelib.dialects.camunda.instance_queries import matching_ids, read_query
from chalicelib.dialects.camunda.reading import is_like
from chalicelib.dialects.camunda.run_records import Records, Subject
from tests.dialects.camunda.history_stories import ASKING, OF_TENANT, WORK, History, tell
from tests.world import ACME, OTHER, World

ENDED = {"completed", "failed", "canceled", "restarted", "batched"}
OF_WORK = {"completed", "failed", "retrying", "restarted", "batched"}
CASES = ("caseInstanceId", "superCaseInstanceId", "subCaseInstanceId", "superProcessInstanceId", "subProcessInstanceId")


@pytest.fixture(scope="module")
def history(world: World) -> History:
    return tell(world)


def _when(history: History, name: str) -> str:
    return write_date(history.runs[name].created_at)


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"finished": True}, ENDED),
            ({"unfinished": True}, {"retrying", "waiting", "tenants"}),
            ({"active": True}, {"retrying", "waiting", "tenants"}),
            ({"suspended": True}, set()),
            ({"completed": True}, {"completed", "restarted", "batched"}),
            ({"externallyTerminated": True}, {"canceled"}),
            ({"internallyTerminated": True}, {"failed"}),
            ({"finished": True, "unfinished": True}, set()),
            ({"processDefinitionKey": "ask"}, {"waiting", "canceled"}),
            ({"processDefinitionKey": "work"}, OF_WORK | {"tenants"}),
            ({"processDefinitionKey": "work", "withoutTenantId": True}, OF_WORK),
            ({"processDefinitionKey": "nobody's (&)"}, set()),
            ({"processDefinitionKeyIn": ["ask"]}, {"waiting", "canceled"}),
            ({"processDefinitionKeyNotIn": ["ask"]}, OF_WORK | {"tenants"}),
            ({"processDefinitionName": "The work"}, OF_WORK),
            ({"processDefinitionNameLike": "The _ork"}, OF_WORK),
            ({"processInstanceBusinessKey": "key_failed"}, {"failed", "restarted"}),
            ({"processInstanceBusinessKeyIn": ["key_failed", "key_waiting"]}, {"failed", "restarted", "waiting"}),
            ({"processInstanceBusinessKeyLike": r"key\_c%"}, {"completed", "canceled", "batched"}),
            ({"startedBy": "key-1"}, OF_WORK | {"waiting", "canceled", "tenants"} - {"batched"}),
            ({"tenantIdIn": ["blue", "red"]}, {"tenants"}),
            ({"withIncidents": True}, {"failed"}),
            ({"withRootIncidents": True}, {"failed"}),
            ({"incidentType": "failedJob"}, {"failed"}),
            ({"incidentType": "else"}, set()),
            ({"incidentStatus": "open"}, set()),
            ({"incidentStatus": "resolved"}, set()),
            ({"incidentStatus": "anything"}, {"failed"}),
            ({"incidentMessage": "unwell"}, {"failed"}),
            ({"incidentMessageLike": "un%"}, {"failed"}),
            ({"withJobsRetrying": True}, {"retrying"}),
            ({"executedActivityIdIn": ["approve"]}, {"canceled"}),
            ({"executedActivityIdIn": ["first", "unknown"]}, {"completed", "failed", "batched"}),
            ({"activeActivityIdIn": ["approve"]}, {"waiting"}),
            ({"activityIdIn": ["first", "pause"]}, {"retrying", "tenants"}),
        ],
    )
    def test_filter_finds_whom_it_means(self, history: History, query: dict[str, Any], found: set[str]) -> None:
        if "startedBy" in query:
            found = history.all - {"batched"}
        assert history.found(**query) == found
        flat = {
            name: ",".join(v) if isinstance(v, list) else str(v).lower() if v is True else v
            for name, v in query.items()
        }
        assert history.got(**flat) == found

    @pytest.mark.parametrize(
        "query", [{}, {"finished": False}, {"finished": None}, {"finishd": True}, {"tenantIdIn": []}]
    )
    def test_what_does_not_act_restricts_nothing(self, history: History, query: dict[str, Any]) -> None:
        assert history.found(**query) == history.all

    @pytest.mark.parametrize("name", CASES)
    def test_there_are_no_cases_and_no_calls(self, history: History, name: str) -> None:
        assert history.found(**{name: "x"}) == set()

    def test_ids_are_united_with_nothing(self, history: History) -> None:
        runs = history.runs
        assert history.found(processInstanceId=runs["failed"].id) == {"failed"}
        assert history.found(rootProcessInstanceId=runs["restarted"].id) == {"restarted"}
        assert history.found(rootProcessInstances=True) == history.all
        two = [runs["failed"].id, runs["waiting"].id, "nobody", "", "no id!"]
        assert history.found(processInstanceIds=two) == {"failed", "waiting"}
        assert history.found(processInstanceIds=two, finished=True) == {"failed"}
        assert history.found(processInstanceIds=two, processInstanceId=runs["waiting"].id) == {"waiting"}
        assert history.found(processInstanceIds=two, processInstanceId=runs["canceled"].id) == set()
        assert history.found(processInstanceIdNotIn=two) == history.all - {"failed", "waiting"}
        assert history.got(processInstanceIds=",".join(two[:3])) == {"failed", "waiting"}

    def test_definition_id_names_one_version(self, history: History) -> None:
        assert history.found(processDefinitionId=write_definition_id(ACME, WORK, 1)) == OF_WORK
        assert history.found(processDefinitionId=write_definition_id(ACME, OF_TENANT, 1)) == {"tenants"}
        assert history.found(processDefinitionId=write_definition_id(ACME, ASKING, 2)) == set()
        assert history.found(processDefinitionId=write_definition_id(OTHER, WORK, 1)) == set()
        assert history.found(processDefinitionId="work") == set()

    def test_times_are_inclusive(self, history: History) -> None:
        at = _when(history, "waiting")
        assert history.found(startedAfter=at, startedBefore=at) == {"waiting"}
        assert history.got(startedAfter=at, startedBefore=at) == {"waiting"}
        assert history.found(startedAfter=_when(history, "canceled"), startedBefore=at) == set()
        ended = history.runs["failed"].ended_at
        assert history.found(finishedAfter=ended, finishedBefore=ended) == {"failed"}
        assert history.found(finishedAfter=0) == ENDED
        assert history.found(executedActivityAfter=ended, executedActivityBefore=ended) == {"failed"}

    def test_another_account_sees_nothing(self, history: History) -> None:
        assert list(matching_ids(history.world.services, OTHER, read_query({}))) == []


class TestVariables:
    @pytest.mark.parametrize(
        ("name", "operator", "value", "found"),
        [
            ("amount", "eq", 3, {"completed", "batched"}),
            ("amount", "eq", 3.0, {"completed", "batched"}),
            ("amount", "eq", "3", {"waiting"}),
            ("amount", "neq", 3, {"failed", "retrying", "restarted", "waiting"}),
            ("amount", "gt", 3, {"failed", "retrying", "restarted"}),
            ("amount", "gteq", 4.5, {"failed", "retrying", "restarted"}),
            ("amount", "lt", 4.5, {"completed", "batched"}),
            ("amount", "lteq", 4.5, {"completed", "batched", "failed", "restarted"}),
            ("flag", "eq", True, {"completed", "batched"}),
            ("flag", "neq", True, {"canceled"}),
            ("flag", "eq", 1, set()),
            ("nothing", "eq", None, {"completed", "batched"}),
            ("word", "like", "ap%", {"failed", "restarted"}),
            ("amount", "like", "_", {"waiting"}),
            ("day", "eq", "2026-11-21T01:17:29.230+0100", {"completed", "batched"}),
            ("day", "lt", "2026-11-21T01:17:29.231+0100", {"completed", "batched"}),
            ("word", "lt", "2026-11-21T01:17:29.231+0100", set()),
            ("list", "eq", 1, set()),
            ("camunda.types", "neq", 1, set()),
        ],
    )
    def test_comparison(self, history: History, name: str, operator: str, value: Any, found: set[str]) -> None:
        assert history.found(variables=[{"name": name, "operator": operator, "value": value}]) == found

    def test_capitals_count_unless_they_are_said_not_to(self, history: History) -> None:
        comparison = {"name": "WORD", "operator": "like", "value": "AP%"}
        assert history.found(variables=[comparison]) == set()
        both = {"variableNamesIgnoreCase": True, "variableValuesIgnoreCase": True}
        assert history.found(variables=[comparison], **both) == {"completed", "batched", "failed", "restarted"}

    def test_an_address_compares_texts(self, history: History) -> None:
        assert history.got(variables="amount_eq_3") == {"waiting"}
        assert history.got(variables="word_eq_Apple,word_neq_x") == {"completed", "batched"}

    def test_a_restart_compares_dates_as_texts(self, history: History) -> None:
        day: Json = {"name": "day", "operator": "eq", "value": "2026-11-21T00:17:29.230+0000"}
        assert list(matching_ids(history.world.services, ACME, read_query({"variables": [day]}))) == []

    @given(st.lists(st.sampled_from("ab%_\\"), max_size=6).map("".join), st.text("ab%", max_size=6))
    def test_patterns_are_those_of_sql(self, pattern: str, text: str) -> None:
        assert is_like(text, pattern) == _naively_like(text, pattern)


def _naively_like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_naively_like(text[n:], pattern[1:]) for n in range(len(text) + 1))
    quoted = pattern[0] == "\\" and len(pattern) > 1
    wanted, rest = (pattern[1], pattern[2:]) if quoted else (pattern[0], pattern[1:])
    return bool(text) and ((wanted == "_" and not quoted) or wanted == text[0]) and _naively_like(text[1:], rest)


NAIVE: dict[str, Callable[[Run, Any], bool]] = {
    "processDefinitionKey": lambda run, wanted: run.definition.partition("(")[0] == wanted,
    "processDefinitionKeyNotIn": lambda run, wanted: run.definition.partition("(")[0] not in wanted,
    "processInstanceBusinessKey": lambda run, wanted: run.business_key == wanted,
    "processInstanceBusinessKeyLike": lambda run, wanted: (
        run.business_key is not None and _naively_like(run.business_key, wanted)
    ),
    "tenantIdIn": lambda run, wanted: run.definition.endswith(tuple(f"({one})" for one in wanted)),
    "withoutTenantId": lambda run, wanted: not wanted or not run.definition.endswith(")"),
    "startedAfter": lambda run, wanted: run.created_at >= wanted,
    "startedBefore": lambda run, wanted: run.created_at <= wanted,
    "finishedAfter": lambda run, wanted: run.ended_at is not None and run.ended_at >= wanted,
    "finishedBefore": lambda run, wanted: run.ended_at is not None and run.ended_at <= wanted,
    "finished": lambda run, wanted: not wanted or run.ended_at is not None,
    "unfinished": lambda run, wanted: not wanted or run.ended_at is None,
    "completed": lambda run, wanted: not wanted or _naively(run.status, "completed"),
}
TIMES = st.integers(0, 4)
KEYS = st.sampled_from(("ab", "ba", "a"))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "processDefinitionKey": KEYS,
    "processDefinitionKeyNotIn": st.lists(KEYS, min_size=1),
    "processInstanceBusinessKey": KEYS,
    "processInstanceBusinessKeyLike": st.text("ab%_", max_size=4),
    "tenantIdIn": st.lists(st.sampled_from(("blue", "red")), min_size=1),
    **dict.fromkeys(("startedAfter", "startedBefore", "finishedAfter", "finishedBefore"), TIMES),
    **dict.fromkeys(("withoutTenantId", "finished", "unfinished", "completed"), st.booleans()),
}
QUERIES = st.fixed_dictionaries({}, optional=VALUES)


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    status = draw(st.sampled_from(RunStatus))
    tenant = draw(st.sampled_from(("", "(blue)", "(red)")))
    return {
        "status": status,
        "definition": DefinitionKey(f"{draw(KEYS)}{tenant}"),
        "business_key": draw(st.none() | KEYS),
        "created_at": draw(TIMES),
        "ended_at": draw(TIMES) if status.is_ended else None,
    }


class TestAnyQuery:
    @settings(max_examples=300)
    @given(fields=runs(), query=QUERIES, others=st.lists(QUERIES, max_size=2))
    def test_it_means_whom_a_naive_filter_means(
        self, history: History, fields: dict[str, Any], query: dict[str, Any], others: list[dict[str, Any]]
    ) -> None:
        run = replace(history.runs["completed"], **fields)
        read = read_query({**query, "orQueries": [*others]})
        is_meant = read.holds(Subject(run, Records(history.world.services, ACME), run), *Needs)
        acting = [[name for name, wanted in one.items() if wanted is not False] for one in others]
        assert is_meant == (
            all(NAIVE[name](run, wanted) for name, wanted in query.items())
            and all(
                any(NAIVE[name](run, one[name]) for name in names)
                for one, names in zip(others, acting, strict=True)
                if names
            )
        )


class TestOrQueries:
    def test_one_filter_of_each_must_hold(self, history: History) -> None:
        states = {"completed": True, "internallyTerminated": True}
        assert history.found(orQueries=[states]) == {"completed", "restarted", "batched", "failed"}
        ids = {"processInstanceBusinessKey": "key_failed", "activeActivityIdIn": ["approve"]}
        assert history.found(orQueries=[ids]) == {"failed", "restarted", "waiting"}
        assert history.found(orQueries=[states, ids]) == {"failed", "restarted"}
        assert (
            history.found(orQueries=[states], processDefinitionName="The work", finished=True, unfinished=True) == set()
        )

    def test_one_without_filters_asks_for_nothing(self, history: History) -> None:
        assert history.found(orQueries=[{}, {"finished": False}], unfinished=True) == {"retrying", "waiting", "tenants"}

    def test_an_alternative_that_nobody_is_leaves_the_others(self, history: History) -> None:
        assert history.found(orQueries=[{"caseInstanceId": "x", "externallyTerminated": True}]) == {"canceled"}

    def test_variables_are_alternatives_too(self, history: History) -> None:
        variables = [{"name": "amount", "operator": "eq", "value": value} for value in (5, "3")]
        assert history.found(orQueries=[{"variables": variables}]) == {"retrying", "waiting"}

    FLAGS = (
        "finished",
        "unfinished",
        "active",
        "completed",
        "externallyTerminated",
        "internallyTerminated",
        "withIncidents",
    )

    @given(st.lists(st.sets(st.sampled_from(FLAGS), max_size=3), max_size=3), st.sampled_from((None, *FLAGS)))
    def test_they_are_what_a_naive_filter_is(
        self, history: History, alternatives: list[set[str]], also: str | None
    ) -> None:
        query: Variables = {"orQueries": [dict.fromkeys(sorted(one), True) for one in alternatives]}
        if also is not None:
            query[also] = True
        found = set(matching_ids(history.world.services, ACME, read_query(query)))
        wanted = [one for one in [*alternatives, {also} if also else set()] if one]
        assert found == {
            run.id
            for run in history.runs.values()
            if all(any(_naively(run.status, flag) for flag in one if flag) for one in wanted)
        }


def _naively(status: RunStatus, flag: str) -> bool:
    of_state = {
        "completed": {RunStatus.COMPLETED},
        "externallyTerminated": {RunStatus.CANCELED},
        "internallyTerminated": {RunStatus.FAILED},
        "withIncidents": {RunStatus.FAILED},
        "finished": {RunStatus.COMPLETED, RunStatus.CANCELED, RunStatus.FAILED},
        "active": {RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING},
        "suspended": {RunStatus.PAUSED},
    }
    return status in of_state.get(flag, of_state["active"] | of_state["suspended"])
