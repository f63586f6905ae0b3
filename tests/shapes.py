"""Hold answers against the OpenAPI documents: a status that the operation tells of, and a body of the shape for it."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from chalicelib.dialects.camunda import routes as camunda
from chalicelib.dialects.flowx import routes as flowx
from chalicelib.dialects.openapi import document as described
from chalicelib.dialects.ops import routes as ops
from chalicelib.dialects.restate import routes as restate
from chalicelib.dialects.restate.ingress import routes as ingress
from chalicelib.dialects.retab import routes as retab
from chalicelib.dialects.upstash import routes as upstash

DIALECTS = [ops, retab, upstash, camunda, restate, ingress, flowx]


def misshapen(method: str, route: str, status: int, media_type: str, body: bytes) -> Iterator[str]:
    """Say how an answer differs from what the documents tell of a route; of what is no route, they tell nothing."""
    asked = f"{method} {route}, {status}"
    if (method, route) not in operations():
        return
    content = _content(method, route, status)
    if content is None:
        yield f"{asked}: nobody tells of this status"
    elif body and media_type not in content:
        yield f"{asked}: nobody tells of a body of type {media_type}"
    elif body and media_type.endswith("json"):
        for error in content[media_type].iter_errors(json.loads(body)):
            yield f"{asked}, {'/'.join(map(str, error.instance_path))}: {error.message}"


def documents() -> list[dict[str, Any]]:
    """Answer the document of each dialect as its readers get it."""
    return [json.loads(json.dumps(described(dialect.ABOUT, dialect.OPERATIONS))) for dialect in DIALECTS]


@cache
def operations() -> Mapping[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]:
    """Answer each operation by its method and route, and the document that it stands in, whose schemas are closed."""
    return {
        (method.upper(), path): (document, operation)
        for document in map(_closed, documents())
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@cache
def _content(method: str, route: str, status: int) -> Mapping[str, Any] | None:
    """Answer what reads an answer, by its media type; None if there is no such status."""
    document, operation = operations()[method, route]
    response = operation["responses"].get(str(status))
    if response is None:
        return None
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return {
        media_type: jsonschema_rs.validator_for({**of["schema"], "components": document["components"]})
        for media_type, of in response.get("content", {}).items()
    }


def _closed(schema: Any) -> Any:
    """Answer a schema whose objects have no members but those that they name, if they name any."""
    match schema:
        case {"properties": _}:
            return {"additionalProperties": False, **{name: _closed(part) for name, part in schema.items()}}
        case dict():
            return {name: _closed(part) for name, part in schema.items()}
        case list():
            return [_closed(part) for part in schema]
        case _:
            return schema
