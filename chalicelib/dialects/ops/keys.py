"""API keys over our own dialect."""

from chalicelib.core.access import LIVE, EnvironmentNotAllowed, Scope
from chalicelib.core.errors import Invalid
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops.answers import KeyList, NewKey, write_key, write_new_key
from chalicelib.dialects.ops.reading import read_no_query
from chalicelib.dialects.ops.requests import CreateKey
from chalicelib.dialects.services import Services
from chalicelib.dialects.times import read_time


class ExpiryPassed(Invalid):
    code = "expiry_passed"

    def __init__(self) -> None:
        super().__init__("'expires_at' must be in the future.", field="expires_at")


def create(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_json(call.body), CreateKey)
    expires_at = None if asked.expires_at is None else read_time(asked.expires_at, "expires_at")
    if expires_at is not None and expires_at <= services.now():
        raise ExpiryPassed
    if call.key.environment not in (LIVE, asked.environment):
        raise EnvironmentNotAllowed(asked.environment)
    key, secret = services.access.create(
        call.key.account, asked.name, frozenset(asked.scopes), asked.environment, expires_at
    )
    return answer(write_new_key(key, secret), 201)


def listed(services: Services, call: Call) -> Answer:
    read_no_query(call)
    return answer(KeyList(keys=[write_key(key) for key in services.access.list(call.key)]))


def revoke(services: Services, call: Call) -> Answer:
    read_no_query(call)
    services.access.revoke(call.key, call.params["id"])
    return Answer(204)


OPERATIONS = (
    Operation(
        Route("POST", "/ops/v1/keys", Scope.ADMIN, create, JSON_TYPE),
        "Make an API key; its secret is told this once",
        answers={201: (NewKey,)},
        body=CreateKey,
    ),
    Operation(
        Route("GET", "/ops/v1/keys", Scope.ADMIN, listed),
        "List the account's API keys",
        answers={200: (KeyList,)},
    ),
    Operation(
        Route("DELETE", "/ops/v1/keys/{id}", Scope.ADMIN, revoke),
        "Revoke an API key; everywhere it is heeded within a minute",
        answers={204: ()},
    ),
)
