"""Describe a dialect's routes as OpenAPI 3.1, from the same table and the same structs that serve them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from chalicelib.core.audit import MAX_REASON
from chalicelib.dialects.edge import ANY_TYPE, JSON_TYPE, PARAMETER, Answer, Call, Route
from chalicelib.dialects.services import Services

_SCHEMAS = "#/components/schemas/{name}"
_REFUSED = "#/components/responses/Refused{}"
_PLACES = re.compile(r"\{(\w+)\}")

_PHRASES = {470: "Not Ready"}
"""Statuses of vendors' own."""

_REQUEST_ID = {"x-request-id": {"$ref": "#/components/headers/RequestId"}}
_REPLAYED = {"Idempotent-Replayed": {"$ref": "#/components/headers/IdempotentReplayed"}}
_RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}


@dataclass(frozen=True, slots=True)
class Text:
    """A body that is written as it is, in one of these media types."""

    media_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A route, and what else a stranger must know to call it.

    `answers` maps each status to the types that the body can have (none: no body). `query` is a struct, or the type of
    each parameter by its name. `refusals` are the statuses that follow from what the route does, beside those that
    follow from its shape.
    """

    route: Route
    summary: str
    answers: Mapping[int, tuple[Any, ...]]
    body: Any = None
    is_body_needed: bool = True
    query: type[msgspec.Struct] | Mapping[str, Any] | None = None
    is_idempotent: bool = False
    refusals: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        words = re.findall(r"\w+", f"{self.route.method.lower()} {self.route.path}")
        return "_".join(words)

    @property
    def refused_with(self) -> tuple[int, ...]:
        """List every status of a refusal."""
        statuses = {500, 503, *self.refusals}
        if self.route.scope is not None:
            statuses |= {400, 401, 403}
        if "{" in self.route.path:
            statuses |= {404}
        if self.body is not None:
            statuses |= {413, 415}
        if self.route.content_types != ANY_TYPE:
            statuses |= {415}
        if self.is_idempotent:
            statuses |= {409, 422}
        return tuple(sorted(statuses))


@dataclass(frozen=True, slots=True)
class About:
    """What a document says as a whole: `error` is the struct of every refusal, `security` the ways to show a key."""

    title: str
    description: str
    error: Any
    security: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    error_types: tuple[str, ...] = JSON_TYPE


def document(about: About, operations: Iterable[Operation]) -> dict[str, Any]:
    """Answer the whole document: the same operations give the same document, byte for byte."""
    listed = sorted(operations, key=lambda operation: (operation.route.path, operation.route.method))
    paths: dict[str, Any] = {}
    for operation in listed:
        path = paths.setdefault(operation.route.path, {})
        path[operation.route.method.lower()] = _operation(about, operation)
    _, schemas = msgspec.json.schema_components(_bodies(about, listed), ref_template=_SCHEMAS)
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": "1", "description": about.description},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "headers": _HEADERS,
            "parameters": _IN_HEADERS,
            "responses": _refusals(about, listed),
            "securitySchemes": {name: dict(scheme) for name, scheme in about.security.items()},
        },
    }


def described(path: str, about: About, operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Answer a dialect's operations, and one at this path that describes them all, made when first asked."""

    @cache
    def text() -> str:
        return msgspec.json.encode(document(about, every)).decode()

    def openapi(_services: Services, _call: Call) -> Answer:
        return Answer(200, text())

    route = Route("GET", path, None, openapi)
    itself = Operation(route, "Describe every route of this dialect", answers={200: (dict[str, Any],)})
    every = (itself, *operations)
    return every


_HEADERS = {
    "RequestId": {"description": "Names this request in our log.", "required": True, "schema": {"type": "string"}},
    "IdempotentReplayed": {
        "description": "'true' if the run was made by an earlier request with the same Idempotency-Key.",
        "schema": {"const": "true"},
    },
    "RetryAfter": {"description": "Seconds.", "schema": {"type": "integer"}},
}


_IN_HEADERS = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "Reason": {
        "name": "X-Reason",
        "in": "header",
        "required": False,
        "description": "Why, for the audit.",
        "schema": {"type": "string", "maxLength": MAX_REASON, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    },
}


