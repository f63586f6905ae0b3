"""What happened in a run, over Retab's routes: steps in both shapes, graph, order, documents, decisions."""

from typing import Any
from uuid import UUID

import pytest

from tests.dialects.client import Api
from tests.dialects.retab.stories import CHECKED, READ, RUNS, WF, completed, create, failed, later, publish, shown
from tests.graphs import Ask, Compute, Pause, Rounds, document, steps
from tests.world import World

EVERYTHING = steps(Rounds("poll", 2), Compute("count", "${[1]}"), Ask("approve"), Pause("later", 3600))


@pytest.fixture
def run(world: World, api: Api) -> str:
    """Run up to a person's decision, which was asked for and not made."""
    publish(api, CHECKED)
    made = create(api)
    world.settle()
    return made


class TestSteps:
    def test_are_told_from_the_journal_one_for_each_visit(self, world: World, api: Api) -> None:
        publish(api, EVERYTHING)
        run = create(api)
        world.settle()
        api.post(f"{RUNS}/{run}/hil-decisions", {"block_id": "approve", "approved": True})

        data = api.get(f"{RUNS}/{run}/steps").json["data"]
        api.post(f"{RUNS}/{run}/cancel")
        after = api.get(f"{RUNS}/{run}/steps").json["data"]

        told = {step["step_id"]: step for step in data}
        assert {"poll", "poll.2", "count", "approve", "later"} <= told.keys()
        assert (told["poll.2"]["block_id"], told["poll.2"]["block_type"]) == ("poll", "api_call")
        assert (told["count"]["status"], told["count"]["block_type"]) == ("completed", "function")
        assert told["count"]["handle_outputs"] == {"output-json-0": {"type": "json", "data": {"result": [1]}}}
        assert told["approve"]["handle_outputs"]["output-json-0"]["data"]["approved"] is True
        assert (told["later"]["status"], told["later"]["completed_at"]) == ("running", None)
        assert after[-1]["lifecycle"] == {"status": "cancelled", "reason": "The run was cancelled."}

    def test_tell_what_failed(self, world: World, api: Api) -> None:
        run = failed(world, api)

        (step,) = api.get(f"{RUNS}/{run}/steps").json["data"]

        assert step["status"] == step["lifecycle"]["status"] == "error"
        assert step["lifecycle"]["details"] == {"error_code": "http_503"}

    def test_come_in_the_shape_that_the_stage_s_clients_read(self, world: World, api: Api, run: str) -> None:
        path = f"{RUNS}/{run}/steps"
        listed = api.get(path).json["data"]

        with later(world, sdk=140):
            assert api.get(path).json == listed
        with later(world, sdk=160):
            assert api.get(path).json["data"][-1]["lifecycle"] == {"status": "awaiting_review"}

    def test_of_a_block_are_the_last_of_it(self, world: World, api: Api, run: str) -> None:
        assert api.get(f"{RUNS}/{run}/steps/approve").json["status"] == "waiting_for_human"
        assert api.get(f"{RUNS}/{run}/steps/nothing").status == 404

    def test_are_listed_page_by_page_both_ways(self, world: World, api: Api) -> None:
        publish(api, EVERYTHING)
        run = create(api)
        world.settle()
        every = api.get(f"{RUNS}/{run}/execution-order").json["ordered_step_ids"]
        path = f"/v1/workflows/steps?run_id={run}&limit=2"

        def page(more: str) -> tuple[list[str], Any]:
            told = api.get(path + more).json
            return [step["step_id"] for step in told["data"]], told["list_metadata"]

        assert page("") == (every[:2], {"before": None, "after": every[1]})
        assert page(f"&after={every[1]}") == (every[2:4], {"before": every[2], "after": every[3]})
        assert page(f"&before={every[3]}") == (every[1:3], {"before": every[1], "after": every[2]})
        assert page(f"&after={every[-1]}") == ([], {"before": None, "after": None})
        assert api.get(f"{path}&after=nothing").status == 400

    @pytest.mark.parametrize(
        ("query", "found"),
        [("block_id=read", ["read"]), ("status=waiting_for_human", ["approve"]), ("step_id=file", [])],
    )
    def test_are_kept_by_filters(self, api: Api, run: str, query: str, found: list[str]) -> None:
        data = api.get(f"/v1/workflows/steps?run_id={run}&{query}").json["data"]

        assert [step["step_id"] for step in data] == found

    def test_are_shown_one_by_one_of_a_run_that_must_be_named(self, api: Api, run: str) -> None:
        assert api.get(f"/v1/workflows/steps/read?run_id={run}").json["step_id"] == "read"
        assert api.get(f"/v1/workflows/steps/nothing?run_id={run}").status == 404
        assert api.get("/v1/workflows/steps/read").status == api.get("/v1/workflows/steps").status == 422


