"""Process instances that go on, over Camunda's routes: list, show, suspend, end, and where they stand."""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.core.access import Scope
from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run
from chalicelib.dialects.camunda.activity_trees import ActivityInstanceDto, write_tree
from chalicelib.dialects.camunda.instance_filters import FILTERS
from chalicelib.dialects.camunda.instance_queries import FOLDING, InstanceQuery, count, matching, read_query
from chalicelib.dialects.camunda.instances import ProcessInstanceDto, write_instance
from chalicelib.dialects.camunda.operations import (
    FREE,
    CountResultDto,
    asking,
    counting,
    deleting,
    listing,
    query_route,
    showing,
)
from chalicelib.dialects.camunda.query_fields import JsonFields, Kind, UrlFields, fields_of, parameters_of
from chalicelib.dialects.camunda.query_sorting import Sorting, read_order, sorting_fields
from chalicelib.dialects.camunda.reading import Parameters, as_bool, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid, malformed, not_found
from chalicelib.dialects.camunda.variable_filters import COMPARISON
from chalicelib.dialects.camunda.wire_types import WINDOW, Compared, body_of, several, sorting
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.runs import RunEnded

MOST = 2_000  # instances of one answer
_HISTORIC = {
    "businessKey": "processInstanceBusinessKey",
    "businessKeyIn": "processInstanceBusinessKeyIn",
    "businessKeyLike": "processInstanceBusinessKeyLike",
    "processDefinitionKeyNotIn": "processDefinitionKeyNotIn",
    "superProcessInstance": "superProcessInstanceId",
    "subProcessInstance": "subProcessInstanceId",
    "withIncident": "withIncidents",
    "processDefinitionWithoutTenantId": "withoutTenantId",
}
"""What the runtime query calls otherwise than the historic one."""
_ALIKE = (
    "processInstanceIds",
    "processDefinitionId",
    "processDefinitionKey",
    "processDefinitionKeyIn",
    "caseInstanceId",
    "tenantIdIn",
    "withoutTenantId",
    "activityIdIn",
    "rootProcessInstances",
    "incidentType",
    "incidentMessage",
    "incidentMessageLike",
)
_NAMES = {**{name: name for name in _ALIKE}, **_HISTORIC}
_SAME = (*_ALIKE, "variables", *FOLDING)
_SORTED_BY = frozenset({"businessKey", "definitionId", "definitionKey", "instanceId", "tenantId"})
_REFUSED = ("deploymentId", "incidentId", "leafProcessInstances", "orQueries")
_STATES = ("suspended", "active")
_KINDS: Mapping[str, Kind] = {
    **{ours: FILTERS[theirs].kind for ours, theirs in _NAMES.items()},
    **FOLDING,
    **dict.fromkeys(_STATES, Kind.FLAG),
}


def read_runtime_query(given: Variables) -> InstanceQuery:
    """Ask the historic query for those that have not ended."""
    for name in _REFUSED:
        if given.get(name) is not None:
            raise invalid(f"The query parameter '{name}' is not supported")
    asked: Variables = {name: given[name] for name in _SAME if given.get(name) is not None}
    asked |= {theirs: given[ours] for ours, theirs in _HISTORIC.items() if given.get(ours) is not None}
    states = [name for name in _STATES if as_bool(given.get(name))]
    asked |= dict.fromkeys(states[:1], True)  # both: the last one set
    return read_query({**asked, "unfinished": True})


def _by_url(call: Call) -> InstanceQuery:
    order = read_order(UrlFields(call.query), _SORTED_BY)
    return _sorted(read_runtime_query(_from_url(call)), order)


def _by_body(call: Call) -> InstanceQuery:
    body = _from_body(call)
    order = read_order(JsonFields(body), _SORTED_BY)
    return _sorted(read_runtime_query(body), order)


def _sorted(query: InstanceQuery, order: Sorting) -> InstanceQuery:
    order.check()
    return replace(query, order=order.orders)


def _from_url(call: Call) -> Variables:
    parameters = Parameters(call.query)
    given: Variables = {}
    for name in call.query:
        match _KINDS.get(name):
            case Kind.TEXTS:
                given[name] = list[Json](parameters.texts(name) or ())
            case Kind.FLAG:
                given[name] = parameters.flag(name)
            case _:
                given[name] = parameters.text(name)
    if "variables" in given:
        given["variables"] = list[Json](_comparison(one) for one in str(given["variables"]).split(","))
    return given


def _comparison(text: str) -> Variables:
    name, _, rest = text.partition("_")
    operator, _, value = rest.partition("_")
    return {"name": name, "operator": operator, "value": value}


