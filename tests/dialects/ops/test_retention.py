"""How long runs are kept, over our own dialect: settled, shown, and a journal that is taken away."""

import pytest

from chalicelib.core.json_values import Json
from tests.dialects.client import Api
from tests.dialects.ops.conftest import APPROVED, CHARGED, publish, start
from tests.graphs import document
from tests.world import MINUTE, World

SETTINGS = "/ops/v1/definitions/order/settings"
SAID: Json = {"completion_s": 600, "journal_s": 60}
DOCUMENT = {**document(CHARGED), "retention": SAID}


def ended(world: World, api: Api) -> str:
    run_id = start(api)
    while world.deliver():
        pass
    return run_id


class TestSettings:
    def test_are_the_document_s_until_they_are_settled(self, api: Api) -> None:
        publish(api, CHARGED, document_=DOCUMENT)
        assert api.get(SETTINGS).json == {"retention": SAID, "is_settled": False}

        changed = api("PATCH", SETTINGS, {"retention": {"journal_s": None}})

        settled = {"retention": {"completion_s": 600, "journal_s": None}, "is_settled": True}
        assert (changed.status, changed.json, api.get(SETTINGS).json) == (200, settled, settled)
        assert api("PATCH", SETTINGS, {"retention": {"completion_s": 0.5}}).json["retention"] == {
            "completion_s": 0.5,
            "journal_s": None,
        }
        assert api("PATCH", SETTINGS, {"retention": None}).json == {"retention": SAID, "is_settled": False}

    @pytest.mark.parametrize(
        "body",
        [{}, {"retention": 5}, {"retention": {"days": 1}}, {"retention": {"journal_s": -1}}, {"retention": {}, "a": 1}],
    )
    def test_that_cannot_be_are_refused(self, world: World, api: Api, body: Json) -> None:
        publish(api, CHARGED)
        before = world.everything()

        assert api("PATCH", SETTINGS, body).status == 400
        assert world.everything() == before

    def test_are_of_what_is_published(self, world: World, api: Api) -> None:
        assert api.get(SETTINGS).refusal == "definition_not_found"
        api.put("/ops/v1/definitions/order", document(CHARGED))
        before = world.everything()

        for reply in (api.get(SETTINGS), api("PATCH", SETTINGS, {"retention": SAID})):
            assert (reply.status, reply.refusal) == (409, "nothing_published")
        assert world.everything() == before


class TestARun:
    def test_shows_until_when_it_is_kept(self, world: World, api: Api) -> None:
        publish(api, CHARGED, document_=DOCUMENT)
        live, run_id = start(api), ended(world, api)

        assert (api.run(run_id)["expires_at"], api.run(run_id)["journal_expires_at"]) == (
            api.run(run_id)["ended_at"].replace(":13:20", ":23:20"),
            api.run(run_id)["ended_at"].replace(":13:20", ":14:20"),
        )
        assert api.get("/ops/v1/runs").json["runs"][0]["expires_at"] == api.run(run_id)["expires_at"]
        assert start(api) not in {live, run_id}

        world.clock.advance(10 * MINUTE)
        assert api.get(f"/ops/v1/runs/{run_id}").status == 404
        assert run_id not in {run["id"] for run in api.get("/ops/v1/runs").json["runs"]}

    def test_has_no_journal_once_its_time_is_over(self, world: World, api: Api) -> None:
        publish(api, CHARGED, document_=DOCUMENT)
        run_id = ended(world, api)
        assert len(api.get(f"/ops/v1/runs/{run_id}/journal").json["entries"]) == 4

        world.clock.advance(MINUTE)

        for reply in (
            api.get(f"/ops/v1/runs/{run_id}/journal"),
            api.post(f"/ops/v1/runs/{run_id}/restart", {"start": {"type": "after_entry", "index": 1}}),
        ):
            assert (reply.status, reply.refusal) == (410, "journal_gone")
        assert api.post(f"/ops/v1/runs/{run_id}/restart").status == 201


class TestPurgingAJournal:
    def test_leaves_a_run_without_journal(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        run_id = ended(world, api)
        path = f"/ops/v1/runs/{run_id}/journal"

        assert [api.delete(path).status for _ in range(2)] == [204, 204]

        assert api.get(path).status == 410
        assert api.run(run_id)["journal_expires_at"] is not None
        assert api.run(run_id)["expires_at"] is None

    def test_is_for_ended_runs(self, world: World, api: Api) -> None:
        publish(api, APPROVED)
        run_id = ended(world, api)
        before = world.everything()

        assert api.delete(f"/ops/v1/runs/{run_id}/journal").refusal == "run_not_ended"
        assert api.delete("/ops/v1/runs/nobody/journal").refusal == "run_not_found"
        assert world.everything() == before
