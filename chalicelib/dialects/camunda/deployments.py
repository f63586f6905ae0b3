"""Deployments over Camunda's routes: create, list, show, their files, delete."""

import operator
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, TypedDict
from urllib.parse import quote

from msgspec import Meta

from chalicelib.core.access import Scope
from chalicelib.core.deployments import (
    Deployment,
    DeploymentId,
    FileId,
    NewDeployment,
    NewProcess,
    SeenVersion,
    Traits,
)
from chalicelib.core.errors import NotFound
from chalicelib.dialects.camunda.bpmn.importing import Process, read_bpmn
from chalicelib.dialects.camunda.bpmn.problems import BpmnInvalid
from chalicelib.dialects.camunda.dates import write_date
from chalicelib.dialects.camunda.errors import Error, ProblemDto
from chalicelib.dialects.camunda.ids import definition_key
from chalicelib.dialects.camunda.instances import AtomLink
from chalicelib.dialects.camunda.lookups import ProcessDefinitionDto, is_name, write_version
from chalicelib.dialects.camunda.multipart import Part, read_form
from chalicelib.dialects.camunda.operations import FREE, counting, listing, showing
from chalicelib.dialects.camunda.queries import (
    Filter,
    Row,
    equal,
    filtered,
    flag,
    like,
    list_parameters,
    moment,
    parameters_of,
    shown,
    tenants,
    windowed,
)
from chalicelib.dialects.camunda.reading import Parameters
from chalicelib.dialects.camunda.refusals import engine, invalid, not_found
from chalicelib.dialects.camunda.starts import root_of
from chalicelib.dialects.camunda.wire_types import Date
from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation, Text
from chalicelib.dialects.services import Services
from chalicelib.service.deployments import Deployed, ProcessInvalid, ProcessTwice

BPMN = (".bpmn20.xml", ".bpmn")
"""The endings of files that hold processes; all others are kept, and nothing is made of them."""

