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


def misshapen(method: str, route: str, status: int, body: bytes) -> Iterator[str]:
    """Say how an answer differs from what the documents tell of a route; of what is no route, they tell nothing."""
    asked = f"{method} {route}"
    if (method, route) not in _operations():
        return
    _, operation = _operations()[method, route]
    if str(status) not in operation["responses"]:
        yield f"{asked} does not tell of {status}"
    elif _is_json(body):
        validator = _validator(method, route, status)
        if validator is None:
            yield f"{asked} tells of no body with {status}"
        else:
            for error in validator.iter_errors(json.loads(body)):
                yield f"{asked}, {status}, {'/'.join(map(str, error.instance_path))}: {error.message}"


@cache
def _operations() -> Mapping[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]:
    """Answer each operation by its method and route, and the document that it stands in."""
    documents = [json.loads(json.dumps(described(dialect.ABOUT, dialect.OPERATIONS))) for dialect in DIALECTS]
    return {
        (method.upper(), path): (document, operation)
        for document in documents
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@cache
def _validator(method: str, route: str, status: int) -> Any:
    """Answer what reads the JSON of an answer; None if it has none."""
    document, operation = _operations()[method, route]
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response.get("content", {}).get("application/json")
    return content and jsonschema_rs.validator_for({**content["schema"], "components": document["components"]})


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
