"""Runs over Retab's routes: created in both eras' ways, shown, listed both ways, canceled, deleted."""

from typing import Any

import pytest

from app import edge
from tests.dialects.client import Api, key_of
from tests.dialects.retab.stories import (
    CHECKED,
    INPUTS,
    READ,
    RUNS,
    WF,
    completed,
    create,
    failed,
    later,
    publish,
    shown,
)
from tests.graphs import Ask, Pause
from tests.world import MINUTE, World


class TestCreate:
    @pytest.mark.parametrize("era", ["path", "body"])
    def test_in_both_eras_ways_starts_a_run_with_its_inputs(self, world: World, api: Api, era: str) -> None:
        publish(api)
        body = {**INPUTS, "metadata": {"customer": "7"}, "unknown": True}
        path, body = (f"/v1/workflows/{WF}/run", body) if era == "path" else (RUNS, {**body, "workflow_id": WF})

        run = api.post(path, body).json

        assert run["inputs"]["json_data"] == INPUTS["json_inputs"]
        assert run["inputs"]["documents"]["start-1"].keys() == {"id", "filename", "mime_type"}
        assert run["inputs"]["documents"]["start-1"]["mime_type"] == "application/pdf"
        assert (run["trigger"]["type"], run["metadata"]) == ("api", {"customer": "7"})
        world.settle()
        assert shown(api, run["id"])["lifecycle"] == {"kind": "completed", "status": "completed"}

    @pytest.mark.parametrize(
        ("url", "type_"),
        [
            ("data:image/png;base64,AAAA", "image/png"),
            ("data:,x", "application/octet-stream"),
            ("https://files.test/1", "text/plain"),
        ],
    )
    def test_knows_a_document_s_type_by_its_url_or_name(self, api: Api, url: str, type_: str) -> None:
        publish(api)

        run = create(api, documents={"s": {"filename": "a.txt", "url": url}})

        assert shown(api, run)["inputs"]["documents"]["s"]["mime_type"] == type_
        assert api.get(f"{RUNS}/{run}/documents/s").json["signed_url"] == url

    def test_under_a_key_creates_once(self, api: Api) -> None:
        publish(api)
        first = api.post(f"/v1/workflows/{WF}/run", INPUTS, idempotency_key="k").json["id"]

        assert api.post(f"/v1/workflows/{WF}/run", INPUTS, idempotency_key="k").json["id"] == first

    def test_on_a_version_by_its_id(self, api: Api) -> None:
        publish(api)
        version = api.get(f"/v1/workflows/{WF}/snapshots").json["data"][0]["version_id"]
        publish(api, Ask("approve"))

        run = shown(api, create(api, version=version))

        assert (run["workflow_version_id"], run["workflow"]["requested_version"]) == (version, version)

    def test_with_a_parent_is_a_restart_as_the_cli_makes_it(self, world: World, api: Api) -> None:
        source = failed(world, api)
        inputs = {"workflow_id": WF, "json_inputs": {"start-json-1": {"amount": 8}}, "trigger_type": "restart"}

        run = api.post(RUNS, {**inputs, "parent_run_id": source}).json

        assert (run["trigger"]["parent_run_id"], run["inputs"]["json_data"]) == (source, inputs["json_inputs"])

    @pytest.mark.parametrize(
        ("path", "body", "status", "told"),
        [
            ("/v1/workflows/wf_none/run", {}, 404, "Workflow not found"),
            (f"/v1/workflows/{WF}/run", {"version": f"ver_{'0' * 32}"}, 404, "Workflow version not found"),
            (f"/v1/workflows/{WF}/run", {"version": "newest"}, 422, "version"),
            (f"/v1/workflows/{WF}/run", {"documents": {"s": {"filename": "x"}}}, 422, "url"),
            (f"/v1/workflows/{WF}/run", {"metadata": {"a=b": "c"}}, 422, "metadata"),
            (RUNS, {}, 422, "workflow_id"),
            (RUNS, {"workflow_id": WF, "parent_run_id": "run_x"}, 404, "Workflow run not found"),
        ],
    )
    def test_is_refused_and_writes_nothing(
        self, world: World, api: Api, path: str, body: Any, status: int, told: str
    ) -> None:
        publish(api)
        before = world.everything()

        reply = api.post(path, body)

        assert (reply.status, told in reply.body.decode()) == (status, True), reply.body
        assert world.everything() == before


