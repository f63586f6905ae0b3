"""Cancels: one run, some, or all that a filter keeps; what has ended stays as it is."""

from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.core.access import Scope
from tests.dialects.client import Api
from tests.dialects.upstash import stories
from tests.dialects.upstash.stories import URL, account, failed, publish, refused, state, trigger, work
from tests.graphs import Ask
from tests.world import World

RUNS = "/v2/workflows/runs"


pytestmark = pytest.mark.usefixtures("well_again")


@pytest.fixture
def runs(world: World, api: Api) -> dict[str, str]:
    """Let three runs wait, and one have completed.

    |      | workflow | label | flow key |
    |------|----------|-------|----------|
    | a    | `URL`    | x     | f        |
    | b    | `LONGER` | x, y  |          |
    | c    | `URL`    |       |          |
    | done | done     | x     |          |
    """
    publish(api, Ask("decide"))
    publish(api, Ask("decide"), url=stories.LONGER, key="longer")
    publish(api, url="https://done.test/orders", key="done")
    flow = {"upstash_flow_control_key": "f", "upstash_flow_control_value": "rate=5"}
    named = {
        "a": trigger(api, upstash_label="x", headers=flow),
        "b": trigger(api, url=stories.LONGER, upstash_label="x,y"),
        "c": trigger(api, upstash_workflow_runid="chosen"),
        "done": trigger(api, url="https://done.test/orders", upstash_label="x"),
    }
    work(world)
    return {name: run for name, [run] in named.items()}


def canceled(api: Api, runs: dict[str, str]) -> str:
    """Name the runs that have been canceled."""
    return "".join(name for name, run in runs.items() if state(api, run) == "RUN_CANCELED")


class TestMany:
    @pytest.mark.parametrize("is_in_body", [False, True], ids=["in the query", "in the body"])
    @pytest.mark.parametrize(
        ("asked", "names"),
        [
            ({"workflowRunIds": "{a}"}, "a"),
            ({"workflowRunIds": ["{a}", "{c}", "{done}", "wfr_nobodys"]}, "ac"),
            ({"workflowRunIds": "{a},{b}"}, "ab"),
            ({"workflowUrl": URL}, "abc"),
            ({"workflowUrl": URL, "workflowUrlExactMatch": "true"}, "ac"),
            ({"workflowUrl": URL, "workflowUrlExactMatch": "false", "label": "y"}, "b"),
            ({"host": "app.test"}, "abc"),
            ({"path": "/orders"}, "ac"),
            ({"path": "/orders", "host": "done.test"}, ""),
            ({"label": ["x", "z"]}, "ab"),
            ({"flowControlKey": "f"}, "a"),
            ({"callerIp": "127.0.0.1"}, "abc"),
            ({"callerIp": "192.0.2.1"}, ""),
            ({"workflowRunId": "{c}"}, "c"),
            ({"fromDate": "1", "toDate": "2"}, ""),
            ({"count": "1", "label": "x", "workflowUrl": stories.LONGER}, "b"),
        ],
    )
    def test_are_those_that_are_asked_for_and_have_not_ended(
        self, api: Api, runs: dict[str, str], asked: dict[str, Any], names: str, is_in_body: bool
    ) -> None:
        filled = {
            name: [one.format(**runs) for one in value] if isinstance(value, list) else value.format(**runs)
            for name, value in asked.items()
        }
        if is_in_body:
            reply = api("DELETE", RUNS, filled)
        else:
            query = [
                (name, one) for name, value in filled.items() for one in ([value] if isinstance(value, str) else value)
            ]
            reply = api.delete(f"{RUNS}?{'&'.join(f'{name}={quote(one)}' for name, one in query)}")

        assert (reply.status, reply.json) == (200, {"cancelled": len(names)})
        assert canceled(api, runs) == names
        assert state(api, runs["done"]) == "RUN_SUCCESS"

    def test_are_at_most_as_many_as_asked_for_newest_first(self, world: World, api: Api) -> None:
        publish(api, Ask("decide"))
        chosen = []
        for _ in range(5):
            world.clock.advance(1)
            chosen += trigger(api)

        assert api.delete(f"{RUNS}?count=2").json == {"cancelled": 2}
        assert [state(api, run) for run in chosen] == ["RUN_STARTED"] * 3 + ["RUN_CANCELED"] * 2
        assert api.delete(f"{RUNS}?count=999").json == {"cancelled": 3}
        assert api.delete(RUNS).json == {"cancelled": 0}

    def test_are_found_over_more_pages_than_one(self, world: World, api: Api) -> None:
        publish(api, Ask("decide"))
        [wanted] = trigger(api, upstash_flow_control_key="f", upstash_flow_control_value="rate=5")
        world.clock.advance(1)
        _ = [trigger(api, times=60) for _ in range(2)]

        assert api.delete(f"{RUNS}?flowControlKey=f").json == {"cancelled": 1}
        assert state(api, wanted) == "RUN_CANCELED"

    def test_are_nobody_elses(self, api: Api, runs: dict[str, str], stranger: Api) -> None:
        assert stranger.delete(f"{RUNS}?workflowRunIds={runs['a']}").json == {"cancelled": 0}
        assert stranger.delete(RUNS).json == {"cancelled": 0}
        assert canceled(api, runs) == ""

    @pytest.mark.parametrize(
        "query",
        [
            "workflowRunIds=",
            "workflowRunIds=a%20b",
            "labl=x",
            "workflowUrlExactMatch=maybe",
            "count=0",
            "state=RUN_FAILED",
        ],
    )
    def test_asked_for_in_words_that_mean_nothing_are_none(
        self, world: World, api: Api, runs: dict[str, str], query: str
    ) -> None:
        assert refused(world, lambda: api.delete(f"{RUNS}?{query}")).status == 400


class TestOne:
    @pytest.mark.parametrize("query", ["", "?cancel=true"])
    def test_is_canceled_and_never_a_dead_letter(self, api: Api, runs: dict[str, str], query: str) -> None:
        assert api.delete(f"{RUNS}/{runs['c']}{query}").status == 200
        assert canceled(api, runs) == "c"
        assert api.delete(f"{RUNS}/{runs['c']}").status == 200
        assert stories.letters(api) == []

    def test_that_has_ended_is_not_found(self, world: World, api: Api, runs: dict[str, str]) -> None:
        publish(api, url=stories.WITH_COMMA, key="comma")
        failed(world, api, url=stories.WITH_COMMA)
        [letter] = stories.letters(api)

        for run in (runs["done"], letter["workflowRunId"], "wfr_nobodys"):
            assert refused(world, partial(api.delete, f"{RUNS}/{run}")).status == 404

    def test_cannot_be_finished_by_hand(self, world: World, api: Api, runs: dict[str, str]) -> None:
        assert refused(world, lambda: api.delete(f"{RUNS}/{runs['a']}?cancel=false")).status == 400

    def test_is_nobody_elses(self, world: World, runs: dict[str, str], stranger: Api) -> None:
        assert refused(world, lambda: stranger.delete(f"{RUNS}/{runs['a']}")).status == 404

    def test_is_for_keys_that_may_write(self, world: World, runs: dict[str, str]) -> None:
        reader = account(world, "canceling-readers", Scope.READ, Scope.RESTART)
        assert refused(world, lambda: reader.delete(f"{RUNS}/{runs['a']}")).status == 403
        assert refused(world, lambda: reader.delete(RUNS)).status == 403
