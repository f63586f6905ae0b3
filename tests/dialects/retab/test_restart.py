"""Restart over Retab's route: what its page and its clients ask for, and once under a command."""

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.aws_calls import Calls
from tests.backends import on_both
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.retab.stories import READ, RUNS, WF, completed, create, failed, publish, shown
from tests.graphs import Ask, Call, document, steps
from tests.world import World


def restart(api: Api, run: str, body: object = None, **headers: str) -> Reply:
    return api.post(f"{RUNS}/{run}/restart", body, **headers)


@on_both
class TestARestart:
    def test_is_a_new_run_with_the_keys_of_every_era(self, world: World, api: Api) -> None:
        source = failed(world, api)
        before = api.get(f"{RUNS}/{source}").body

        reply = restart(api, source)
        run = reply.json

        assert reply.status == 200
        assert run["id"] != source
        assert run["trigger"] == {"type": "restart", "parent_run_id": source, "source_run_id": source}
        assert run["lifecycle"] == {"kind": "running", "status": "running"}
        assert run["timing"]["started_at"] == run["timing"]["created_at"]
        assert run["timing"]["accumulated_human_waiting_ms"] == 0
        nulls = ("completed_at", "human_waiting_started_at", "duration_ms", "active_duration_ms")
        assert [run["timing"][name] for name in nulls] == [None] * 4
        assert run["workflow"]["workflow_id"] == run["workflow_id"] == WF
        assert run["workflow"]["version_id"] == run["workflow_version_id"]
        assert run["workflow"]["snapshot_id"][5:] == run["workflow"]["version_id"][4:]
        assert run["inputs"] == shown(api, source)["inputs"]
        world.settle()
        assert shown(api, run["id"])["lifecycle"]["kind"] == "completed"
        assert api.get(f"{RUNS}/{source}").body == before

    @pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"config_source": "published"}', b'{"command_id": ""}'])
    def test_runs_on_what_is_published_now_however_little_is_said(self, world: World, api: Api, body: bytes) -> None:
        source = completed(world, api)
        publish(api, Call("newer"))

        run = restart(api, source, body, content_type="application/json").json

        assert run["workflow"]["snapshot_id"] != shown(api, source)["workflow"]["snapshot_id"]
        assert run["workflow"]["requested_version"] == "production"

    def test_on_the_draft_freezes_it(self, world: World, api: Api) -> None:
        source = completed(world, api)
        api.put(f"/ops/v1/definitions/{WF}", document(Call("drafted")))

        run = restart(api, source, {"config_source": "draft"}).json
        api.put(f"/ops/v1/definitions/{WF}", document(Call("changed")))
        world.settle()

        assert [step["block_id"] for step in api.get(f"{RUNS}/{run['id']}/steps").json["data"]] == ["drafted"]

    def test_of_a_canceled_run_starts_at_the_beginning(self, world: World, api: Api) -> None:
        publish(api, steps(READ, Ask("approve")))
        source = create(api)
        world.settle()
        api.post(f"{RUNS}/{source}/cancel")

        run = restart(api, source).json["id"]
        world.settle()

        assert shown(api, run)["lifecycle"]["waiting_for_block_ids"] == ["approve"]

    def test_of_a_restart_names_its_immediate_source(self, world: World, api: Api) -> None:
        source = completed(world, api)
        first = restart(api, source).json["id"]
        world.settle()

        assert restart(api, first).json["trigger"]["parent_run_id"] == first

    def test_keeps_the_metadata(self, world: World, api: Api) -> None:
        source = completed(world, api, metadata={"customer": "7", "plan": "a=b"})

        assert restart(api, source).json["metadata"] == {"customer": "7", "plan": "a=b"}

    def test_costs_four_calls_the_look_for_the_published_version_included(
        self, world: World, api: Api, calls: Calls
    ) -> None:
        source = completed(world, api)
        restart(api, source)
        calls.made.clear()

        restart(api, source)

        assert calls.made == [
            "dynamodb.GetItem",
            "dynamodb.GetItem",
            "dynamodb.TransactWriteItems",
            "sqs.SendMessageBatch",
        ]


