"""PATCH /invocations/{id}/restart-as-new: what comes of it, under a key and without, dry, and at what cost."""

import pytest

from tests.aws_calls import Calls
from tests.backends import on_both
from tests.dialects.client import Api
from tests.dialects.restate.stories import (
    APPROVED,
    NOBODY,
    Unchanged,
    completed,
    failed,
    patch,
    publish,
    restart,
    run_of,
    start,
    status,
)
from tests.graphs import Call, Rounds, steps
from tests.world import World

JSON = "application/json"


pytestmark = pytest.mark.usefixtures("well_again")


class TestANewInvocation:
    def test_it_begins_with_the_input_alone_on_what_is_published_now(self, world: World, api: Api) -> None:
        old = publish(api)
        source = completed(world, api, input={"order": 7}, business_key="k")
        new = publish(api, steps(Call("charge"), Call("ship"), Call("thank")))

        reply = restart(api, source)

        assert (reply.status, reply.headers["Content-Type"]) == (200, JSON)
        [(name, invocation)] = reply.json.items()
        assert reply.body == f'{{"new_invocation_id":"{invocation}"}}'.encode()
        assert (name, invocation[:16], len(invocation)) == ("new_invocation_id", source[:16], 38)
        assert invocation != source
        world.settle()
        run = run_of(api, invocation)
        assert (run["status"], run["input"], run["business_key"]) == ("completed", {"order": 7}, "k")
        assert run["source_id"] == run_of(api, source)["id"]
        assert run["snapshot_id"] != run_of(api, source)["snapshot_id"]
        assert old != new

    @pytest.mark.parametrize("how", ["", "v2", "v3", "v4"])
    def test_each_version_of_the_api_has_it(self, world: World, api: Api, how: str) -> None:
        publish(api)
        source = completed(world, api)

        assert api("PATCH", f"{how and '/'}{how}/invocations/{source}/restart-as-new").status == 200

    @pytest.mark.parametrize("made", ["completed", "failed", "canceled", "killed"])
    def test_whatever_has_begun_and_ended_can_be_restarted(self, world: World, api: Api, made: str) -> None:
        publish(api, APPROVED)
        source = failed(world, api, "charge") if made == "failed" else start(api)
        world.settle()
        ways = {"canceled": "cancel", "killed": "kill"}
        if made in ways:
            patch(api, source, ways[made])
        elif made == "completed":
            api.post(f"/ops/v1/runs/{run_of(api, source)['id']}/tasks/2/complete", {"variables": {}})
            world.settle()

        new = restart(api, source).json["new_invocation_id"]
        world.settle()

        assert status(api, new) == "waiting"

    @pytest.mark.parametrize(
        ("deployment", "is_old"), [("keep", True), ("Keep", True), ("latest", False), ("Latest", False)]
    )
    @pytest.mark.parametrize("from_", [0, 1])
    def test_it_is_pinned_to_the_deployment_that_is_wished(
        self, world: World, api: Api, deployment: str, is_old: bool, from_: int
    ) -> None:
        publish(api)
        source = completed(world, api)
        publish(api, steps(Call("charge"), Call("ship"), Call("thank")))

        new = restart(api, source, f"from={from_}&deployment={deployment}").json["new_invocation_id"]

        assert (run_of(api, new)["snapshot_id"] == run_of(api, source)["snapshot_id"]) is is_old

    def test_it_is_pinned_to_a_deployment_by_its_id(self, world: World, api: Api) -> None:
        old = publish(api)
        publish(api, steps(Call("charge"), Call("ship"), Call("thank")))
        source = completed(world, api)

        new = restart(api, source, f"deployment={old}").json["new_invocation_id"]

        assert run_of(api, new)["snapshot_id"] != run_of(api, source)["snapshot_id"]

    @pytest.mark.parametrize(
        ("from_", "kept", "asked"), [(0, 1, 2), ("01", 2, 1), ("%2B1", 2, 1), (2, 3, 0), (3, 4, 0)]
    )
    def test_a_prefix_is_kept_and_its_effects_are_not_repeated(
        self, world: World, api: Api, from_: object, kept: int, asked: int
    ) -> None:
        publish(api)
        source = completed(world, api)
        world.outside.keys.clear()

        new = restart(api, source, f"from={from_}").json["new_invocation_id"]
        world.settle()

        assert status(api, new) == "completed"
        assert len(world.outside.keys) == asked
        ours, theirs = (
            api.get(f"/ops/v1/runs/{run_of(api, one)['id']}/journal").json["entries"] for one in (new, source)
        )
        assert ours[1:kept] == theirs[1:kept]

    @pytest.mark.parametrize("body", [b"", b"{", b'{"from": 9}', b"\x00\xff"])
    @pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
    def test_any_body_is_ignored(self, world: World, api: Api, body: bytes, media_type: str) -> None:
        publish(api)
        source = completed(world, api)

        path = f"/invocations/{source}/restart-as-new?From=9&foo=1&deployment[Id]=x"
        assert api("PATCH", path, body, content_type=media_type).status == 200

    def test_each_call_makes_another_and_a_restart_can_be_restarted(self, world: World, api: Api) -> None:
        publish(api)
        source = completed(world, api)
        first, second = (restart(api, source).json["new_invocation_id"] for _ in range(2))
        world.settle()

        third = restart(api, first).json["new_invocation_id"]

        assert len({source, first, second, third}) == 4
        assert run_of(api, third)["source_id"] == run_of(api, first)["id"]

    def test_an_objects_run_waits_for_its_turn(self, world: World, api: Api) -> None:
        publish(api, APPROVED, type_="object")
        source = start(api, business_key="k")
        world.settle()
        patch(api, source, "kill")
        before = start(api, business_key="k")
        world.settle()

        new = restart(api, source).json["new_invocation_id"]
        world.deliver()

        assert (status(api, before), status(api, new)) == ("waiting", "pending")
        assert restart(api, new).status == 425
        patch(api, before, "kill")
        world.settle()
        assert status(api, new) == "waiting"


