"""Runs: started once, shown with what they wait for, completed, canceled, listed."""

from typing import Any

import pytest

from chalicelib.core.effects import Answered, Failed, Succeeded
from chalicelib.core.ids import AccountId
from chalicelib.dialects.edge import MAX_ANSWER
from tests.dialects.client import Api, key_of
from tests.dialects.ops.conftest import APPROVED, CHARGED, LATER, failed, publish, start
from tests.dialects.test_times import an_hour_after
from tests.graphs import Call, Fork, document, steps
from tests.world import World

STARTS = "/ops/v1/definitions/order/runs"
RUNS = "/ops/v1/runs"
OUTWARD = {
    "flow_control": {"key": "k", "parallelism": 3},
    "failure_callback": {"url": "https://example.test/failed", "headers": {"Authorization": "Bearer secret"}},
}


class TestStart:
    def test_a_run_is_created_with_all_that_was_asked(self, world: World, api: Api) -> None:
        snapshot = publish(api, APPROVED)
        wishes = {"input": {"a": [1, None, "é"]}, "business_key": "b-1", "labels": ["y", "x", "y"]}
        reply = api.post(STARTS, {**wishes, "retries": 0, "retry_delay": 0.5, "delay": 60, **OUTWARD})
        shown = api.run(reply.json["id"])

        assert reply.status == 201
        assert shown | reply.json == shown
        assert (shown["status"], shown["version"], shown["snapshot_id"]) == ("pending", 1, snapshot)
        assert (shown["input"], shown["business_key"], shown["labels"]) == ({"a": [1, None, "é"]}, "b-1", ["x", "y"])
        assert shown["overrides"] == {
            "retries": 0,
            "retry_delay": 0.5,
            "retry_delay_expression": None,
            "delay": 60,
            "flow_control": {"key": "k", "parallelism": 3, "rate": None, "period": 1},
            "failure_callback": "https://example.test/failed",
        }
        assert (shown["root_id"], shown["source_id"], shown["attempt"]) == (shown["id"], None, 1)
        assert shown["next_work_at"] == shown["created_at"].replace(":13:20", ":14:20")
        assert shown["cause"]["dialect"] == "ops"
        world.settle()
        assert api.run(reply.json["id"])["status"] == "waiting"

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (None, {"state": "in_progress", "status": None, "body": None}),
            (Answered(500, {}, "oops"), {"state": "failed", "status": 500, "body": "oops"}),
        ],
    )
    def test_a_run_that_failed_shows_how_its_callback_stands(
        self, world: World, api: Api, answer: Answered | None, told: Any
    ) -> None:
        publish(api, CHARGED)
        world.outside.fail("charge", is_retryable=False)
        world.outside.answers["failed"] = lambda _call: Failed("http_500", "oops", answer is None, answer=answer)
        run_id = api.post(STARTS, {"failure_callback": {"url": "https://example.test/failed"}}).json["id"]
        while world.deliver():
            pass
        world.outside.answers.clear()

        assert api.run(run_id)["failure_callback"] == told

    def test_nothing_need_be_asked(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        reply = api.post(STARTS)
        world.settle()

        assert reply.status == 201
        assert api.run(reply.json["id"])["status"] == "completed"

    @pytest.mark.parametrize(("version", "number"), [("published", 2), ("draft", None), (1, 1), ("{first}", None)])
    def test_a_run_is_of_the_version_that_was_chosen(
        self, world: World, api: Api, version: int | str, number: int | None
    ) -> None:
        first = publish(api, CHARGED)
        publish(api, APPROVED)
        api.put("/ops/v1/definitions/order", document(LATER))
        chosen = version.format(first=first) if isinstance(version, str) else version

        run = api.run(start(api, version=chosen))
        api.post(f"{RUNS}/{run['id']}/cancel")

        wanted = {"published": 2, "draft": None, 1: 1}.get(version)
        assert run["version"] == wanted == number
        assert (run["snapshot_id"] == first) == (version in (1, "{first}"))

    def test_retries_are_the_callers_to_choose(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        world.outside.fail("charge")
        world.outside.keys.clear()
        start(api, retries=0)
        world.settle()

        assert world.outside.asked["charge"] == 1


class TestIdempotency:
    def test_the_same_request_under_the_same_key_is_the_same_run(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        first = api.post(STARTS, {"input": {"a": 1}}, idempotency_key="k")
        world.settle()
        again = api.post(STARTS, {"input": {"a": 1}}, idempotency_key="k")

        assert (first.status, again.status) == (201, 200)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (again.json["id"], again.json["status"]) == (first.json["id"], "completed")
        assert first.json["cause"]["command"] == "k"

    def test_another_request_under_the_same_key_is_refused(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        api.post(STARTS, {"input": {"a": 1}}, idempotency_key="k")
        before = world.everything()
        reply = api.post(STARTS, {"input": {"a": 2}}, idempotency_key="k")

        assert (reply.status, reply.refusal) == (422, "idempotency_key_reused")
        assert world.everything() == before

    def test_keys_of_two_accounts_or_two_definitions_have_nothing_to_do_with_each_other(
        self, api: Api, stranger: Api
    ) -> None:
        publish(api, CHARGED)
        publish(api, CHARGED, "other")
        publish(stranger, CHARGED)
        replies = [
            api.post(STARTS, idempotency_key="k"),
            api.post(STARTS.replace("order", "other"), idempotency_key="k"),
            stranger.post(STARTS, idempotency_key="k"),
        ]

        assert [reply.status for reply in replies] == [201, 201, 201]
        assert len({reply.json["id"] for reply in replies}) == 3

    def test_no_body_and_an_empty_object_are_the_same_request(self, api: Api) -> None:
        publish(api, CHARGED)

        assert api.post(STARTS, idempotency_key="k").status == 201
        assert api.post(STARTS, {}, idempotency_key="k").status == 200


class TestWaiting:
    def test_an_open_task_is_shown_with_what_it_tells_and_may_be_completed(self, world: World, api: Api) -> None:
        graph: Any = document(APPROVED)
        task = next(node for node in graph["activities"] if node["id"] == "approve")
        task.update(input={"amount": "${a * 2}"}, output={"by": "${result.by}"})
        publish(api, APPROVED, document_=graph)
        run_id = start(api, input={"a": 3})
        world.settle()

        shown = api.run(run_id)
        (task,) = shown["open_tasks"]
        assert (shown["status"], shown["timers"], shown["next_work_at"]) == ("waiting", [], None)
        assert (task["activity"], task["input"], task["entry"]) == ("approve", {"amount": 6}, 2)
        reply = api.post(f"{RUNS}/{run_id}/tasks/2/complete", {"variables": {"by": "me"}})
        world.settle()

        assert reply.status == 200
        assert reply.json["status"] in {"running", "pending"}
        done = api.run(run_id)
        assert (done["status"], done["open_tasks"], done["variables"]["by"]) == ("completed", [], "me")

    @pytest.mark.parametrize(
        ("entry", "status", "refusal"),
        [
            ("0", 404, "task_not_found"),
            ("1", 404, "task_not_found"),
            ("2", 409, "task_closed"),
            ("999999999", 404, "task_not_found"),
            ("1234567890", 400, "invalid"),
            ("-1", 400, "invalid"),
            ("x", 400, "invalid"),
        ],
    )
    def test_only_an_open_task_can_be_completed(
        self, world: World, api: Api, entry: str, status: int, refusal: str
    ) -> None:
        publish(api, steps(APPROVED, LATER))
        run_id = start(api)
        world.settle()
        assert api.post(f"{RUNS}/{run_id}/tasks/2/complete").status == 200

        reply = api.post(f"{RUNS}/{run_id}/tasks/{entry}/complete", {"variables": {"by": "another"}})
        api.post(f"{RUNS}/{run_id}/cancel")

        assert (reply.status, reply.refusal) == (status, refusal)

    def test_timers_are_shown_with_the_time_that_closes_them(self, world: World, api: Api) -> None:
        publish(api, Fork((LATER, APPROVED)))
        run_id = start(api)
        world.deliver()
        shown = api.run(run_id)
        api.post(f"{RUNS}/{run_id}/cancel")

        (timer,) = shown["timers"]
        (task,) = shown["open_tasks"]
        assert (timer["activity"], task["activity"]) == ("cool_off", "approve")
        assert an_hour_after(timer["since"]) == timer["due"] == shown["next_work_at"]
        assert api.run(run_id)["timers"] == []


class TestCancel:
    def test_a_run_ends_where_it_stands_and_says_why(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        run_id = start(api)
        world.settle()
        reply = api.post(f"{RUNS}/{run_id}/cancel", {"reason": "not wanted"})

        assert (reply.status, reply.json["status"]) == (200, "canceled")
        assert reply.json["ended_at"]
        last = api.get(f"{RUNS}/{run_id}/journal").json["entries"][-1]
        assert (last["type"], last["name"], last["reason"]) == ("signal", "cancel", "not wanted")

    def test_an_ended_run_cannot_be_canceled_or_completed(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        run_id = start(api)
        world.settle()
        reply = api.post(f"{RUNS}/{run_id}/cancel")

        assert (reply.status, reply.refusal) == (409, "run_ended")


class TestPausing:
    def test_lets_a_run_stand_still_until_it_is_resumed(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        run_id = start(api)

        paused = api.post(f"{RUNS}/{run_id}/pause", {"reason": "rest"})
        assert (paused.status, paused.json["status"]) == (200, "paused")
        assert api.run(run_id)["next_work_at"] is None
        world.settle()
        assert [run["id"] for run in api.get("/ops/v1/runs?status=paused").json["runs"]] == [run_id]

        assert api.post(f"{RUNS}/{run_id}/resume").json["status"] == "running"
        world.settle()
        assert api.run(run_id)["status"] == "completed"
        entries = api.get(f"{RUNS}/{run_id}/journal").json["entries"]
        assert [(entry["name"], entry["reason"]) for entry in entries[1:3]] == [("pause", "rest"), ("resume", "")]

    def test_is_refused_for_a_run_that_has_ended(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        run_id = start(api)
        world.settle()

        for act in ("pause", "resume"):
            reply = api.post(f"{RUNS}/{run_id}/{act}")
            assert (reply.status, reply.refusal) == (409, "run_ended")


class TestVariables:
    def test_are_set_and_taken_away(self, api: Api) -> None:
        publish(api, APPROVED)
        run_id = start(api, input={"a": 1, "b": 2})

        assert api.post(f"{RUNS}/{run_id}/variables", {"set": {"b": 3}, "remove": ["a"]}).status == 200
        assert api.run(run_id)["variables"] == {"b": 3}
        entry = api.get(f"{RUNS}/{run_id}/journal").json["entries"][-1]
        assert (entry["type"], entry["writes"], entry["removed"]) == ("changed", {"b": 3}, ["a"])

    def test_are_asked_for_in_a_body(self, api: Api) -> None:
        publish(api, APPROVED)

        assert api.post(f"{RUNS}/{start(api)}/variables", {"sets": {}}).status == 400


class TestJournal:
    def test_every_kind_of_entry_is_told(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        run_id = start(api, input={"a": 1})
        world.settle()
        api.post(f"{RUNS}/{run_id}/tasks/2/complete", {"variables": {"b": 2}})
        world.settle()

        told = api.get(f"{RUNS}/{run_id}/journal").json
        assert [entry["type"] for entry in told["entries"]] == [
            *("input", "performed", "opened", "closed", "performed", "output")
        ]
        assert [entry["index"] for entry in told["entries"]] == list(range(6))
        assert told["entries"][0]["variables"] == {"a": 1}
        assert (told["entries"][3]["opened"], told["entries"][3]["result"]) == (2, {"b": 2})
        assert (told["length"], told["next"]) == (6, None)

    def test_a_failure_is_told(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        run_id = failed(world, api)

        entries = api.get(f"{RUNS}/{run_id}/journal").json["entries"]

        assert entries[-1]["failure"] == entries[-2]["failure"] == api.run(run_id)["failure"]
        assert entries[-1]["failure"]["element"] == "ship"

    @pytest.mark.parametrize("limit", [1, 2, 4, 1000])
    def test_pages_make_the_whole(self, world: World, api: Api, limit: int) -> None:
        publish(api, CHARGED)
        run_id = start(api)
        world.settle()
        whole = api.get(f"{RUNS}/{run_id}/journal").json["entries"]

        told: list[Any] = []
        first: int | None = 0
        while first is not None:
            page = api.get(f"{RUNS}/{run_id}/journal?from={first}&limit={limit}").json
            told, first = told + page["entries"], page["next"]

        assert told == whole
        assert api.get(f"{RUNS}/{run_id}/journal?from=4").json["entries"] == []

    def test_a_page_ends_before_it_is_more_than_one_answer_holds(self, world: World, api: Api) -> None:
        names = [f"step{number}" for number in range(6)]
        publish(api, steps(*(Call(name, {"output": {}}) for name in names)))
        for name in names:
            world.outside.answers[name] = lambda _: Succeeded("x" * 600_000)
        run_id = start(api)
        world.settle()

        first, lengths = 0, []
        while first is not None:
            reply = api.get(f"{RUNS}/{run_id}/journal?from={first}")
            assert (reply.status, len(reply.body) < MAX_ANSWER) == (200, True)
            lengths.append(len(reply.json["entries"]))
            first = reply.json["next"]

        assert (lengths, sum(lengths)) == ([4, 3, 1], 8)


class TestFamily:
    def test_a_family_is_the_same_from_whichever_member_it_is_asked(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        root = failed(world, api)
        child, other = (api.post(f"{RUNS}/{root}/restart").json["id"] for _ in range(2))
        world.settle()
        grandchild = api.post(f"{RUNS}/{child}/restart").json["id"]

        families = [api.get(f"{RUNS}/{run}/family").json for run in (root, child, other, grandchild)]

        assert families[0] == families[1] == families[2] == families[3]
        told = {run["id"]: run for run in families[0]["runs"]}
        assert families[0]["root"] == root
        assert sorted(told[root]["children"]) == sorted([child, other])
        assert (told[child]["children"], told[grandchild]["children"]) == ([grandchild], [])
        assert (told[grandchild]["source_id"], told[grandchild]["attempt"]) == (child, 3)
        assert not families[0]["is_truncated"]


@pytest.fixture(scope="module")
def owner(world: World) -> Api:
    """Show a key of the account whose runs are listed."""
    return key_of(world, AccountId("listed"))


@pytest.fixture(scope="module")
def runs(world: World, owner: Api) -> dict[str, str]:
    publish(owner, CHARGED)
    publish(owner, APPROVED, "other")
    made = {"failed": failed(world, owner, labels=["red", "blue"], business_key="b-1")}
    world.clock.advance(1000)
    made["completed"] = start(owner, labels=["blue"])
    world.clock.advance(1000)
    made["waiting"] = start(owner, "other", business_key="b-1")
    world.settle()
    return made


class TestList:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("", ["waiting", "completed", "failed"]),
            ("definition=order", ["completed", "failed"]),
            ("definition=none", []),
            ("status=failed", ["failed"]),
            ("status=pending", []),
            ("label=blue", ["completed", "failed"]),
            ("label=red", ["failed"]),
            ("business_key=b-1", ["waiting", "failed"]),
            ("business_key=b-1&definition=order", ["failed"]),
            ("status=waiting&label=blue", []),
        ],
    )
    def test_all_that_is_asked_must_hold_and_the_newest_come_first(
        self, owner: Api, stranger: Api, runs: dict[str, str], asked: str, found: list[str]
    ) -> None:
        listed = owner.get(f"{RUNS}?{asked}").json

        assert [run["id"] for run in listed["runs"]] == [runs[name] for name in found]
        assert stranger.get(f"{RUNS}?{asked}").json["runs"] == []

    def test_times_bound_a_list_at_both_ends(self, owner: Api, runs: dict[str, str]) -> None:
        at = {run["id"]: run["created_at"] for run in owner.get(RUNS).json["runs"]}
        middle = at[runs["completed"]]

        def listed(query: str) -> list[str]:
            return [run["id"] for run in owner.get(f"{RUNS}?{query}").json["runs"]]

        assert listed(f"created_from={middle}") == [runs["waiting"], runs["completed"]]
        assert listed(f"created_to={middle}") == [runs["completed"], runs["failed"]]
        assert listed(f"created_from={middle}&created_to={middle}") == [runs["completed"]]

    def test_a_list_tells_of_a_run_what_its_own_page_tells(self, owner: Api, runs: dict[str, str]) -> None:
        for run in owner.get(RUNS).json["runs"]:
            shown = owner.run(run["id"])
            assert shown | run == shown
