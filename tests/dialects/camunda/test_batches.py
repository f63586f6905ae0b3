"""Batches over Camunda's wire: watched, held, ended; jobs that fail, their retries and their incidents."""

from typing import Any

import pytest

from tests.backends import on_both
from tests.dialects.camunda.stories import (
    BATCH_KEYS,
    BEFORE_DECIDE,
    NOBODY,
    REST,
    canceled,
    publish,
    restart,
    restarted_from,
    told,
    work,
)
from tests.dialects.client import Api
from tests.world import World

HISTORIC = BATCH_KEYS - {"jobsCreated", "suspended"} | {"endTime", "removalTime"}


def batch_of(api: Api, definition: str, sources: list[str]) -> Any:
    reply = restart(api, definition, {"instructions": BEFORE_DECIDE, "processInstanceIds": sources}, is_async=True)
    assert reply.status == 200, reply.json
    return reply.json


@pytest.fixture
def sources(world: World, api: Api) -> list[str]:
    publish(api)
    return canceled(world, api, 3)


@pytest.fixture
def definition(api: Api, sources: list[str]) -> str:
    definition_id: str = api.get(f"{REST}/process-definition/key/order").json["id"]
    return definition_id


@pytest.fixture
def batch(api: Api, definition: str, sources: list[str]) -> Any:
    """Answer a batch of which nothing has been done."""
    return batch_of(api, definition, sources)


@pytest.fixture
def stuck(world: World, api: Api, definition: str, sources: list[str]) -> Any:
    """Answer a batch of which one job has no retries left."""
    made = batch_of(api, definition, [*sources, NOBODY])
    work(world)
    return made


def statistics(api: Api, batch: Any) -> tuple[int, int, int]:
    [told_] = api.get(f"{REST}/batch/statistics?batchId={batch['id']}").json
    return told_["remainingJobs"], told_["completedJobs"], told_["failedJobs"]


@on_both
class TestABatch:
    def test_has_every_key(self, world: World, batch: Any) -> None:
        assert batch.keys() == BATCH_KEYS
        assert (batch["type"], batch["totalJobs"], batch["jobsCreated"]) == ("instance-restart", 3, 0)
        assert (batch["batchJobsPerSeed"], batch["invocationsPerBatchJob"]) == (100, 1)
        assert (batch["suspended"], batch["tenantId"], batch["executionStartTime"]) == (False, None, None)
        assert batch["startTime"].endswith("+0000")

    def test_is_shown_until_it_has_ended_and_then_by_history(self, world: World, api: Api, batch: Any, sources):
        path = f"{REST}/batch/{batch['id']}"
        assert api.get(path).json == batch
        assert statistics(api, batch) == (3, 0, 0)

        work(world)

        absent = f"Batch with id '{batch['id']}' does not exist"
        assert told(api.get(path)) == (404, "InvalidRequestException", absent, None)
        history = api.get(f"{REST}/history/batch/{batch['id']}").json
        assert history.keys() == HISTORIC
        assert history["endTime"] is not None
        assert history["executionStartTime"] is not None
        assert [len(restarted_from(api, source)) for source in sources] == [1, 1, 1]
        assert [row["startUserId"] for row in restarted_from(api, sources[0])] == [None]

    def test_is_listed_and_counted(self, api: Api, definition: str, sources: list[str], batch: Any) -> None:
        other = batch_of(api, definition, sources)
        api.put(f"{REST}/batch/{other['id']}/suspended", {"suspended": True}, content_type="application/json")
        both = sorted([batch["id"], other["id"]])

        def found(query: str, path: str = "batch") -> list[str]:
            return [one["id"] for one in api.get(f"{REST}/{path}?{query}").json]

        assert found("") == both
        assert found("sortBy=batchId&sortOrder=desc") == both[::-1]
        assert found("firstResult=1&maxResults=1") == both[1:]
        assert found("suspended=true") == found("suspended=True") == [other["id"]]
        assert found("suspended=false&type=instance-restart") == [batch["id"]]
        assert found("type=instance-deletion") == found("maxResults=0") == found("tenantIdIn=t") == []
        assert found("withoutTenantId=true&unknown=x") == both
        assert found(f"batchId={batch['id']}", "batch/statistics/") == [batch["id"]]
        assert found("sortBy=startTime&sortOrder=asc", "history/batch") == sorted(both)
        assert found("completed=true", "history/batch") == []
        for path in ("batch", "batch/statistics", "history/batch"):
            assert api.get(f"{REST}/{path}/count?batchId={batch['id']}").json == {"count": 1}

    @pytest.mark.parametrize(
        ("query", "status", "message"),
        [
            ("sortBy=x&sortOrder=asc", 400, "Cannot set query parameter 'sortBy' to value 'x'"),
            ("sortBy=batchId", 400, "Only a single sorting parameter specified. sortBy and sortOrder required"),
            ("suspended=maybe", 400, "Cannot set query parameter 'suspended' to value 'maybe'"),
            ("maxResults=x", 404, "'maxResults' is no whole number"),
        ],
    )
    def test_cannot_be_asked_for_in_words_that_mean_nothing(self, api: Api, query: str, status: int, message: str):
        reply = api.get(f"{REST}/batch?{query}")

        assert reply.status == status
        assert reply.json["message"].startswith(message)

    def test_is_nobody_elses(self, batch: Any, stranger: Api) -> None:
        assert stranger.get(f"{REST}/batch").json == []
        assert stranger.get(f"{REST}/batch/{batch['id']}").status == 404
        assert stranger.delete(f"{REST}/batch/{batch['id']}").status == 400
        assert stranger.get(f"{REST}/job").json == stranger.get(f"{REST}/incident").json == []


