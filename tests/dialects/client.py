"""A client of the whole service, as a stranger has one: requests in, answers out."""

import json
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
    """One caller, by the secret of a key. Header names are written with underscores."""

    secret: str | None = None
    served: Chalice = field(default_factory=lambda: app.app)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret is not None:
            given.setdefault("authorization", f"Bearer {self.secret}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        with Client(self.served) as client, observed(held := Held("api_handler")), observed(changes := Changes()):
            response = client.http.request(method, path, headers=given, body=raw)
        assert response.headers["x-request-id"]
        assert not held.forbidden, held.forbidden
        assert not changes.is_secret, changes.tables
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


def key_of(
    world: World, account: AccountId, *scopes: Scope, expires_at: int | None = None, environment: str = LIVE
) -> Api:
    """Make a key that may do so much, and answer a client that shows it."""
    _, secret = world.services.access.create(account, "a test's", frozenset(scopes or Scope), environment, expires_at)
    return Api(secret)
