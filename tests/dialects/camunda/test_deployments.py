"""Deployments over Camunda's routes: what is made of files, what is new in them, and what is refused."""

import base64
from typing import Any

import pytest

from chalicelib.core.access import Scope
from chalicelib.dialects.camunda import multipart
from chalicelib.stores.deployments import DeploymentStore
from tests.dialects.camunda.models import BAD, FLOWS, bpmn, definitions, deploy, deployed, form, refusal, send
from tests.dialects.client import Api, key_of

NO_FILE = "No deployment resources contained in the form upload."
MODEL = bpmn()
ENCODED = b"--limit\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--limit--"


def ids(reply: Any) -> list[str]:
    return [row["id"] for row in reply.json]


class TestCreate:
    def test_answers_the_documented_shape(self, camunda, world):
        camunda_fields = 'name="Order" camunda:versionTag="1.2" camunda:historyTimeToLive="30"'
        model = bpmn(attributes=f'{camunda_fields} camunda:isStartableInTasklist="false"')

        told = deploy(camunda, ("a/order.bpmn", model), deployment_name="Orders", deployment_source="modeler").json
        (definition,) = told["deployedProcessDefinitions"].values()

        assert told == {
            "links": [{"method": "GET", "href": f"/engine-rest/deployment/{told['id']}", "rel": "self"}],
            "id": told["id"],
            "name": "Orders",
            "source": "modeler",
            "deploymentTime": "2026-09-21T14:13:20.000+0000",
            "tenantId": None,
            "deployedProcessDefinitions": {definition["id"]: definition},
            "deployedCaseDefinitions": None,
            "deployedDecisionDefinitions": None,
            "deployedDecisionRequirementsDefinitions": None,
        }
        assert definition["id"].startswith("order:1:")
        assert definition == {
            "id": definition["id"],
            "key": "order",
            "category": None,
            "description": None,
            "name": "Order",
            "version": 1,
            "resource": "a/order.bpmn",
            "deploymentId": told["id"],
            "diagram": None,
            "suspended": False,
            "tenantId": None,
            "versionTag": "1.2",
            "historyTimeToLive": 30,
            "startableInTasklist": False,
        }

    def test_takes_basic_credentials_and_names_the_host(self, camunda, account, world):
        given = base64.b64encode(f"demo:{camunda.secret}".encode()).decode()
        headers = {"authorization": f"Basic {given}", "host": "api.test", "x_forwarded_proto": "https"}

        reply = deploy(camunda, ("order.bpmn", MODEL), headers=headers)

        assert reply.json["links"][0]["href"] == f"https://api.test/engine-rest/deployment/{reply.json['id']}"

    def test_without_credentials_is_asked_for_them(self):
        reply = deploy(Api(), ("order.bpmn", MODEL))

        assert (reply.status, reply.body) == (401, b"")
        assert reply.headers["WWW-Authenticate"] == 'Basic realm="default"'

    def test_needs_the_scope_to_write(self, world, account):
        reader = key_of(world, account, Scope.READ)

        assert refusal(deploy(reader, ("order.bpmn", MODEL)))[:2] == (403, "AuthorizationException")

    def test_every_deployment_makes_a_new_version_even_of_the_same_file(self, camunda):
        assert [deployed(camunda)["version"] for _ in range(3)] == [1, 2, 3]

    def test_a_tenants_definition_is_one_of_its_own(self, camunda):
        deployed(camunda)

        mine = deployed(camunda, tenant_id="t1")

        assert (mine["key"], mine["version"], mine["tenantId"]) == ("order", 1, "t1")
        assert camunda.get("/process-definition/key/order/tenant-id/t1").json == mine
        assert camunda.get(f"/process-definition/{mine['id'].replace(':', '%3A')}").json == mine

    def test_one_file_may_hold_several_processes_and_others_none(self, camunda):
        files = [("both.bpmn20.xml", bpmn("a", "b")), ("notes.txt", b"read me")]

        told = deploy(camunda, *files).json

        made = told["deployedProcessDefinitions"].values()
        assert {(it["key"], it["resource"]) for it in made} == {("a", files[0][0]), ("b", files[0][0])}
        assert len(camunda.get(f"/deployment/{told['id']}/resources").json) == 2

    def test_of_parts_with_one_name_the_last_counts(self, camunda):
        parts = [("data", bpmn(key), f"{key}.bpmn") for key in ("first", "last")]

        made = send(camunda, form(*parts)).json["deployedProcessDefinitions"]

        assert [it["key"] for it in made.values()] == ["last"]

    def test_under_a_key_it_happens_once(self, camunda):
        headers = {"idempotency_key": "k"}

        first, again = (deploy(camunda, ("order.bpmn", MODEL), headers=headers) for _ in range(2))
        changed = deploy(camunda, ("order.bpmn", bpmn("other")), headers=headers)

        assert first.json == again.json
        assert (changed.status, definitions(camunda)) == (409, [("order", 1)])

    @pytest.mark.parametrize("strike", ["save_file", "save"])
    def test_what_was_interrupted_is_not_seen_and_completed_by_a_repeat(self, camunda, monkeypatch, strike):
        headers = {"idempotency_key": "k"}
        deployed(camunda, "other")

        with monkeypatch.context() as patch:
            patch.setattr(DeploymentStore, strike, lambda *_given: 1 / 0)
            assert deploy(camunda, ("order.bpmn", MODEL), headers=headers).status == 500
        seen = [definitions(camunda), camunda.get("/deployment/count").json["count"]]
        unseen = camunda.get("/process-definition/key/order").status
        reply = deploy(camunda, ("order.bpmn", MODEL), headers=headers)

        assert (seen, unseen) == ([[("other", 1)], 1], 404)
        assert [it["version"] for it in reply.json["deployedProcessDefinitions"].values()] == [1]
        assert camunda.get("/process-definition/key/order").json["version"] == 1