class TestHoldingAndEnding:
    def suspend(self, api: Api, batch: Any, body: Any) -> Any:
        return api.put(f"{REST}/batch/{batch['id']}/suspended", body, content_type="application/json")

    def test_a_batch_on_hold_restarts_nobody_until_it_goes_on(
        self, world: World, api: Api, batch: Any, sources
    ) -> None:
        assert self.suspend(api, batch, {"suspended": True}).status == 204
        work(world)
        assert (api.get(f"{REST}/batch/{batch['id']}").json["suspended"], statistics(api, batch)) == (True, (3, 0, 0))

        assert self.suspend(api, batch, {}).status == 204
        work(world)
        assert [len(restarted_from(api, source)) for source in sources] == [1, 1, 1]

    @pytest.mark.parametrize("cascade", ["", "?cascade=True", "?cascade=false"])
    def test_a_deleted_batch_restarts_nobody_any_more(
        self, world: World, api: Api, batch: Any, sources, cascade
    ) -> None:
        reply = api.delete(f"{REST}/batch/{batch['id']}{cascade}")
        work(world)

        assert (reply.status, reply.body) == (204, b"")
        assert not any(restarted_from(api, source) for source in sources)
        assert api.get(f"{REST}/batch").json == []
        assert len(api.get(f"{REST}/history/batch").json) == (0 if "True" in cascade else 1)

    def test_one_that_is_not_there_is_refused(self, world: World, api: Api, batch: Any) -> None:
        work(world)
        ended = batch["id"]

        for verb, reply in (
            ("suspend", self.suspend(api, batch, {"suspended": True})),
            ("activate", self.suspend(api, batch, None)),
            ("delete", api.delete(f"{REST}/batch/{ended}")),
        ):
            assert told(reply) == (400, "BadUserRequestException", f"Unable to {verb} batch with id '{ended}'", 0)

    def test_history_can_be_deleted_while_it_runs(self, world: World, api: Api, batch: Any, sources):
        path = f"{REST}/history/batch/{batch['id']}"

        assert api.delete(path).status == 204
        assert told(api.get(path))[2] == f"Historic batch with id '{batch['id']}' does not exist"
        again = told(api.delete(path))
        assert again == (400, "BadUserRequestException", f"Unable to delete historic batch with id '{batch['id']}'", 0)
        assert api.get(f"{REST}/batch/{batch['id']}").status == 200
        work(world)
        assert all(restarted_from(api, source) for source in sources)


