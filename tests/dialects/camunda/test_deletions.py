"""Process instances deleted as a batch over Camunda's wire: chosen as there, worked on as restarts are."""

from typing import Any

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.dialects.camunda.stories import BATCH_KEYS, NOBODY, REST, canceled, publish, start, told, work, written
from tests.dialects.client import Api, Reply, key_of
from tests.world import World

DELETE = f"{REST}/process-instance/delete"
BY_HISTORY = f"{REST}/process-instance/delete-historic-query-based"


@pytest.fixture
def instances(world: World, api: Api) -> list[str]:
    """Answer three instances that wait."""
    publish(api)
    made = [start(api, businessKey=f"b-{number}") for number in range(3)]
    work(world)
    return made


def delete(api: Api, body: Any, path: str = DELETE, **headers: str) -> Reply:
    return api.post(path, body, content_type="application/json", **headers)


def left(api: Api) -> set[str]:
    return {row["id"] for row in api.get(f"{REST}/process-instance").json}


class TestADeletion:
    def test_is_a_batch_and_ends_its_instances(self, world: World, api: Api, instances: list[str]) -> None:
        reply = delete(api, {"processInstanceIds": instances[:2], "deleteReason": "not wanted"})

        assert (reply.status, reply.json.keys()) == (200, BATCH_KEYS)
        batch = reply.json
        assert (batch["type"], batch["totalJobs"], batch["jobsCreated"]) == ("instance-deletion", 2, 0)
        assert (batch["tenantId"], batch["suspended"]) == (None, False)
        assert left(api) == set(instances)

        work(world)

        assert left(api) == set(instances[2:])
        for instance in instances[:2]:
            row = api.get(f"{REST}/history/process-instance/{instance}").json
            assert (row["state"], row["deleteReason"]) == ("EXTERNALLY_TERMINATED", "not wanted")
        assert api.get(f"{REST}/batch/{batch['id']}").status == 404
        history = api.get(f"{REST}/history/batch/{batch['id']}").json
        assert (history["type"], history["endTime"] is None) == ("instance-deletion", False)
        logs = api.get(f"{REST}/history/job-log?successLog=true&jobDefinitionType=instance-deletion").json
        assert len(logs) == 2

    def test_needs_no_reason(self, world: World, api: Api, instances: list[str]) -> None:
        delete(api, {"processInstanceIds": instances})
        work(world)

        row = api.get(f"{REST}/history/process-instance/{instances[0]}").json
        assert (row["state"], row["deleteReason"]) == ("EXTERNALLY_TERMINATED", None)

    def test_stands_beside_restarts_wherever_batches_are_shown(
        self, api: Api, world: World, instances: list[str]
    ) -> None:
        batch = delete(api, {"processInstanceIds": instances}).json

        for path in ("batch", "batch/statistics", "history/batch"):
            assert [row["id"] for row in api.get(f"{REST}/{path}?type=instance-deletion").json] == [batch["id"]]
            assert api.get(f"{REST}/{path}/count?type=instance-restart").json == {"count": 0}
        rows = api.get(f"{REST}/job-definition?jobConfiguration={batch['id']}&sortBy=jobType&sortOrder=asc").json
        assert [row["jobType"] for row in rows] == ["batch-monitor-job", "batch-seed-job", "instance-deletion"]

    def test_can_be_held_and_ended(self, api: Api, world: World, instances: list[str]) -> None:
        batch = delete(api, {"processInstanceIds": instances}).json
        path = f"{REST}/batch/{batch['id']}"
        api.put(f"{path}/suspended", {"suspended": True}, content_type="application/json")
        work(world)
        assert left(api) == set(instances)

        assert api.delete(path).status == 204
        work(world)

        assert left(api) == set(instances)

    def test_happens_once_under_a_key(self, api: Api, instances: list[str]) -> None:
        body = {"processInstanceIds": instances}
        first, again = (delete(api, body, Idempotency_Key="k") for _ in range(2))

        assert first.json == again.json
        assert api.get(f"{REST}/batch/count").json == {"count": 1}