def _from_body(call: Call) -> Variables:
    body = read_object(call)
    if body is None:
        raise malformed()
    return body


def _listed(services: Services, call: Call, query: InstanceQuery) -> Answer:
    first, most = Parameters(call.query).window(MOST)
    rows = []
    if most:
        for number, run in enumerate(matching(services, call.account, query)):
            if number >= first + most:
                break
            if number >= first:
                rows.append(write_instance(call.account, run))
    return answer(rows)


def listed(services: Services, call: Call) -> Answer:
    return _listed(services, call, _by_url(call))


def listed_by_body(services: Services, call: Call) -> Answer:
    return _listed(services, call, _by_body(call))


def counted(services: Services, call: Call) -> Answer:
    return answer({"count": count(services, call.account, _by_url(call))})


def counted_by_body(services: Services, call: Call) -> Answer:
    return answer({"count": count(services, call.account, _by_body(call))})


def load_live(services: Services, call: Call, absent: EngineRefusal) -> Run:
    """Answer the instance that a path names, if it goes on; raise this refusal otherwise."""
    try:
        run = services.runs.load(call.account, RunId(call.params["id"]))
    except RunNotFound as error:
        raise absent from error
    if run.status.is_ended:
        raise absent
    return run


def show(services: Services, call: Call) -> Answer:
    absent = not_found(f"Process instance with id {call.params['id']} does not exist")
    return answer(write_instance(call.account, load_live(services, call, absent)))


def tree(services: Services, call: Call) -> Answer:
    absent = not_found(f"Process instance with id {call.params['id']} does not exist")
    run = load_live(services, call, absent)
    return answer(write_tree(run, *services.runs.position(run)))


def delete(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    instance_id = call.params["id"]
    absent = not_found(f"No process instance found for id '{instance_id}': processInstance is null", 0)
    try:
        run = load_live(services, call, absent)
        services.runs.cancel(call.account, run.id, "deleted through /process-instance")
    except (RunEnded, RunNotFound) as error:
        raise absent from error
    except EngineRefusal:
        if given.flag("failIfNotExists") is not False:
            raise
    return Answer(204)


# -- suspended or active


def suspend(services: Services, call: Call) -> Answer:
    """Suspend an instance, which stands still then, or activate it again; nothing said is to activate it."""
    absent = not_found(f"Process instance with id {call.params['id']} does not exist")
    run = load_live(services, call, absent)
    change = services.runs.pause if as_bool(_from_body(call).get("suspended")) else services.runs.resume
    try:
        change(call.account, run.id, "by /process-instance/{id}/suspended")
    except (RunEnded, RunNotFound) as error:
        raise absent from error
    return Answer(204)


_ALL = "/process-instance"
_ONE = f"{_ALL}/{{id}}"
_PARAMETERS = {**parameters_of(_KINDS), "variables": Compared, **sorting(_SORTED_BY)}
_NAME = "ProcessInstanceQueryDto"
_FIELDS = {**fields_of(_KINDS), "variables": several(COMPARISON) | None}
QUERY = body_of(_NAME, {**_FIELDS, **sorting_fields(_NAME, _SORTED_BY)})


_BY_BODY = ", by a query in the body"
_WHAT = "process instances that have not ended"
OPERATIONS = (
    listing(_ALL, listed, f"List {_WHAT}", list[ProcessInstanceDto], {**_PARAMETERS, **WINDOW}),
    asking(
        query_route(_ALL, listed_by_body, ANY_TYPE), f"List {_WHAT}{_BY_BODY}", list[ProcessInstanceDto], QUERY, WINDOW
    ),
    counting(f"{_ALL}/count", counted, f"Count {_WHAT}", _PARAMETERS),
    asking(query_route(f"{_ALL}/count", counted_by_body, ANY_TYPE), f"Count {_WHAT}{_BY_BODY}", CountResultDto, QUERY),
    showing(_ONE, show, "Show a process instance that has not ended", ProcessInstanceDto),
    deleting(_ONE, delete, "End a process instance as it stands", Scope.WRITE, {"failIfNotExists": bool}),
    showing(
        f"{_ONE}/activity-instances",
        tree,
        "Show the activities in which a process instance stands",
        ActivityInstanceDto,
        is_long=True,
    ),
    Operation(
        Route("PUT", f"{_ONE}/suspended", Scope.WRITE, suspend, ANY_TYPE, FREE),
        "Suspend a process instance, which stands still then, or activate it again",
        answers={204: ()},
        body=body_of("ProcessInstanceSuspensionStateDto", {"suspended": bool | None}),
        is_body_needed=False,
        refusals=(409,),
    ),
)
