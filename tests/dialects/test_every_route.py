"""What holds for every route of every dialect: the routes are the app's own, so that none is forgotten.

An account with a little of everything is played against a stranger, who knows every id of it and may do all there is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from inspect import unwrap
from typing import Any
from urllib.parse import quote

import pytest

import app
from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from chalicelib.dialects.edge import Dialect, Route
from tests.aws_calls import Calls
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.things import things
from tests.world import TABLES, World

VICTIM = AccountId("victim-of-strangers")
NOBODY = "00000000-0000-4000-8000-0000000000ff"
ROUTES = [(dialect, route) for dialect in app.edge.dialects() for route in dialect.routes]
GUARDED = [(dialect, route) for dialect, route in ROUTES if route.scope is not None]
_MOUNTS = re.compile(r"^(/engine-rest(/engine/\{engine\})?|/v[2-4])(?=/)")


def _meant(dialect: Dialect, route: Route) -> tuple[str, str, str]:
    """Name a route by what it is, wherever its dialect mounts it."""
    return dialect.name, route.method, _MOUNTS.sub("", route.path)


FIRST = {_meant(*it): it for it in reversed(ROUTES)}
ONCE = [it for it in FIRST.values() if it[1].scope is not None]
"""Each route at one of its mounts: what depends on its handler alone is tried there."""
REFUSED = {
    "POST /deployments": "nothing runs at other endpoints that could be discovered",
    "DELETE /deployments/{deployment}": "published versions are never taken back",
    "POST /ingress/restate/awakeables/{id}/reject": "a user task cannot fail",
}
"""What may write, as its scope says, and is refused to everybody."""
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARAMETER = re.compile(r"\{(\w+)\}")
_NAMED = {"engine": "default", "prefix": "rtm", "entry": "1", "tenant": "none", "resource": "1", "build": "latest"}


def named(routes: list[tuple[Dialect, Route]]) -> Any:
    ids = [f"{dialect.name}: {route.method} {route.path}" for dialect, route in routes]
    return pytest.mark.parametrize(("dialect", "route"), routes, ids=ids)


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def may_write(route: Route) -> bool:
    """Say whether a route may change anything; a GET of the ingress does what its POST does."""
    return route.method != "GET" and route.scope not in {None, Scope.READ}


@dataclass(frozen=True)
class Wall:
    """`known`: every id that the victim has."""

    world: World
    stranger: Api
    known: tuple[str, ...]

    def standing(self) -> dict[str, Any]:
        """Answer all that the victim has."""
        rows = {table: self.world.rows(table) for table in TABLES}
        return {table: [row for row in held if VICTIM in str(row)] for table, held in rows.items()}


@pytest.fixture(scope="module")
def wall(world: World) -> Wall:
    """Let the victim have a little of everything."""
    victim = things(world, VICTIM)
    return Wall(world, key_of(world, AccountId("stranger-at-the-wall")), victim.ids)


def bodies(known: str) -> Iterator[Any]:
    """Write bodies that name an id wherever some route looks for one."""
    yield {}
    yield {
        "processInstanceIds": [known],
        "dlqIds": [known],
        "workflowRunIds": [known],
        "invocation_ids": [known],
        "source": known,
        "instructions": [{"type": "startBeforeActivity", "activityId": "decide"}],
        "suspended": True,
        "retries": 3,
    }


def path_of(route: Route, known: str) -> str:
    return _PARAMETER.sub(lambda name: _NAMED.get(name[1], quote(known, safe="", errors="surrogatepass")), route.path)


def ask(api: Api, route: Route, known: str, body: Any, query: str = "", **headers: str) -> Reply:
    taken = route.content_types[0].replace("*/*", "application/json")
    given = {"content_type": taken, "accept": "application/json", **headers}
    path = f"{path_of(route, known)}{'?' if query else ''}{query}"
    return api(route.method, path, None if route.method == "GET" else body, **given)


def said(reply: Reply, known: str) -> str:
    """Answer what was said, without the id that was asked for, and what follows from it."""
    return _UUID.sub("?", reply.body.decode().replace(known, "?"))


@named(GUARDED)
def test_a_stranger_reads_and_changes_nothing_whatever_ids_he_knows(
    wall: Wall, calls: Calls, dialect: Dialect, route: Route
) -> None:
    before = wall.standing()

    for known in wall.known if _PARAMETER.search(route.path) else [wall.known[0]]:
        for body in bodies(known):
            reply = ask(wall.stranger, route, known, body)
            assert reply.status < 500 or dialect.name == "camunda", (known, reply.body)
            assert VICTIM not in str(reply.body)

    assert not [request for request in calls.requests if VICTIM in str(request)]
    assert wall.standing() == before


@named([it for it in ROUTES if FIRST[_meant(*it)] != it])
def test_a_route_that_is_mounted_again_is_the_same(dialect: Dialect, route: Route) -> None:
    _, first = FIRST[_meant(dialect, route)]

    assert unwrap(route.handler) is unwrap(first.handler)
    assert (route.scope, route.content_types) == (first.scope, first.content_types)
    assert route.free >= first.free


@named([(dialect, route) for dialect, route in ONCE if "{id}" in route.path or "run_id}" in route.path])
def test_what_is_anothers_is_answered_as_what_nobody_has(wall: Wall, dialect: Dialect, route: Route) -> None:
    for known in (run for run in wall.known if len(run) == len(NOBODY)):
        for body in bodies(known):
            foreign, absent = ask(wall.stranger, route, known, body), ask(wall.stranger, route, NOBODY, body)
            assert (foreign.status, said(foreign, known)) == (absent.status, said(absent, NOBODY)), known


@named(GUARDED)
def test_a_key_without_the_scope_may_not(wall: Wall, calls: Calls, dialect: Dialect, route: Route) -> None:
    assert route.scope is not None
    lacking = key_of(wall.world, VICTIM, *(scope for scope in Scope if scope is not route.scope))
    before = wall.standing()
    calls.made.clear()

    assert ask(lacking, route, wall.known[0], {}).status == 403
    assert ask(replace(lacking, secret=None), route, wall.known[0], {}).status == 401
    assert ask(replace(lacking, secret="rsk_000000000000_nobody"), route, wall.known[0], {}).status == 401
    assert {*calls.made} <= {"dynamodb.GetItem"}  # the key is looked for, and nothing else
    assert wall.standing() == before


@named([it for it in ROUTES if (it[1].method != "GET" and not may_write(it[1])) or name_of(it[1]) in REFUSED])
def test_what_may_not_write_or_is_refused_writes_nothing(wall: Wall, dialect: Dialect, route: Route) -> None:
    owner, before = key_of(wall.world, VICTIM), wall.standing()

    for body in (*bodies(wall.known[0]), {"query": "SELECT * FROM sys_invocation"}, {"uri": "http://example.test"}):
        ask(owner, route, wall.known[0], body)

    assert wall.standing() == before


def test_only_what_everybody_may_know_is_told_without_a_key() -> None:
    told = {route.path for _, route in ROUTES if route.scope is None}

    harmless = ("openapi.json", "/version", "/engine", "/health")
    refused = ("/v1/invocations", "/v1/internal/")  # whoever asks, a version that is not served is not
    assert {path for path in told if not path.endswith(harmless) and not path.startswith(refused)} == set()
