"""What only looks like a number, a time or a list, in every parameter that is documented: no defect of ours."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from chalicelib.dialects.edge import Dialect, Route
from chalicelib.dialects.openapi import document
from tests.dialects.test_every_route import ONCE, ask, named
from tests.dialects.test_hostile_requests import is_defect
from tests.dialects.things import ACCOUNT, Things, things
from tests.shapes import DIALECTS
from tests.world import World

TEXTS = (
    "",
    " ",
    "-",
    "--5",
    "+5",
    "-1",
    "0\x1f",
    "5.5",
    "1e999",
    "NaN",
    "1_0",
    "٣",
    "9" * 30,
    "9" * 5_000,
    "-" + "9" * 5_000,
    "1970-01-01T00:00:00",
    "9999-99-99T99:99:99.999+9999",
    "0001-01-01T00:00:00.000+1400",
    "9" * 12 + "d",
    ",",
    "a,,b",
    "[",
    "{}",
    "null",
    "\x00",
    "%",
    "x" * 5_000,
)


def _parameters() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Answer where and by which name each route reads something beside its path and body."""
    read: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for dialect in DIALECTS:
        described = json.loads(json.dumps(document(dialect.ABOUT, dialect.OPERATIONS)))
        shared = described["components"].get("parameters", {})
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                told = [shared[it["$ref"].rpartition("/")[2]] if "$ref" in it else it for it in operation["parameters"]]
                read[method.upper(), path] = [(it["in"], it["name"]) for it in told if it["in"] != "path"]
    return read


PARAMETERS = _parameters()
TAKING = [(dialect, route) for dialect, route in ONCE if PARAMETERS.get((route.method, route.path))]


@pytest.fixture(scope="module")
def known(world: World) -> Things:
    return things(world, ACCOUNT)


def requests(route: Route, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Write the query and the headers that say a text in each parameter."""
    for place, name in PARAMETERS[route.method, route.path]:
        if place == "query":
            yield f"{quote(name)}={quote(text)}", {}
        else:
            yield "", {name.replace("-", "_").lower(): text}


@named(TAKING)
def test_what_a_parameter_cannot_mean_is_refused_and_changes_nothing(
    known: Things, dialect: Dialect, route: Route
) -> None:
    for text in TEXTS:
        for query, headers in requests(route, text):
            before = None if route.method == "GET" else known.standing()
            reply = ask(known.api, route, known.ids[0], {}, query=query, **headers)
            assert not is_defect(reply), (query[:60], headers, text[:20], reply.body)
            assert before is None or reply.status < 400 or known.standing() == before, (query, headers)
