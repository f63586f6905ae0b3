"""The job log over Camunda's wire: what happened to the jobs of batches, asked for in every way there is."""

from typing import Any

import pytest

from tests.dialects.camunda.stories import (
    BEFORE_DECIDE,
    NOBODY,
    REST,
    canceled,
    later,
    publish,
    restart,
    told,
    work,
    written,
)
from tests.dialects.client import Api, Reply
from tests.world import World

LOG = f"{REST}/history/job-log"
KEYS = {
    *("id", "timestamp", "removalTime", "jobId", "jobDueDate", "jobRetries", "jobPriority", "jobExceptionMessage"),
    *("failedActivityId", "jobDefinitionId", "jobDefinitionType", "jobDefinitionConfiguration", "activityId"),
    *("executionId", "processInstanceId", "processDefinitionId", "processDefinitionKey", "deploymentId", "hostname"),
    *("rootProcessInstanceId", "tenantId", "creationLog", "failureLog", "successLog", "deletionLog"),
}
"""Of `HistoricJobLogDto`, 7.24."""
WHY = "Historic process instance cannot be found: historicProcessInstanceId is null"


def restarted(api: Api, definition: str, sources: list[str]) -> Any:
    body = {"instructions": BEFORE_DECIDE, "processInstanceIds": sources}
    return restart(api, definition, body, is_async=True).json


@pytest.fixture
def stuck(world: World, api: Api) -> Any:
    """Answer a batch of two jobs, of which one is done and one has no retries left."""
    definition = publish(api)
    batch = restarted(api, definition, [*canceled(world, api), NOBODY])
    work(world)
    return batch


def listed(api: Api, query: str = "") -> Any:
    reply = api.get(f"{LOG}?{query}")
    assert reply.status == 200, reply.json
    return reply.json


def asked(api: Api, body: Any, path: str = "", query: str = "") -> Reply:
    return api.post(f"{LOG}{path}?{query}", body, content_type="application/json")


def states(rows: list[Any]) -> list[str]:
    """Answer of which state each row is, and see that it is of one alone."""
    names = ("creationLog", "failureLog", "successLog", "deletionLog")
    found = [[name for name in names if row[name]] for row in rows]
    assert all(len(one) == 1 for one in found)
    return [one[0].removesuffix("Log") for one in found]


class TestOneJob:
    def test_that_failed_has_its_creation_and_each_failure(self, api: Api, stuck: Any) -> None:
        rows = listed(api, f"jobId={stuck['id']}.1")

        assert all(row.keys() == KEYS for row in rows)
        assert states(rows) == ["creation", "failure", "failure", "failure"]
        assert [row["jobRetries"] for row in rows] == [3, 3, 2, 1]
        assert [row["jobExceptionMessage"] for row in rows] == [None, WHY, WHY, WHY]
        assert {row["jobDefinitionId"] for row in rows} == {stuck["batchJobDefinitionId"]}
        assert {row["jobDefinitionType"] for row in rows} == {"instance-restart"}
        assert {row["jobDefinitionConfiguration"] for row in rows} == {stuck["id"]}
        assert rows[0]["timestamp"].endswith("+0000")

    def test_that_succeeded_has_its_creation_and_its_success(self, api: Api, stuck: Any) -> None:
        assert states(listed(api, f"jobId={stuck['id']}.0")) == ["creation", "success"]

    def test_that_is_deleted_has_its_deletion_with_the_retries_that_it_had(
        self, world: World, api: Api, stuck: Any
    ) -> None:
        assert api.delete(f"{REST}/job/{stuck['id']}.1").status == 204

        row = listed(api, f"jobId={stuck['id']}.1")[-1]

        assert (states([row]), row["jobRetries"]) == (["deletion"], 0)

    def test_can_be_shown_entry_by_entry(self, api: Api, stuck: Any) -> None:
        for row in listed(api):
            assert api.get(f"{LOG}/{row['id']}").json == row
            assert listed(api, f"logId={row['id']}") == [row]
            trace = api.get(f"{LOG}/{row['id']}/stacktrace")
            if row["failureLog"]:
                assert (trace.status, trace.body.decode(), trace.headers["Content-Type"]) == (200, WHY, "text/plain")
            else:
                assert (trace.status, trace.body) == (204, b"")

    @pytest.mark.parametrize("name", ["nobody", "{}", "{}.0", "{}.1.9", "{}.99.0", "{}.seed.job", "{}.1.end"])
    def test_that_is_not_there_is_refused(self, api: Api, stuck: Any, name: str) -> None:
        log = name.format(stuck["id"])

        absent = f"Historic job log with id {log} does not exist"
        assert told(api.get(f"{LOG}/{log}")) == (404, "InvalidRequestException", absent, None)
        absent = f"No historic job log found with id {log}: historicJobLog is null"
        assert told(api.get(f"{LOG}/{log}/stacktrace")) == (404, "InvalidRequestException", absent, None)


