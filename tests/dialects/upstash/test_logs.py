"""Logs of runs as the SDKs read them, what is in use of a flow-control key, and the signing keys."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from chalicelib import wiring
from chalicelib.dialects.edge import MAX_ANSWER
from tests.dialects.client import Api
from tests.dialects.upstash import stories
from tests.dialects.upstash.stories import NO_STOCK, TOLD, URL, failed, letters, publish, refused, trigger, work
from tests.graphs import Ask, Call, Pause, steps
from tests.world import World

LOGS = "/v2/workflows/logs"
EVENTS = "/v2/workflows/events?groupBy=workflowRunId"
Shop = tuple[Api, dict[str, str]]
"""An account and its runs by their names."""


pytestmark = pytest.mark.usefixtures("well_again")


@pytest.fixture(scope="module")
def shop(world: World) -> Shop:
    """Let one run fail and two complete, each with something of its own."""
    api = stories.account(world, "listed")
    publish(api)
    publish(api, url=stories.LONGER, key="longer")
    failed(world, api, upstash_label="x")
    [letter] = letters(api)
    runs = {"a": letter["workflowRunId"]}
    for name, url, headers in (
        ("b", stories.LONGER, {"upstash_flow_control_key": "f", "upstash_flow_control_value": "rate=9"}),
        ("c", URL, {"upstash_label": "x,y", "upstash_workflow_runid": "named"}),
    ):
        world.clock.advance(1_000)
        [runs[name]] = trigger(api, url=url, headers=headers)
    work(world)
    return api, runs


def logged(api: Api, query: str = "") -> list[Any]:
    reply = api.get(f"{EVENTS}&{query}")
    assert reply.status == 200, reply.json
    runs: list[Any] = reply.json["runs"]
    return runs


def log_of(api: Api, run_id: str) -> Any:
    [run] = logged(api, f"workflowRunId={run_id}")
    return run


def told(run: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """Answer the groups of steps: their type, and of each step its name and its type or state."""
    return [
        (group["type"], [(step.get("stepName", ""), step.get("stepType", step["state"])) for step in group["steps"]])
        for group in run["steps"]
    ]


class TestARun:
    def test_that_has_completed_tells_of_every_step_and_of_what_it_came_to(self, world: World, api: Api) -> None:
        publish(api, steps(Call("first"), Pause("nap", 10), Ask("decide"), Call("last")))
        begun = world.clock.ms
        [run_id] = trigger(api, upstash_label="x,y")
        work(world)
        world.clock.advance(10_000)
        work(world)
        run_uuid = str(UUID(run_id.removeprefix("wfr_")))
        [task] = api.run(run_uuid)["open_tasks"]
        assert (
            api.post(f"/ops/v1/runs/{run_uuid}/tasks/{task['entry']}/complete", {"variables": {"ok": True}}).status
            == 200
        )
        work(world)

        run = log_of(api, run_id)
        assert told(run) == [
            ("sequential", [("init", "Initial")]),
            ("sequential", [("first", "Run")]),
            ("sequential", [("nap", "SleepUntil")]),
            ("sequential", [("decide", "Wait")]),
            ("sequential", [("last", "Run")]),
        ]
        assert (run["workflowUrl"], run["workflowState"]) == (URL, "RUN_SUCCESS")
        assert (run["label"], run["labels"]) == ("x", ["x", "y"])
        assert (run["workflowRunCreatedAt"], run["workflowRunCompletedAt"]) == (begun, begun + 10_000)
        assert '"ok":true' in run["workflowRunResponse"]
        assert run["steps"][0]["steps"][0]["out"] == '{"order":7}'

    def test_that_waits_tells_of_what_for(self, world: World, api: Api) -> None:
        publish(api, steps(Call("first"), Ask("decide")))
        [run_id] = trigger(api)

        assert told(log_of(api, run_id))[-1] == ("next", [("", "STEP_PROGRESS")])
        work(world)
        run = log_of(api, run_id)
        assert told(run)[-1] == ("next", [("decide", "STEP_PROGRESS")])
        assert (run["workflowState"], "workflowRunCompletedAt" in run) == ("RUN_STARTED", False)

    def test_that_is_tried_again_tells_when(self, world: World, api: Api) -> None:
        publish(api)
        world.outside.answers["work"] = stories.breaks(is_retryable=True)
        [run_id] = trigger(api, upstash_retry_delay="10000")
        work(world)

        [step] = log_of(api, run_id)["steps"][-1]["steps"]
        assert (step["state"], step["retries"], step["nextDeliveryTime"]) == ("STEP_RETRY", 1, world.clock.ms + 10_000)

    def test_that_has_failed_tells_of_what_and_whether_anybody_was_told(self, world: World, api: Api) -> None:
        publish(api, stories.TWO)
        failed(world, api, answer=NO_STOCK, told=stories.DEAF, upstash_failure_callback=TOLD)
        [letter] = letters(api)

        run = log_of(api, letter["workflowRunId"])
        assert told(run) == [
            ("sequential", [("init", "Initial")]),
            ("sequential", [("first", "Run")]),
            ("next", [("work", "STEP_FAILED")]),
        ]
        [error] = run["steps"][-1]["steps"][0]["errors"]
        assert (error["status"], error["body"], error["headers"]) == (503, "no stöck", {"retry-after": ["9"]})
        assert (run["workflowState"], run["dlqId"]) == ("RUN_FAILED", letter["dlqId"])
        function = run["failureFunction"]
        assert (function["url"], function["state"], function["dlqId"]) == (TOLD, "CALLBACK_FAIL", letter["dlqId"])
        assert (function["failStatus"], function["responseStatus"], function["responseBody"]) == (503, 500, "oops")

    def test_of_which_nobody_has_been_told_yet_tells_so(self, world: World, api: Api) -> None:
        publish(api)
        failed(world, api, told=stories.SLOW, upstash_failure_callback=TOLD)
        [letter] = letters(api)

        function = log_of(api, letter["workflowRunId"])["failureFunction"]
        assert (function["state"], function["failStatus"], function["failResponse"]) == (
            "CALLBACK_INPROGRESS",
            0,
            "unwell",
        )
        assert "responseStatus" not in function

    def test_that_was_canceled_has_nothing_to_come(self, world: World, api: Api) -> None:
        publish(api, Ask("decide"))
        [run_id] = trigger(api)
        work(world)
        api.delete(f"/v2/workflows/runs/{run_id}")

        run = log_of(api, run_id)
        assert (run["workflowState"], told(run)[-1][0]) == ("RUN_CANCELED", "sequential")

    def test_that_was_restarted_stays_failed_and_the_new_one_names_it(self, world: World, api: Api) -> None:
        publish(api)
        failed(world, api)
        [letter] = letters(api)
        [reborn] = stories.restart(api).json["workflowRuns"]
        stories.later(world)

        assert log_of(api, letter["workflowRunId"])["workflowState"] == "RUN_FAILED"
        run = log_of(api, reborn["workflowRunId"])
        assert (run["restartedFrom"], run["workflowState"]) == (letter["workflowRunId"], "RUN_SUCCESS")


class TestAList:
    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("", "cba"),
            ("count=100", "cba"),
            ("state=RUN_FAILED", "a"),
            ("state=RUN_SUCCESS,RUN_STARTED", "cb"),
            ("label=x", "ca"),
            ("label=y", "c"),
            (f"workflowUrl={URL}", "ca"),
            (f"workflowUrl={stories.LONGER}&state=RUN_FAILED", ""),
            ("flowControlKey=f", "b"),
            ("workflowRunId=named", "c"),
            ("workflowRunId=named&state=RUN_FAILED", ""),
            ("workflowRunId=nobodys", ""),
            ("workflowCreatedAt={b}", "b"),
            ("fromDate={b}", "cb"),
            ("toDate={b}", "ba"),
            ("fromDate={b}&toDate={b}", "b"),
            ("workflowRuns=named@{c},nobodys,{b_run}@1", "cb"),
            ("callerIp=127.0.0.1", "cba"),
            ("callerIp=192.0.2.1", ""),
        ],
    )
    @pytest.mark.parametrize("path", [f"{LOGS}?", f"{EVENTS}&"])
    def test_holds_what_is_asked_for_newest_first(self, shop: Shop, path: str, query: str, names: str) -> None:
        api, runs = shop
        created = {name: log_of(api, run)["workflowRunCreatedAt"] for name, run in runs.items()}

        reply = api.get(path + query.format(**created, b_run=runs["b"]))

        assert [run["workflowRunId"] for run in reply.json["runs"]] == [runs[name] for name in names]
        assert "cursor" not in reply.json

    def test_is_read_page_by_page(self, shop: Shop) -> None:
        api, runs = shop
        first = api.get(f"{LOGS}?count=2").json
        last = api.get(f"{LOGS}?count=2&cursor={first['cursor']}").json

        assert [run["workflowRunId"] for run in first["runs"] + last["runs"]] == [runs[name] for name in "cba"]
        assert last.keys() == {"runs"}

    def test_cuts_what_steps_gave(self, shop: Shop) -> None:
        [run] = shop[0].get(f"{LOGS}?workflowRunId=named&trimBody=3").json["runs"]

        assert (run["workflowRunResponse"], run["steps"][0]["steps"][0]["out"]) == ('{"o', '{"o')

    @pytest.mark.parametrize(
        "query",
        [
            "state=DONE",
            "labl=x",
            "count=0",
            "cursor=x",
            "trimBody=yes",
            "workflowRuns=",
            "label=",
            "workflowRunId=a%20b",
        ],
    )
    def test_asked_for_in_words_that_mean_nothing_is_refused(self, world: World, shop: Shop, query: str) -> None:
        assert refused(world, lambda: shop[0].get(f"{LOGS}?{query}")).status == 400

    def test_is_grouped_by_runs_and_by_nothing_else(self, world: World, api: Api) -> None:
        assert refused(world, lambda: api.get("/v2/workflows/events")).status == 400
        assert refused(world, lambda: api.get("/v2/workflows/events?groupBy=url")).status == 400

    def test_is_each_accounts_own(self, shop: Shop, stranger: Api) -> None:
        assert logged(stranger) == logged(stranger, f"workflowRuns={shop[1]['a']}") == []

    def test_has_pages_that_can_be_answered_however_large_its_runs_are(self, world: World, api: Api) -> None:
        publish(api, Ask("decide"))
        chosen = []
        for n in range(4):
            world.clock.advance(1)
            chosen += trigger(api, body={"n": n, "x": "y" * 900_000})

        found, cursor = list[str](), ""
        while cursor is not None:
            page = api.get(f"{LOGS}?cursor={cursor}")
            assert page.status == 200, page.json
            assert len(page.body) <= MAX_ANSWER
            found += [run["workflowRunId"] for run in page.json["runs"]]
            cursor = page.json.get("cursor")
        assert found == chosen[::-1]


class TestFlowControl:
    def test_tells_what_is_in_use_of_a_key(self, world: World, api: Api) -> None:
        publish(api, Ask("decide"))
        publish(api, url=stories.LONGER, key="longer")
        limits = {"upstash_flow_control_key": "k", "upstash_flow_control_value": "rate=5, parallelism=2, period=1m"}
        trigger(api, url=stories.LONGER, times=3, headers=limits)
        work(world)

        told = api.get("/v2/flowControl/k").json
        assert (told["flowControlKey"], told["waitListSize"], told["parallelismCount"]) == ("k", 0, 0)
        assert (told["rateMax"], told["rateCount"], told["ratePeriod"]) == (5, 3, 60)
        assert told["ratePeriodStart"] == world.clock.ms // 60_000 * 60
        assert [told[name] for name in ("isPaused", "isPinnedParallelism", "isPinnedRate")] == [False] * 3

    def test_of_a_key_that_nobody_uses_is_nothing(self, api: Api) -> None:
        told = api.get("/v2/flowControl/nobodys").json

        assert told.pop("flowControlKey") == "nobodys"
        assert not any(told.values())


class TestKeys:
    def test_are_those_that_callbacks_are_signed_with(self, world: World, api: Api) -> None:
        wiring.install(replace(world.services, signing_keys=("sig_now", "sig_next")))
        try:
            reply = api.get("/v2/keys")
        finally:
            wiring.install(world.services)

        assert (reply.status, reply.json) == (200, {"current": "sig_now", "next": "sig_next"})

    def test_that_are_not_set_are_not_found(self, world: World, api: Api) -> None:
        assert refused(world, lambda: api.get("/v2/keys")).status == 404
