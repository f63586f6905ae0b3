"""The audit: who changed what, when, from where and why. What is refused, or only read, is not in it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from chalicelib.stores.audit_records import KEPT_S
from tests.backends import on_both
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.ops.conftest import APPROVED, CHARGED, failed, publish, start
from tests.graphs import document
from tests.world import MINUTE, World

AUDIT = "/ops/v1/audit"
RUNS = "/ops/v1/runs"
WHY = "the printer is on fire again: Grüße"


def records(api: Api, query: str = "") -> list[Any]:
    reply = api.get(f"{AUDIT}?{query}")
    assert reply.status == 200, reply.json
    listed: list[Any] = reply.json["records"]
    return listed


def told(api: Api, reply: Reply) -> Any:
    """Answer the one record of a request."""
    [record] = records(api, f"request_id={reply.headers['x-request-id']}")
    return record


@on_both
def test_a_restart_is_told_of_with_who_what_why_and_what_came_of_it(world: World, api: Api) -> None:
    publish(api, CHARGED)
    source = failed(world, api)

    reply = api.post(f"{RUNS}/{source}/restart", {"start": {"type": "from_failure"}}, x_reason=f" {WHY} ")

    [key] = api.get("/ops/v1/keys").json["keys"]
    record = told(api, reply)
    assert record.pop("changed")[0] == {"kind": "run", "id": reply.json["id"]}
    assert record == {
        "at": reply.json["created_at"],
        "request_id": reply.headers["x-request-id"],
        "number": 1,
        "key_id": key["id"],
        "dialect": "ops",
        "operation": "POST /ops/v1/runs/{id}/restart",
        "target": {"id": source},
        "reason": WHY,
        "address": "127.0.0.1",
        "result": "done",
    }


def test_a_dead_letter_that_became_a_run_is_told_of_too(world: World, api: Api) -> None:
    publish(api, CHARGED)
    source = failed(world, api)
    letter = api.run(source)["dead_letter_id"]

    reply = api.post(f"{RUNS}/{source}/restart")

    run = reply.json["id"]
    assert told(api, reply)["changed"] == [{"kind": "run", "id": run}, {"kind": "dead_letter", "id": letter}]


def test_what_is_only_read_refused_or_said_again_is_not_told_of(world: World, api: Api) -> None:
    publish(api, CHARGED)
    source = failed(world, api)
    restart = lambda: api.post(f"{RUNS}/{source}/restart", {}, idempotency_key="once")  # noqa: E731
    restart()
    before = records(api)

    assert restart().status == 200
    assert api.post(f"{RUNS}/{source}/restart?dry_run=true").status == 200
    assert api.post(f"{RUNS}/{source}/restart", {"version": "none"}).status == 400
    assert api.post(f"{RUNS}/nobody/restart").status == 404
    assert records(api) == before


def test_what_workers_write_nobody_has_asked_for(world: World, api: Api) -> None:
    publish(api, CHARGED)
    start(api)
    before = records(api)

    world.settle()

    assert records(api) == before


CHANGES: list[tuple[str, Callable[[Api, str], Reply]]] = [
    ("run", lambda api, run: api.post(f"{RUNS}/{run}/cancel")),
    ("run", lambda api, run: api.post(f"{RUNS}/{run}/pause")),
    ("run", lambda api, run: api.post(f"{RUNS}/{run}/variables", {"set": {"a": 1}})),
    ("definition", lambda api, _: api.put("/ops/v1/definitions/other", document(CHARGED))),
    ("key", lambda api, _: api.post("/ops/v1/keys", {"name": "ci", "scopes": ["read"]})),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_every_kind_of_thing_is_named(world: World, api: Api, kind: str, change: Callable[[Api, str], Reply]) -> None:
    publish(api, APPROVED)
    run = start(api)
    world.settle()

    reply = change(api, run)

    assert reply.status < 300, reply.json
    assert [thing["kind"] for thing in told(api, reply)["changed"]] == [kind]


class TestReasons:
    @pytest.mark.parametrize("reason", ["", " ", "x" * 501, "two\tcolumns", "a\u202eb", "a\x00b"])
    def test_one_that_could_not_be_shown_is_refused_and_changes_nothing(
        self, world: World, api: Api, reason: str
    ) -> None:
        publish(api, CHARGED)
        before = world.everything()

        reply = api.post("/ops/v1/definitions/order/runs", {}, x_reason=reason)

        assert (reply.status, reply.refusal) == (400, "reason_invalid")
        assert world.everything() == before

    def test_none_is_needed(self, api: Api) -> None:
        assert told(api, api.put("/ops/v1/definitions/order", document(CHARGED)))["reason"] is None


class TestAListThatIs:
    def test_read_page_by_page_newest_first(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        for _ in range(5):
            world.clock.advance(1000)
            start(api)
        everything = records(api)

        pages, cursor = [], ""
        while cursor is not None:
            page = api.get(f"{AUDIT}?limit=2{cursor and f'&cursor={cursor}'}").json
            pages.append(page["records"])
            cursor = page["next_cursor"]

        assert [record for page in pages for record in page] == everything
        assert [record["at"] for record in everything] == sorted((it["at"] for it in everything), reverse=True)

    def test_filtered_by_who_what_how_and_when(self, world: World, api: Api, account: AccountId) -> None:
        publish(api, CHARGED)
        world.clock.advance(MINUTE)
        at, another = world.clock(), key_of(world, account)
        run = start(another)
        [made] = records(api, f"id={run}")

        assert records(api, f"key_id={made['key_id']}") == [made]
        assert records(api, f"request_id={made['request_id']}") == [made]
        assert records(api, f"since={at}") == [made]
        assert made not in records(api, f"until={at - 1}")
        assert made in records(api, "dialect=ops")
        assert records(api, "dialect=retab") == []
        assert records(api, f"since={at + 1}") == []

    @pytest.mark.parametrize("query", ["since=soon", "since=9&until=8", "limit=0", "who=me", "cursor=x"])
    def test_refused_for_what_cannot_be_meant(self, api: Api, query: str) -> None:
        assert api.get(f"{AUDIT}?{query}").status == 400

    def test_of_others_shown_to_nobody(self, world: World, api: Api, stranger: Api, account: AccountId) -> None:
        publish(api, CHARGED)

        assert records(stranger) == []
        assert records(key_of(world, account, environment="test")) == []
        assert key_of(world, account, Scope.READ, Scope.WRITE, Scope.RESTART).get(AUDIT).status == 403

    def test_not_kept_for_ever(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        assert records(api)

        world.clock.advance(KEPT_S * 1000 + 1)

        assert records(api) == []
        assert records(api, f"until={world.clock() - KEPT_S * 1000 - 1}") == []


@on_both
class TestATransactionThatIsFull:
    """A hundred actions leave no room for a record: fifty dead letters, and the fifty runs that they become."""

    def test_has_its_record_written_before_it(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        world.outside.fail("ship", is_retryable=False)
        for _ in range(51):
            start(api)
        world.settle(400)
        world.outside.heal("ship")

        reply = api.post("/v2/workflows/dlq/restart?count=50", {})

        runs = {str(UUID(run["workflowRunId"].removeprefix("wfr_"))) for run in reply.json["workflowRuns"]}
        record = told(api, reply)
        assert len(runs) == 50
        assert record["result"] == "attempted"
        assert runs == {thing["id"] for thing in record["changed"] if thing["kind"] == "run"}

        rest = told(api, api.post("/v2/workflows/dlq/restart?count=50", {}))
        assert (rest["result"], len(rest["changed"])) == ("done", 2)
