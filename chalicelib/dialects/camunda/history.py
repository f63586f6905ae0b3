"""History over Camunda's routes: process instances by any query; what happened in them, by their ids."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from chalicelib.core.access import Scope
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Variables
from chalicelib.core.run_summaries import RunSummary
from chalicelib.dialects.camunda.history_rows import (
    HistoricActivityInstanceDto,
    HistoricProcessInstanceDto,
    HistoricVariableInstanceDto,
    HistoricVariableUpdateDto,
    Row,
    activity_rows,
    update_rows,
    variable_rows,
    write_instance,
)
from chalicelib.dialects.camunda.instance_filters import last_variables
from chalicelib.dialects.camunda.instance_queries import (
    FOLDING,
    PARAMETERS,
    QUERY,
    InstanceQuery,
    count,
    matching,
    read_history_query,
    read_url_query,
)
from chalicelib.dialects.camunda.operations import (
    CountResultDto,
    asking,
    counting,
    deleting,
    listing,
    query_route,
    showing,
)
from chalicelib.dialects.camunda.query_fields import Fields, JsonFields, Kind, UrlFields, fields_of, parameters_of
from chalicelib.dialects.camunda.query_sorting import read_order, sorting_fields
from chalicelib.dialects.camunda.reading import Parameters, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal, not_found
from chalicelib.dialects.camunda.row_filters import (
    ACTIVITIES,
    INSTANCE_IDS,
    UPDATES,
    VARIABLES,
    RowFilters,
    kinds_of,
    read_instance_ids,
    read_row_filters,
)
from chalicelib.dialects.camunda.run_records import PAGE, Records, Subject
from chalicelib.dialects.camunda.variable_filters import Folding, read_comparison
from chalicelib.dialects.camunda.wire_types import WINDOW, body_of, sorting
from chalicelib.dialects.edge import PARAMETER, Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.runs import RunNotEnded

MOST_ROWS = 2_000  # of one answer; a row has about 800 bytes
_PROCESS_INSTANCE = "/history/process-instance"


def _body(call: Call) -> Variables:
    body = read_object(call)
    if body is None:
        raise EngineRefusal(500, "NullPointerException", "NullPointerException")
    return body


# -- process instances


def _by_url(call: Call) -> InstanceQuery:
    return read_url_query(UrlFields(call.query))


def _by_body(call: Call) -> InstanceQuery:
    return read_history_query(_body(call))


def _listed(services: Services, call: Call, query: InstanceQuery) -> Answer:
    first, most = Parameters(call.query).window(MOST_ROWS)
    if not most:
        return answer([])
    found = islice(matching(services, call.account, query), first, first + most)
    return answer(list(_instance_rows(Records(services, call.account), found)))


def _instance_rows(records: Records, found: Iterator[RunSummary]) -> Iterator[Row]:
    """Write instances in their order, reading their heads by the hundred."""
    while names := [run.id for run in islice(found, PAGE)]:
        heads = records.heads([*names])
        yield from (write_instance(Subject(heads[id_], records, heads[id_])) for id_ in names if id_ in heads)


def list_instances(services: Services, call: Call) -> Answer:
    return _listed(services, call, _by_url(call))


def list_instances_by_body(services: Services, call: Call) -> Answer:
    return _listed(services, call, _by_body(call))


def count_instances(services: Services, call: Call) -> Answer:
    return answer({"count": count(services, call.account, _by_url(call))})


def count_instances_by_body(services: Services, call: Call) -> Answer:
    return answer({"count": count(services, call.account, _by_body(call))})


def _unknown(id_: str) -> EngineRefusal:
    return not_found(f"Historic process instance with id {id_} does not exist")


def show_instance(services: Services, call: Call) -> Answer:
    records, id_ = Records(services, call.account), call.params["id"]
    head = records.heads([id_]).get(RunId(id_))
    if head is None:
        raise _unknown(id_)
    return answer(write_instance(Subject(head, records, head)))


def delete_instance(services: Services, call: Call) -> Answer:
    id_ = call.params["id"]
    if not PARAMETER.fullmatch(id_):
        raise _unknown(id_)
    try:
        services.runs.delete(call.account, RunId(id_))
    except (NotFound, RunNotEnded) as error:
        raise _unknown(id_) from error
    return Answer(204)


# -- what happened in them


@dataclass(frozen=True, slots=True)
class Told:
    """A kind of rows that journals tell of: how they are written, chosen and sorted."""

    rows: Callable[[Subject], Iterator[Row]]
    filters: RowFilters
    columns: Mapping[str, str]
    chosen: Callable[[Fields], Callable[[Subject, Row], bool]] = lambda _given: lambda _one, _row: True
    chosen_by: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Answer all by which rows are chosen."""
        return {**INSTANCE_IDS, **kinds_of(self.filters), **self.chosen_by}

    def find(self, services: Services, call: Call, given: Fields) -> list[Row]:
        """Answer the rows that are meant; when they happened is their order, if no other is asked for."""
        order = read_order(given, frozenset(self.columns))
        is_meant, is_chosen = read_row_filters(given, self.filters), self.chosen(given)
        ids = read_instance_ids(given, PAGE)
        order.check()
        records = Records(services, call.account)
        subjects = [Subject(head, records, head) for head in records.heads(ids).values()]
        rows = [row for one in subjects for row in self.rows(one) if is_meant(row) and is_chosen(one, row)]
        for one in reversed(order.orders):
            column = self.columns[one.by]
            rows.sort(key=lambda row: (row[column] is not None, row[column]), reverse=not one.is_ascending)
        return rows

    def listed(self, services: Services, call: Call, given: Fields) -> Answer:
        first, most = Parameters(call.query).window(MOST_ROWS)
        return answer(self.find(services, call, given)[first : first + most])

    def by_url(self, services: Services, call: Call) -> Answer:
        return self.listed(services, call, UrlFields(call.query))

    def by_body(self, services: Services, call: Call) -> Answer:
        return self.listed(services, call, JsonFields(_body(call)))

    def count_by_url(self, services: Services, call: Call) -> Answer:
        return answer({"count": len(self.find(services, call, UrlFields(call.query)))})

    def count_by_body(self, services: Services, call: Call) -> Answer:
        return answer({"count": len(self.find(services, call, JsonFields(_body(call))))})


