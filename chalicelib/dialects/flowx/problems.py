"""A refusal as FlowX says it: JHipster's problem object, whose title and message come twice.

The one published sample is of a missing start node (docs-flowx, start-end-node); the other titles of a failed start
stand on the process instance page. What is published nowhere follows the sample's shape.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import NotRequired, TypedDict

from chalicelib.core.access import ScopeMissing, Unauthenticated
from chalicelib.core.apps import AppNotFound, BuildNotFound
from chalicelib.core.errors import RestartError
from chalicelib.core.refusals import (
    DefinitionNotFound,
    NothingPublished,
    RunNotFound,
    StartNotFound,
    StartsAmbiguous,
    VariablesMissing,
    VersionNotFound,
)
from chalicelib.dialects.edge import Answer
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.statuses import status_of


class Error(TypedDict):
    """JHipster's problem object. A caller whose key does not do is told `detail`, and nothing of any entity."""

    entityName: NotRequired[str]
    defaultMessage: NotRequired[str]
    errorKey: NotRequired[str]
    type: str
    title: str
    status: int
    message: str
    params: NotRequired[str]
    detail: NotRequired[str]


_TYPE = "https://www.jhipster.tech/problem/problem-with-message"
_FAMILY = "error.validation.process_instance"
_DOMAIN = "ai.flowx.process.definition.domain"


@dataclass(frozen=True, slots=True)
class Problem:
    """What FlowX has words for."""

    status: int
    title: str
    key: str
    entity: str = f"{_DOMAIN}.ProcessDefinition"


_NODE = f"{_DOMAIN}.NodeDefinition"
_UNKNOWN = Problem(400, "Process definition not found.", f"{_FAMILY}.process_definition_not_found")
_KNOWN: dict[type[Exception], Problem] = {
    DefinitionNotFound: _UNKNOWN,
    NothingPublished: _UNKNOWN,
    VersionNotFound: _UNKNOWN,
    StartNotFound: Problem(
        400,
        "Start node for process definition not found.",
        f"{_FAMILY}.start_node_for_process_def_missing",
        _NODE,
    ),
    StartsAmbiguous: Problem(
        400, "Multiple start nodes found, but start condition not specified.", f"{_FAMILY}.multiple_start_nodes", _NODE
    ),
    VariablesMissing: Problem(400, "Some mandatory params are missing.", f"{_FAMILY}.mandatory_params_missing"),
    RunNotFound: Problem(404, "Process instance not found.", f"{_FAMILY}.not_found", "ProcessInstance"),
    AppNotFound: Problem(404, "Application not found.", "error.validation.application.not_found", "Application"),
    BuildNotFound: Problem(404, "Build not found.", "error.validation.build.not_found", "Build"),
}


def write_error(error: RestartError) -> Answer:
    problem = _KNOWN.get(type(error)) or _derived(error)
    told: Error = {
        "entityName": problem.entity,
        "defaultMessage": problem.title,
        "errorKey": problem.key,
        "type": _TYPE,
        "title": problem.title,
        "status": problem.status,
        "message": problem.key,
        "params": problem.entity,
    }
    if isinstance(error, Unauthenticated | ScopeMissing):
        title = HTTPStatus(problem.status).phrase
        told = {"type": _TYPE, "title": title, "status": problem.status, "message": f"error.http.{problem.status}"}
        told["detail"] = error.message
    headers = {"Content-Type": "application/problem+json"}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return answer(told, problem.status, headers)


def _derived(error: RestartError) -> Problem:
    return Problem(status_of(error), error.message, f"error.validation.{error.code}", "ProcessInstance")
