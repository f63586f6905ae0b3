"""Deployments that are deleted: their definitions go, and their instances only if it is asked for."""

from chalicelib.service import deployments as service
from tests.dialects.camunda.models import definitions, deployed
from tests.dialects.client import Api


class TestDelete:
    def test_takes_the_definitions_away_and_leaves_the_instances(self, camunda):
        first, second = deployed(camunda), deployed(camunda)
        run = camunda.post("/process-definition/key/order/start", {}).json["id"]

        reply = camunda.delete(f"/deployment/{second['deploymentId']}")

        assert (reply.status, reply.body) == (204, b"")
        assert camunda.delete(f"/deployment/{second['deploymentId']}").status == 404
        assert camunda.get(f"/process-definition/{second['id']}").status == 404
        assert camunda.get("/process-definition/key/order").json == first
        assert definitions(camunda) == [("order", 1)]
        assert Api(camunda.secret).run(run)["status"] == "waiting"

    def test_with_cascade_takes_its_instances_too_and_no_others(self, camunda):
        first, second = deployed(camunda), deployed(camunda)
        ends = {"startInstructions": [{"type": "startAfterActivity", "activityId": "approve"}]}
        mine, ended, theirs = (
            camunda.post(f"/process-definition/{it['id']}/start", body).json["id"]
            for it, body in ((second, {}), (second, ends), (first, {}))
        )
        ops = Api(camunda.secret)

        reply = camunda.delete(f"/deployment/{second['deploymentId']}?cascade=True")

        assert reply.status == 204
        assert [ops.get(f"/ops/v1/runs/{it}").status for it in (mine, ended, theirs)] == [404, 404, 200]

    def test_with_cascade_it_is_refused_whole_if_there_are_too_many(self, camunda, monkeypatch):
        monkeypatch.setattr(service, "MAX_CASCADE", 2)
        of = deployed(camunda)
        runs = [camunda.post("/process-definition/key/order/start", {}).json["id"] for _ in range(4)]

        reply = camunda.delete(f"/deployment/{of['deploymentId']}?cascade=true")

        assert reply.status == 409
        assert [Api(camunda.secret).get(f"/ops/v1/runs/{it}").status for it in runs] == [200] * 4
        assert definitions(camunda) == [("order", 1)]

    def test_after_all_are_gone_the_next_one_has_a_new_number(self, camunda):
        camunda.delete(f"/deployment/{deployed(camunda)['deploymentId']}")

        assert deployed(camunda)["version"] == 2
