"""What the document tells of Camunda's routes: whatever it names is read, so a value that it cannot have is refused."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from chalicelib.dialects.camunda.routes import ABOUT, ENGINE_REST, OPERATIONS
from chalicelib.dialects.json_bodies import MAX_BODY
from chalicelib.dialects.openapi import document
from tests.dialects.client import Api, Reply
from tests.dialects.things import Things

_DOCUMENT = json.loads(json.dumps(document(ABOUT, OPERATIONS)))
_SCHEMAS = _DOCUMENT["components"]["schemas"]
_OURS = f"{ENGINE_REST}/engine/"
_WITHOUT_THINGS = "tenant"  # nobody has one here: these routes are those by key
_ENOUGH = {"processInstanceId": "x", "processDefinitionKey": "x"}
"""What some routes cannot do without."""
_ANYTHING = frozenset({"cascade", "value", "variableValue"})
"""What may be whatever it is."""


def operations(*methods: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """List the operations at one of their mounts."""
    for path, told in _DOCUMENT["paths"].items():
        if path.startswith(f"{ENGINE_REST}/") and not path.startswith(_OURS) and _WITHOUT_THINGS not in path:
            yield from ((method.upper(), path, told[method]) for method in methods if method in told)


def parameters() -> Iterator[Any]:
    for _, path, operation in operations("get"):
        for given in operation["parameters"]:
            if given.get("in") == "query" and (wrong := _wrong_text(given["name"], given["schema"])):
                yield pytest.param(path, given["name"], *wrong, id=f"{path}?{given['name']}")


def _wrong_text(name: str, schema: Mapping[str, Any]) -> tuple[str, int] | None:
    """Answer a value that a parameter cannot have, and how it is refused; None if it may have any."""
    if schema["type"] == "integer":
        return "zz", 404
    is_any = schema["type"] == "string" and not {"enum", "pattern"} & schema.keys() and name != "variables"
    return None if is_any else ("zz", 400)


def fields() -> Iterator[Any]:
    for method, path, operation in operations("post", "put"):
        content = operation.get("requestBody", {"content": {}})["content"].get("application/json")
        properties = _SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]["properties"] if content else {}
        for name, schema in properties.items():
            if name not in _ANYTHING:
                yield pytest.param(method, path, name, _wrong_value(schema), id=f"{method} {path} {name}")


def _wrong_value(schema: Mapping[str, Any]) -> Any:
    """Answer a value that a field cannot have, however leniently it is read."""
    kinds = {one.get("type", "object") for one in schema.get("anyOf", [schema])}
    return [{}] if "object" in kinds else {"x": 1}


def places(known: Things, path: str) -> list[str]:
    """Answer a route's paths with each thing that there is."""
    names = [name for name in ("id", "key", "name", "resource") if f"{{{name}}}" in path]
    if not names:
        return [path]
    return [path.replace("{name}", "n").replace(f"{{{names[0]}}}", quote(one, safe="")) for one in known.ids]


def is_malformed(reply: Reply) -> bool:
    """Say whether a body was refused for its shape, of which Camunda says nothing, or only what it was to do."""
    return reply.status == 400 and reply.json["message"][-2:] in {"", ": "}


@pytest.mark.parametrize(("path", "name", "value", "status"), [*parameters()])
def test_a_parameter_that_is_described_is_read(known: Things, path: str, name: str, value: str, status: int) -> None:
    reply = known.api.get(f"{path}?{urlencode({**_ENOUGH, name: value})}")

    assert reply.status == status
    assert name in reply.json["message"] or name == "variables"


@pytest.mark.parametrize(("method", "path", "name", "value"), [*fields()])
def test_a_field_that_is_described_is_read(known: Things, method: str, path: str, name: str, value: Any) -> None:
    asked = [
        known.api(method, place, {**_ENOUGH, name: value}, content_type="application/json")
        for place in places(known, path)
    ]

    assert any(is_malformed(reply) for reply in asked), [reply.body for reply in asked]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, path)
        for method, path, told in operations("post", "put")
        if "application/json" in told.get("requestBody", {"content": {}})["content"] and "{" not in path
    ],
)
def test_a_body_that_is_too_large_is_told_so(known: Things, method: str, path: str) -> None:
    reply = known.api(method, path, b'{"a":"' + b"a" * MAX_BODY + b'"}', content_type="application/json")

    assert (reply.status, reply.json["type"]) == (413, "InvalidRequestException")


def test_a_row_has_every_column_that_camunda_answers() -> None:
    batch = _SCHEMAS["BatchDto"]

    assert sorted(batch["required"]) == sorted(batch["properties"])
    assert len(batch["required"]) == 14


def test_summaries_are_sentences() -> None:
    for operation in OPERATIONS:
        assert " " in operation.summary
        assert operation.route.path not in operation.summary
        assert not operation.summary.endswith(".")


def test_anybody_may_read_it() -> None:
    reply = Api().get(f"{ENGINE_REST}/openapi.json")

    assert reply.status == 200
    assert reply.json == _DOCUMENT
