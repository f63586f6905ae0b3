"""Process definitions over Camunda's routes: every version with what its author said, its XML, suspended or not."""

import json
from typing import Any

import pytest

from tests.dialects.camunda.models import BAD, bpmn, deploy, deployed, refusal
from tests.dialects.client import Api
from tests.graphs import Ask, document

NOWHERE = "order:1:00000000-0000-4000-8000-000000000000"
OF_KEY = "/process-definition/key/order"
MISSING = "No matching process definition with key: {} and {}"
CANNOT_SET = "Cannot set query parameter '{}' to value '{}'"


def ids(api: Api, query: str) -> list[str]:
    return [row["id"] for row in api.get(f"/process-definition{query}").json]


def suspend(api: Api, path: str, body: Any) -> int:
    return api.put(f"{path}/suspended", body).status


@pytest.fixture
def many(camunda, world) -> list[Any]:
    """Deploy two versions of `order`, one of `bill`, and a tenant's `order`."""
    told = []
    wishes = [
        ("order", 'name="Old"', {}),
        ("order", 'name="New" camunda:versionTag="v_2" camunda:isStartableInTasklist="false"', {}),
        ("bill", "", {}),
        ("order", "", {"tenant_id": "t"}),
    ]
    for number, (key, attributes, fields) in enumerate(wishes):
        world.clock.advance(1)
        reply = deploy(camunda, (f"{key}-{number}.bpmn", bpmn(key, attributes=attributes)), **fields).json
        (definition,) = reply["deployedProcessDefinitions"].values()
        told.append({**definition, "at": reply["deploymentTime"].replace("+", "%2B")})
    suspend(camunda, f"/process-definition/{told[2]['id']}", {"suspended": True})
    return told