@on_both
class TestUnderAKey:
    def test_the_same_key_answers_the_same_invocation_even_when_the_source_is_gone(
        self, world: World, api: Api
    ) -> None:
        publish(api)
        source = completed(world, api)
        first = restart(api, source, idempotency_key="k")
        world.settle()
        patch(api, source, "purge")

        again = restart(api, source, idempotency_key="k")

        assert (again.status, again.json) == (200, first.json)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_another_request_under_it_is_refused(self, world: World, api: Api, unchanged: Unchanged) -> None:
        publish(api)
        source = completed(world, api)
        restart(api, source, idempotency_key="k")

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?from=1", idempotency_key="k")

        assert reply.status == 409
        assert reply.json["restate_code"] is None

    def test_a_key_that_is_none_is_refused(self, api: Api, unchanged: Unchanged) -> None:
        assert unchanged(api, "PATCH", f"/invocations/{NOBODY}/restart-as-new", idempotency_key="a b").status == 400


class TestCosts:
    """Counted in AWS calls of a warm function; the caller's key is known already."""

    @pytest.mark.parametrize(("deployment", "most"), [("keep", 3), ("latest", 4)])
    def test_from_the_beginning(self, world: World, api: Api, calls: Calls, deployment: str, most: int) -> None:
        publish(api)
        source = completed(world, api)
        calls.made.clear()

        assert restart(api, source, f"deployment={deployment}").status == 200

        assert len(calls) == most

    @pytest.mark.parametrize("deployment", ["keep", "latest"])
    def test_with_a_prefix_of_a_thousand_entries(self, world: World, api: Api, calls: Calls, deployment: str) -> None:
        publish(api, Rounds("again", 1_000))
        source = completed(world, api)
        calls.made.clear()

        assert restart(api, source, f"from=1000&deployment={deployment}").status == 200

        assert len(calls) == (4 if deployment == "keep" else 5)
        assert len(calls) <= 4 + -(-1_000 // 25)

    def test_a_repeat_under_a_key(self, world: World, api: Api, calls: Calls) -> None:
        publish(api)
        source = completed(world, api)
        restart(api, source, idempotency_key="k")
        calls.made.clear()

        restart(api, source, idempotency_key="k")

        assert len(calls) == 1


class TestDryRun:
    @pytest.mark.parametrize(("from_", "kept"), [(0, 1), (1, 2), (3, 4)])
    def test_it_says_what_would_be_kept_and_writes_nothing(
        self, world: World, api: Api, unchanged: Unchanged, from_: int, kept: int
    ) -> None:
        deployment = publish(api)
        source = completed(world, api)

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?from={from_}&dry_run=true")

        assert (reply.status, reply.json) == (200, {"deployment": deployment, "kept_entries": kept})

    def test_it_is_refused_as_a_restart_is(self, world: World, api: Api, unchanged: Unchanged) -> None:
        publish(api)
        source = completed(world, api)

        asked, meant = (
            unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?from=4{more}")
            for more in ("", "&dry_run=true")
        )

        assert (meant.status, meant.body) == (asked.status, asked.body) == (400, asked.body)
