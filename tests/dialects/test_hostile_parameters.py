"""What only looks like a number, a time or a list, in every parameter that is documented: no defect of ours."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from chalicelib.dialects.edge import Dialect, Route
from tests.dialects.test_every_route import ONCE, ask, named
from tests.dialects.test_hostile_requests import is_defect
from tests.dialects.things import Things
from tests.shapes import operations

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


def _parameters(document: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, str]]:
    """Answer where and by which name an operation reads something beside its path and body."""
    shared = document["components"].get("parameters", {})
    told = [shared[it["$ref"].rpartition("/")[2]] if "$ref" in it else it for it in operation["parameters"]]
    return [(it["in"], it["name"]) for it in told if it["in"] != "path"]


PARAMETERS = {asked: _parameters(*described) for asked, described in operations().items()}
TAKING = [(dialect, route) for dialect, route in ONCE if PARAMETERS.get((route.method, route.path))]


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
    before = known.standing()

    for text in TEXTS:
        for query, headers in requests(route, text):
            reply = ask(known.api, route, known.ids[0], {}, query=query, **headers)
            assert not is_defect(reply), (query[:60], headers, text[:20], reply.body)
            if route.method != "GET":
                after = known.standing()
                assert reply.status < 400 or after == before, (query, headers)
                before = after
