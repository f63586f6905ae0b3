import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from local.example_endpoint import ExampleEndpoint

STEPS = ["charge", "reserve", "ship"]
UNCALLED = {"succeeded": 0, "failed": 0}


class Caller(HTTPConnection):
    """One connection that is kept from call to call."""

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        headers = {} if key is None else {"Idempotency-Key": key}
        self.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.getresponse()
        return answer.status, json.loads(answer.read())

    def post(self, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        return self.call("POST", path, body, key)

    def calls(self) -> Any:
        return self.call("GET", "/calls")[1]


@pytest.fixture
def endpoint() -> Iterator[ExampleEndpoint]:
    endpoint = ExampleEndpoint()
    endpoint.start()
    yield endpoint
    endpoint.stop()


@pytest.fixture
def caller(endpoint: ExampleEndpoint) -> Iterator[Caller]:
    caller = Caller("127.0.0.1", endpoint.server_port, timeout=10)
    yield caller
    caller.close()


class TestSteps:
    @pytest.mark.parametrize(
        ("step", "answer"),
        [
            ("charge", {"charge_id": "charge-7"}),
            ("reserve", {"reservation_id": "reserve-7"}),
            ("ship", {"shipment_id": "ship-7"}),
        ],
    )
    @pytest.mark.parametrize("order", ["7", 7])
    def test_the_same_order_gets_the_same_id(self, caller: Caller, step: str, answer: Any, order: object) -> None:
        assert [caller.post(f"/{step}", {"order": order, "amount": 1}) for _ in range(2)] == [(200, answer)] * 2

    @pytest.mark.parametrize("body", [None, [], "7", {}, {"order": None}, {"order": ["7"]}])
    def test_a_step_without_order_is_refused_and_not_counted(self, caller: Caller, body: object) -> None:
        status, answer = caller.post("/charge", body)

        assert status == 400
        assert "error" in answer
        assert caller.calls()["steps"]["charge"] == UNCALLED

    @pytest.mark.parametrize("body", ["{", "[" * 100_000, "\udcff"])
    def test_what_is_not_json_is_refused(self, caller: Caller, body: str) -> None:
        caller.request("POST", "/charge", body.encode(errors="surrogateescape"))
        answer = caller.getresponse()

        assert (answer.status, json.loads(answer.read())) == (400, {"error": "The body is not JSON."})

    def test_a_body_whose_end_nobody_knows_is_refused_and_the_connection_closed(self, caller: Caller) -> None:
        caller.request("POST", "/charge", headers={"Transfer-Encoding": "gzip"})
        answer = caller.getresponse()

        assert (answer.status, answer.headers["Connection"]) == (400, "close")
        answer.read()

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/charge"), ("POST", "/calls"), ("POST", "/refund"), ("GET", "/")]
    )
    def test_what_is_not_there_is_said_so(self, caller: Caller, method: str, path: str) -> None:
        assert caller.call(method, path) == (404, {"error": f"There is no {method} {path}."})


class TestFailing:
    @pytest.mark.parametrize(("told", "status"), [({"status": 503}, 503), ({}, 503), ({"status": 404}, 404)])
    def test_a_step_fails_as_it_is_told_and_the_others_succeed(self, caller: Caller, told: Any, status: int) -> None:
        caller.post("/fail", {"step": "reserve", **told})

        answers = {step: caller.post(f"/{step}", {"order": "7"})[0] for step in STEPS}
        assert answers == {"charge": 200, "reserve": status, "ship": 200}

    def test_an_excepted_order_succeeds(self, caller: Caller) -> None:
        caller.post("/fail", {"step": "reserve", "except_orders": ["7", 8], "status": 500})

        assert [caller.post("/reserve", {"order": order})[0] for order in ("6", "7", "8", "9")] == [500, 200, 200, 500]

    def test_a_healed_endpoint_succeeds(self, caller: Caller) -> None:
        for step in STEPS:
            caller.post("/fail", {"step": step})

        assert caller.post("/heal") == (200, {})
        assert [caller.post(f"/{step}", {"order": "7"})[0] for step in STEPS] == [200, 200, 200]

    def test_told_twice_the_last_word_counts(self, caller: Caller) -> None:
        caller.post("/fail", {"step": "ship", "status": 500, "except_orders": ["7"]})
        caller.post("/fail", {"step": "ship", "status": 429})

        assert caller.post("/ship", {"order": "7"})[0] == 429

    @pytest.mark.parametrize(
        "told",
        [
            {},
            {"step": "refund"},
            {"step": ["ship"]},
            {"step": "ship", "status": 200},
            {"step": "ship", "status": 600},
            {"step": "ship", "status": "503"},
            {"step": "ship", "except_orders": "7"},
        ],
    )
    def test_a_failure_that_cannot_be_is_refused_and_changes_nothing(self, caller: Caller, told: Any) -> None:
        status, answer = caller.post("/fail", told)

        assert status == 400
        assert "error" in answer
        assert caller.post("/ship", {"order": "7"})[0] == 200


class TestCalls:
    def test_calls_are_counted_by_step_and_how_they_ended(self, caller: Caller) -> None:
        caller.post("/fail", {"step": "reserve", "except_orders": ["1"]})
        for order in ("1", "2", "3"):
            caller.post("/charge", {"order": order})
            caller.post("/reserve", {"order": order})

        assert caller.calls()["steps"] == {
            "charge": {"succeeded": 3, "failed": 0},
            "reserve": {"succeeded": 1, "failed": 2},
            "ship": UNCALLED,
        }

    def test_keys_that_came_more_than_once_are_counted_once_each(self, caller: Caller) -> None:
        for key in ("a", "b", "b", "c", "c", "c", None, None):
            caller.post("/ship", {"order": "7"}, key)

        assert caller.calls()["repeated_keys"] == 2

    def test_no_call_of_many_threads_is_lost(self, endpoint: ExampleEndpoint, caller: Caller) -> None:
        def call(worker: int) -> None:
            mine = Caller("127.0.0.1", endpoint.server_port, timeout=10)
            for number in range(25):
                mine.post("/ship", {"order": worker}, f"key-{number}")
            mine.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(call, range(8)))

        assert caller.calls() == {
            "steps": {"charge": UNCALLED, "reserve": UNCALLED, "ship": {"succeeded": 200, "failed": 0}},
            "repeated_keys": 25,
        }


def test_a_stopped_endpoint_answers_nobody(endpoint: ExampleEndpoint, caller: Caller) -> None:
    caller.calls()

    endpoint.stop()

    assert caller.sock.recv(1) == b""
    assert endpoint.url == f"http://127.0.0.1:{endpoint.server_port}"
