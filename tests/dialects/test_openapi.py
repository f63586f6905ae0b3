"""The OpenAPI document: valid, complete, and the same each time."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import app
from chalicelib.dialects.camunda import routes as camunda
from chalicelib.dialects.openapi import document
from tests.dialects.client import Api
from tests.shapes import DIALECTS

_DOCUMENTS = [document(dialect.ABOUT, dialect.OPERATIONS) for dialect in DIALECTS]
_DOCUMENT = _DOCUMENTS[0]


def _described(described: Any) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}


@pytest.mark.parametrize("described", _DOCUMENTS, ids=lambda described: described["info"]["title"])
def test_the_document_is_valid_openapi(described: Any) -> None:
    OpenAPIV31SpecValidator(described).validate()


def test_every_registered_route_is_described_and_every_described_one_is_registered() -> None:
    registered = {(method, path) for path, methods in app.app.routes.items() for method in methods}

    assert set().union(*map(_described, _DOCUMENTS)) == registered


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.ABOUT.title)
def test_the_same_table_gives_the_same_bytes_in_any_order(dialect: Any) -> None:
    first, again = (document(dialect.ABOUT, table) for table in (dialect.OPERATIONS, dialect.OPERATIONS[::-1]))

    assert json.dumps(again) == json.dumps(first)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.ABOUT.title)
def test_every_operation_has_a_name_of_its_own(dialect: Any) -> None:
    names = [operation.id for operation in dialect.OPERATIONS]

    assert len(set(names)) == len(names)


_DATA = re.compile(r"openapi\.json$|/process/\{uuid\}/data$|^/ingress/")
"""Where free JSON is answered: these documents, a process's variables, and what an invocation has given."""


def _is_free(schema: Any) -> bool:
    match schema:
        case {"$ref": _} | {"properties": _}:
            return False
        case {"anyOf": kinds}:
            return any(map(_is_free, kinds))
        case {"type": "array", "items": item}:
            return _is_free(item)
        case _:
            return bool(schema.get("type", "object") == "object")


@pytest.mark.parametrize(
    "described",
    [document(dialect.ABOUT, dialect.OPERATIONS) for dialect in DIALECTS if dialect is not camunda],
    ids=lambda described: described["info"]["title"],
)
def test_the_members_of_every_answer_are_named_unless_it_is_data(described: Any) -> None:
    free = {
        path
        for path, methods in described["paths"].items()
        for operation in methods.values()
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        if _is_free(content["schema"])
    }

    assert all(map(_DATA.search, free)), free


def _references(value: Any) -> set[str]:
    match value:
        case {"$ref": str(reference)}:
            return {reference}
        case dict():
            return {found for child in value.values() for found in _references(child)}
        case list():
            return {found for child in value for found in _references(child)}
        case _:
            return set()


def test_whatever_is_referred_to_is_there() -> None:
    for reference in _references(_DOCUMENT):
        found: Any = _DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_parameter_of_a_path_is_described() -> None:
    for path, methods in _DOCUMENT["paths"].items():
        for operation in methods.values():
            told = {given["name"] for given in operation["parameters"] if given.get("in") == "path"}
            assert told == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def named(operation: dict[str, Any]) -> set[str]:
    """Name an operation's parameters, its own and those of all."""
    shared = _DOCUMENT["components"]["parameters"]
    given = [shared[it["$ref"].rpartition("/")[2]] if "$ref" in it else it for it in operation["parameters"]]
    return {it["name"] for it in given}


def test_whatever_changes_something_takes_a_reason_and_nothing_else_does() -> None:
    for path in _DOCUMENT["paths"].values():
        for method, operation in path.items():
            assert ("X-Reason" in named(operation)) == (method != "get" and bool(operation["security"]))


def test_whatever_needs_a_key_says_which_scope_and_how_to_show_it() -> None:
    restart = _DOCUMENT["paths"]["/ops/v1/runs/{id}/restart"]["post"]

    assert restart["security"] == [{"bearer": ["restart"]}, {"apiKey": ["restart"]}]
    assert _DOCUMENT["paths"]["/health"]["get"]["security"] == []


def test_a_restart_is_described_with_its_start_points_its_key_and_its_repeat() -> None:
    restart = _DOCUMENT["paths"]["/ops/v1/runs/{id}/restart"]["post"]
    schemas = _DOCUMENT["components"]["schemas"]

    assert schemas["Restart"]["properties"]["start"]["discriminator"]["mapping"].keys() == {
        "beginning",
        "after_entry",
        "from_failure",
        "at",
    }
    assert named(restart) == {"id", "dry_run", "Idempotency-Key", "X-Reason"}
    assert "Idempotent-Replayed" in restart["responses"]["200"]["headers"]
    assert restart["responses"].keys() == {
        *("200", "201", "400", "401", "403", "404", "409", "410", "413", "415", "422", "500", "503")
    }


def test_anybody_may_read_the_document(api: Api) -> None:
    reply = Api().get("/ops/v1/openapi.json")

    assert reply.status == 200
    assert reply.json == json.loads(json.dumps(_DOCUMENT))
