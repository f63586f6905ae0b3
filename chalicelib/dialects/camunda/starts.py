"""Start a process instance: at its start event, or at the places that start instructions name.

Camunda wraps whatever goes wrong in a start: `Cannot instantiate process definition {id}: …`. What its engine throws,
a suspended definition included, is 500 `RestException` (ProcessDefinitionResourceImpl.startProcessInstance); what
its REST layer refuses is 400 `InvalidRequestException`.
"""

from dataclasses import dataclass

from chalicelib.core.deployments import SeenVersion
from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.refusals import (
    ElementAmbiguous,
    ElementUnknown,
    ScopeAmbiguous,
    StartNotFound,
    StartsAmbiguous,
    VariablesMissing,
)
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.runs import Run
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place
from chalicelib.core.versions import NamedVersion
from chalicelib.dialects.camunda.instances import AtomLink, ProcessInstanceDto, write_instance
from chalicelib.dialects.camunda.lookups import find_by_id, id_of, load_by_key
from chalicelib.dialects.camunda.reading import as_bool, as_list, as_object, as_text, read_object
from chalicelib.dialects.camunda.refusals import REST, EngineRefusal, engine, invalid, malformed
from chalicelib.dialects.camunda.restart_refusals import tell_place
from chalicelib.dialects.camunda.values import (
    VALUES,
    VariableValueDto,
    read_variables,
    with_variables,
    write_variables,
)
from chalicelib.dialects.camunda.wire_types import body_of, one_of_words, several
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command

_BEFORE, _AFTER, _ALONG = "startBeforeActivity", "startAfterActivity", "startTransition"
_TYPES = frozenset({_BEFORE, _AFTER, _ALONG, "cancel"})


class ProcessInstanceWithVariablesDto(ProcessInstanceDto):
    """A new process instance, with its variables."""

    variables: dict[str, VariableValueDto]


_INSTRUCTION = body_of(
    "ProcessInstanceStartInstructionDto",
    {
        "type": one_of_words(_TYPES - {"cancel"}),
        "activityId": str | None,
        "transitionId": str | None,
        "variables": VALUES | None,
    },
    needed=("type",),
)
START = body_of(
    "StartProcessInstanceDto",
    {
        "variables": VALUES | None,
        "businessKey": str | None,
        "startInstructions": several(_INSTRUCTION) | None,
        "skipCustomListeners": bool | None,
        "skipIoMappings": bool | None,
        "withVariablesInReturn": bool | None,
    },
)


@dataclass(frozen=True, slots=True)
class StartInstruction:
    """Where a token begins, as it was asked for, and what variables are set with it."""

    type: str
    element: str
    variables: Variables

    @property
    def place(self) -> Place:
        if self.type == _BEFORE:
            return BeforeActivity(ActivityId(self.element))
        if self.type == _AFTER:
            return AfterActivity(ActivityId(self.element))
        return AlongTransition(TransitionId(self.element))


@dataclass(frozen=True, slots=True)
class Start:
    variables: Variables
    instructions: tuple[StartInstruction, ...]
    business_key: str | None
    is_skipping_listeners: bool
    is_skipping_mappings: bool
    is_showing_variables: bool


def start_by_id(services: Services, call: Call) -> Answer:
    definition_id, body = call.params["id"], _body(call)
    asked = _read(body, definition_id)
    version = find_by_id(services, call.account, definition_id)
    if version is None:
        missing = f"no deployed process definition found with id '{definition_id}': processDefinition is null"
        raise _failed(definition_id, missing)
    return _started(services, call, version, asked, body)


def start_by_key(services: Services, call: Call) -> Answer:
    version, body = load_by_key(services, call), _body(call)
    return _started(services, call, version, _read(body, id_of(call.account, version)), body)


# -- in


def _body(call: Call) -> Variables:
    body = read_object(call)
    if body is None:
        raise malformed()
    return body


