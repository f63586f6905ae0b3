"""Restarts: from every start point, with every wish, once for each command, and tried out beforehand."""

from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from tests.backends import on_both
from tests.dialects.client import Api, key_of
from tests.dialects.ops.conftest import APPROVED, CHARGED, failed, publish, start
from tests.graphs import Call as Calling
from tests.graphs import Fork, document, steps
from tests.world import World

RUNS = "/ops/v1/runs"
DEAD = "/ops/v1/dead-letters"


def _restart(api: Api, source: str, **asked: Any) -> Any:
    reply = api.post(f"{RUNS}/{source}/restart", asked)
    assert reply.status == 201, reply.json
    return reply.json


def _journal(api: Api, run_id: str) -> list[Any]:
    entries: list[Any] = api.get(f"{RUNS}/{run_id}/journal").json["entries"]
    return entries


def _performed(entries: list[Any]) -> list[str]:
    return [entry["activity"] for entry in entries if entry["type"] == "performed"]


def _transition(graph: Any, source: str) -> str:
    found: str = next(way["id"] for way in graph["transitions"] if way["from"] == source)
    return found


_TO_SHIP = _transition(document(CHARGED), "charge")


@on_both
class TestStartPoints:
    @pytest.mark.parametrize(
        ("asked", "performed"),
        [
            ({}, ["charge", "ship"]),
            ({"start": {"type": "beginning"}}, ["charge", "ship"]),
            ({"start": {"type": "after_entry", "index": 0}}, ["charge", "ship"]),
            ({"start": {"type": "after_entry", "index": 1}}, ["ship"]),
            ({"start": {"type": "from_failure"}}, ["ship"]),
            ({"start": {"type": "at", "places": [{"before_activity": "charge"}]}}, ["charge", "ship"]),
            ({"start": {"type": "at", "places": [{"before_activity": "ship"}]}}, ["ship"]),
            ({"start": {"type": "at", "places": [{"after_activity": "charge"}]}}, ["ship"]),
            ({"start": {"type": "at", "places": [{"along_transition": _TO_SHIP}]}}, ["ship"]),
            ({"start": {"type": "at", "places": [{"before_activity": "ship"}] * 2}}, ["ship", "ship"]),
        ],
    )
    def test_each_one_performs_what_stands_behind_it(
        self, world: World, api: Api, asked: dict[str, Any], performed: list[str]
    ) -> None:
        publish(api, CHARGED)
        source = failed(world, api, input={"a": 1})
        before = (api.run(source), _journal(api, source))
        world.outside.keys.clear()

        run = _restart(api, source, **asked)
        world.settle()

        done = api.run(run["id"])
        assert (done["status"], done["source_id"], done["attempt"]) == ("completed", source, 2)
        assert sorted(world.outside.asked.elements()) == sorted(performed)
        assert (api.run(source), _journal(api, source)) == before

    def test_what_is_kept_is_told_as_it_was(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api)
        run = _restart(api, source, start={"type": "after_entry", "index": 1}, overlay={"b": 2})

        entries = _journal(api, run["id"])

        assert entries[0]["variables"] == {"b": 2}
        assert entries[1] == _journal(api, source)[1]


class TestWishes:
    def test_each_one_is_heeded(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api, business_key="b-1", labels=["old"], retries=3)
        run = _restart(
            api,
            source,
            data="last_variables",
            overlay={"b": 2},
            keep_business_key=False,
            labels=["new"],
            retries=0,
            retry_delay=2,
            delay=60,
            flow_control={"key": "k", "parallelism": 3},
            failure_callback={"url": "https://example.test/failed"},
            reason="the shop was closed",
        )
        shown = api.run(run["id"])
        world.settle()

        assert shown["input"] == {"v_charge": api.run(source)["variables"]["v_charge"], "b": 2}
        assert (shown["business_key"], shown["labels"]) == (None, ["new"])
        assert shown["overrides"] == {
            "retries": 0,
            "retry_delay": 2,
            "retry_delay_expression": None,
            "delay": 60,
            "flow_control": {"key": "k", "parallelism": 3, "rate": None, "period": 1},
            "failure_callback": "https://example.test/failed",
        }
        assert shown["cause"]["reason"] == "the shop was closed"

    def test_what_is_not_asked_is_as_the_source_had_it(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api, input={"a": 1}, business_key="b-1", labels=["x"], retries=3)
        publish(api, APPROVED)
        run, origin = api.run(_restart(api, source)["id"]), api.run(source)
        world.settle()

        for name in ("input", "business_key", "labels", "overrides", "version", "snapshot_id", "definition"):
            assert run[name] == origin[name]

    @pytest.mark.parametrize(("version", "number"), [("same", 1), ("published", 2), ("draft", None), (2, 2)])
    def test_another_version_may_be_chosen(
        self, world: World, api: Api, version: int | str, number: int | None
    ) -> None:
        publish(api, CHARGED)
        source = failed(world, api)
        publish(api, steps(Calling("charge"), Calling("ship"), Calling("thank")))
        run = _restart(api, source, version=version)
        world.settle()

        assert run["version"] == number
        assert ("thank" in _performed(_journal(api, run["id"]))) == (version != "same")

    def test_listeners_and_mappings_may_be_skipped(self, world: World, api: Api) -> None:
        graph: Any = document(CHARGED)
        charge = next(node for node in graph["activities"] if node["id"] == "charge")
        charge.update(on_start=[{"set": {"heard": True}}])
        publish(api, CHARGED, document_=graph)
        source = failed(world, api)

        run = _restart(api, source, skip_listeners=True, skip_mappings=True)
        world.settle()

        assert api.run(source)["variables"].keys() == {"heard", "v_charge"}
        assert api.run(run["id"])["variables"] == {}