class TestAJobThatFailed:
    def job(self, api: Api, batch: Any) -> Any:
        [job] = api.get(f"{REST}/job?jobDefinitionId={batch['batchJobDefinitionId']}").json
        return job

    def test_is_shown_with_why_and_keeps_the_batch_open(self, api: Api, stuck: Any, sources: list[str]) -> None:
        job = self.job(api, stuck)
        why = "Historic process instance cannot be found: historicProcessInstanceId is null"

        assert statistics(api, stuck) == (1, 3, 1)
        assert (job["retries"], job["exceptionMessage"], job["batchId"]) == (0, why, stuck["id"])
        assert api.get(f"{REST}/job/{job['id']}").json == job
        trace = api.get(f"{REST}/job/{job['id']}/stacktrace")
        assert (trace.body.decode(), trace.headers["Content-Type"]) == (why, "text/plain")
        assert api.get(f"{REST}/job/count?noRetriesLeft=true&withException=true").json == {"count": 1}
        assert all(restarted_from(api, source) for source in sources)
        assert [one["id"] for one in api.get(f"{REST}/batch/statistics?withFailures=true").json] == [stuck["id"]]
        assert api.get(f"{REST}/batch/statistics?withoutFailures=true").json == []

    def test_has_an_incident(self, api: Api, stuck: Any) -> None:
        job = self.job(api, stuck)

        [incident] = api.get(f"{REST}/incident?jobDefinitionIdIn={stuck['batchJobDefinitionId']}").json

        assert (incident["incidentType"], incident["configuration"]) == ("failedJob", job["id"])
        assert (incident["jobDefinitionId"], incident["processInstanceId"]) == (stuck["batchJobDefinitionId"], None)
        assert incident["incidentMessage"] == job["exceptionMessage"]
        assert api.get(f"{REST}/incident/{incident['id']}").json == incident
        assert api.get(f"{REST}/incident/count").json == {"count": 1}
        assert api.get(f"{REST}/incident/nobody").status == 404

    def test_can_be_done_in_a_request_which_tells_why_it_cannot(self, api: Api, stuck: Any) -> None:
        job = self.job(api, stuck)

        reply = api.post(f"{REST}/job/{job['id']}/execute")

        assert told(reply)[:3] == (404, "InvalidRequestException", job["exceptionMessage"])

    def test_can_be_tried_again_in_vain(self, world: World, api: Api, stuck: Any) -> None:
        job = self.job(api, stuck)

        reply = api.put(f"{REST}/job/{job['id']}/retries", {"retries": 2}, content_type="application/json")

        assert reply.status == 204
        assert self.job(api, stuck)["retries"] == 2
        work(world)
        assert self.job(api, stuck)["retries"] == 0

    def test_can_be_given_retries_by_its_definition(self, world: World, api: Api, stuck: Any) -> None:
        path = f"{REST}/job-definition/{stuck['batchJobDefinitionId']}/retries"

        assert api.put(path, {"retries": 5}, content_type="application/json").status == 204
        assert self.job(api, stuck)["retries"] == 5
        assert (
            api.put(path.replace("execution", "nobody"), {"retries": 5}, content_type="application/json").status == 404
        )

    @pytest.mark.parametrize(("body", "status"), [({}, 400), ({"retries": "x"}, 400), ({"retries": -1}, 500)])
    def test_cannot_have_retries_that_are_no_number(self, api: Api, stuck: Any, body: Any, status: int) -> None:
        job = self.job(api, stuck)

        assert api.put(f"{REST}/job/{job['id']}/retries", body, content_type="application/json").status == status

    def test_can_be_deleted_and_then_the_batch_ends(self, world: World, api: Api, stuck: Any) -> None:
        job = self.job(api, stuck)

        assert api.delete(f"{REST}/job/{job['id']}").status == 204
        work(world)

        assert api.get(f"{REST}/batch/{stuck['id']}").status == 404
        assert api.get(f"{REST}/job/{job['id']}").status == api.delete(f"{REST}/job/{job['id']}").status == 404


class TestJobDefinitions:
    def test_are_three_and_name_their_batch(self, api: Api, batch: Any) -> None:
        rows = api.get(f"{REST}/job-definition?jobConfiguration={batch['id']}&sortBy=jobType&sortOrder=asc").json

        assert [row["jobType"] for row in rows] == ["batch-monitor-job", "batch-seed-job", "instance-restart"]
        assert {row["id"] for row in rows} == {batch[f"{part}JobDefinitionId"] for part in ("seed", "monitor", "batch")}
        assert {row["jobConfiguration"] for row in rows} == {batch["id"]}
        assert api.get(f"{REST}/job-definition/{rows[0]['id']}").json == rows[0]
        assert api.get(f"{REST}/job-definition/count?jobType=batch-seed-job").json == {"count": 1}
        assert api.get(f"{REST}/job-definition/nobody").status == 404

    def test_of_the_seed_has_the_job_that_makes_jobs(self, api: Api, batch: Any) -> None:
        [seed] = api.get(f"{REST}/job?jobDefinitionId={batch['seedJobDefinitionId']}").json

        assert (seed["retries"], seed["exceptionMessage"]) == (3, None)
        assert api.post(f"{REST}/job/{seed['id']}/execute").status == 204
        jobs = api.get(f"{REST}/job?jobDefinitionId={batch['batchJobDefinitionId']}").json
        assert len(jobs) == api.get(f"{REST}/batch/{batch['id']}").json["jobsCreated"] == 3
        assert api.post(f"{REST}/job/{jobs[0]['id']}/execute").status == 204
        assert statistics(api, batch) == (2, 1, 0)
        [monitor] = api.get(f"{REST}/job?jobDefinitionId={batch['monitorJobDefinitionId']}").json
        assert api.get(f"{REST}/job/{monitor['id']}").json == monitor
        assert api.delete(f"{REST}/job/{monitor['id']}").status == 400
        assert api.get(f"{REST}/job/{seed['id']}").status == 404