class TestTheSelection:
    def test_is_of_names_and_a_runtime_query_together(self, world: World, api: Api, instances: list[str]) -> None:
        ended = canceled(world, api)
        body = {"processInstanceIds": [*ended, instances[0]], "processInstanceQuery": {"businessKey": "b-1"}}

        assert delete(api, body).json["totalJobs"] == 3
        work(world)

        assert left(api) == {instances[2]}

    def test_by_an_empty_runtime_query_is_of_all_that_go_on(self, world: World, api: Api, instances: list[str]) -> None:
        canceled(world, api)

        assert delete(api, {"processInstanceQuery": {}}).json["totalJobs"] == 3
        work(world)

        assert left(api) == set()

    def test_can_be_by_a_historic_query_on_its_own_route(self, world: World, api: Api, instances: list[str]) -> None:
        query = {"processInstanceBusinessKeyIn": ["b-0", "b-2"]}

        batch = delete(api, {"historicProcessInstanceQuery": query}, BY_HISTORY).json

        assert (batch["type"], batch["totalJobs"]) == ("instance-deletion", 2)
        work(world)
        assert left(api) == {instances[1]}

    @pytest.mark.parametrize(
        ("path", "query"), [(DELETE, "historicProcessInstanceQuery"), (BY_HISTORY, "processInstanceQuery")]
    )
    def test_leaves_the_other_routes_query_aside_as_the_engine_does(
        self, world: World, api: Api, instances: list[str], path: str, query: str
    ) -> None:
        assert delete(api, {"processInstanceIds": instances[:1], query: {}}, path).json["totalJobs"] == 1
        empty = (400, "InvalidRequestException", "processInstanceIds is empty", None)
        assert told(delete(api, {query: {}}, path)) == empty


class TestAnInstanceThatIsNotThere:
    @pytest.fixture
    def missing(self, world: World, api: Api, instances: list[str]) -> list[str]:
        return [*canceled(world, api), NOBODY]

    @pytest.mark.parametrize("flag", [{}, {"failIfNotExists": False}])
    def test_is_passed_over_as_the_engine_does(self, world: World, api: Api, missing: list[str], flag: Any) -> None:
        batch = delete(api, {"processInstanceIds": missing, **flag}).json
        work(world)

        assert api.get(f"{REST}/history/batch/{batch['id']}").json["endTime"] is not None
        assert api.get(f"{REST}/incident/count").json == {"count": 0}

    def test_fails_its_job_if_that_is_wished(self, world: World, api: Api, missing: list[str], instances) -> None:
        body = {"processInstanceIds": [*instances, *missing], "failIfNotExists": True}
        batch = delete(api, body).json
        work(world)

        assert left(api) == set()
        [told_] = api.get(f"{REST}/batch/statistics?batchId={batch['id']}").json
        assert (told_["remainingJobs"], told_["completedJobs"], told_["failedJobs"]) == (2, 3, 2)
        jobs = api.get(f"{REST}/job?jobDefinitionId={batch['batchJobDefinitionId']}").json
        whys = {f"No process instance found for id '{one}': processInstance is null" for one in missing}
        assert {job["exceptionMessage"] for job in jobs} == whys
        assert {row["incidentMessage"] for row in api.get(f"{REST}/incident").json} == whys
        failures = api.get(f"{REST}/history/job-log?failureLog=true").json
        assert ({row["jobExceptionMessage"] for row in failures}, len(failures)) == (whys, 6)
        reply = api.post(f"{REST}/job/{jobs[0]['id']}/execute")
        assert told(reply)[:3] == (404, "InvalidRequestException", jobs[0]["exceptionMessage"])


class TestRefusals:
    @pytest.mark.parametrize("path", [DELETE, BY_HISTORY])
    @pytest.mark.parametrize(
        ("body", "status", "kind", "message"),
        [
            ({}, 400, "InvalidRequestException", "processInstanceIds is empty"),
            ({"processInstanceIds": []}, 400, "InvalidRequestException", "processInstanceIds is empty"),
            ({"processInstanceIds": [None]}, 400, "InvalidRequestException", "processInstanceIds contains null value"),
            ({"processInstanceIds": "a"}, 400, "InvalidRequestException", ""),
            ({"processInstanceIds": ["a"], "deleteReason": {}}, 400, "InvalidRequestException", ""),
            ({"processInstanceIds": ["a"], "skipCustomListeners": "perhaps"}, 400, "InvalidRequestException", ""),
            ({"processInstanceIds": ["a"], "processInstanceQuery": []}, 400, "InvalidRequestException", ""),
            ({"processInstanceIds": ["a"], "historicProcessInstanceQuery": 1}, 400, "InvalidRequestException", ""),
            (b"null", 500, "NullPointerException", "NullPointerException"),
        ],
    )
    def test_write_nothing(
        self, world: World, api: Api, path: str, body: Any, status: int, kind: str, message: str
    ) -> None:
        before = written(world)

        reply = delete(api, body, path)

        assert told(reply)[:3] == (status, kind, message)
        assert written(world) == before

    def test_of_a_query_that_finds_nobody_is_the_same(self, api: Api, instances: list[str]) -> None:
        body = {"processInstanceQuery": {"businessKey": "nobody"}}

        assert told(delete(api, body))[2] == "processInstanceIds is empty"

    def test_of_a_key_that_may_not_write_is_said(self, world: World, account: AccountId) -> None:
        reader = key_of(world, account, Scope.READ, Scope.RESTART)

        assert delete(reader, {"processInstanceIds": [NOBODY]}).status == 403

    def test_of_another_account_finds_nobody(self, world: World, api: Api, instances, stranger: Api) -> None:
        delete(stranger, {"processInstanceIds": instances})
        work(world)

        assert left(api) == set(instances)
