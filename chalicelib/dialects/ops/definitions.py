"""Definitions over our own dialect."""

from typing import Any

from chalicelib.core.access import Scope
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import NothingPublished
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops.answers import (
    Definition,
    DefinitionList,
    Draft,
    DraftSaved,
    Published,
    write_definition,
    write_listed,
    write_published,
)
from chalicelib.dialects.ops.reading import read_body, read_no_query, read_query
from chalicelib.dialects.ops.requests import Listing, NoFields, VersionQuery, read_version_text
from chalicelib.dialects.places import read_place
from chalicelib.dialects.services import Services


def save(services: Services, call: Call) -> Answer:
    read_no_query(call)
    key = DefinitionKey(call.params["key"])
    snapshot = services.definitions.save_draft(call.account, key, read_json(call.body))
    return answer(DraftSaved(key=key, draft=Draft(snapshot_id=snapshot)))


def publish(services: Services, call: Call) -> Answer:
    read_no_query(call)
    read_struct(read_body(call), NoFields)
    version = services.definitions.publish(call.account, DefinitionKey(call.params["key"]))
    return answer(write_published(version))


def listed(services: Services, call: Call) -> Answer:
    query = read_query(call, Listing)
    place = read_place(services, call, query.cursor, listed="definitions")
    found = services.definitions.list(call.account, after=place.position, limit=query.limit + 1)
    page = found[: query.limit]
    position = page[-1].key if len(found) > len(page) else None
    return answer(DefinitionList(definitions=[write_listed(*d) for d in page], next_cursor=place.next_cursor(position)))


def show(services: Services, call: Call) -> Answer:
    """Answer the version that is asked for, else the newest published one, else the draft."""
    query, key = read_query(call, VersionQuery), DefinitionKey(call.params["key"])
    if query.version is None:
        return _show_newest(services, call, key)
    choice = read_version_text(query.version)
    version = services.definitions.find(call.account, key, choice)
    match choice:
        case DraftVersion():
            return answer(write_definition(version, "draft"))
        case NamedVersion(name) if isinstance(name, str):
            return answer(write_definition(version, "snapshot"))
        case _:
            return answer(write_definition(version, "published"))


def _show_newest(services: Services, call: Call, key: DefinitionKey) -> Answer:
    try:
        published = services.definitions.find(call.account, key, PublishedVersion())
    except NothingPublished:
        return answer(write_definition(services.definitions.draft(call.account, key), "draft"))
    return answer(write_definition(published, "published"))


OPERATIONS = (
    Operation(
        Route("PUT", "/ops/v1/definitions/{key}", Scope.WRITE, save, JSON_TYPE),
        "Save a definition as its key's draft",
        answers={200: (DraftSaved,)},
        body=dict[str, Any],
    ),
    Operation(
        Route("POST", "/ops/v1/definitions/{key}/publish", Scope.WRITE, publish),
        "Publish the draft as the next version; the same draft again is the same version",
        answers={200: (Published,)},
        refusals=(409,),
    ),
    Operation(
        Route("GET", "/ops/v1/definitions", Scope.READ, listed),
        "List definitions by key",
        answers={200: (DefinitionList,)},
        query=Listing,
    ),
    Operation(
        Route("GET", "/ops/v1/definitions/{key}", Scope.READ, show),
        "Show a version of a definition: by default the newest published one, or else the draft",
        answers={200: (Definition,)},
        query=VersionQuery,
        refusals=(409,),
    ),
)