class TestList:
    def test_filters(self, camunda, many):
        old, new, bill, theirs = (it["id"] for it in many)

        queries = {
            "": {old, new, bill, theirs},
            "?key=order": {old, new, theirs},
            "?key=nobody": set(),
            "?key=a%23b": set(),
            "?keysIn=bill,nobody": {bill},
            "?keyLike=%25rd%25": {old, new, theirs},
            "?keyLike=b_ll": {bill},
            "?keyLike=b\\_ll": set(),
            "?keyLike=o%25d%25r": {old, new, theirs},
            "?name=New": {new},
            "?nameLike=%25e%25": {new},
            "?version=1": {old, bill, theirs},
            "?latestVersion=true": {new, bill, theirs},
            "?latestVersion=false": {old, new, bill, theirs},
            "?key=order&latestVersion=True&withoutTenantId=true": {new},
            f"?processDefinitionId={old}": {old},
            f"?processDefinitionIdIn={old},{bill}": {old, bill},
            f"?deploymentId={many[0]['deploymentId']}": {old},
            f"?deployedAfter={many[1]['at']}": {bill, theirs},
            f"?deployedAt={many[1]['at']}": {new},
            "?resourceName=bill-2.bpmn": {bill},
            "?resourceNameLike=order%25": {old, new, theirs},
            "?tenantIdIn=t": {theirs},
            "?tenantIdIn=u&includeProcessDefinitionsWithoutTenantId=true": {old, new, bill},
            "?withoutTenantId=true": {old, new, bill},
            "?suspended=true": {bill},
            "?active=true": {old, new, theirs},
            "?versionTag=v_2": {new},
            "?versionTagLike=v%25": {new},
            "?withoutVersionTag=true": {old, bill, theirs},
            "?startableInTasklist=true": {old, bill, theirs},
            "?notStartableInTasklist=true": {new},
            "?nobodyKnows=this": {old, new, bill, theirs},
        }
        for query, expected in queries.items():
            assert set(ids(camunda, query)) == expected, query
            assert camunda.get(f"/process-definition/count{query}").json == {"count": len(expected)}, query

    def test_sorts_and_cuts(self, camunda, many):
        old, new, bill, theirs = (it["id"] for it in many)

        assert ids(camunda, "") == sorted([old, new, bill, theirs])
        assert ids(camunda, "?sortBy=deployTime&sortOrder=asc") == [old, new, bill, theirs]
        assert ids(camunda, "?sortBy=version&sortOrder=desc")[0] == new
        assert ids(camunda, "?sortBy=name&sortOrder=desc&maxResults=2") == [old, new]
        assert ids(camunda, "?sortBy=deployTime&sortOrder=desc&firstResult=1&maxResults=2") == [bill, new]
        assert ids(camunda, "?maxResults=0") == []

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("startableBy=demo", "The query parameter 'startableBy' is not supported"),
            ("category=c", "The query parameter 'category' is not supported"),
            ("incidentType=failedJob", "The query parameter 'incidentType' is not supported"),
            ("sortBy=color&sortOrder=asc", CANNOT_SET.format("sortBy", "color")),
            ("sortBy=key&sortOrder=up", CANNOT_SET.format("sortOrder", "up")),
            ("sortBy=key", "Only a single sorting parameter specified. sortBy and sortOrder required"),
            *(
                (
                    f"suspended={given}",
                    CANNOT_SET.format("suspended", given)
                    + f": Cannot convert value {given} to java type java.lang.Boolean",
                )
                for given in ("x", "--5", "-")
            ),
        ],
    )
    def test_refuses_what_it_cannot_answer(self, camunda, query, message):
        for path in ("", "/count"):
            if path and "sort" in query:
                continue
            assert refusal(camunda.get(f"/process-definition{path}?{query}")) == (400, BAD, message, None)

    def test_any_number_but_zero_is_true(self, camunda, many):
        old, new, bill, theirs = (it["id"] for it in many)

        for given in ("-7", "9" * 5_000):
            assert ids(camunda, f"?suspended={given}") == [bill]
        for given in ("0", "-00"):
            assert ids(camunda, f"?active={given}") == ids(camunda, "?active=false") == sorted([old, new, bill, theirs])

    def test_a_version_that_is_no_number_is_no_resource(self, camunda):
        assert camunda.get("/process-definition?version=x").status == 404

    def test_shows_what_was_published_otherwise_too_but_no_draft(self, camunda):
        ops = Api(camunda.secret)
        graph = {**document(Ask("review")), "name": "Ours"}
        for key in ("ours", "draft"):
            ops.put(f"/ops/v1/definitions/{key}", graph)
        ops.post("/ops/v1/definitions/ours/publish", {})

        (told,) = camunda.get("/process-definition").json

        assert (told["key"], told["version"], told["name"]) == ("ours", 1, "Ours")
        assert (told["resource"], told["deploymentId"], told["startableInTasklist"]) == (None, None, True)
        assert camunda.get(f"/process-definition/{told['id']}").json == told
        assert camunda.get(f"/process-definition/{told['id']}/xml").status == 404
        assert camunda.get("/process-definition/key/draft").status == 404