def _bodies(about: About, operations: Iterable[Operation]) -> list[Any]:
    told = [body for operation in operations for bodies in operation.answers.values() for body in bodies]
    answers = [body for body in told if not isinstance(body, Text)]
    asked = [operation.body for operation in operations if operation.body is not None]
    return [about.error, *asked, *answers]


def _operation(about: About, operation: Operation) -> dict[str, Any]:
    route = operation.route
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation),
        "security": [],
    }
    if route.scope is not None:
        described["security"] = [{name: [route.scope.value]} for name in about.security]
    if operation.body is not None:
        media_types = JSON_TYPE if route.content_types == ANY_TYPE else route.content_types
        content = _content(operation.body, media_types=media_types)
        described["requestBody"] = {"required": operation.is_body_needed, "content": content}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [_parameter("path", name, _in_path(operation, name)) for name in _PLACES.findall(operation.route.path)]
    return [*in_path, *_in_query(operation.query), *_in_header(operation)]


def _in_path(operation: Operation, name: str) -> dict[str, Any]:
    any_text = {"type": "string"}
    return any_text if name in operation.route.free else {**any_text, "pattern": f"^{PARAMETER.pattern}$"}


def _parameter(where: str, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _in_query(query: type[msgspec.Struct] | Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Answer a parameter for each field of a query's struct, or for each name; None of them is needed."""
    if query is None:
        return []
    if isinstance(query, Mapping):
        types, _ = msgspec.json.schema_components(query.values(), ref_template=_SCHEMAS)
        return [_parameter("query", name, schema) for name, schema in zip(query, types, strict=True)]
    _, schemas = msgspec.json.schema_components([query], ref_template="{name}")
    properties = schemas[query.__name__]["properties"]
    return [_parameter("query", name, _given(schema, schemas)) for name, schema in properties.items()]


def _given(schema: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the schema of a parameter that is given: absence is the parameter's own, and is no null in it."""
    given = [schemas.get(kind.get("$ref"), kind) for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
    told = {key: schema[key] for key in ("description", "default") if schema.get(key) is not None}
    return {**given[0], **told}


def _in_header(operation: Operation) -> list[dict[str, str]]:
    named = {
        "IdempotencyKey": operation.is_idempotent,
        "Reason": operation.route.scope is not None and operation.route.method != "GET",
    }
    return [{"$ref": f"#/components/parameters/{name}"} for name, is_taken in named.items() if is_taken]


def _responses(operation: Operation) -> dict[str, Any]:
    good = {str(status): _good(operation, status, bodies) for status, bodies in operation.answers.items()}
    return {**good, **{str(status): {"$ref": _REFUSED.format(status)} for status in operation.refused_with}}


def _good(operation: Operation, status: int, bodies: tuple[Any, ...]) -> dict[str, Any]:
    is_repeat = operation.is_idempotent and status == HTTPStatus.OK
    response: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "headers": {**_REQUEST_ID, **(_REPLAYED if is_repeat else {})},
    }
    return {**response, "content": _content(*bodies)} if bodies else response


def _refusals(about: About, operations: Iterable[Operation]) -> dict[str, Any]:
    statuses = {status for operation in operations for status in operation.refused_with}
    return {f"Refused{status}": _refusal(about, status) for status in sorted(statuses)}


def _refusal(about: About, status: int) -> dict[str, Any]:
    headers = {**_REQUEST_ID, **(_RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else {})}
    phrase = _PHRASES.get(status) or HTTPStatus(status).phrase
    return {"description": phrase, "headers": headers, "content": _content(about.error, media_types=about.error_types)}


def _content(*bodies: Any, media_types: tuple[str, ...] = JSON_TYPE) -> dict[str, Any]:
    match bodies:
        case (Text(written),):
            return {one: {"schema": {} if one in JSON_TYPE else {"type": "string"}} for one in written}
        case _:
            schemas, _ = msgspec.json.schema_components(bodies, ref_template=_SCHEMAS)
            schema = schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
            return {one: {"schema": {"type": "string"} if one.startswith("text/") else schema} for one in media_types}