@pytest.fixture(scope="module")
def source(world: World) -> tuple[Api, str]:
    """Answer a failed run, of whose definition another draft was saved meanwhile, and its owner."""
    owner = key_of(world, AccountId("refused"))
    publish(owner, CHARGED)
    run_id = failed(world, owner)
    owner.put("/ops/v1/definitions/order", document(steps(Calling("pack"))))
    return owner, run_id


class TestRefusals:
    @pytest.mark.parametrize(
        ("asked", "refused"),
        [
            ({"allowed_statuses": ["completed", "canceled"]}, (409, "source_status_not_allowed")),
            ({"start": {"type": "after_entry", "index": 9}}, (400, "entry_out_of_range")),
            ({"start": {"type": "after_entry", "index": -1}}, (400, "entry_out_of_range")),
            ({"start": {"type": "at", "places": [{"before_activity": "none"}]}}, (400, "element_unknown")),
            ({"start": {"type": "from_failure"}, "data": "last_variables"}, (400, "data_not_applicable")),
            ({"version": 7}, (404, "version_not_found")),
            ({"start": {"type": "from_failure"}, "version": "draft"}, (409, "version_incompatible")),
            ({"flow_control": {"key": "k"}}, (400, "flow_control_incomplete")),
            ({"failure_callback": {"url": "ftp://example.test"}}, (400, "failure_callback_refused")),
        ],
    )
    def test_each_one_says_why_and_writes_nothing_whether_tried_or_meant(
        self, world: World, source: tuple[Api, str], asked: dict[str, Any], refused: tuple[int, str]
    ) -> None:
        owner, run_id = source
        before = world.everything()

        for query in ("", "?dry_run=true"):
            reply = owner.post(f"{RUNS}/{run_id}/restart{query}", asked)
            assert (reply.status, reply.refusal) == refused

        assert world.everything() == before

    def test_a_run_that_has_not_ended_has_no_restart(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        pending = start(api)
        assert api.post(f"{RUNS}/{pending}/restart").refusal == "source_not_started"

        world.settle()

        reply = api.post(f"{RUNS}/{pending}/restart")
        assert (reply.status, reply.refusal) == (409, "source_still_running")

    def test_a_completed_run_has_no_failure_to_go_on_from(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        run_id = start(api)
        world.settle()

        assert api.post(f"{RUNS}/{run_id}/restart", {"start": {"type": "from_failure"}}).refusal == "nothing_failed"

    def test_who_may_only_read_or_write_may_not_restart(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api)
        for scopes in (["read"], ["write", "read", "admin"]):
            other = Api(api.post("/ops/v1/keys", {"name": "k", "scopes": scopes}).json["key"])
            before = world.everything()

            assert other.post(f"{RUNS}/{source}/restart").refusal == "scope_missing"
            assert other.post(f"{RUNS}/{source}/restart?dry_run=true").refusal == "scope_missing"
            assert world.everything() == before


@on_both
class TestIdempotency:
    def test_the_same_command_is_the_same_run_however_late_it_comes(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api)
        first = api.post(f"{RUNS}/{source}/restart", {"retries": 1}, idempotency_key="k")
        world.settle()
        again = api.post(f"{RUNS}/{source}/restart", {"retries": 1}, idempotency_key="k")

        assert (first.status, again.status) == (201, 200)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json["id"] == first.json["id"]
        assert len(api.get(f"{RUNS}/{source}/family").json["runs"]) == 2

    def test_another_request_under_the_same_key_is_refused(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api)
        api.post(f"{RUNS}/{source}/restart", {"retries": 1}, idempotency_key="k")
        before = world.everything()
        reply = api.post(f"{RUNS}/{source}/restart", {"retries": 2}, idempotency_key="k")

        assert (reply.status, reply.refusal) == (422, "idempotency_key_reused")
        assert world.everything() == before

    def test_without_a_key_each_request_is_a_run_of_its_own(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        source = failed(world, api)

        assert _restart(api, source)["id"] != _restart(api, source)["id"]


class TestDryRun:
    @pytest.mark.parametrize("query", ["dry_run=true", "dry_run=1"])
    def test_it_tells_the_plan_and_writes_nothing(self, world: World, api: Api, query: str) -> None:
        publish(api, CHARGED)
        source = failed(world, api, input={"a": 1}, business_key="b-1", labels=["x"])
        before = world.everything()
        reply = api.post(f"{RUNS}/{source}/restart?{query}", {"start": {"type": "from_failure"}}, idempotency_key="k")

        assert reply.status == 200
        assert world.everything() == before
        assert not world.messages()
        plan = reply.json["plan"]
        assert plan["start"] == {"type": "from_failure"}
        assert (plan["version"], plan["attempt"], plan["status"]) == (1, 2, "pending")
        assert (plan["business_key"], plan["labels"], plan["kept_entries"]) == ("b-1", ["x"], 2)
        assert [entry["type"] for entry in plan["new_entries"]] == ["input"]
        assert plan["input"] == {"a": 1}
        assert plan["variables"].keys() == {"a", "v_charge"}

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"start": {"type": "from_failure"}},
            {"start": {"type": "after_entry", "index": 1}, "overlay": {"c": 3}},
            {"start": {"type": "at", "places": [{"before_activity": "approve"}, {"before_activity": "ship"}]}},
            {"data": "last_variables", "keep_business_key": False, "labels": ["y"]},
        ],
    )
    def test_what_it_tells_is_what_comes(self, world: World, api: Api, asked: dict[str, Any]) -> None:
        publish(api, Fork((CHARGED, steps(Calling("pack"), APPROVED.blocks[1]))))
        source = failed(world, api, input={"a": 1}, business_key="b-1", labels=["x"])

        plan = api.post(f"{RUNS}/{source}/restart?dry_run=true", asked).json["plan"]
        run = api.run(_restart(api, source, **asked)["id"])

        told = ("definition", "version", "snapshot_id", "status", "attempt", "business_key", "labels")
        assert [plan[name] for name in told] == [run[name] for name in told]
        assert (plan["input"], plan["variables"]) == (run["input"], run["variables"])
        kept = _journal(api, source)[1 : plan["kept_entries"]]
        written = _journal(api, run["id"])
        is_behind_all_kept = [
            entry for entry in written if entry["index"] >= plan["kept_entries"] or not entry["index"]
        ]
        assert is_behind_all_kept == plan["new_entries"]
        assert len(written) == len(kept) + len(plan["new_entries"])

    def test_one_that_is_not_wanted_is_a_restart(self, world: World, api: Api) -> None:
        publish(api, CHARGED)

        assert api.post(f"{RUNS}/{failed(world, api)}/restart?dry_run=false").status == 201


@on_both
class TestDeadLetters:
    def test_one_is_listed_until_a_restart_takes_it_up(self, world: World, api: Api, stranger: Api) -> None:
        publish(api, CHARGED)
        first = failed(world, api, business_key="b-1", labels=["x"])
        world.clock.advance(1000)
        second = failed(world, api)
        letters = api.get(DEAD).json["dead_letters"]

        assert [letter["run_id"] for letter in letters] == [second, first]
        shown = api.run(first)
        assert letters[1]["id"] == shown["dead_letter_id"]
        assert letters[1]["at"] == shown["ended_at"]
        for name in ("definition", "business_key", "labels", "failure"):
            assert letters[1][name] == shown[name]
        assert stranger.get(DEAD).json == {"dead_letters": [], "next_cursor": None}

        _restart(api, second)
        assert [letter["run_id"] for letter in api.get(DEAD).json["dead_letters"]] == [first]