class TestOne:
    @pytest.mark.parametrize("path", ["", "/tenant-id/t"])
    def test_is_found_by_id_and_the_newest_by_key(self, camunda, path):
        fields = {"tenant_id": "t"} if path else {}
        first, second = deployed(camunda, **fields), deployed(camunda, **fields)

        assert camunda.get(f"/process-definition/{first['id']}").json == first
        assert camunda.get(f"/process-definition/{first['id']}/").json == first
        assert camunda.get(f"{OF_KEY}{path}").json == second

    def test_xml_is_what_was_deployed_byte_by_byte(self, camunda):
        model = bpmn(attributes='name="Bestellung ä"')
        deploy(camunda, ("order.bpmn", model))
        deployed(camunda, tenant_id="t")
        told = camunda.get(OF_KEY).json

        for path in (OF_KEY, f"/process-definition/{told['id']}"):
            assert camunda.get(f"{path}/xml").json == {"id": told["id"], "bpmn20Xml": model.decode()}
        assert camunda.get(f"{OF_KEY}/tenant-id/t/xml").json["bpmn20Xml"] == bpmn().decode()

    @pytest.mark.parametrize("id_", [NOWHERE, "order", "a:0:b", "a#b:1:00000000-0000-4000-8000-000000000000"])
    def test_that_does_not_exist(self, camunda, id_):
        deployed(camunda)
        path, message = f"/process-definition/{id_.replace('#', '%23')}", f"No matching definition with id {id_}"

        assert refusal(camunda.get(path)) == (404, BAD, message, 0)
        assert refusal(camunda.get(f"{path}/xml")) == (400, BAD, message, 0)
        assert refusal(camunda.put(f"{path}/suspended", {})) == (404, BAD, message, 0)

    @pytest.mark.parametrize(
        ("path", "key", "tenant"),
        [
            ("nobody", "nobody", "no tenant-id"),
            ("a%20b", "a b", "no tenant-id"),
            ("order(t)", "order(t)", "no tenant-id"),
            ("order/tenant-id/u", "order", "tenant-id: u"),
        ],
    )
    def test_of_an_unknown_key_does_not_exist(self, camunda, path, key, tenant):
        deployed(camunda, tenant_id="t")
        expected = (404, "RestException", MISSING.format(key, tenant), None)

        assert refusal(camunda.get(f"/process-definition/key/{path}")) == expected
        assert refusal(camunda.get(f"/process-definition/key/{path}/xml")) == expected
        assert refusal(camunda.post(f"/process-definition/key/{path}/start", {})) == expected


class TestSuspension:
    def test_lasts_until_it_is_activated(self, camunda):
        first, second = deployed(camunda), deployed(camunda)
        path = f"/process-definition/{first['id']}"

        assert suspend(camunda, path, {"suspended": True}) == 204
        assert [camunda.get(f"/process-definition/{it['id']}").json["suspended"] for it in (first, second)] == [1, 0]
        assert suspend(camunda, path, {}) == 204
        assert camunda.get(path).json["suspended"] is False

    def test_by_key_is_of_the_newest_version(self, camunda):
        first, second = deployed(camunda), deployed(camunda)

        assert suspend(camunda, OF_KEY, {"suspended": "true"}) == 204
        assert ids(camunda, "?suspended=true") == [second["id"]]
        assert ids(camunda, "?active=true") == [first["id"]]

    @pytest.mark.parametrize(
        ("said", "counts"),
        [
            ({}, 3),
            ({"processDefinitionTenantId": "t"}, 1),
            ({"processDefinitionWithoutTenantId": True}, 2),
            ({"processDefinitionKey": "nobody"}, 0),
            ({"processDefinitionKey": "a b"}, 0),
        ],
    )
    def test_of_all_versions_of_a_key(self, camunda, said, counts):
        for fields in ({}, {}, {"tenant_id": "t"}):
            deployed(camunda, **fields)
        body = {"processDefinitionKey": "order", "suspended": True, **said}

        assert suspend(camunda, "/process-definition", body) == 204
        assert len(ids(camunda, "?suspended=true")) == counts

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"includeProcessInstances": True}, "'includeProcessInstances' is not supported"),
            ({"executionDate": "2026-11-21T00:17:29.230+0000"}, "'executionDate' is not supported"),
            (None, ""),
        ],
    )
    def test_refuses_what_it_cannot_do(self, camunda, body, message):
        deployed(camunda)

        reply = camunda.put(f"{OF_KEY}/suspended", json.dumps(body).encode())

        assert refusal(reply) == (400, BAD, message, None)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"processDefinitionId": "x"}, "Only processDefinitionKey can be set to update the suspension state."),
            ({}, "Either processDefinitionId or processDefinitionKey should be set to update the suspension state."),
        ],
    )
    def test_of_all_needs_a_key(self, camunda, body, message):
        assert refusal(camunda.put("/process-definition/suspended", body)) == (400, BAD, message, None)


def test_the_engine_says_what_it_is(camunda):
    assert camunda.get("/engine-rest/version").json == {"version": "7.24.0"}
    assert camunda.get("/engine").json == [{"name": "default"}]
