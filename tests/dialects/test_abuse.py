"""More than anybody in good faith asks for: too much in one request, one source or one key too often."""

import gzip
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.client import BaseClient
from chalice.local import LambdaContext
from greenlet import getcurrent, greenlet

import app
from chalicelib.core.ids import AccountId, RunId
from chalicelib.dialects.restate.ids import write_run_id
from local.calls import observed
from tests.aws_calls import Calls, is_harness
from tests.dialects.camunda.models import deployed
from tests.dialects.client import Api, Reply
from tests.dialects.test_front_door import Event, sent
from tests.dialects.things import Things, things
from tests.world import World

ACCOUNT = AccountId("abused")
MANY = 50

# -- one key, many at once


class Turns:
    """Lets whoever calls AWS wait for its next turn before each call."""

    def before(self, client: BaseClient, name: str, request: dict[str, Any]) -> None:
        if not is_harness(client) and (hub := getcurrent().parent) is not None:
            hub.switch()

    def after(self, client: BaseClient, name: str) -> None:
        pass


def at_once(asks: list[Callable[[], Event]]) -> list[Event]:
    """Let all of them work at once, call by call in turn: each has looked before any has written."""
    working, answers = [greenlet(ask) for ask in asks], list[Event]()
    with observed(Turns()):
        while working:
            told = [(one, one.switch()) for one in working]
            answers += [answer for one, answer in told if one.dead]
            working = [one for one in working if not one.dead]
    return answers


def asking(api: Api, method: str, path: str, body: Any, **headers: str) -> Callable[[], Event]:
    given = {"Authorization": f"Bearer {api.secret}", "Content-Type": "application/json", **headers}
    event = {**sent(path.removeprefix("/"), method, **given), "body": None if body is None else json.dumps(body)}
    return lambda: app.front_door(event, LambdaContext("api_handler", 1024))


@pytest.fixture
def known(world: World, account: AccountId) -> Things:
    return things(world, account)


def failed(known: Things) -> tuple[str, str]:
    """Let a run fail that any dialect may restart; answer it, and its dead letter."""
    run: str = known.api.post(f"{FLOWX}/start", {}).json["uuid"]
    known.world.settle()
    [letter] = [row for row in known.world.rows("dead-letters") if row["run_id"]["S"] == run]
    return run, letter["dead_letter_id"]["S"]


FLOWX = "/api/runtime/wks/shop/app/web/process-name/order"


RESTARTS: Mapping[str, Callable[[str, str], tuple[str, str, Any]]] = {
    "ops": lambda run, _: ("POST", f"/ops/v1/runs/{run}/restart", {"start": {"type": "beginning"}}),
    "retab": lambda run, _: ("POST", f"/v1/workflows/runs/run_{run.replace('-', '')}/restart", {}),
    "restate": lambda run, _: ("PATCH", f"/invocations/{write_run_id(RunId(run), RunId(run))}/restart-as-new", None),
    "flowx": lambda run, _: ("POST", f"{FLOWX}/start/copyDataFrom/{run}", {}),
    "upstash": lambda _, letter: ("POST", f"/v2/workflows/dlq/restart/{letter}", None),
}


@pytest.mark.parametrize("name", RESTARTS)
def test_fifty_at_once_under_one_key_are_one_restart_with_one_answer(known: Things, name: str) -> None:
    asked = RESTARTS[name](*failed(known))
    known.api.get("/ops/v1/runs")  # the key is known from here on
    before = {row["pk"]["S"] for row in known.world.rows("runs")}

    answers = at_once([asking(known.api, *asked, **{"Idempotency-Key": "once"}) for _ in range(MANY)])

    made = {row["pk"]["S"] for row in known.world.rows("runs")} - before
    assert len(made) == 1
    assert len(answers) == MANY
    assert {answer["statusCode"] for answer in answers} <= {200, 201}
    assert len({answer["body"] for answer in answers}) == 1


def test_one_key_in_every_dialect_is_a_restart_in_each(known: Things) -> None:
    source = failed(known)
    before = {row["pk"]["S"] for row in known.world.rows("runs")}

    for name in sorted(RESTARTS, reverse=True):  # Upstash first, whose letter whoever comes first consumes
        method, path, body = RESTARTS[name](*source)
        for _ in range(2):
            assert known.api(method, path, body, content_type="application/json", idempotency_key="one").status < 300

    assert len({row["pk"]["S"] for row in known.world.rows("runs")} - before) == len(RESTARTS)


