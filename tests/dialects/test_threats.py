"""What strangers try on every dialect: credentials, crashes, paths and methods, fields that are not theirs to set."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.local import LambdaContext

import app
from chalicelib.core.access import secret_hash
from chalicelib.core.ids import AccountId
from chalicelib.dialects.edge import Answer, Call, Crashed, Dialect, Edge, Mount, Route
from chalicelib.dialects.services import Services
from local.template import read_template
from tests.aws_calls import Calls
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.conftest import Log
from tests.dialects.test_every_route import FIRST, ONCE, ROUTES, ask, named
from tests.dialects.test_front_door import Event, sent
from tests.dialects.things import Things
from tests.world import MINUTE, World

ACCOUNT = AccountId("threatened")
WRITES = [(dialect, route) for dialect, route in ONCE if route.method != "GET"]
READS: Mapping[str, str] = {
    "ops": "/ops/v1/runs",
    "retab": "/v1/workflows/runs",
    "upstash": "/v2/workflows/dlq",
    "camunda": "/engine-rest/history/process-instance",
    "restate": "/services",
    "ingress": "/ingress/restate/invocation/order/awakeables",
    "flowx": "/api/runtime/process/00000000-0000-4000-8000-0000000000ff/data",
}


# -- who is calling

BASIC = "authorization", "Basic {basic}"
BEARER = "authorization", "Bearer {}"
WAYS: Mapping[str, tuple[str, ...]] = {
    "ops": ("bearer", "api-key"),
    "retab": ("bearer", "api-key", "access_token"),
    "upstash": ("bearer", "qstash_token"),
    "camunda": ("bearer", "basic"),
    "restate": ("bearer", "api-key"),
    "ingress": ("bearer", "api-key"),
    "flowx": ("bearer", "api-key"),
}
"""How a key may be shown to each dialect."""


def shown(path: str, way: str, secret: str) -> Reply:
    """Show a key in one of the ways that some dialect has."""
    basic = base64.b64encode(f"whoever:{secret}".encode()).decode()
    match way:
        case "bearer":
            return Api().get(path, authorization=f"bEaReR {secret}")
        case "basic":
            return Api().get(path, authorization=f"Basic {basic}")
        case "api-key":
            return Api().get(path, api_key=secret)
        case _:
            return Api().get(f"{path}?{way}={secret}")


@pytest.mark.parametrize("way", sorted({way for ways in WAYS.values() for way in ways} | {"key", "api_key", "token"}))
@pytest.mark.parametrize("name", READS)
def test_a_key_is_taken_in_the_ways_of_its_dialect_and_in_no_other(known: Things, name: str, way: str) -> None:
    reply = shown(READS[name], way, known.api.secret or "")

    assert (reply.status == 401) is (way not in WAYS[name])


def bad_credentials(secret: str) -> Iterable[dict[str, str]]:
    """List headers that are no key, though some know much of one."""
    yield {}
    guesses = (
        "",
        " ",
        "x",
        secret[:-1],
        f"{secret}x",
        secret.upper(),
        secret[:17] + "A" * 43,
        "rsk_000000000000_",
        "\x00",
    )
    for guess in (*guesses, secret_hash(secret), "x" * 10_000, "é", f"{secret} {secret}", f"{secret}, Bearer {secret}"):
        yield {"authorization": f"Bearer {guess}"}
        yield {"api_key": guess}
        yield {"authorization": f"Basic {base64.b64encode(f'u:{guess}'.encode()).decode()}"}
    for scheme in ("Digest", "Token", "Negotiate", "BearerX", "Bearer:", "Bearer,"):
        yield {"authorization": f"{scheme} {secret}"}
    yield {"authorization": secret}
    yield {"authorization": "Basic !"}
    yield {"cookie": f"key={secret}", "x_api_key": secret, "proxy_authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("name", READS)
def test_whoever_shows_no_key_is_told_the_same_and_nothing_but_a_hash_is_looked_up(
    known: Things, calls: Calls, name: str
) -> None:
    told, before = set(), known.standing()
    calls.made.clear()
    calls.requests.clear()

    for given in bad_credentials(known.api.secret or ""):
        reply = Api().get(READS[name], **given)
        told.add((reply.status, reply.body, reply.headers.get("WWW-Authenticate")))

    [(status, _, challenge)] = told
    assert status == 401
    assert challenge
    assert {*calls.made} <= {"dynamodb.GetItem"}
    assert all(re.fullmatch("[0-9a-f]{64}", request["Key"]["pk"]["S"]) for request in calls.requests)
    assert known.standing() == before


@pytest.mark.parametrize("name", READS)
def test_a_key_that_was_revoked_or_is_over_is_told_as_one_that_never_was(
    world: World, account: AccountId, name: str
) -> None:
    owner, short = key_of(world, account), key_of(world, account, expires_at=world.clock() + MINUTE)
    made = owner.post("/ops/v1/keys", {"name": "for a while", "scopes": ["read", "write"]}).json
    owner.delete(f"/ops/v1/keys/{made['id']}")
    world.clock.advance(MINUTE)

    replies = [api.get(READS[name]) for api in (Api(made["key"]), short, Api("rsk_000000000000_nobody"))]

    assert {(reply.status, reply.body) for reply in replies} == {(401, replies[0].body)}


# -- defects of ours

SECRET = "arn:aws:dynamodb:eu-west-1:123456789012:table/reprise-runs-prod"


def raise_(_services: Services, _call: Call) -> Answer:
    raise RuntimeError(SECRET)


def breaking(mount: Mount) -> Mount:
    """Mount a dialect whose handlers all raise."""
    dialect = mount.load()
    routes = (replace(route, handler=raise_, free=route_params(route)) for route in dialect.routes)
    raising = replace(dialect, routes=tuple(routes))
    return replace(mount, load=lambda: raising)


@pytest.fixture(scope="module")
def broken(world: World) -> Chalice:
    """Serve all dialects, but for the handlers: each raises."""
    chalice = Chalice("reprise", configure_logs=False)
    Edge(chalice, tuple(map(breaking, app.MOUNTS)), lambda: world.services).register()
    return chalice


def route_params(route: Route) -> frozenset[str]:
    return frozenset(re.findall(r"\{(\w+)\}", route.path))


@named([*FIRST.values()])
def test_a_handler_that_raises_is_told_in_the_dialect_s_shape_and_no_more(
    known: Things, broken: Chalice, log: Log, dialect: Dialect, route: Route
) -> None:
    reply = ask(replace(known.api, served=broken), route, "x", {})

    assert reply.status == 500
    assert reply.body.decode() == dialect.write_error(Crashed()).body
    assert not re.search(b"arn:|reprise-|Traceback|RuntimeError|dynamodb", reply.body)
    [crash] = (line for line in log.lines if line["level"] == "ERROR")
    assert "RuntimeError" in crash["trace"]
    assert SECRET not in log.written.getvalue()
    assert crash["request_id"] == reply.headers["x-request-id"]


def test_nothing_is_told_of_a_defect_because_the_app_is_never_in_debug_mode() -> None:
    assert app.app.debug is False


# -- paths and methods

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE")
PATHS = {
    path: {route.method for _, route in ROUTES if route.path == path} for path in {route.path for _, route in ROUTES}
}


def come(method: str, path: str, **headers: str) -> Event:
    """Let a request come by the one way in."""
    return app.front_door(sent(path.removeprefix("/"), method, **headers), LambdaContext("api_handler", 1024))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_path_lacks_is_told_those_it_has_whatever_the_path(known: Things, method: str) -> None:
    for path, allowed in PATHS.items():
        if method not in allowed:
            answer = come(method, path.replace("{", "").replace("}", ""), authorization=f"Bearer {known.api.secret}")

            assert answer["statusCode"] == 405, path
            assert {*answer["headers"]["Allow"].split(", ")} == allowed, path
            assert not [name for name in answer["headers"] if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", READS.values())
def test_a_method_is_what_the_request_line_says(known: Things, path: str) -> None:
    before, key = known.standing(), f"Bearer {known.api.secret}"
    plain = come("GET", path, authorization=key)

    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = come("GET", path, authorization=key, **{name: "DELETE"})
        assert (answer["statusCode"], answer["body"]) == (plain["statusCode"], plain["body"])
    assert known.standing() == before


@pytest.mark.parametrize("path", READS.values())
def test_slashes_lead_nowhere_that_a_path_does_not(known: Things, path: str) -> None:
    key = f"Bearer {known.api.secret}"
    plain = come("GET", path, authorization=key)
    cut = path.rindex("/")

    assert come("GET", f"{path}/", authorization=key)["body"] == plain["body"]
    inside = (f"{path[:cut]}{step}{path[cut:]}" for step in ("/", "/.", "/..", "/%2e%2e", "/%2F")) if cut else ()
    for other in (*inside, f"{path}/..", f"{path}/%2e%2e/x", f"/x/..{path}"):
        assert come("GET", other, authorization=key)["statusCode"] in {400, 404, 405}, other
        assert come("GET", other)["statusCode"] in {401, 404, 405}, other


def test_no_path_of_the_deployed_api_is_open_to_other_origins() -> None:
    assert "Access-Control" not in json.dumps(read_template())
    assert not any(entry.cors for methods in app.app.routes.values() for entry in methods.values())


# -- fields that are not the caller's to set

CANARY = "mass-assigned"
NUMBER = 424242424242
MASS: Mapping[str, Any] = {
    **dict.fromkeys(("status", "owner", "tenant", "tenantId", "tenant_id", "account", "realm", "holder", "pk"), CANARY),
    **dict.fromkeys(("restart_of", "source_id", "sourceId", "root", "dead_letter_id", "run_id", "key_id"), CANARY),
    **dict.fromkeys(("token", "revision", "attempt", "wake_at", "wakeAt", "lease_until", "expires_at"), NUMBER),
    "__proto__": {"isAdmin": True, "account": CANARY},
    "constructor": {"prototype": {"account": CANARY}},
    "tenantIdIn": [CANARY],
    "scopes": [CANARY],
    "is_disabled": False,
    "environment": CANARY,
}


@named(WRITES)
def test_fields_that_are_not_the_caller_s_are_stored_nowhere(known: Things, dialect: Dialect, route: Route) -> None:
    """Send them with each body, as a query and as headers: no attribute takes one, and no key is made of one."""
    named_so = {"x_tenant_id": CANARY, "x_account_id": CANARY, "x_camunda_tenant": CANARY}

    for id_ in known.ids[:3] if "{" in route.path else known.ids[:1]:
        for body in (MASS, {**MASS, "processInstanceIds": [id_], "dlqIds": [id_], "invocation_ids": [id_]}):
            replace_query = replace(route, path=f"{route.path}?tenantId={CANARY}&account={CANARY}")
            for one in (route, replace_query):
                reply = ask(replace(known.api), one, id_, body, **named_so)
                assert reply.status < 500 or b'"code":0' in reply.body or reply.status == 501, reply.body

    for table, rows in known.standing().items():
        for row in rows:
            told = {name: value for name, value in row.items() if "B" not in value}
            assert CANARY not in str(told), table
            assert str(NUMBER) not in str(told), table