class TestShow:
    def test_tells_for_whom_a_run_waits_and_how_long_it_did(self, world: World, api: Api) -> None:
        publish(api, CHECKED)
        run = create(api)
        world.settle()
        began = world.clock()
        waiting = shown(api, run)
        world.clock.advance(MINUTE)
        api.post(f"{RUNS}/{run}/hil-decisions", {"block_id": "approve", "approved": True})
        world.settle()

        done = shown(api, run)["timing"]
        assert waiting["lifecycle"]["waiting_for_block_ids"] == ["approve"]
        assert waiting["lifecycle"]["kind"] == waiting["lifecycle"]["status"] == "waiting_for_human"
        assert waiting["timing"]["human_waiting_started_at"] is not None
        assert done["accumulated_human_waiting_ms"] == world.clock() - began == MINUTE
        assert done["active_duration_ms"] == done["duration_ms"] - MINUTE
        assert done["human_waiting_started_at"] is None

    def test_a_run_that_waits_for_time_is_running(self, world: World, api: Api) -> None:
        publish(api, Pause("later", 3600))
        run = create(api)

        told = shown(api, run)["lifecycle"]
        api.post(f"{RUNS}/{run}/cancel")

        assert told["kind"] == "running"

    def test_tells_why_a_run_failed(self, world: World, api: Api) -> None:
        lifecycle = shown(api, failed(world, api))["lifecycle"]

        assert (lifecycle["kind"], lifecycle["failing_step_id"]) == ("error", "read")
        assert lifecycle["details"] == {"block_id": "read", "error_code": "http_503"}

    def test_shows_what_another_dialect_started(self, api: Api) -> None:
        publish(api)
        run = api.post(f"/ops/v1/definitions/{WF}/runs", {"input": {"a": 1}, "labels": ["blue"]}).json["id"]

        told = shown(api, f"run_{run.replace('-', '')}")

        assert told["inputs"] == {"documents": {}, "json_data": {"start": {"a": 1}}}
        assert told["metadata"] == {"blue": ""}

    @pytest.mark.parametrize("way", ["api_key", "bearer", "query"])
    def test_takes_a_key_in_every_way_of_the_clients(self, api: Api, way: str) -> None:
        publish(api)
        run, secret = create(api), api.secret or ""
        path = f"{RUNS}/{run}"

        match way:
            case "api_key":
                reply = Api(None).get(path, api_key=secret)
            case "bearer":
                reply = Api(None).get(path, authorization=f"bearer {secret}")
            case _:
                reply = Api(None).get(f"{path}?access_token={secret}")

        assert reply.status == 200


class TestCancel:
    def test_ends_a_run_and_says_so_twice(self, world: World, api: Api) -> None:
        publish(api, Ask("approve"))
        run = create(api)

        for body in (None, {"command_id": "c"}):
            reply = api.post(f"{RUNS}/{run}/cancel", body)
            assert (reply.status, reply.json["cancellation_status"]) == (200, "cancelled")
            assert reply.json["run"]["lifecycle"] == {"kind": "cancelled", "status": "cancelled", "reason": None}

    def test_of_a_finished_run_is_no_error_and_shows_it(self, world: World, api: Api) -> None:
        run = completed(world, api)

        reply = api.post(f"{RUNS}/{run}/cancel")

        assert (reply.status, reply.json["cancellation_status"]) == (200, "cancellation_failed")
        assert reply.json["run"] == shown(api, run)


class TestDelete:
    def test_takes_a_run_away(self, world: World, api: Api) -> None:
        run = failed(world, api)

        reply = api.delete(f"{RUNS}/{run}")

        assert (reply.status, reply.body) == (204, b"")
        assert api.get(f"{RUNS}/{run}").status == api.delete(f"{RUNS}/{run}").status == 404
        assert api.get(RUNS).json["data"] == []

    def test_of_a_running_one_is_refused(self, api: Api) -> None:
        publish(api, Ask("approve"))
        run = create(api)

        reply = api.delete(f"{RUNS}/{run}")

        assert (reply.status, reply.json["detail"]["code"]) == (409, "run_not_terminal")


