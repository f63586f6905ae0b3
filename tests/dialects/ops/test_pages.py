"""Lists page by page: nothing is lost, nothing comes twice, and a cursor is good for its own list alone."""

from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from tests.dialects.client import Api, key_of
from tests.dialects.ops.conftest import CHARGED, failed, publish, start
from tests.world import World

RUNS = "/ops/v1/runs"
LISTS = {RUNS: "runs", "/ops/v1/dead-letters": "dead_letters", "/ops/v1/definitions": "definitions"}
NAMES = {"runs": "id", "dead_letters": "id", "definitions": "key"}


@pytest.fixture(scope="module")
def full(world: World) -> Api:
    """Show a key of an account that has seven of everything, some of them of one moment."""
    api = key_of(world, AccountId("full"))
    publish(api, CHARGED)
    for number in range(7):
        failed(world, api, labels=["even" if number % 2 == 0 else "odd"])
        world.clock.advance(number % 3)
        publish(api, CHARGED, f"d{number}")
    return api


def _pages(api: Api, path: str, limit: int, query: str = "") -> list[list[Any]]:
    pages, more = [], ""
    while True:
        reply = api.get(f"{path}?limit={limit}{query}{more}")
        assert reply.status == 200, reply.json
        pages.append([item[NAMES[LISTS[path]]] for item in reply.json[LISTS[path]]])
        if reply.json["next_cursor"] is None:
            return pages
        more = f"&cursor={reply.json['next_cursor']}"


@pytest.mark.parametrize("path", LISTS)
def test_pages_of_any_size_make_the_whole_list(full: Api, path: str) -> None:
    (whole,) = _pages(full, path, 200)

    for limit in (1, 2, 3, 7):
        pages = _pages(full, path, limit)
        assert [item for page in pages for item in page] == whole
        assert all(len(page) <= limit for page in pages)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_a_filtered_list_hold_what_the_filter_keeps(full: Api, limit: int) -> None:
    (whole,) = _pages(full, RUNS, 200, "&label=odd")
    pages = _pages(full, RUNS, limit, "&label=odd")

    assert len(whole) == 3
    assert [item for page in pages for item in page] == whole


def test_what_comes_meanwhile_neither_repeats_nor_hides_anything(api: Api) -> None:
    publish(api, CHARGED)
    for _ in range(5):
        start(api)
    (whole,) = _pages(api, RUNS, 200)
    first = api.get(f"{RUNS}?limit=3").json
    start(api)
    rest = api.get(f"{RUNS}?limit=200&cursor={first['next_cursor']}").json

    assert [run["id"] for run in first["runs"] + rest["runs"]] == whole


class TestCursors:
    @pytest.mark.parametrize(
        "query",
        [
            "/ops/v1/runs?cursor={}&label=odd",
            "/ops/v1/runs?cursor={}&status=failed",
            "/ops/v1/dead-letters?cursor={}",
            "/ops/v1/definitions?cursor={}",
            "/ops/v1/runs?cursor=A{}",
            "/ops/v1/runs?cursor={}A",
            "/ops/v1/runs?cursor={}%3D%3D%3D",
            "/ops/v1/runs?cursor=%C3%A9",
            "/ops/v1/runs?cursor=AAAA",
        ],
    )
    def test_one_is_good_for_its_own_list_alone(self, full: Api, query: str) -> None:
        cursor = full.get(f"{RUNS}?limit=2").json["next_cursor"]
        reply = full.get(query.format(cursor))

        assert (reply.status, reply.refusal) == (400, "cursor_invalid")

    def test_one_is_good_for_its_own_account_alone(self, full: Api, stranger: Api) -> None:
        cursor = full.get(f"{RUNS}?limit=2").json["next_cursor"]

        assert stranger.get(f"{RUNS}?cursor={cursor}").refusal == "cursor_invalid"

    def test_a_page_may_be_of_another_size_than_the_one_before(self, full: Api) -> None:
        cursor = full.get(f"{RUNS}?limit=2").json["next_cursor"]

        assert len(full.get(f"{RUNS}?limit=4&cursor={cursor}").json["runs"]) == 4
