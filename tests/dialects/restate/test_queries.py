"""Queries over runs: each status, each type, what the CLI sends, what people ask, and what is refused."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.ids import AccountId, RunId
from chalicelib.dialects.restate import queries
from chalicelib.dialects.times import write_time
from tests.dialects.client import Api, key_of
from tests.dialects.restate.query_stories import WORK, ask, publish, row, rows, start, told
from tests.graphs import Ask, Call, Pause, document, steps
from tests.world import BEGINNING, MINUTE, World

ALL = "SELECT * FROM sys_invocation"
STORED = "SELECT * FROM sys_invocation_status"
ONE_SLASH = (
    "((target = '{0}' AND target_service_ty = 'service') OR (target LIKE '{0}/%' AND target_service_ty != 'service'))"
)
ID = re.compile(r"inv_1[0-9A-Za-z]{33}")


@pytest.fixture(autouse=True)
def _well_again(world: World) -> Iterator[None]:
    yield
    world.outside.answers.clear()
    while world.deliver():
        pass


def work(world: World) -> None:
    """Deliver all that is due now."""
    while world.deliver():
        pass


class TestStatuses:
    """How a run stands, in the words of both tables."""

    def check(self, api: Api, told: str, stored: str) -> dict[str, Any]:
        shown = row(api, ALL)
        assert (shown["status"], row(api, STORED)["status"]) == (told, stored)
        assert row(api, f"SELECT id FROM sys_invocation WHERE status = '{told}'") == {"id": shown["id"]}
        assert rows(api, f"SELECT id FROM sys_invocation_status WHERE status <> '{stored}'") == []
        return shown

    def test_a_delayed_run_is_scheduled(self, world: World, api: Api):
        publish(api)
        start(api, delay=60)

        shown = self.check(api, "scheduled", "scheduled")

        assert shown["scheduled_at"] == write_time(world.clock.ms)
        assert shown["scheduled_start_at"] == write_time(world.clock.ms + MINUTE)
        assert "running_at" not in shown

    def test_a_delayed_run_of_an_object_is_scheduled_and_then_stands_in_line(self, world: World, api: Api):
        publish(api, Ask("approve"), type="object")
        start(api, business_key="k")
        work(world)
        start(api, business_key="k", delay=60)
        assert row(api, f"{ALL} WHERE status = 'scheduled'")["target_service_key"] == "k"

        world.clock.advance(2 * MINUTE)
        world.services.sweep.run(lambda: MINUTE)
        work(world)

        assert row(api, f"{ALL} WHERE status <> 'suspended'")["status"] == "pending"
        assert row(api, f"{STORED} WHERE status <> 'suspended'")["status"] == "inboxed"

    def test_an_accepted_run_is_ready(self, world: World, api: Api):
        publish(api)
        start(api)

        self.check(api, "ready", "invoked")
        work(world)

    def test_a_run_at_work_is_running(self, world: World, api: Api):
        publish(api)
        shown: list[dict[str, Any]] = []

        def look(call: HttpCall) -> Outcome:
            shown.append(self.check(api, "running", "invoked"))
            return world.outside.answer(call)

        world.outside.answers["work"] = look
        start(api)
        work(world)

        assert shown[0]["retry_count"] == 1
        assert shown[0]["running_at"] == write_time(world.clock.ms)

    def test_a_run_that_waits_for_another_try_backs_off(self, world: World, api: Api):
        publish(api)
        world.outside.fail("work")
        start(api)
        work(world)

        shown = self.check(api, "backing-off", "invoked")

        assert shown["retry_count"] == 1
        assert shown["next_retry_at"] > write_time(world.clock.ms)

    @pytest.mark.parametrize("block", [Ask("approve"), Pause("sleep", 3600)])
    def test_a_run_that_waits_is_suspended(self, world: World, api: Api, block: Any):
        publish(api, block)
        start(api)
        work(world)

        self.check(api, "suspended", "suspended")

    def test_a_paused_run_is_paused(self, world: World, api: Api, account: AccountId):
        publish(api, Ask("approve"))
        run = start(api)
        world.services.runs.pause(account, RunId(run), "")

        self.check(api, "paused", "paused")

    def test_a_completed_run_succeeded(self, world: World, api: Api):
        publish(api)
        start(api)
        work(world)

        shown = self.check(api, "completed", "completed")

        assert shown["completion_result"] == "success"
        assert shown["completed_at"] == write_time(world.clock.ms)
        assert "completion_failure" not in shown

    def test_a_failed_run_says_why(self, world: World, api: Api):
        publish(api)
        world.outside.fail("work", is_retryable=False)
        start(api)
        work(world)

        shown = self.check(api, "completed", "completed")

        assert (shown["completion_result"], shown["completion_failure"]) == ("failure", "[500] unwell")
        assert (shown["last_failure"], shown["last_failure_error_code"]) == ("unwell", "http_503")
        assert shown["last_failure_related_command_name"] == "work"
        assert row(api, STORED)["completion_failure_code"] == 500

    def test_a_canceled_run_says_so(self, world: World, api: Api):
        publish(api, Ask("approve"))
        run = start(api)
        assert api.post(f"/ops/v1/runs/{run}/cancel").status == 200

        shown = self.check(api, "completed", "completed")

        assert (shown["completion_result"], shown["completion_failure"]) == ("failure", "[409] canceled")


START = {"id": "create", "type": "start_event"}
TWO_WAYS: dict[str, Any] = {
    "activities": [
        {**START, "condition": "way == 'create'"},
        {"id": "look", "type": "start_event", "condition": "way == 'look'"},
        {"id": "approve", "type": "user_task"},
        {"id": "end", "type": "end_event"},
    ],
    "transitions": [
        {"id": "t0", "from": "approve", "to": "end"},
        {"id": "t1", "from": "create", "to": "approve"},
        {"id": "t2", "from": "look", "to": "approve"},
    ],
}


class TestTargets:
    @pytest.mark.parametrize(
        ("type_", "told", "target", "key"),
        [
            ("service", "service", "order/start1", None),
            ("object", "virtual_object", "order/k-1/start1", "k-1"),
            ("workflow", "workflow", "order/k-1/start1", "k-1"),
        ],
    )
    def test_a_target_names_service_key_and_handler(
        self, api: Api, type_: str, told: str, target: str, key: str | None
    ):
        publish(api, Ask("approve"), type=type_)
        start(api, business_key="k-1")

        for table in (ALL, STORED):
            shown = row(api, table)
            assert (shown["target"], shown["target_service_ty"]) == (target, told)
            assert (shown["target_service_name"], shown["target_handler_name"]) == ("order", "start1")
            assert shown.get("target_service_key") == key

    def test_the_handler_is_the_start_event_at_which_a_run_began(self, api: Api):
        assert api.put("/ops/v1/definitions/order", TWO_WAYS).status == 200
        assert api.post("/ops/v1/definitions/order/publish").status == 200
        for way in ("create", "look"):
            start(api, input={"way": way})

        found = rows(api, "SELECT target FROM sys_invocation ORDER BY target")

        assert found == [{"target": "order/create"}, {"target": "order/look"}]

    def test_a_run_that_began_elsewhere_is_told_under_the_definitions_start_event(self, world: World, api: Api):
        publish(api, steps(WORK, Ask("approve")))
        source = start(api)
        work(world)
        api.post(f"/ops/v1/runs/{source}/cancel")
        places = [{"before_activity": "approve"}]
        again = api.post(f"/ops/v1/runs/{source}/restart", {"start": {"type": "at", "places": places}})
        assert again.status == 201, again.json

        assert {found["target"] for found in rows(api, ALL)} == {"order/start1"}


class TestLineage:
    def test_a_restart_names_what_it_was_made_of(self, world: World, api: Api):
        publish(api)
        source = start(api)
        work(world)
        world.clock.advance(1)
        assert api.post(f"/ops/v1/runs/{source}/restart").status == 201

        first, second = rows(api, f"{STORED} ORDER BY created_at")

        assert (first["invoked_by"], "restarted_from" in first) == ("ingress", False)
        assert (second["invoked_by"], second["restarted_from"]) == ("restart_as_new", first["id"])
        assert first["id"][:16] == second["id"][:16]
        assert first["partition_key"] == second["partition_key"]
        assert first["pinned_deployment_id"] == second["pinned_deployment_id"]


class TestWhatIsAsked:
    """Texts as clients and people send them."""

    @pytest.fixture
    def ids(self, world: World, api: Api) -> dict[str, str]:
        """A completed and a suspended run of one service, one of an object, and one of another service."""
        publish(api)
        publish(api, Ask("approve"), key="approval")
        publish(api, Ask("approve"), key="cart", type="object")
        publish(api, key="orders")
        for key in ("order", "approval", "cart", "orders"):
            start(api, key=key, business_key="k")
            world.clock.advance(MINUTE)
            work(world)
        return {found["target_service_name"]: found["id"] for found in rows(api, ALL)}

    @pytest.mark.parametrize("mount", ["", "/v2", "/v3", "/v4"])
    def test_by_id_as_the_cli_does(self, api: Api, ids: dict[str, str], mount: str):
        asked = "SELECT id, target FROM sys_invocation_status WHERE id = '{}' AND status = 'completed' LIMIT 500"

        assert ask(api, asked.format(ids["order"]), path=f"{mount}/query").json == {
            "rows": [{"id": ids["order"], "target": "order/start1"}]
        }
        assert ask(api, asked.format(ids["cart"]), path=f"{mount}/query").json == {"rows": []}

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ("target LIKE 'order/%' AND status = 'completed' LIMIT 500", ["order"]),
            ("target LIKE 'cart/%' AND status != 'completed' LIMIT 500", ["cart"]),
            ("target LIKE 'cart/%' AND status IN ('invoked', 'suspended') LIMIT 500", ["cart"]),
            ("target LIKE 'cart/k/start1' AND status IN ('paused', 'invoked', 'suspended') LIMIT 500", ["cart"]),
            (f"{ONE_SLASH.format('order/start1')} AND status = 'completed' LIMIT 500", ["order"]),
            (f"{ONE_SLASH.format('cart/k')} AND status != 'completed' LIMIT 500", ["cart"]),
            ("target LIKE 'inv_1abc/%' AND status = 'completed' LIMIT 500", []),
            ("status = 'completed'", ["order", "orders"]),
            ("target_service_name IN ('order', 'cart', 'nobody''s', '')", ["cart", "order"]),
            ("target_service_key = 'k'", ["cart"]),
            ("id IN ('inv_1nonsense', 'no id at all')", []),
            ("created_at >= now()", []),
            ("created_at < '1890-01-01T00:00:00Z'", []),
            ("created_at > '2500-01-01T00:00:00Z'", []),
        ],
    )
    def test_by_target_status_and_time(self, api: Api, ids: dict[str, str], where: str, found: list[str]):
        answered = rows(api, f"SELECT id FROM sys_invocation_status WHERE {where}")

        assert sorted(one["id"] for one in answered) == sorted(ids[name] for name in found)

    def test_as_the_documentation_counts_and_sorts(self, api: Api, ids: dict[str, str]):
        counts = "SELECT status, COUNT(1) FROM sys_invocation GROUP BY status ORDER BY status"
        newest = "SELECT id FROM sys_invocation ORDER BY created_at DESC LIMIT 1"

        assert rows(api, counts) == [
            {"status": "completed", "count(Int64(1))": 2},
            {"status": "suspended", "count(Int64(1))": 2},
        ]
        assert rows(api, newest) == [{"id": ids["orders"]}]

    def test_several_by_id(self, api: Api, ids: dict[str, str]):
        listed = ", ".join(f"'{id_}'" for id_ in ids.values())

        assert len(rows(api, f"{ALL} WHERE id IN ({listed})")) == 4

    def test_a_run_that_is_named_twice_is_found_once(self, api: Api, ids: dict[str, str]):
        first, second = ids["order"], ids["cart"]
        other = f"{second[:16]}{first[16:]}"  # the same run's number, behind another lineage's

        assert rows(api, f"SELECT id FROM sys_invocation WHERE id IN ('{first}', '{other}')") == [{"id": first}]

    def test_nobody_sees_another_accounts_runs(self, api: Api, stranger: Api, ids: dict[str, str]):
        assert rows(stranger, ALL) == []
        assert rows(stranger, f"{ALL} WHERE id = '{ids['order']}'") == []
        assert rows(stranger, f"SELECT * FROM sys_journal WHERE id = '{ids['order']}'") == []
        assert len(rows(api, ALL)) == 4


class TestJournals:
    def test_every_kind_of_entry_has_a_row(self, world: World, api: Api, account: AccountId):
        saved = {**document(steps(Call("work", {"save_point": True}), Pause("sleep", 60), Ask("approve")))}
        assert api.put("/ops/v1/definitions/order", saved).status == 200
        assert api.post("/ops/v1/definitions/order/publish").status == 200
        run = RunId(start(api))
        work(world)
        world.services.runs.change(account, run, lambda variables: {**variables, "more": 1})
        world.services.runs.pause(account, run, "")
        world.services.runs.resume(account, run, "")
        id_ = row(api, ALL)["id"]
        asked = f"SELECT index, entry_type, name, completed FROM sys_journal WHERE id = '{id_}'"
        sleeping = {found["name"]: found for found in rows(api, asked) if "Sleep" in found["entry_type"]}
        assert sleeping["sleep"]["completed"] is False
        world.clock.advance(2 * MINUTE)
        world.services.sweep.run(lambda: MINUTE)
        work(world)
        [task] = api.run(run)["open_tasks"]
        api.post(f"/ops/v1/runs/{run}/tasks/{task['entry']}/complete", {"variables": {}})

        found = rows(api, f"{asked} ORDER BY index")

        assert [one["index"] for one in found] == [*range(len(found))]
        assert [(one["entry_type"], one.get("name"), one.get("completed")) for one in found] == [
            ("Command: Input", None, None),
            ("Notification: SavePoint", "work", None),
            ("Command: Run", "work", True),
            ("Command: Sleep", "sleep", True),
            ("Command: SetState", None, None),
            ("Notification: Signal", "pause", None),
            ("Notification: Signal", "resume", None),
            ("Notification: Sleep", "sleep", None),
            ("Command: GetPromise", "approve", True),
            ("Notification: GetPromise", "approve", None),
            ("Command: Output", None, None),
        ]
        assert row(api, ALL)["journal_size"] == len(found)

    def test_an_entry_tells_its_own_fields_and_times(self, world: World, api: Api):
        publish(api, Pause("sleep", 60))
        start(api, input={"a": 1})
        id_ = row(api, ALL)["id"]

        first, second = rows(api, f"SELECT * FROM sys_journal WHERE id = '{id_}'")

        at = world.clock.ms
        assert (first["id"], first["entry_json"]) == (id_, f'{{"variables":{{"a":1}},"at":{at}}}')
        assert second["sleep_wakeup_at"] == write_time(at + MINUTE)
        assert second["appended_at"] == write_time(at)


class TestBounds:
    @pytest.fixture
    def _little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queries, "MOST", 4)
        monkeypatch.setattr(queries, "_PAGE", 2)
        monkeypatch.setattr(queries, "_HEADS", 2)

    @pytest.mark.usefixtures("_little")
    def test_whoever_would_look_at_too_many_is_refused_and_not_told_a_part(self, world: World, api: Api):
        publish(api)
        for _ in range(4):
            start(api)
        assert len(rows(api, ALL)) == 4
        listed = ", ".join(f"'{found['id']}'" for found in rows(api, ALL))
        assert len(rows(api, f"{ALL} WHERE id IN ({listed})")) == 4
        start(api)

        status, message = told(ask(api, ALL))

        assert status == 413
        assert message.startswith("Resources exhausted: the query looks at more than 4 rows.")
        assert set(ask(api, ALL).json) == {"message"}
        assert len(rows(api, f"{ALL} LIMIT 4")) == 4
        assert rows(api, f"{ALL} LIMIT 0") == []
        work(world)

    @pytest.mark.usefixtures("_little")
    def test_entries_count_too(self, world: World, api: Api):
        publish(api, steps(WORK, Call("one"), Call("two"), Call("three")))
        start(api)
        work(world)
        id_ = row(api, ALL)["id"]

        assert told(ask(api, f"SELECT * FROM sys_journal WHERE id = '{id_}'"))[0] == 413


class TestRefusals:
    @pytest.mark.parametrize("accept", ["*/*", "application/json, */*", "application/vnd.apache.arrow.stream", None])
    def test_arrow_is_not_answered(self, api: Api, accept: str | None):
        headers = {} if accept is None else {"accept": accept}

        reply = api.post("/query", {"query": ALL}, content_type="application/json", **headers)

        assert told(reply) == (
            406,
            "Only JSON is answered, not Arrow: ask with the header 'accept: application/json' exactly.",
        )

    @pytest.mark.parametrize(
        ("text", "status", "beginning"),
        [
            ("SELECT id FROM", 400, "SQL error: "),
            ("SELECT * FROM sys_nothing", 500, "Error during planning: table 'sys_nothing' not found"),
            ("SELECT * FROM sys_journal", 400, "This feature is not implemented: sys_journal without"),
            ("SELECT nothing FROM sys_journal", 400, "Schema error: No field named nothing"),
        ],
    )
    def test_what_is_no_query_of_ours_is_said_as_the_server_does(
        self, api: Api, text: str, status: int, beginning: str
    ):
        reply = ask(api, text)

        assert reply.status == status
        assert reply.json["message"].startswith(beginning)

    def test_a_body_without_a_query_is_told_as_text(self, api: Api):
        reply = api.post("/query", {"sql": ALL}, accept="application/json", content_type="application/json")

        assert (reply.status, reply.headers["Content-Type"]) == (422, "text/plain; charset=utf-8")
        assert b"missing field `query`" in reply.body

    def test_whoever_may_not_read_is_refused(self, world: World, account: AccountId):
        assert ask(Api(), ALL).status == 401
        assert ask(key_of(world, account, Scope.WRITE), ALL).status == 403


def test_an_id_is_the_one_that_other_operations_take(api: Api):
    publish(api)
    start(api)

    assert ID.fullmatch(row(api, ALL)["id"])
    assert row(api, ALL)["created_at"] >= write_time(BEGINNING)