class TestDuplicates:
    @pytest.mark.parametrize("wish", ["enable_duplicate_filtering", "deploy_changed_only"])
    def test_nothing_new_answers_the_deployment_that_is_there(self, camunda, wish):
        wishes = {"deployment_name": "n", wish: "TRUE"}
        first = deploy(camunda, ("order.bpmn", MODEL), **wishes).json

        again = deploy(camunda, ("order.bpmn", MODEL), **wishes).json

        assert (again["id"], again["deployedProcessDefinitions"]) == (first["id"], None)
        assert definitions(camunda) == [("order", 1)]

    @pytest.mark.parametrize(
        ("wish", "versions"),
        [
            ("enable_duplicate_filtering", {("a", 2), ("b", 2)}),
            ("deploy_changed_only", {("b", 2)}),
        ],
    )
    def test_something_new_brings_all_or_itself_alone(self, camunda, wish, versions):
        wishes = {"deployment_name": "n", wish: "true"}
        deploy(camunda, ("a.bpmn", bpmn("a")), ("b.bpmn", bpmn("b")), **wishes)

        changed = bpmn("b", attributes='name="B"')
        told = deploy(camunda, ("a.bpmn", bpmn("a")), ("b.bpmn", changed), **wishes).json

        assert {(it["key"], it["version"]) for it in told["deployedProcessDefinitions"].values()} == versions

    @pytest.mark.parametrize("other_one", [{"deployment_name": "m"}, {"tenant_id": "t"}, {"deployment_source": "s"}])
    def test_only_deployments_of_the_same_name_source_and_tenant_are_compared(self, camunda, other_one):
        wishes = {"deployment_name": "n", "enable_duplicate_filtering": "true"}
        deploy(camunda, ("order.bpmn", MODEL), **wishes)

        told = deploy(camunda, ("order.bpmn", MODEL), **{**wishes, **other_one}).json

        assert told["deployedProcessDefinitions"] is not None

    def test_what_was_changed_and_changed_back_is_new(self, camunda, world):
        wishes = {"deployment_name": "n", "deploy_changed_only": "true"}
        for model in (MODEL, bpmn(attributes='name="X"'), MODEL):
            world.clock.advance(1)
            told = deploy(camunda, ("order.bpmn", model), **wishes).json

        assert [it["version"] for it in told["deployedProcessDefinitions"].values()] == [3]