@on_both
class TestACommand:
    def test_makes_one_run_and_answers_its_current_state(self, world: World, api: Api) -> None:
        source = completed(world, api)
        reply = restart(api, source, {"command_id": "c"})
        first = reply.json
        assert "Idempotent-Replayed" not in reply.headers
        world.settle()

        again = restart(api, source, {"command_id": "c", "config_source": "draft"})
        assert again.headers["Idempotent-Replayed"] == "true"

        assert (again.status, again.json["id"]) == (200, first["id"])
        assert again.json["lifecycle"]["kind"] == "completed"

    def test_is_one_source_s_own(self, world: World, api: Api) -> None:
        source = completed(world, api)
        other = create(api)
        world.settle()

        assert (
            restart(api, source, {"command_id": "c"}).json["id"] != restart(api, other, {"command_id": "c"}).json["id"]
        )

    def test_is_answered_after_the_source_is_gone(self, world: World, api: Api) -> None:
        source = completed(world, api)
        first = restart(api, source, {"command_id": "c"}).json["id"]
        assert api.delete(f"{RUNS}/{source}").status == 204

        assert restart(api, source, {"command_id": "c"}).json["id"] == first
        assert restart(api, source).status == 404

    def test_may_be_a_header_which_belongs_to_one_request(self, world: World, api: Api) -> None:
        source = completed(world, api)
        first = restart(api, source, idempotency_key="k").json["id"]

        assert restart(api, source, idempotency_key="k").json["id"] == first
        refused = restart(api, source, {"config_source": "draft"}, idempotency_key="k")
        assert (refused.status, refused.json["detail"]["code"]) == (409, "idempotency_key_reused")


class TestIsRefusedAndWritesNothing:
    @pytest.fixture
    def source(self, world: World, api: Api) -> str:
        return completed(world, api)

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            (b'{"config_source": "newest"}', ["body", "config_source"]),
            (b'{"config_source": 7}', ["body", "config_source"]),
            (b'{"command_id": 7}', ["body", "command_id"]),
            (b"[]", ["body"]),
            (b"{", ["body"]),
            (b'{"a": 1, "a": 2}', ["body"]),
        ],
    )
    def test_for_a_body_that_cannot_be_meant(self, world: World, api: Api, source: str, body: bytes, place) -> None:
        before = world.everything()

        reply = restart(api, source, body)

        assert (reply.status, reply.json["detail"][0]["loc"]) == (422, place)
        assert world.everything() == before

    def test_for_a_body_that_nobody_sends(self, world: World, api: Api, source: str) -> None:
        before = world.everything()

        reply = restart(api, source, b'{"command_id": "' + b"x" * 1_000_000 + b'"}')

        assert (reply.status, reply.json["detail"]["code"]) == (413, "too_large")
        assert world.everything() == before

    def test_while_the_source_runs(self, world: World, api: Api) -> None:
        publish(api, Ask("approve"))
        source = create(api)
        before = world.everything()

        reply = restart(api, source)

        assert (reply.status, reply.json["detail"]["code"]) == (409, "run_not_terminal")
        assert world.everything() == before

    def test_while_nothing_is_published(self, world: World, api: Api) -> None:
        api.put("/ops/v1/definitions/wf_draft", document(READ))
        source = create(api, "wf_draft", version="draft")
        world.settle()
        before = world.everything()

        reply = restart(api, source)

        assert (reply.status, reply.json["detail"]["code"]) == (409, "workflow_not_published")
        assert world.everything() == before

    def test_for_an_unknown_a_malformed_and_a_foreign_run_alike(
        self, world: World, api: Api, stranger: Api, source: str
    ) -> None:
        before = world.everything()

        replies = [
            restart(api, f"run_{'0' * 32}"),
            restart(api, "run_x"),
            restart(api, "7"),
            restart(stranger, source),
        ]

        assert {(reply.status, reply.body) for reply in replies} == {(404, b'{"detail":"Workflow run not found"}')}
        assert world.everything() == before

    def test_for_keys_that_may_not(self, world: World, account: AccountId, source: str) -> None:
        writer, tester = key_of(world, account, Scope.READ, Scope.WRITE), key_of(world, account, environment="test")
        before = world.everything()

        assert restart(writer, source).status == 403
        nobody = restart(Api(None), source)
        assert (nobody.status, nobody.json) == (401, {"detail": "Not authenticated"})
        assert restart(Api("unknown"), source).status == 401
        assert restart(tester, source).status == 404
        assert world.everything() == before
