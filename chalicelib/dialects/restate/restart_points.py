"""Which values `from` can have (ours: the server tells it only by refusing)."""

from dataclasses import replace

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.restart_points import RestartPoint
from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.errors import http_status
from chalicelib.dialects.restate.ids import read_deployment, read_run_id, write_version_id
from chalicelib.dialects.restate.places import FREE, PATH, read_text
from chalicelib.dialects.restate.query_strings import MOST_POINTS, pairs_of, read_points_wish
from chalicelib.dialects.restate.refusals import Operation as Asked
from chalicelib.dialects.restate.refusals import telling, told
from chalicelib.dialects.restate.restarts import LATEST, request_for
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command


class Refusal(msgspec.Struct, frozen=True):
    """How a restart with this `from` is refused."""

    status: int
    message: str


class Point(msgspec.Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """A value of `from`: how many entries the new journal begins with, or why there is none."""

    from_: int
    kept_entries: int | None = None
    refused: Refusal | None = None


class Points(msgspec.Struct, frozen=True):
    """Some entries of a journal; `next` is the one to go on from."""

    deployment: str
    journal_size: int
    points: list[Point]
    next: int | None


class PointsQuery(msgspec.Struct, frozen=True):
    """`deployment`: `latest`, `keep` or an id; `first`: the entry to begin with; `limit`: how many entries at most."""

    deployment: str = "latest"
    first: int = 0
    limit: int = MOST_POINTS


def restart_points(services: Services, call: Call) -> Answer:
    text = read_text(call)
    wish = read_points_wish(pairs_of(call.query))
    source, version = read_run_id(text), read_deployment(wish.deployment, LATEST)
    request = replace(request_for(call, version), source=source)
    command = Command(call.account, "restate", "restart-points", source, None)
    with telling(Asked.RESTART, text):
        found = services.restarts.points(command, request, wish.first, wish.limit)
    points = [_write_point(text, point) for point in found.points]
    after = wish.first + len(points)
    beyond = after if points and after < found.length else None
    return answer(Points(write_version_id(found.version.snapshot), found.length, points, beyond))


def _write_point(invocation: str, point: RestartPoint) -> Point:
    if point.refusal is None:
        return Point(point.entry, kept_entries=point.kept)
    refused = told(Asked.RESTART, invocation, point.refusal)
    return Point(point.entry, refused=Refusal(http_status(refused), refused.message))


OPERATIONS = (
    Operation(
        Route("GET", f"{PATH}/restart-points", Scope.READ, restart_points, free=FREE),
        "Say which values 'from' of a restart can have, what each keeps, and why not the others",
        answers={200: (Points,)},
        query=PointsQuery,
        refusals=(409, 410, 422, 425),
    ),
)