class TestRefusals:
    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ([("deployment-name", "n", None)], NO_FILE),
            (
                [("data", "x", None)],
                "No file name found in the deployment resource described by form parameter 'data'.",
            ),
            ([("data", "x", "")], "No file name found in the deployment resource described by form parameter 'data'."),
            ([("deployment-activation-time", "x", None)], "'deployment-activation-time' is not supported"),
            (
                [("tenant-id", "a b", None), ("d", MODEL, "a.bpmn")],
                "A tenant id has letters, digits, '_', '.' and '-' only.",
            ),
            ([("d", b"\xff\xfe", "a.png")], "The deployment resource 'a.png' is not UTF-8."),
            (
                [("tenant-id", b"\xff", None), ("d", "x", "a")],
                "The form cannot be read: the part 'tenant-id' is no text.",
            ),
        ],
    )
    def test_a_form_without_what_it_needs(self, camunda, parts, message):
        assert refusal(send(camunda, form(*parts))) == (400, BAD, message, None)

    def test_another_media_type(self, camunda):
        assert camunda.post("/deployment/create", {}, content_type="application/json").status == 415

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"", "it does not end with its boundary, or has too many parts"),
            (form(("a", "b", None))[:-10], "it does not end with its boundary, or has too many parts"),
            (form(*[("a", "b", None)] * 101), "it does not end with its boundary, or has too many parts"),
            (b"--limit\r\nContent-Disposition: form-data; name=a\r\n--limit--", "a part has no headers, or too many"),
            (
                b"--limit x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--limit--",
                "a part has no headers, or too many",
            ),
            (b"--limit\r\nContent-Type: text/plain\r\n\r\nx\r\n--limit--", "a part has no name"),
            (b"--limit\r\nX: \xff\r\n\r\nx\r\n--limit--", "a part's headers are not UTF-8"),
            (ENCODED, "a part has a transfer encoding"),
        ],
    )
    def test_a_form_that_cannot_be_read(self, camunda, body, why):
        assert refusal(send(camunda, body)) == (400, BAD, f"The form cannot be read: {why}.", None)

    def test_a_form_without_a_boundary(self, camunda):
        reply = send(camunda, b"", content_type="multipart/form-data")

        assert refusal(reply) == (400, BAD, "The form cannot be read: it has no boundary.", None)

    def test_a_form_that_is_too_large(self, camunda, monkeypatch):
        monkeypatch.setattr(multipart, "MAX_FORM", 100)

        assert deploy(camunda, ("order.bpmn", MODEL)).status == 413

    def test_bad_bpmn_is_told_by_file_and_line(self, camunda, world):
        before = world.everything()

        reply = deploy(camunda, ("order.bpmn", MODEL), ("bad.bpmn", b"<bpmn:definitions"))
        told = reply.json

        assert (reply.status, told["type"], told["code"]) == (400, "ParseException", 0)
        assert told["message"].startswith("ENGINE-09005 Could not parse BPMN process. Errors: \n* ")
        assert "| resource bad.bpmn" in told["message"]
        (problem,) = told["details"]["bad.bpmn"]["errors"]
        assert problem.keys() == {"message", "line", "column", "mainElementId", "elementIds"}
        assert told["details"]["bad.bpmn"]["warnings"] == []
        assert world.everything() == before

    def test_a_graph_that_no_run_could_walk_is_told_in_the_same_way(self, camunda, world):
        before = world.everything()
        loose = bpmn(flows=FLOWS[:2])

        told = deploy(camunda, ("good.bpmn", bpmn("good")), ("loose.bpmn", loose)).json

        assert told["type"] == "ParseException"
        assert {it["mainElementId"] for it in told["details"]["loose.bpmn"]["errors"]} == {"end"}
        assert world.everything() == before

    def test_one_key_twice(self, camunda):
        reply = deploy(camunda, ("a.bpmn", MODEL), ("b.bpmn", MODEL))

        message = "The deployment contains definitions with the same key 'order' (id attribute), this is not allowed"
        assert refusal(reply) == (500, "ProcessEngineException", message, 0)

    @pytest.mark.parametrize("key", ["o" * 129, "bestellung_ä"])
    def test_a_key_that_no_definition_of_ours_can_have(self, camunda, key):
        told = deploy(camunda, ("a.bpmn", bpmn(key))).json

        assert told["type"] == "ParseException"


