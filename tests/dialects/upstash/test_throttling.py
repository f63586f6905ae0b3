"""When DynamoDB has no capacity left, clients are told so in the way in which QStash tells them."""

import pytest

from tests.stores.faults import SILENCES, faulty, refusal

RESTART = "/v2/workflows/dlq/restart"
ATTEMPTS = 4  # of one call


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_a_call_that_finds_no_capacity_is_a_429_of_bursts_and_may_be_sent_again(api, code):
    with faulty() as faults:
        api.get("/v2/dlq")  # the key is known from here on
        faults.refuse("dynamodb.Query", [refusal(code)] * ATTEMPTS)
        refused = api.post(RESTART)
        again = api.post(RESTART)

    assert (refused.status, refused.json["code"]) == (429, "throttled")
    assert refused.headers["Burst-RateLimit-Remaining"] == "0"
    assert refused.headers["Burst-RateLimit-Reset"] == refused.headers["Retry-After"] == "1"
    assert "RateLimit-Limit" not in refused.headers  # the SDKs would take it for a used-up day
    assert (again.status, again.json) == (200, {"cursor": "", "workflowRuns": []})


def test_a_call_without_an_answer_is_a_503_without_rate_limits(api):
    with faulty() as faults:
        api.get("/v2/dlq")
        faults.refuse("dynamodb.Query", [SILENCES[0]] * ATTEMPTS)
        refused = api.post(RESTART)

    assert (refused.status, refused.json["code"]) == (503, "busy")
    assert "Burst-RateLimit-Remaining" not in refused.headers


def test_other_dialects_say_503(api):
    with faulty() as faults:
        api.get("/ops/v1/runs")
        faults.refuse("dynamodb.Query", [refusal("ThrottlingException")] * ATTEMPTS)
        refused = api.get("/ops/v1/runs")

    assert (refused.status, refused.json["error"]["code"]) == (503, "throttled")
