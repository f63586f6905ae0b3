"""Process instances that go on, over Camunda's routes: list, show, suspend, end, and where they stand."""

from collections.abc import Callable

from chalicelib.core.access import Scope
from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run
from chalicelib.dialects.camunda.activity_trees import write_tree
from chalicelib.dialects.camunda.instance_queries import InstanceQuery, count, matching, read_query
from chalicelib.dialects.camunda.instances import write_instance
from chalicelib.dialects.camunda.reading import Parameters, as_bool, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid, malformed, not_found
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
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
_SAME = (
    "processInstanceIds",
    "processDefinitionId",
    "processDefinitionKey",
    "processDefinitionKeyIn",
    "caseInstanceId",
    "tenantIdIn",
    "withoutTenantId",
    "activityIdIn",
    "variables",
    "variableNamesIgnoreCase",
    "variableValuesIgnoreCase",
    "rootProcessInstances",
    "incidentType",
    "incidentMessage",
    "incidentMessageLike",
)
_REFUSED = ("deploymentId", "incidentId", "leafProcessInstances", "orQueries")
_LISTS = ("processInstanceIds", "processDefinitionKeyIn", "processDefinitionKeyNotIn", "tenantIdIn", "businessKeyIn")


def read_runtime_query(given: Variables) -> InstanceQuery:
    """Ask the historic query for those that have not ended."""
    for name in _REFUSED:
        if given.get(name) is not None:
            raise invalid(f"The query parameter '{name}' is not supported")
    asked: Variables = {name: given[name] for name in _SAME if given.get(name) is not None}
    asked |= {theirs: given[ours] for ours, theirs in _HISTORIC.items() if given.get(ours) is not None}
    state = next((name for name in ("suspended", "active") if given.get(name) is True), None)  # both: the last one set
    if state is not None:
        asked[state] = True
    return read_query({**asked, "unfinished": True})


def _from_url(call: Call) -> Variables:
    parameters = Parameters(call.query)
    given: Variables = {}
    for name in (*_SAME, *_HISTORIC, *_REFUSED, "suspended", "active"):
        value: Json = parameters.text(name)
        if value is not None:
            given[name] = list[Json](str(value).split(",")) if name in _LISTS else value
    for name in ("suspended", "active", "rootProcessInstances", "withoutTenantId"):
        if name in given:
            given[name] = bool(parameters.flag(name))
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


def _listed(services: Services, call: Call, given: Variables) -> Answer:
    first, most = Parameters(call.query).window(MOST)
    rows = []
    if most:
        for number, run in enumerate(matching(services, call.account, read_runtime_query(given))):
            if number >= first + most:
                break
            if number >= first:
                rows.append(write_instance(call.account, run))
    return answer(rows)


def listed(services: Services, call: Call) -> Answer:
    """List process instances that have not ended."""
    return _listed(services, call, _from_url(call))


def listed_by_body(services: Services, call: Call) -> Answer:
    """List process instances that have not ended, by a query in the body."""
    return _listed(services, call, _from_body(call))


def counted(services: Services, call: Call) -> Answer:
    """Count process instances that have not ended."""
    return answer({"count": count(services, call.account, read_runtime_query(_from_url(call)))})


def counted_by_body(services: Services, call: Call) -> Answer:
    """Count process instances that have not ended, by a query in the body."""
    return answer({"count": count(services, call.account, read_runtime_query(_from_body(call)))})


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
    """Show a process instance that has not ended."""
    absent = not_found(f"Process instance with id {call.params['id']} does not exist")
    return answer(write_instance(call.account, load_live(services, call, absent)))


def tree(services: Services, call: Call) -> Answer:
    """Show the activities in which an instance stands."""
    absent = not_found(f"Process instance with id {call.params['id']} does not exist")
    run = load_live(services, call, absent)
    return answer(write_tree(run, *services.runs.position(run)))


def delete(services: Services, call: Call) -> Answer:
    """End an instance as it stands."""
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


_ANY = frozenset({"id"})
_ID = "/process-instance/{id}"


def _read(method: str, path: str, handler: Callable[[Services, Call], Answer]) -> Route:
    return Route(method, path, Scope.READ, handler, ANY_TYPE, _ANY)


ROUTES: tuple[Route, ...] = (
    _read("GET", "/process-instance", listed),
    _read("POST", "/process-instance", listed_by_body),
    _read("GET", "/process-instance/count", counted),
    _read("POST", "/process-instance/count", counted_by_body),
    _read("GET", _ID, show),
    Route("DELETE", _ID, Scope.WRITE, delete, ANY_TYPE, _ANY),
    _read("GET", f"{_ID}/activity-instances", tree),
    Route("PUT", f"{_ID}/suspended", Scope.WRITE, suspend, ANY_TYPE, _ANY),
)
