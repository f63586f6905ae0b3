"""FlowX's documented calls, as they stand on its pages, over HTTP against the local stack."""

from collections.abc import Iterator

import pytest

from local.client import Client, Refused
from local.stack import DEV_KEY
from tests.graphs import Ask, Compute, document, steps
from tests.local.test_stack import serving

PROCESS = "%5BDOCS%5Dcustomer_onboarding"
APP = "/rtm/api/runtime/wks/ws-123456789/app/dbe0a1f7-0c4e-4a55-9b57-1f3a3c0b9a01"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving(workers="on") as url:
        made = Client(url, DEV_KEY)
        made.call("PUT", f"/ops/v1/definitions/{PROCESS}", document(steps(Compute("score", 7), Ask("approve"))))
        made.call("POST", f"/ops/v1/definitions/{PROCESS}/publish")
        made.call("PUT", APP.replace("/rtm/api/runtime/wks", "/ops/v1/apps").replace("/app/", "/"), {})
        yield made


def test_an_instance_is_started_and_its_data_is_copied_into_another(client):
    first = client.call("POST", f"{APP}/process-name/{PROCESS}/start", {"customerId": "u-1", "channel": "web"})

    again = client.call(
        "POST",
        f"{APP}/process-name/{PROCESS}/start/copyDataFrom/{first['uuid']}",
        {"retryReason": "manual-rerun", "operatorId": "u-9023"},
    )

    assert (again["state"], again["processDefinitionName"]) == ("STARTED", "[DOCS]customer_onboarding")
    assert again["buildId"] == first["buildId"] == client.call("POST", f"{APP}/process-name/{PROCESS}/start")["buildId"]
    assert client.call("GET", f"/rtm/api/runtime/process/{again['uuid']}/data") == {
        "customerId": "u-1",
        "channel": "web",
        "v_score": 7,
        "retryReason": "manual-rerun",
        "operatorId": "u-9023",
    }


def test_a_refusal_is_a_problem(client):
    with pytest.raises(Refused, match="Process definition not found") as refused:
        client.call("POST", f"{APP}/process-name/none/start", {})

    assert refused.value.status == 400