class TestReading:
    def test_lists_filters_sorts_and_counts(self, camunda, world):
        told = []
        for name, fields in (("One", {}), ("Two", {"tenant_id": "t"}), ("Three", {"deployment_source": "s"})):
            world.clock.advance(1)
            told.append(deploy(camunda, ("a.txt", b"x"), deployment_name=name, **fields).json)
        one, two, three = (it["id"] for it in told)
        then = told[1]["deploymentTime"].replace("+", "%2B")

        queries = {
            "": {one, two, three},
            f"?id={one}": {one},
            "?name=Two": {two},
            "?nameLike=T%25": {two, three},
            "?source=s": {three},
            "?withoutSource=true": {one, two},
            f"?before={then}": {one},
            f"?after={then}": {three},
            "?tenantIdIn=t,u": {two},
            "?tenantIdIn=u&includeDeploymentsWithoutTenantId=true": {one, three},
            "?withoutTenantId=true": {one, three},
            "?nobodyKnows=this": {one, two, three},
        }
        for query, expected in queries.items():
            assert set(ids(camunda.get(f"/deployment{query}"))) == expected, query
            assert camunda.get(f"/deployment/count{query}").json == {"count": len(expected)}
        assert ids(camunda.get("/deployment?sortBy=deploymentTime&sortOrder=desc")) == [three, two, one]
        assert ids(camunda.get("/deployment?sortBy=name&sortOrder=asc&firstResult=1&maxResults=1")) == [three]
        assert ids(camunda.get("/deployment")) == sorted([one, two, three])
        assert camunda.get(f"/deployment/{one}").json == {
            "links": [],
            "id": one,
            "name": "One",
            "source": None,
            "deploymentTime": told[0]["deploymentTime"],
            "tenantId": None,
        }

    def test_a_bad_date_and_a_bad_order_are_refused(self, camunda):
        message = "Cannot set query parameter 'before' to value 'x': Cannot convert value to java type java.util.Date"

        assert refusal(camunda.get("/deployment?before=x")) == (400, BAD, message, None)
        assert refusal(camunda.get("/deployment?sortBy=x")) == (
            400,
            BAD,
            "Cannot set query parameter 'sortBy' to value 'x'",
            None,
        )

    def test_files_come_back_byte_by_byte(self, camunda):
        told = deploy(camunda, ("a\\b/order.bpmn", MODEL), ("né.bin", b"x\r\n\r\n")).json
        root = f"/deployment/{told['id']}/resources"
        files = {row["name"]: row for row in camunda.get(root).json}

        model, other = (camunda.get(f"{root}/{files[name]['id']}/data") for name in ("a\\b/order.bpmn", "né.bin"))

        assert files["né.bin"] == camunda.get(f"{root}/{files['né.bin']['id']}").json
        assert files["né.bin"].keys() == {"id", "name", "deploymentId"}
        assert (model.body, model.headers["Content-Type"]) == (MODEL, "application/xml")
        assert (
            model.headers["Content-Disposition"] == "attachment; filename=\"order.bpmn\"; filename*=UTF-8''order.bpmn"
        )
        assert (other.body, other.headers["Content-Type"]) == (b"x\r\n\r\n", "text/plain")

    @pytest.mark.parametrize("unknown", ["00000000-0000-4000-8000-999999999999", "a%7Bx%7D%23b"])
    def test_what_does_not_exist(self, camunda, unknown):
        id_ = unknown.replace("%7B", "{").replace("%7D", "}").replace("%23", "#")
        known = deploy(camunda, ("a.txt", b"x")).json["id"]

        replies = {
            f"/deployment/{unknown}": f"Deployment with id '{id_}' does not exist",
            f"/deployment/{unknown}/resources": f"Deployment resources for deployment id '{id_}' do not exist.",
            f"/deployment/{known}/resources/{unknown}": f"Deployment resource with resource id '{id_}' for deployment"
            f" id '{known}' does not exist.",
            f"/deployment/{known}/resources/{unknown}/data": f"Deployment resource '{id_}' for deployment id"
            f" '{known}' does not exist.",
        }
        for path, message in replies.items():
            assert refusal(camunda.get(path)) == (404, BAD, message, None)
        gone = f"Deployment with id '{id_}' do not exist"
        assert refusal(camunda.delete(f"/deployment/{unknown}")) == (404, BAD, gone, None)

    def test_nobody_sees_what_others_deployed(self, camunda, other):
        told = deployed(camunda)

        assert [other.get(path).json for path in ("/deployment", "/process-definition")] == [[], []]
        assert other.get(f"/process-definition/{told['id']}").status == 404
        assert other.delete(f"/deployment/{told['deploymentId']}").status == 404