def test_fifty_at_once_without_a_key_are_fifty(known: Things) -> None:
    asked = RESTARTS["ops"](*failed(known))

    answers = at_once([asking(known.api, *asked) for _ in range(MANY)])

    assert {answer["statusCode"] for answer in answers} == {201}
    assert len({json.loads(answer["body"])["id"] for answer in answers}) == MANY


# -- too much at once

SIX_MB = b'{"a": "' + b"x" * 6_291_457 + b'"}'
NOT_READ = (
    b"[" + b"0," * 999_999 + b"0]",
    b"{" + b",".join(b'"k%d":0' % number for number in range(100_000)) + b"}",
    SIX_MB,
    SIX_MB + SIX_MB[:4_000_000],
)
INFLATING = gzip.compress(SIX_MB)
LISTED: Mapping[str, tuple[str, str]] = {
    "camunda": ("/engine-rest/process-definition/{definition}/restart-async", "processInstanceIds"),
    "camunda, cancelled": ("/engine-rest/process-instance/delete", "processInstanceIds"),
    "restate": ("/internal/invocations_batch_operations/restart-as-new", "invocation_ids"),
    "upstash": ("/v2/workflows/dlq/restart", "dlqIds"),
    "upstash, deleted": ("/v2/dlq", "dlqIds"),
}


@pytest.fixture(scope="module")
def all_things(world: World) -> Things:
    return things(world, ACCOUNT)


def refused_soon(known: Things, method: str, path: str, body: bytes, **headers: str) -> Reply:
    """Ask, and expect a refusal that costs a moment and changes nothing."""
    before, began = known.standing(), time.process_time()
    reply = known.api(method, path, body, **{"content_type": "application/json", **headers})
    cost = time.process_time() - began
    assert 400 <= reply.status < 500, reply.body
    assert cost < 0.5
    assert known.standing() == before
    return reply


@pytest.mark.parametrize("name", ["ops", "retab", "flowx"])
@pytest.mark.parametrize("body", NOT_READ, ids=["a million numbers", "100,000 keys", "6 MB", "10 MB"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(all_things: Things, name: str, body: bytes) -> None:
    method, path, _ = RESTARTS[name](*failed(all_things))

    assert refused_soon(all_things, method, path, body).status == 413


@pytest.mark.parametrize("name", ["ops", "retab", "flowx"])
def test_a_body_that_was_compressed_is_no_json(all_things: Things, name: str) -> None:
    method, path, _ = RESTARTS[name](*failed(all_things))

    assert refused_soon(all_things, method, path, INFLATING, content_encoding="gzip").status in {400, 415, 422}


@pytest.mark.parametrize("name", LISTED)
def test_a_list_of_ids_that_is_too_long_is_refused_before_any_is_looked_for(
    all_things: Things, calls: Calls, name: str
) -> None:
    ids = [f"{number:05x}" for number in range(100_001)]
    path, field = LISTED[name]
    path = path.format(definition=all_things.ids[7])
    all_things.api.get("/ops/v1/runs")
    calls.made.clear()
    body = {field: ids, "instructions": [{"type": "startBeforeActivity", "activityId": "review"}]}

    refused_soon(all_things, "DELETE" if path == "/v2/dlq" else "POST", path, json.dumps(body).encode())

    assert len(calls.made) <= 1


# -- too often


def test_one_source_named_ten_thousand_times_is_restarted_once(world: World, api: Api) -> None:
    """Camunda's batch: a source that is named again is the one that was named."""
    definition = deployed(api, "named")
    run = api.post("/engine-rest/process-definition/key/named/start", {}, content_type="application/json").json["id"]
    api.delete(f"/engine-rest/process-instance/{run}")
    places = [{"type": "startBeforeActivity", "activityId": "review"}]
    path = f"/engine-rest/process-definition/{definition['id']}/restart-async"

    batch = api.post(path, {"processInstanceIds": [run] * 10_000, "instructions": places}).json

    assert batch["totalJobs"] == 1