def _read(body: Variables, definition_id: str) -> Start:
    instructions = body.get("startInstructions")
    shapes = [] if instructions is None else [as_object(one) for one in as_list(instructions)]
    if any(shape.get("type") not in _TYPES for shape in shapes):
        raise malformed()
    try:
        if as_text(body.get("caseInstanceId")) is not None:
            raise invalid("'caseInstanceId' is not supported")
        return Start(
            variables=read_variables(body.get("variables")),
            instructions=tuple(_instruction(shape) for shape in shapes),
            business_key=as_text(body.get("businessKey")),
            is_skipping_listeners=as_bool(body.get("skipCustomListeners")),
            is_skipping_mappings=as_bool(body.get("skipIoMappings")),
            is_showing_variables=as_bool(body.get("withVariablesInReturn")),
        )
    except EngineRefusal as refusal:
        raise _wrapped(definition_id, refusal) from refusal


def _instruction(given: Variables) -> StartInstruction:
    type_ = str(given["type"])
    if type_ == "cancel":
        raise invalid("For instruction type 'cancel': it is not supported by a start")
    field = "transitionId" if type_ == _ALONG else "activityId"
    element = as_text(given.get(field))
    if element is None:
        raise invalid(f"For instruction type '{type_}': '{field}' must be set")
    variables = given.get("variables")
    for value in as_object(variables).values() if variables is not None else ():
        if as_bool(as_object(value).get("local")):
            raise invalid(f"For instruction type '{type_}': local variables are not supported")
    return StartInstruction(type_, element, read_variables(variables))


def _wrapped(definition_id: str, refusal: EngineRefusal) -> EngineRefusal:
    """Say what REST refuses as a start does; JSON of another shape is refused before Camunda knows what it starts."""
    if not refusal.message:
        return refusal
    return invalid(f"{_prefix(definition_id)}{refusal.message}")


def _failed(definition_id: str, why: str) -> EngineRefusal:
    return engine(f"{_prefix(definition_id)}{why}", REST)


def _prefix(definition_id: str) -> str:
    return f"Cannot instantiate process definition {definition_id}: "


# -- out


def _started(services: Services, call: Call, version: SeenVersion, asked: Start, body: Variables) -> Answer:
    definition_id = id_of(call.account, version)
    if version.is_suspended:
        raise _failed(definition_id, f"ENGINE-03043 Process Definition with id '{definition_id}' is suspended.")
    run = _start(services, call, version, asked, body)
    told = _write_started(call, run)
    return answer({**told, "variables": write_variables(run.variables)} if asked.is_showing_variables else told)


def _start(services: Services, call: Call, version: SeenVersion, asked: Start, body: Json) -> Run:
    key, definition_id = read_idempotency_key(call), id_of(call.account, version)
    variables = asked.variables
    for instruction in asked.instructions:
        variables = with_variables(variables, instruction.variables)
    request = StartRequest(
        call.account,
        call.cause("camunda", key),
        variables,
        business_key=asked.business_key,
        places=tuple(instruction.place for instruction in asked.instructions),
        is_skipping_listeners=asked.is_skipping_listeners,
        is_skipping_mappings=asked.is_skipping_mappings,
    )
    command = Command(call.account, "camunda", "start", version.definition, body, key)
    choice = NamedVersion(version.number)
    try:
        return services.runs.start(command, version.definition, choice, request).run
    except (ElementUnknown, ElementAmbiguous, ScopeAmbiguous) as error:
        told = tell_place(request.places, definition_id, error.code, error.details)
        assert told is not None
        raise _failed(definition_id, told.message) from error
    except (StartNotFound, StartsAmbiguous, VariablesMissing) as error:
        raise _wrapped(definition_id, invalid(error.message)) from error


def _write_started(call: Call, run: Run) -> ProcessInstanceDto:
    link: AtomLink = {"method": "GET", "href": f"{root_of(call)}/process-instance/{run.id}", "rel": "self"}
    return write_instance(call.account, run, [link])


def root_of(call: Call) -> str:
    """Answer the address under which the caller reaches Camunda's routes, as far as the request says it."""
    host = call.headers.get("host", "")
    return f"{call.headers.get('x-forwarded-proto', 'http')}://{host}/engine-rest" if host else "/engine-rest"