class TestTheBatchsOwnJobs:
    def of(self, api: Api, batch: Any, part: str) -> list[str]:
        return states(listed(api, f"jobDefinitionId={batch[f'{part}JobDefinitionId']}"))

    def test_the_seed_succeeds_when_the_last_job_is_made_and_then_the_monitor_begins(
        self, world: World, api: Api, stuck: Any
    ) -> None:
        assert (self.of(api, stuck, "seed"), self.of(api, stuck, "monitor")) == (["creation", "success"], ["creation"])

        api.delete(f"{REST}/job/{stuck['id']}.1")
        work(world)

        assert self.of(api, stuck, "monitor") == ["creation", "success"]

    def test_the_monitor_is_deleted_with_its_batch(self, world: World, api: Api, stuck: Any) -> None:
        api.delete(f"{REST}/batch/{stuck['id']}")
        work(world)

        assert self.of(api, stuck, "monitor") == ["creation", "deletion"]
        assert self.of(api, stuck, "batch").count("deletion") == 1

    def test_the_seed_is_deleted_with_a_batch_that_has_no_jobs_yet(self, world: World, api: Api) -> None:
        batch = restarted(api, publish(api), [NOBODY])
        assert self.of(api, batch, "seed") == ["creation"]

        api.delete(f"{REST}/batch/{batch['id']}")

        assert self.of(api, batch, "seed") == ["creation", "deletion"]
        assert self.of(api, batch, "monitor") == self.of(api, batch, "batch") == []


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "number"),
        [
            ({}, 9),
            ({"creationLog": True}, 4),
            ({"failureLog": True}, 3),
            ({"successLog": True}, 2),
            ({"deletionLog": True}, 0),
            ({"creationLog": True, "failureLog": True}, 3),  # the engine keeps the last state that is set
            ({"creationLog": False, "withoutTenantId": False}, 9),
            ({"jobExceptionMessage": WHY}, 3),
            ({"jobExceptionMessage": "another"}, 0),
            ({"jobDefinitionType": "instance-restart"}, 6),
            ({"jobDefinitionType": "batch-seed-job"}, 2),
            ({"jobDefinitionConfiguration": "{batch}"}, 9),
            ({"jobDefinitionConfiguration": "another"}, 0),
            ({"jobDefinitionId": "{batch}.execution", "jobId": "{batch}.0"}, 2),
            ({"jobDefinitionId": "{batch}.seed", "jobId": "{batch}.0"}, 0),
            ({"processInstanceId": NOBODY}, 0),
            ({"processDefinitionKey": "order"}, 0),
            ({"withoutTenantId": True}, 9),
            ({"unknown": "x"}, 9),
        ],
    )
    def test_mean_the_same_in_an_address_and_in_a_body(self, api: Api, stuck: Any, query: Any, number: int) -> None:
        given = {key: v.format(batch=stuck["id"]) if isinstance(v, str) else v for key, v in query.items()}
        address = "&".join(f"{key}={str(v).lower() if isinstance(v, bool) else v}" for key, v in given.items())

        rows = listed(api, address.replace(" ", "%20"))

        assert len(rows) == number
        assert asked(api, given).json == rows
        assert asked(api, given, "/count").json == {"count": number}
        assert api.get(f"{LOG}/count?{address.replace(' ', '%20')}").json == {"count": number}

    @pytest.mark.parametrize("query", [{"tenantIdIn": "t"}, {"activityIdIn": "decide"}, {"executionIdIn": NOBODY}])
    def test_of_lists_that_no_batch_is_in_find_nothing(self, api: Api, stuck: Any, query: Any) -> None:
        [(name, value)] = query.items()

        assert listed(api, f"{name}={value}") == asked(api, {name: [value]}).json == []

    def test_are_answered_in_the_order_and_the_window_that_are_asked_for(self, api: Api, stuck: Any) -> None:
        by_retries = listed(api, "failureLog=true&sortBy=jobRetries&sortOrder=asc")
        assert [row["jobRetries"] for row in by_retries] == [1, 2, 3]
        body = {"failureLog": True, "sorting": [{"sortBy": "jobRetries", "sortOrder": "desc"}]}
        assert asked(api, body).json == by_retries[::-1]
        assert asked(api, body, query="firstResult=1&maxResults=1").json == by_retries[1:2]
        assert listed(api, "maxResults=0") == []
        times = [row["timestamp"] for row in listed(api, "sortBy=timestamp&sortOrder=desc")]
        assert times == sorted(times, reverse=True)
        for by in ("jobId", "jobDefinitionId", "jobDueDate", "jobPriority", "deploymentId", "tenantId", "occurrence"):
            assert len(listed(api, f"sortBy={by}&sortOrder=asc")) == 9

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("sortBy=x&sortOrder=asc", "Cannot set query parameter 'sortBy' to value 'x'"),
            ("sortBy=jobId", "Only a single sorting parameter specified. sortBy and sortOrder required"),
            ("creationLog=maybe", "Cannot set query parameter 'creationLog' to value 'maybe'"),
            ("hostname=h", "The query parameter 'hostname' is not supported"),
            ("deploymentId=d", "The query parameter 'deploymentId' is not supported"),
            ("jobPriorityLowerThanOrEquals=5", "The query parameter 'jobPriorityLowerThanOrEquals' is not supported"),
        ],
    )
    def test_that_cannot_be_answered_are_refused(
        self, world: World, api: Api, stuck: Any, query: str, message: str
    ) -> None:
        before = written(world)

        reply = api.get(f"{LOG}?{query}")

        assert reply.status == 400
        assert reply.json["message"].startswith(message)
        assert written(world) == before

    @pytest.mark.parametrize(("body", "status"), [(b"null", 500), ([], 400), ({"jobId": {}}, 400), (b"{", 400)])
    def test_whose_body_is_no_query_are_refused(self, api: Api, body: Any, status: int) -> None:
        assert asked(api, body).status == status

    def test_that_mean_too_much_are_refused(self, api: Api, stuck: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.dialects.camunda.job_log.MOST", 8)

        assert api.get(LOG).json["message"].startswith("There are more than 8 logs.")
        assert len(listed(api, "failureLog=true")) == 3


class TestWhoMaySeeIt:
    def test_it_is_nobody_elses(self, stuck: Any, stranger: Api) -> None:
        assert listed(stranger) == listed(stranger, f"jobId={stuck['id']}.0") == []
        assert stranger.get(f"{LOG}/{stuck['id']}.0.0").status == 404

    def test_it_stays_when_its_batch_is_deleted(self, world: World, api: Api, stuck: Any) -> None:
        api.delete(f"{REST}/batch/{stuck['id']}")
        work(world)

        assert len(listed(api, f"jobDefinitionId={stuck['batchJobDefinitionId']}")) == 7

    def test_it_goes_with_its_batch_when_history_is_deleted_too(self, world: World, api: Api, stuck: Any) -> None:
        api.delete(f"{REST}/batch/{stuck['id']}?cascade=true")
        assert listed(api) == listed(api, f"jobId={stuck['id']}.0") == []
        work(world)
        later(world)

        rows = [row for row in world.rows("batches") if row["pk"]["S"].endswith(stuck["id"])]
        assert [row["part"]["S"] for row in rows] == ["head"]

    def test_it_goes_with_the_history_of_a_batch_that_runs(self, api: Api, stuck: Any) -> None:
        api.delete(f"{REST}/history/batch/{stuck['id']}")

        assert listed(api) == listed(api, f"jobDefinitionConfiguration={stuck['id']}") == []