def _variable_filter(given: Fields) -> Callable[[Subject, Row], bool]:
    """Answer which variables have the name, and the value, that are asked for."""
    name, value = given.text("variableName"), given.value(_VALUE)
    folding = Folding(given.flag("variableNamesIgnoreCase") or False, given.flag("variableValuesIgnoreCase") or False)
    if name is None:
        return lambda _one, _row: True
    wanted: Variables = {"name": name, "operator": "eq", "value": value}
    comparison = read_comparison(wanted, folding, is_reading_dates=True)

    def is_meant(one: Subject, row: Row) -> bool:
        if folding.name(row["name"]) != folding.name(name):
            return False
        return value is None or comparison.is_held_by(last_variables(one.head), row["name"])

    return is_meant


_VALUE = "variableValue"  # of any type
_COMMON: Mapping[str, str] = {"tenantId": "tenantId"}
_ACTIVITIES = Told(
    activity_rows,
    ACTIVITIES,
    {
        **_COMMON,
        "activityInstanceId": "id",
        "instanceId": "processInstanceId",
        "executionId": "executionId",
        "activityId": "activityId",
        "activityName": "activityName",
        "activityType": "activityType",
        "startTime": "startTime",
        "endTime": "endTime",
        "duration": "durationInMillis",
        "definitionId": "processDefinitionId",
        "occurrence": "startTime",
    },
)
_VARIABLES = Told(
    variable_rows,
    VARIABLES,
    {**_COMMON, "instanceId": "processInstanceId", "variableName": "name"},
    _variable_filter,
    {"variableName": Kind.TEXT, _VALUE: Kind.TEXT, **FOLDING},
)
_UPDATES = Told(
    update_rows,
    UPDATES,
    {
        **_COMMON,
        "processInstanceId": "processInstanceId",
        "variableName": "variableName",
        "variableType": "variableType",
        "variableRevision": "revision",
        "time": "time",
        "occurrence": "time",
    },
)


# -- routes

_ONE = f"{_PROCESS_INSTANCE}/{{id}}"
_BY_BODY = ", by a query in the body"


def _telling(path: str, told: Told, name: str, row: Any, what: str) -> tuple[Operation, ...]:
    """Describe the four routes of one kind of rows; `name` is that of the rows' type, without its ending."""
    parameters, fields = parameters_of(told.kinds), fields_of(told.kinds)
    if _VALUE in told.kinds:
        fields[_VALUE] = str | float | bool | None
    query = body_of(f"{name}QueryDto", {**fields, **sorting_fields(f"{name}QueryDto", told.columns)})
    listed = {**parameters, **sorting(told.columns), **WINDOW}
    return (
        listing(path, told.by_url, f"List {what}", list[row], listed),
        asking(query_route(path, told.by_body), f"List {what}{_BY_BODY}", list[row], query, WINDOW),
        counting(f"{path}/count", told.count_by_url, f"Count {what}", {**parameters, **sorting(told.columns)}),
        asking(query_route(f"{path}/count", told.count_by_body), f"Count {what}{_BY_BODY}", CountResultDto, query),
    )


_WHAT = "process instances, those that have ended among them"
OPERATIONS = (
    listing(
        _PROCESS_INSTANCE, list_instances, f"List {_WHAT}", list[HistoricProcessInstanceDto], {**PARAMETERS, **WINDOW}
    ),
    asking(
        query_route(_PROCESS_INSTANCE, list_instances_by_body),
        f"List {_WHAT}{_BY_BODY}",
        list[HistoricProcessInstanceDto],
        QUERY,
        WINDOW,
    ),
    counting(f"{_PROCESS_INSTANCE}/count", count_instances, f"Count {_WHAT}", PARAMETERS),
    asking(
        query_route(f"{_PROCESS_INSTANCE}/count", count_instances_by_body),
        f"Count {_WHAT}{_BY_BODY}",
        CountResultDto,
        QUERY,
    ),
    showing(_ONE, show_instance, "Show a process instance, whether or not it has ended", HistoricProcessInstanceDto),
    deleting(_ONE, delete_instance, "Take a process instance that has ended out of history", Scope.WRITE),
    *_telling(
        "/history/activity-instance",
        _ACTIVITIES,
        "HistoricActivityInstance",
        HistoricActivityInstanceDto,
        "the visits of activities in process instances",
    ),
    *_telling(
        "/history/variable-instance",
        _VARIABLES,
        "HistoricVariableInstance",
        HistoricVariableInstanceDto,
        "the variables of process instances",
    ),
    *_telling(
        "/history/detail",
        _UPDATES,
        "HistoricDetail",
        HistoricVariableUpdateDto,
        "the values that variables of process instances were given",
    ),
)
