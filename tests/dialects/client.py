"""A client of the whole service, as a stranger has one: requests in, answers out."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalice.app import Chalice
from chalice.test import Client

import app
from chalicelib.core.access import LIVE, Scope
from chalicelib.core.ids import AccountId
from local.calls import observed
from tests.audits import Changes
from tests.permissions import Held
from tests.realms import walled
from tests.shapes import misshapen
from tests.world import World


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> str:
        code: str = self.json["error"]["code"]
        return code


@dataclass(frozen=True)
class Api:
    """One caller, by the secret of a key. Header names are written with underscores.

    Of every request it is asserted that it names no row but the caller's, that it asks AWS for nothing that the
    function may not, that what it changes is in the audit, and that its answer has the shape that is documented.
    """

    secret: str | None = None
    served: Chalice = field(default_factory=lambda: app.app)
    realm: AccountId | None = None
    """Whose the key is, where that is known; else whoever the product says is calling."""

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret is not None:
            given.setdefault("authorization", f"Bearer {self.secret}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        with (
            Client(self.served) as client,
            observed(held := Held("api_handler")),
            observed(changes := Changes()),
            walled() as wall,
            answered() as told,
        ):
            response = client.http.request(method, path, headers=given, body=raw)
        assert response.headers["x-request-id"]
        assert not held.forbidden, held.forbidden
        assert not changes.is_secret, changes.tables
        *_, of = told  # others, if any, were answered while this one waited
        caller = of["account"]
        assert self.realm is None or caller in (None, self.realm), caller
        assert not wall.foreign(caller), (caller, wall.foreign(caller))
        if self.served is app.app:
            media_type = response.headers.get("Content-Type", "").partition(";")[0]
            wrong = [*misshapen(method, of["route"], response.status_code, media_type, response.body)]
            assert not wrong, wrong
        return Reply(response.status_code, response.headers, response.body)

    def get(self, path: str, **headers: str) -> Reply:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Reply:
        return self("DELETE", path, **headers)

    def run(self, run_id: str) -> Any:
        return self.get(f"/ops/v1/runs/{run_id}").json


@contextmanager
def answered() -> Iterator[list[Mapping[str, Any]]]:
    """Gather what the log tells of the requests that are answered inside: account (None: nobody's), route, status."""
    told: list[Mapping[str, Any]] = []
    handler, log = logging.Handler(), logging.getLogger("reprise.requests")
    handler.emit = lambda record: told.append(record.__dict__["fields"])  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        yield told
    finally:
        log.removeHandler(handler)


def key_of(
    world: World, account: AccountId, *scopes: Scope, expires_at: int | None = None, environment: str = LIVE
) -> Api:
    """Make a key that may do so much, and answer a client that shows it."""
    access = world.services.access
    key, secret = access.create(account, "a test's", frozenset(scopes or Scope), environment, expires_at)
    return Api(secret, realm=key.realm)