_NAME, _SOURCE, _TENANT = "deployment-name", "deployment-source", "tenant-id"
_FILTERING, _CHANGED_ONLY = "enable-duplicate-filtering", "deploy-changed-only"
_ACTIVATION = "deployment-activation-time"
_FIELDS = frozenset({_NAME, _SOURCE, _TENANT, _FILTERING, _CHANGED_ONLY, _ACTIVATION})
_TENANT_ID = re.compile(r"[A-Za-z0-9_.\-]+")
_AT = "_at"  # the column of a row that is not shown
_TYPES = {
    **dict.fromkeys(("bpmn", "cmmn", "dmn", "xml"), "application/xml"),
    **dict.fromkeys(("groovy", "java", "js", "php", "py", "rb", "txt"), "text/plain"),
    "html": "text/html",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_FILTERS: tuple[Filter, ...] = (
    equal("id", "id"),
    equal("name", "name"),
    like("nameLike", "name"),
    equal("source", "source"),
    flag("withoutSource", lambda row: row["source"] is None),
    moment("before", operator.lt, _AT),
    moment("after", operator.gt, _AT),
    tenants("includeDeploymentsWithoutTenantId"),
    flag("withoutTenantId", lambda row: row["tenantId"] is None),
)
_SORTED_BY = {"id": "id", "name": "name", "deploymentTime": _AT, "tenantId": "tenantId"}


class DeploymentDto(TypedDict):
    """Files that came together; `links` are those of a new one."""

    links: list[AtomLink]
    id: str
    name: str | None
    source: str | None
    deploymentTime: Date
    tenantId: str | None


class DeploymentWithDefinitionsDto(DeploymentDto):
    """A new deployment, with the process definitions by their ids that were made of it: null, if it had nothing new."""

    deployedProcessDefinitions: dict[str, ProcessDefinitionDto] | None
    deployedCaseDefinitions: None
    deployedDecisionDefinitions: None
    deployedDecisionRequirementsDefinitions: None


class DeploymentResourceDto(TypedDict):
    """A deployment's file."""

    id: str
    name: str
    deploymentId: str


class _Unreadable(Exception):
    """A file's processes cannot be read: what Camunda says of its errors, one by one."""

    def __init__(self, file: str, problems: Sequence[ProblemDto]) -> None:
        super().__init__(file)
        self.file, self.problems = file, problems


# -- create


def create(services: Services, call: Call) -> Answer:
    form, key = read_form(call), read_idempotency_key(call)
    try:
        deployed = services.deployments.create(call.account, _read(form), key)
    except _Unreadable as error:
        return _parse_error(error)
    except ProcessInvalid as error:
        defects = [_problem(defect.problem, 0, 0, (defect.element,)) for defect in error.defects]
        return _parse_error(_Unreadable(error.file, defects))
    except ProcessTwice as error:
        told = (
            f"The deployment contains definitions with the same key '{error.key}' (id attribute), this is not allowed"
        )
        raise engine(told) from error
    return answer(_write_deployed(call, deployed))


def _read(form: Mapping[str, Part]) -> NewDeployment:
    if _ACTIVATION in form:
        raise invalid(f"'{_ACTIVATION}' is not supported")
    files = {_file_name(part): _checked(part) for part in form.values() if part.name not in _FIELDS}
    if not files:
        raise invalid("No deployment resources contained in the form upload.")
    texts = {name: form[name].text for name in _FIELDS if name in form}
    tenant = texts.get(_TENANT) or None
    if tenant is not None and not _TENANT_ID.fullmatch(tenant):
        raise invalid("A tenant id has letters, digits, '_', '.' and '-' only.")
    is_bpmn = [name for name in files if name.endswith(BPMN)]
    return NewDeployment(
        files,
        tuple(process for name in is_bpmn for process in _processes(name, files[name], tenant)),
        name=texts.get(_NAME),
        source=texts.get(_SOURCE),
        tenant=tenant,
        is_filtering=texts.get(_FILTERING, "").lower() == "true",
        is_changed_only=texts.get(_CHANGED_ONLY, "").lower() == "true",
    )


def _file_name(part: Part) -> str:
    if not part.filename:
        raise invalid(f"No file name found in the deployment resource described by form parameter '{part.name}'.")
    return part.filename


def _checked(part: Part) -> bytes:
    """Answer a file's bytes, if they can be given back as they came: answers are texts."""
    try:
        part.content.decode()
    except UnicodeDecodeError as error:
        raise invalid(f"The deployment resource '{part.filename}' is not UTF-8.") from error
    return part.content


def _processes(file: str, content: bytes, tenant: str | None) -> list[NewProcess]:
    try:
        read = read_bpmn(content)
    except BpmnInvalid as error:
        problems = [_problem(it.message, it.line, it.column, tuple(it.element_ids)) for it in error.problems]
        raise _Unreadable(file, problems) from error
    return [_process(file, process, tenant) for process in read]


def _process(file: str, process: Process, tenant: str | None) -> NewProcess:
    definition = definition_key(process.key, tenant)
    if not is_name(definition):
        told = f"The id '{process.key}' is too long, or has other characters than letters, digits, '_', '.' and '-'"
        raise _Unreadable(file, [_problem(told, 0, 0, (process.key,))])
    traits = Traits(
        process.name or None,
        process.version_tag or None,
        process.history_time_to_live,
        is_startable=process.is_startable_in_tasklist,
    )
    return NewProcess(file, definition, process.document, traits)


def _problem(message: str, line: int | None, column: int | None, elements: Sequence[str]) -> ProblemDto:
    return {
        "message": message,
        "line": line or 0,
        "column": column or 0,
        "mainElementId": elements[0] if elements else None,
        "elementIds": list(elements),
    }


def _parse_error(error: _Unreadable) -> Answer:
    """Say what is wrong with a file, as Camunda's ParseException does."""
    told = [f"* {it['message']} | resource {error.file}{_position(it)}" for it in error.problems]
    message = "\n".join(["ENGINE-09005 Could not parse BPMN process. Errors: ", *told])
    refusal: Error = {
        "type": "ParseException",
        "message": message,
        "code": 0,
        "details": {error.file: {"errors": [*error.problems], "warnings": []}},
    }
    return answer(refusal, 400)


def _position(problem: ProblemDto) -> str:
    return f" | line {problem['line']} | column {problem['column']}" if problem["line"] else ""


def _write_deployed(call: Call, deployed: Deployed) -> DeploymentWithDefinitionsDto:
    deployment = deployed.deployment
    rows = [write_version(call.account, it) for it in _seen(deployed)]
    return {
        **_write(deployment),
        "links": [{"method": "GET", "href": f"{root_of(call)}/deployment/{deployment.id}", "rel": "self"}],
        "deployedProcessDefinitions": {row["id"]: row for row in rows} or None,
        "deployedCaseDefinitions": None,
        "deployedDecisionDefinitions": None,
        "deployedDecisionRequirementsDefinitions": None,
    }


def _seen(deployed: Deployed) -> list[SeenVersion]:
    of = deployed.deployment
    return [
        SeenVersion(made.definition, made.number, of.at, made.traits, of.id, of.file_of(made.file))
        for made in deployed.versions
    ]


# -- list and show


def listed(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer([shown(row) for row in windowed(_found(services, call, given), given, _SORTED_BY)])


def count(services: Services, call: Call) -> Answer:
    return answer({"count": len(_found(services, call, Parameters(call.query)))})


def show(services: Services, call: Call) -> Answer:
    return answer(_write(_load(services, call, f"Deployment with id '{call.params['id']}' does not exist")))


def files(services: Services, call: Call) -> Answer:
    return answer(_files(services, call))


def file(services: Services, call: Call) -> Answer:
    wanted, deployment = call.params["resource"], call.params["id"]
    for row in _files(services, call):
        if row["id"] == wanted:
            return answer(row)
    told = f"Deployment resource with resource id '{wanted}' for deployment id '{deployment}' does not exist."
    raise not_found(told)


def data(services: Services, call: Call) -> Answer:
    wanted = FileId(call.params["resource"])
    missing = f"Deployment resource '{wanted}' for deployment id '{call.params['id']}' does not exist."
    deployment = _load(services, call, missing)
    try:
        found, content = services.deployments.content(call.account, deployment.id, wanted)
    except NotFound as error:
        raise not_found(missing) from error
    name = quote(re.split(r"[\\/]", found.name)[-1])
    type_ = _TYPES.get(found.name.rpartition(".")[2], "text/plain")  # Camunda: application/octet-stream
    headers = {
        "Content-Type": type_,
        "Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}",
    }
    return Answer(200, content.decode(), headers)


def _found(services: Services, call: Call, given: Parameters) -> list[Row]:
    return filtered([{**_write(it), _AT: it.at} for it in services.deployments.list(call.account)], given, _FILTERS)


def _load(services: Services, call: Call, missing: str) -> Deployment:
    deployment = _read_id(call, missing)
    try:
        return services.deployments.load(call.account, deployment)
    except NotFound as error:
        raise not_found(missing) from error


def _read_id(call: Call, missing: str) -> DeploymentId:
    """Answer the id in the path; what cannot be one is as unknown as what is none."""
    given = call.params["id"]
    if not is_name(given):
        raise not_found(missing)
    return DeploymentId(given)


def _files(services: Services, call: Call) -> list[DeploymentResourceDto]:
    found = _load(services, call, f"Deployment resources for deployment id '{call.params['id']}' do not exist.")
    return [{"id": it.id, "name": it.name, "deploymentId": found.id} for it in found.files]


def _write(deployment: Deployment) -> DeploymentDto:
    return {
        "links": [],
        "id": deployment.id,
        "name": deployment.name,
        "source": deployment.source,
        "deploymentTime": write_date(deployment.at),
        "tenantId": deployment.tenant,
    }


# -- delete


def delete(services: Services, call: Call) -> Answer:
    missing = f"Deployment with id '{call.params['id']}' do not exist"
    deployment = _read_id(call, missing)
    is_cascading = (Parameters(call.query).text("cascade") or "").lower() == "true"
    try:
        services.deployments.delete(call.account, deployment, is_cascading=is_cascading)
    except NotFound as error:
        raise not_found(missing) from error
    return Answer(204)


_FORM = Annotated[
    dict[str, str],
    Meta(
        description="The files, each as a part of its own name, beside the fields.",
        extra_json_schema={"properties": {name: {"type": "string"} for name in sorted(_FIELDS - {_ACTIVATION})}},
    ),
]
_ONE = "/deployment/{id}"
_FILE = f"{_ONE}/resources/{{resource}}"
_TOO_MANY_RUNS = 409

OPERATIONS = (
    Operation(
        Route("POST", "/deployment/create", Scope.WRITE, create, ("multipart/form-data",)),
        "Deploy files: every process in them becomes the next version of its key",
        answers={200: (DeploymentWithDefinitionsDto,)},
        body=_FORM,
        is_idempotent=True,
    ),
    listing("/deployment", listed, "List deployments", list[DeploymentDto], list_parameters(_FILTERS, _SORTED_BY)),
    counting("/deployment/count", count, "Count deployments", parameters_of(_FILTERS)),
    showing(_ONE, show, "Show a deployment", DeploymentDto),
    Operation(
        Route("DELETE", _ONE, Scope.WRITE, delete, free=FREE),
        "Take a deployment and its process definitions away, and with `cascade` their instances too",
        answers={204: ()},
        query={"cascade": bool},
        refusals=(_TOO_MANY_RUNS,),
    ),
    showing(f"{_ONE}/resources", files, "List a deployment's files", list[DeploymentResourceDto], is_long=True),
    showing(_FILE, file, "Show a deployment's file, without its content", DeploymentResourceDto),
    showing(
        f"{_FILE}/data",
        data,
        "Send a file's content, as it was deployed",
        Text(tuple(sorted({*_TYPES.values()}))),
        is_long=True,
    ),
)
"""Paths from the root."""
