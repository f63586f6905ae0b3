"""POST /internal/invocations_batch_operations/…: many invocations, each for itself."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from chalicelib.dialects.restate.ids import read_run_id
from tests.aws_calls import Calls
from tests.dialects.client import Api, key_of
from tests.dialects.restate.stories import (
    APPROVED,
    CHARGED,
    NO_DEPLOYMENT,
    NOBODY,
    Unchanged,
    batch,
    completed,
    failed,
    patch,
    publish,
    run_of,
    start,
    status,
)
from tests.graphs import Ask, Call, steps
from tests.world import World

BATCH = "/internal/invocations_batch_operations"
OPERATIONS = ("restart-as-new", "kill", "cancel", "purge", "purge-journal", "pause", "resume")


pytestmark = pytest.mark.usefixtures("well_again")


class TestRestarts:
    def test_each_is_restarted_once_in_the_order_of_the_request(self, world: World, api: Api) -> None:
        publish(api)
        publish(api, steps(Call("ship")), "other")
        sources = [completed(world, api), completed(world, api, "other"), failed(world, api)]

        told = batch(api, "restart-as-new", *sources, **{"from": 3})

        assert [*told] == ["succeeded", "failed"]
        assert [one["old_invocation_id"] for one in told["succeeded"]] == sources
        assert told["failed"] == []
        world.settle()
        _let_ring(world)
        for one in told["succeeded"]:
            new = run_of(api, one["new_invocation_id"])
            assert new["source_id"] == run_of(api, one["old_invocation_id"])["id"]
            assert one["new_invocation_id"][:16] == one["old_invocation_id"][:16]
            assert new["status"] == "completed"

    def test_an_id_that_comes_twice_is_restarted_twice(self, world: World, api: Api) -> None:
        publish(api)
        source, other = failed(world, api), completed(world, api)

        told = batch(api, "restart-as-new", source, other, source)

        assert [one["old_invocation_id"] for one in told["succeeded"]] == [source, other, source]
        assert len({one["new_invocation_id"] for one in told["succeeded"]}) == 3
        letter = next(row for row in world.rows("dead-letters") if row["run_id"]["S"] == run_of(api, source)["id"])
        assert letter["consumed_by"]["S"] == run_of(api, told["succeeded"][0]["new_invocation_id"])["id"]

    def test_what_fails_fails_alone(self, world: World, api: Api) -> None:
        publish(api)
        publish(api, APPROVED, "asking")
        publish(api, CHARGED, "flow", "workflow")
        good = completed(world, api)
        flow = completed(world, api, "flow", business_key="k")
        live, pending = start(api, "asking"), start(api, delay=30_000_000)
        world.deliver()

        told = batch(api, "restart-as-new", NOBODY, good, live, flow, pending)

        assert [one["old_invocation_id"] for one in told["succeeded"]] == [good]
        assert told["failed"] == [
            {"invocation_id": NOBODY, "error": f"Invocation '{NOBODY}' not found"},
            {"invocation_id": live, "error": f"Invocation '{live}' is still running"},
            {"invocation_id": flow, "error": f"Restarting invocation '{flow}' is not supported"},
            {
                "invocation_id": pending,
                "error": f"Invocation '{pending}' cannot be restarted because it's not running yet",
            },
        ]
        patch(api, pending, "kill")

    def test_the_deployment_is_each_ones_own(self, world: World, api: Api) -> None:
        old = publish(api)
        publish(api, steps(Call("ship")), "other")
        source, other = completed(world, api), completed(world, api, "other")
        publish(api, steps(Call("charge"), Call("ship"), Call("thank")))

        kept = batch(api, "restart-as-new", source, deployment="keep")["succeeded"]
        told = batch(api, "restart-as-new", source, other, deployment=old)

        assert run_of(api, kept[0]["new_invocation_id"])["snapshot_id"] == run_of(api, source)["snapshot_id"]
        assert [one["old_invocation_id"] for one in told["succeeded"]] == [source]
        error = f"Deployment not found when restarting invocation '{other}'"
        assert told["failed"] == [{"invocation_id": other, "error": error}]

    def test_a_key_answers_the_same_invocations_again(self, world: World, api: Api) -> None:
        publish(api)
        source, other = completed(world, api), completed(world, api)
        body = {"invocation_ids": [source, other, source]}
        first = api.post(f"{BATCH}/restart-as-new", body, idempotency_key="k")
        _let_ring(world)
        patch(api, other, "purge")

        again = api.post(f"{BATCH}/restart-as-new", body, idempotency_key="k")
        misused = api.post(f"{BATCH}/restart-as-new", {**body, "deployment": "keep"}, idempotency_key="k")

        assert again.body == first.body
        assert len(misused.json["failed"]) == 3
        assert "used before" in misused.json["failed"][0]["error"]

    def test_nothing_is_restarted_of_nothing(self, world: World, api: Api) -> None:
        reply = Unchanged(world)(api, "POST", f"{BATCH}/restart-as-new", {"invocation_ids": []})

        assert (reply.status, reply.json) == (200, {"succeeded": [], "failed": []})

    def test_objects_of_one_key_stand_in_line(self, world: World, api: Api) -> None:
        publish(api, CHARGED, type_="object")
        sources = [completed(world, api, business_key="k") for _ in range(3)]

        told = batch(api, "restart-as-new", *sources)["succeeded"]

        assert {status(api, one["new_invocation_id"]) for one in told} == {"pending"}
        _let_ring(world)
        assert {status(api, one["new_invocation_id"]) for one in told} == {"completed"}

    def test_a_thousand_take_few_calls(self, world: World, account: AccountId, api: Api, calls: Calls) -> None:
        publish(api, steps(Ask("approve")))
        sources = []
        for _ in range(1_000):
            source = start(api)
            sources.append(source)
            world.services.runs.cancel(account, read_run_id(source), "")
        calls.made.clear()

        told = batch(api, "restart-as-new", *sources, deployment="keep")

        assert len(told["succeeded"]) == 1_000
        assert len(calls) <= 1_000 * 0.04
        assert calls.counts == {
            "dynamodb.BatchGetItem": 10,
            "dynamodb.TransactWriteItems": 10,
            "dynamodb.UpdateItem": 10,  # they are full: their records come before them
            "sqs.SendMessage": 10,
        }


class TestEach:
    @pytest.mark.parametrize("operation", ["kill", "cancel", "pause", "resume"])
    def test_it_is_done_to_those_that_stand_right(self, world: World, api: Api, operation: str) -> None:
        publish(api, APPROVED)
        publish(api, CHARGED, "short")
        ended, live = completed(world, api, "short"), [start(api) for _ in range(2)]
        world.deliver()

        told = batch(api, operation, live[1], ended, NOBODY, live[0])

        assert told["succeeded"] == [live[1], live[0]]
        assert [one["invocation_id"] for one in told["failed"]] == [ended, NOBODY]
        assert told["failed"][1]["error"] == f"Invocation '{NOBODY}' not found"
        wanted = {"kill": "canceled", "cancel": "canceled", "pause": "paused", "resume": "waiting"}
        assert {status(api, one) for one in live} == {wanted[operation]}

    def test_those_that_have_ended_are_purged(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        publish(api, CHARGED, "short")
        ended, live = completed(world, api, "short"), start(api)

        told = batch(api, "purge", ended, live, ended)

        assert told["succeeded"] == [ended]
        assert told["failed"] == [
            {"invocation_id": live, "error": f"Invocation '{live}' is not yet completed"},
            {"invocation_id": ended, "error": f"Invocation '{ended}' not found"},
        ]

    def test_the_journals_of_those_that_have_ended_are_purged(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        publish(api, CHARGED, "short")
        ended, live = completed(world, api, "short"), start(api)

        told = batch(api, "purge-journal", ended, live, ended)

        assert told["succeeded"] == [ended, ended]
        assert told["failed"] == [{"invocation_id": live, "error": f"Invocation '{live}' is not yet completed"}]

    def test_a_resume_takes_a_deployment(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        subject = start(api)
        world.deliver()
        publish(api, CHARGED)

        told = batch(api, "resume", subject, deployment="latest")

        error = f"Cannot change deployment ID for invocation '{subject}'"
        assert told == {"succeeded": [], "failed": [{"invocation_id": subject, "error": error}]}

    def test_whoever_has_no_turn_in_time_is_told_to_ask_again(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        live = [start(api) for _ in range(2)]
        ticking = iter(range(0, 10_000_000, 9_000))
        wiring.install(replace(world.services, now=lambda: next(ticking)))

        told = batch(api, "kill", *live, NOBODY)
        wiring.install(world.services)

        assert told["succeeded"] == live
        assert told["failed"][0]["error"].startswith("Error when routing the request internally")


class TestRefusals:
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize(
        ("body", "status_", "told"),
        [
            (b"{", 400, "Failed to parse the request body as JSON: "),
            ([], 422, "expected struct BatchInvocationRequest at line 1 column 2"),
            ({}, 422, "missing field `invocation_ids` at line 1 column 2"),
            ({"invocation_ids": "x"}, 422, "invocation_ids: invalid type, expected a sequence"),
            ({"invocation_ids": [1]}, 422, "invocation_ids[0]: invalid type, expected a string"),
            ({"invocation_ids": [NOBODY, "nope"]}, 422, "invocation_ids[1]: bad format at line 1 column 68"),
            (b'{"invocation_ids":\n["n\\u006fpe"]}', 422, "invocation_ids[0]: bad format at line 2 column 14"),
            ({"invocation_ids": [], "deployment": 7}, 422, "deployment: invalid type, expected a string"),
        ],
    )
    def test_a_body_that_cannot_be_read(
        self, world: World, api: Api, operation: str, body: Any, status_: int, told: str
    ) -> None:
        reply = Unchanged(world)(api, "POST", f"{BATCH}/{operation}", body)

        assert (reply.status, reply.headers["Content-Type"]) == (status_, "text/plain; charset=utf-8")
        assert told in reply.body.decode()
        if status_ == 422:
            assert reply.body.startswith(b"Failed to deserialize the JSON body into the target type: ")

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_another_media_type(self, world: World, api: Api, operation: str) -> None:
        reply = Unchanged(world)(api, "POST", f"{BATCH}/{operation}", b"{}", content_type="text/plain")

        assert reply.status == 415
        assert reply.body == b"Expected request with `Content-Type: application/json`"

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_too_many(self, world: World, api: Api, operation: str) -> None:
        body = {"invocation_ids": [NOBODY] * 1_001, "deployment": "nope"}

        reply = Unchanged(world)(api, "POST", f"{BATCH}/{operation}", body)

        assert reply.status == 400
        assert reply.json["message"] == "Batch size 1001 exceeds maximum allowed size of 1000"

    @pytest.mark.parametrize("operation", ["restart-as-new", "resume"])
    def test_a_deployment_that_is_none(self, world: World, api: Api, operation: str) -> None:
        body = {"invocation_ids": [NOBODY], "deployment": "LATEST"}

        reply = Unchanged(world)(api, "POST", f"{BATCH}/{operation}", body)

        assert reply.status == 400
        assert reply.json["message"] == "The request field 'deployment' is invalid. Reason: bad format"

    def test_one_that_is_not_wanted_is_ignored(self, world: World, api: Api) -> None:
        body = {"invocation_ids": [NOBODY], "deployment": NO_DEPLOYMENT}

        assert len(api.post(f"{BATCH}/kill", body).json["failed"]) == 1

    def test_another_operation_and_another_version(self, world: World, api: Api) -> None:
        assert Unchanged(world)(api, "POST", f"/v1{BATCH}/kill", {}).status == 400
        assert api.post(f"/v4{BATCH}/kill", {"invocation_ids": []}).status == 200

    def test_a_key_without_the_scope(self, world: World) -> None:
        reader = key_of(world, AccountId("batch-reader"), Scope.READ)

        for operation in OPERATIONS:
            assert Unchanged(world)(reader, "POST", f"{BATCH}/{operation}", {"invocation_ids": []}).status == 403


def _let_ring(world: World) -> None:
    """Let whoever was made together have its turn: the sweep rings where nobody dispatches."""
    world.clock.advance(120_000)
    world.services.sweep.run(lambda: 60_000)
    world.settle()
