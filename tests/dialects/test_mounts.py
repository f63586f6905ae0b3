"""Where dialects stand: the table in app.py against the routes that they declare, loaded one by one as on Lambda."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from chalice.app import Chalice
from chalice.local import LambdaContext
from hypothesis import given
from hypothesis import strategies as st

import app
from chalicelib import wiring
from chalicelib.dialects.edge import Dialect, Edge, Mount
from chalicelib.dialects.front_door import FrontDoor
from chalicelib.dialects.paths import Place
from tests.dialects.test_front_door import sent
from tests.world import World

PROJECT = Path(app.__file__).parent
EVERY = Place.of(app.app.routes)
IDS = ["ops", "retab", "upstash", "camunda", "restate", "ingress", "flowx"]
mounted = pytest.mark.parametrize("mount", app.MOUNTS, ids=IDS)

SEGMENTS = sorted({segment for route in app.app.routes for segment in route.strip("/").split("/")})
paths = st.one_of(
    st.lists(st.sampled_from(SEGMENTS), max_size=7).map(lambda segments: "/" + "/".join(segments)),
    st.sampled_from([*app.app.routes]),
    st.tuples(st.sampled_from(["/v2", "/ingress", "/batch"]), st.sampled_from([*app.app.routes])).map("".join),
)


def closed() -> tuple[Edge, list[Mount]]:
    """Make the edge of a process that nobody has asked anything, and a list of the mounts that it loads."""
    loaded: list[Mount] = []

    def watched(mount: Mount) -> Mount:
        def load() -> Dialect:
            loaded.append(mount)
            return mount.load()

        return replace(mount, load=load)

    edge = Edge(Chalice("reprise"), tuple(map(watched, app.MOUNTS)), wiring.services)
    edge.register(is_whole=False)
    return edge, loaded


@mounted
def test_a_dialect_s_own_paths_find_its_routes_and_load_no_other(mount: Mount) -> None:
    edge, loaded = closed()

    for route in mount.load().routes:
        assert edge.route_of(route.path.replace("{", "a-").replace("}", "")) == route.path
        assert route.method in edge.app.routes[route.path]
    assert loaded == [mount]


def test_no_path_is_of_two_dialects() -> None:
    written = Counter(path for dialect in app.edge.dialects() for path in {route.path for route in dialect.routes})

    assert not [path for path, dialects in written.items() if dialects > 1]


@given(paths)
def test_whatever_the_path_its_route_is_the_one_that_a_table_of_all_routes_has(path: str) -> None:
    assert closed()[0].route_of(path) == EVERY.route_of(path)


def test_a_path_that_is_nobody_s_is_told_in_the_first_dialect_s_shape_and_loads_no_other() -> None:
    edge, loaded = closed()

    assert edge.route_of("/nowhere/at/all") is None
    assert json.loads(edge.unrouted("GET", "/nowhere/at/all", 404, "request-1")[2])["error"]["code"] == "not_found"
    assert loaded == [app.MOUNTS[0]]


@pytest.mark.parametrize(
    "path",
    [
        *("ops/v1/openapi.json", "v1/openapi.json", "v2/openapi.json", "engine-rest/openapi.json"),
        *("restate/openapi.json", "ingress/openapi.json", "api/runtime/openapi.json"),
        *("health", "version", "v4/nowhere", "process-definition/nowhere", "ingress", "rtm/api/runtime/nowhere"),
        *("ops/v1/keys", "v2/dlq", "v1/workflows/runs", "history/process-instance", "v3/invocations/nobody"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_process_that_nobody_has_asked_anything_answers_as_one_that_has_every_route(
    world: World, path: str, method: str
) -> None:
    edge, _ = closed()
    context = LambdaContext("api_handler", 1024)

    answer = FrontDoor(edge.route_of, edge.app, edge.unrouted)(sent(path, method), context)

    assert answer == app.front_door(sent(path, method), context)


ON_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "reprise", "_HANDLER": "app.front_door", "REPRISE_STAGE": "dev"}


def modules(code: str) -> set[str]:
    """Answer what of ours is loaded by some code in a function's process."""
    script = f"{code}; import sys; print(*(name for name in sys.modules if name.startswith('chalicelib')))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=ON_LAMBDA, capture_output=True, text=True, check=True
    )
    return {*done.stdout.split()}


def test_a_cold_start_loads_what_every_function_needs_and_no_dialect() -> None:
    loaded = modules("import app")

    assert {"chalicelib.dialects.edge", "chalicelib.service.access", "chalicelib.stores.tables"} <= loaded
    assert not {f"chalicelib.dialects.{mount.load().name}" for mount in app.MOUNTS} & loaded
    assert not {"chalicelib.house", "chalicelib.workers", "chalicelib.wiring", "chalicelib.core.runs"} & loaded


def test_a_request_loads_its_own_dialect_alone() -> None:
    loaded = modules("import app; app.edge.route_of('/ops/v1/runs')")

    assert "chalicelib.dialects.ops" in loaded
    assert not {"chalicelib.dialects.camunda", "chalicelib.dialects.upstash", "chalicelib.dialects.flowx"} & loaded


def test_messages_load_neither_routes_nor_what_only_requests_need() -> None:
    loaded = modules("import app, chalicelib.workers, chalicelib.service.deliveries")

    assert not [name for name in loaded if name.endswith(".routes")]
    assert not {"chalicelib.wiring", "chalicelib.dialects.services", "chalicelib.service.dead_letters"} & loaded