class TestList:
    @pytest.fixture
    def runs(self, world: World, api: Api) -> list[str]:
        """Make seven runs, oldest first, and name them newest first."""
        publish(api)
        made = []
        for _ in range(7):
            made.append(create(api))
            world.clock.advance(1_000)
        world.settle()
        return made[::-1]

    def pages(self, api: Api, query: str, cursor: str) -> list[list[str]]:
        """Read page after page, as the SDK does with what the last one named."""
        read, more = [], ""
        while True:
            told = api.get(f"{RUNS}?limit=3&{query}{more}").json
            read.append([run["id"] for run in told["data"]])
            if told["list_metadata"][cursor] is None:
                return read
            more = f"&{cursor}={told['list_metadata'][cursor]}"

    @pytest.mark.parametrize("order", ["desc", "asc"])
    def test_is_read_forwards_and_backwards_and_loses_nothing(self, api: Api, runs: list[str], order: str) -> None:
        wanted = runs if order == "desc" else runs[::-1]

        forwards = self.pages(api, f"order={order}&workflow_id={WF}", "after")
        backwards = self.pages(api, f"order={order}&before={wanted[-1]}", "before")

        assert [run for page in forwards for run in page] == wanted
        assert [run for page in reversed(backwards) for run in page] == wanted[:-1]
        assert len(forwards) == 3

    def test_of_a_first_page_has_nothing_before_it(self, api: Api, runs: list[str]) -> None:
        assert api.get(f"{RUNS}?limit=2").json["list_metadata"] == {"before": None, "after": runs[1]}
        told = api.get(f"{RUNS}?limit=2&after={runs[1]}").json["list_metadata"]
        assert told == {"before": runs[2], "after": runs[3]}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("status=error", ["failed"]),
            ("status=failed", ["failed"]),
            ("statuses=error,cancelled", ["canceled", "failed"]),
            ("status=awaiting_review", ["waiting"]),
            ("exclude_status=completed", ["restarted", "waiting", "canceled", "failed"]),
            ("trigger_type=restart", ["restarted"]),
            ("trigger_types=api,manual&statuses=completed", ["done"]),
            ("metadata=%7B%22of%22%3A%22done%22%7D", ["done"]),
            ("workflow_id=wf_other", []),
            ("from_date=2026-09-21&to_date=2026-09-21", ["restarted", "done", "waiting", "canceled", "failed"]),
            ("to_date=2026-09-20", []),
            ("min_duration=1&max_duration=1", ["canceled"]),
            ("max_duration_ms=0&statuses=completed,error", ["done", "failed"]),
        ],
    )
    def test_keeps_what_a_filter_means(self, world: World, api: Api, query: str, found: list[str]) -> None:
        named = {}
        publish(api)
        world.outside.fail("read", is_retryable=False)
        named["failed"] = create(api, metadata={"of": "failed"})
        world.settle()
        world.outside.heal("read")
        publish(api, Ask("approve"))
        for name in ("canceled", "waiting"):
            world.clock.advance(1)
            named[name] = create(api)
        api.post(f"{RUNS}/{named['canceled']}/cancel")
        publish(api)
        world.clock.advance(1)
        named["done"] = create(api, metadata={"of": "done"})
        world.settle()
        world.clock.advance(1)
        named["restarted"] = api.post(f"{RUNS}/{named['failed']}/restart").json["id"]

        data = api.get(f"{RUNS}?{query}").json["data"]

        assert [run["id"] for run in data] == [named[name] for name in found]

    def test_finds_a_run_by_a_part_of_its_id_and_shows_the_fields_that_are_asked_for(
        self, api: Api, runs: list[str]
    ) -> None:
        data = api.get(f"{RUNS}?search={runs[3][-6:].upper()}&fields=lifecycle,timing").json["data"]

        assert [run["id"] for run in data] == [runs[3]]
        assert data[0].keys() == {"id", "lifecycle", "timing"}

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("limit=0", 422),
            ("limit=101", 422),
            ("limit=x", 422),
            ("order=up", 422),
            ("sort_by=cost", 422),
            ("status=odd", 422),
            ("trigger_type=odd", 422),
            ("from_date=yesterday", 422),
            ("min_cost=1", 422),
            ("max_duration=-1", 422),
            ("metadata=x", 422),
            ("metadata=%5B%5D", 422),
            ("after=run_x", 400),
            (f"before=run_{'0' * 32}", 400),
            (f"before=run_{'0' * 32}&after=run_{'0' * 32}", 422),
        ],
    )
    def test_refuses_what_it_cannot_honour(self, api: Api, query: str, status: int) -> None:
        assert api.get(f"{RUNS}?{query}").status == status

    def test_shows_nobody_the_runs_of_others(self, world: World, api: Api, stranger: Api, runs: list[str]) -> None:
        assert stranger.get(RUNS).json["data"] == []
        assert stranger.get(f"{RUNS}?after={runs[0]}").status == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/v1/workflows/runs/x/nothing", 404, "Not Found"),
        ("PATCH", RUNS, 405, "Method Not Allowed"),
    ],
)
def test_whatever_reaches_no_route_is_answered_as_retab_would(method: str, path: str, status: int, detail: str) -> None:
    code, _, body = edge.unrouted(method, path, status)

    assert (code, body) == (status, f'{{"detail":"{detail}"}}')


def test_a_stage_whose_clients_are_of_the_later_era_awaits_reviews(world: World, api: Api) -> None:
    publish(api, Ask("approve"))
    run = create(api)

    with later(world, sdk=160):
        assert shown(api, run)["lifecycle"] == {
            "kind": "waiting_for_human",
            "status": "awaiting_review",
            "waiting_for_block_ids": ["approve"],
        }


def test_environments_do_not_see_each_other_s_runs(world: World, api: Api, account) -> None:
    run = completed(world, api, READ)
    tester = key_of(world, account, environment="test")

    assert tester.get(f"{RUNS}/{run}").status == 404
    assert tester.get(RUNS).json["data"] == []
    told = tester.get("/v1/auth/status").json
    assert (told["organization_id"], told["environment"]["type"]) == (f"{account}@test", "test")
