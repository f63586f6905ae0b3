"""One id goes from a request to the runs that it makes, to every line about them, and to what they ask of the world."""

from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from tests.dialects.camunda.stories import work
from tests.dialects.client import Api
from tests.dialects.conftest import Log
from tests.dialects.test_abuse import RESTARTS, failed
from tests.dialects.things import Things, things
from tests.graphs import Call, document
from tests.world import World

OURS = {"run made", "run begun", "run left"}


@pytest.fixture
def known(world: World, account: AccountId) -> Things:
    return things(world, account)


def made_lines(log: Log, request_id: str) -> list[dict[str, Any]]:
    return [line for line in log.lines if line["message"] in OURS and line["request_id"] == request_id]


@pytest.mark.parametrize("name", RESTARTS)
def test_a_restarted_run_is_told_of_and_works_under_its_requests_id(known: Things, name: str, log: Log) -> None:
    method, path, body = RESTARTS[name](*failed(known))
    known.world.outside.requests.clear()

    reply = known.api(method, path, body, content_type="application/json", x_reason="the supplier is back")
    known.world.settle()

    asked = reply.headers["x-request-id"]
    told = made_lines(log, asked)
    assert {line["message"] for line in told} == OURS
    [run] = {line["run"] for line in told}
    assert {*known.world.outside.requests} == {asked}
    cause = known.api.get(f"/ops/v1/runs/{run}").json["cause"]
    assert (cause["request_id"], cause["reason"]) == (asked, "the supplier is back")


def test_a_run_keeps_the_id_of_the_first_of_two_requests_under_one_key(world: World, api: Api, log: Log) -> None:
    api.put("/ops/v1/definitions/order", document(Call("ship")))
    api.post("/ops/v1/definitions/order/publish")
    first, again = [api.post("/ops/v1/definitions/order/runs", None, idempotency_key="once") for _ in range(2)]
    world.settle()

    assert first.json["cause"] == again.json["cause"]
    assert first.json["cause"]["request_id"] == first.headers["x-request-id"] != again.headers["x-request-id"]
    assert {line["message"] for line in made_lines(log, first.headers["x-request-id"])} == OURS


def test_what_a_body_says_why_stands_before_the_header(known: Things) -> None:
    method, path, _ = RESTARTS["ops"](*failed(known))

    run = known.api(method, path, {"reason": "in the body"}, x_reason="in the header").json

    assert run["cause"]["reason"] == "in the body"


def test_a_batchs_jobs_and_runs_bear_the_id_of_the_request_that_made_it(world: World, api: Api, log: Log) -> None:
    api.put("/ops/v1/definitions/order", document(Call("ship")))
    api.post("/ops/v1/definitions/order/publish")
    sources = [api.post("/ops/v1/definitions/order/runs").json["id"] for _ in range(2)]
    world.settle()
    world.outside.requests.clear()
    body = {"processInstanceIds": sources, "instructions": [{"type": "startBeforeActivity", "activityId": "ship"}]}

    reply = api.post("/engine-rest/process-definition/key/order/restart-async", body)
    asked = reply.headers["x-request-id"]
    work(world)

    told = [line["message"] for line in log.lines if line.get("request_id") == asked]
    assert {"batch made", "job done", "batch ended", *OURS} <= {*told}
    assert told.count("run made") == 2
    assert {*world.outside.requests} == {asked}
