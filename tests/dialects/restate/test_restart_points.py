"""GET /invocations/{id}/restart-points: what every `from` would be answered with."""

from typing import Any

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.dialects.client import Api, key_of
from tests.dialects.restate.stories import (
    APPROVED,
    NO_DEPLOYMENT,
    NOBODY,
    Unchanged,
    completed,
    failed,
    patch,
    publish,
    start,
)
from tests.graphs import Call, Rounds, steps
from tests.world import World

pytestmark = pytest.mark.usefixtures("well_again")


def points(world: World, api: Api, invocation: str, query: str = "") -> Any:
    reply = Unchanged(world)(api, "GET", f"/invocations/{invocation}/restart-points?{query}")
    assert reply.status == 200, reply.body
    return reply.json


def canceled(world: World, api: Api) -> str:
    publish(api, APPROVED)
    invocation = start(api)
    world.deliver()
    patch(api, invocation, "cancel")
    return invocation


def test_every_entry_is_told_with_what_would_be_kept(world: World, api: Api) -> None:
    deployment = publish(api)
    source = completed(world, api)

    assert points(world, api, source) == {
        "deployment": deployment,
        "journal_size": 4,
        "points": [{"from": entry, "kept_entries": entry + 1} for entry in range(4)],
        "next": None,
    }


@pytest.mark.parametrize("made", [completed, failed, canceled])
@pytest.mark.parametrize("deployment", ["latest", "keep"])
def test_a_restart_is_answered_as_its_point_says(world: World, api: Api, made: Any, deployment: str) -> None:
    publish(api)
    source = made(world, api)
    publish(api, steps(Call("charge"), Call("thank")))
    told = points(world, api, source, f"deployment={deployment}")

    for point in told["points"]:
        query = f"from={point['from']}&deployment={deployment}&dry_run=true"
        reply = Unchanged(world)(api, "PATCH", f"/invocations/{source}/restart-as-new?{query}")
        if reply.status == 200:
            kept = reply.json["kept_entries"]
            assert point == {"from": point["from"], "kept_entries": kept}
        else:
            refused = {"status": reply.status, "message": reply.json["message"]}
            assert point == {"from": point["from"], "refused": refused}
    assert len(told["points"]) == told["journal_size"]


def test_a_long_journal_is_told_page_by_page(world: World, api: Api) -> None:
    publish(api, Rounds("again", 120))
    source = completed(world, api)
    found: list[Any] = []
    first: int | None = 0
    while first is not None:
        page = points(world, api, source, f"first={first}&limit=50")
        found += page["points"]
        first = page["next"]

    assert [point["from"] for point in found] == [*range(page["journal_size"])]
    assert points(world, api, source, "first=900") == {**page, "points": [], "next": None}
    assert len(points(world, api, source, "limit=5000")["points"]) == 100


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{NOBODY}/restart-points", 404),
        ("nope/restart-points", 400),
        (f"{NOBODY}/restart-points?deployment=nope", 400),
        (f"{NOBODY}/restart-points?first=x", 400),
        (f"{NOBODY}/restart-points?limit=1&limit=2", 400),
    ],
)
def test_what_is_wrong_is_refused_as_a_restart_is(world: World, api: Api, path: str, status: int) -> None:
    assert Unchanged(world)(api, "GET", f"/invocations/{path}").status == status


def test_where_nothing_can_be_restarted_it_is_refused_as_a_whole(world: World, api: Api) -> None:
    publish(api, APPROVED)
    live, source = start(api), canceled(world, api)

    assert Unchanged(world)(api, "GET", f"/invocations/{live}/restart-points").status == 409
    path = f"/invocations/{source}/restart-points?deployment={NO_DEPLOYMENT}"
    assert Unchanged(world)(api, "GET", path).status == 400


def test_whoever_may_read_may_ask(world: World, account: AccountId, api: Api) -> None:
    publish(api)
    source = completed(world, api)

    assert points(world, key_of(world, account, Scope.READ), source)["journal_size"] == 4