class TestADecision:
    def decide(self, api: Api, run: str, **said: Any) -> Any:
        return api.post(f"{RUNS}/{run}/hil-decisions", {"block_id": "approve", "approved": True, **said})

    def test_lets_the_run_go_on_and_is_received_once(self, world: World, api: Api, run: str) -> None:
        data = {"total": 7}

        first, again = (self.decide(api, run, modified_data=data) for _ in range(2))
        world.settle()

        assert first.json["submission_status"] == "accepted"
        assert again.json["submission_status"] == "already_received"
        decision = api.get(f"{RUNS}/{run}/hil-decisions/approve").json
        assert decision == again.json["decision"] | {"block_status": "completed"}
        assert (decision["approved"], decision["modified_data"], decision["decision_applied"]) == (True, data, True)
        assert shown(api, run)["lifecycle"]["kind"] == "completed"

    def test_that_contradicts_the_first_is_refused(self, world: World, api: Api, run: str) -> None:
        self.decide(api, run)
        before = world.everything()

        reply = self.decide(api, run, approved=False)

        assert (reply.status, reply.json["detail"]["code"]) == (409, "task_closed")
        assert world.everything() == before

    def test_is_shown_before_it_was_made(self, api: Api, run: str) -> None:
        decision = api.get(f"{RUNS}/{run}/hil-decisions/approve").json

        assert (decision["decision_received"], decision["approved"]) == (False, None)

    def test_that_another_dialect_s_client_has_made_of_something_else_is_told_as_none(
        self, world: World, api: Api, run: str
    ) -> None:
        uuid = str(UUID(run.removeprefix("run_")))
        (task,) = api.run(uuid)["open_tasks"]
        said = {"variables": {"approved": "maybe", "modified_data": 7}}
        assert api.post(f"/ops/v1/runs/{uuid}/tasks/{task['entry']}/complete", said).status == 200

        decision = api.get(f"{RUNS}/{run}/hil-decisions/approve").json

        assert (decision["decision_applied"], decision["approved"], decision["modified_data"]) == (True, None, None)

    def test_at_a_block_that_waits_for_nobody_is_refused(self, api: Api, run: str) -> None:
        assert self.decide(api, run, block_id="read").status == 404
        assert api.get(f"{RUNS}/{run}/hil-decisions/read").status == 404


class TestAWorkflow:
    def test_is_published_and_its_versions_are_listed_newest_first(self, api: Api) -> None:
        publish(api)
        publish(api, Ask("approve"))

        data = api.get(f"/v1/workflows/{WF}/snapshots").json["data"]
        again = api.post(f"/v1/workflows/{WF}/publish", {"description": "the same"}).json

        assert [version["version"] for version in data] == [2, 1]
        assert again["published"]["version_id"] == data[0]["version_id"]
        assert again["published"]["description"] == "the same"

    def test_that_nobody_knows_is_refused_and_one_without_a_version_has_none(self, api: Api) -> None:
        api.put("/ops/v1/definitions/wf_new", document(READ))

        assert api.get("/v1/workflows/wf_new/snapshots").json["data"] == []
        assert api.get("/v1/workflows/wf_none/snapshots").json == {"detail": "Workflow not found"}
        assert api.post("/v1/workflows/wf_none/publish").status == 404


def test_a_run_s_graph_is_the_one_it_runs_on(world: World, api: Api) -> None:
    run = completed(world, api)
    publish(api, Ask("approve"))

    config = api.get(f"{RUNS}/{run}/config").json

    assert {"read"} <= {activity["id"] for activity in config["config"]["activities"]}
    assert config["version_id"] == shown(api, run)["workflow_version_id"]


def test_a_document_that_is_not_there_is_not_found(api: Api) -> None:
    publish(api)
    started = api.post(f"/ops/v1/definitions/{WF}/runs", {"input": {"a": 1}}).json["id"].replace("-", "")

    assert api.get(f"{RUNS}/{create(api)}/documents/other").status == 404
    assert api.get(f"{RUNS}/run_{started}/documents/start-1").status == 404


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"url": "https://files.test/1"}, {"signed_url": "https://files.test/1", "filename": "", "mime_type": None}),
        ({"url": "https://files.test/1", "filename": 7, "mime_type": "text/plain"}, {"filename": ""}),
        ({"url": 7, "filename": "invoice.pdf"}, {"detail": "Document not found"}),
    ],
)
def test_a_document_that_another_dialect_s_client_gave_has_a_url_and_a_name(api: Api, document: Any, told: Any) -> None:
    publish(api)
    given = {"documents": {"start-1": document}, "json_data": {}}
    started = api.post(f"/ops/v1/definitions/{WF}/runs", {"input": given}).json["id"].replace("-", "")

    shown = api.get(f"{RUNS}/run_{started}/documents/start-1").json

    assert shown.items() >= told.items()
    named = api.get(f"{RUNS}/run_{started}").json["inputs"]["documents"]["start-1"]
    assert all(isinstance(value, str) for value in named.values())


def test_what_is_not_offered_is_refused(api: Api) -> None:
    reply = api.post(f"{RUNS}/export_payload", {"workflow_id": WF, "block_id": "read"})

    assert (reply.status, reply.json["detail"][0]["type"]) == (422, "unsupported")


def test_the_dialect_describes_its_routes(api: Api) -> None:
    assert "/v1/workflows/runs/{run_id}/restart" in Api(None).get("/v1/openapi.json").json["paths"]
