"""The app that Lambda and Chalice see: its handlers by name, and nothing done before they are called."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chalice.deploy.validate import validate_route_content_types, validate_routes
from chalice.test import Client

import app
from chalicelib import wiring
from chalicelib.core.errors import Busy
from chalicelib.service.deliveries import deliver
from chalicelib.service.work import Worker
from tests.dialects.client import Api
from tests.dialects.conftest import Log
from tests.graphs import Call, document
from tests.world import MINUTE, World

PROJECT = Path(app.__file__).parent


def _records(bodies: Iterable[str]) -> list[dict[str, str]]:
    return [
        {"messageId": f"m{number}", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}
        for number, body in enumerate(bodies)
    ]


def _invoke(name: str, event: Any) -> Any:
    with Client(app.app) as client:
        return client.lambda_.invoke(name, event).payload


@pytest.fixture
def run_id(api: Api) -> str:
    api.put("/ops/v1/definitions/order", document(Call("ship")))
    api.post("/ops/v1/definitions/order/publish")
    started: str = api.post("/ops/v1/definitions/order/runs").json["id"]
    return started


class TestQueueHandler:
    def test_it_takes_runs_as_far_as_they_go(self, world: World, api: Api, account: str, run_id: str) -> None:
        answer = _invoke("advance_runs", {"Records": _records([json.dumps({"run": f"{account}#{run_id}"})])})

        assert answer == {"batchItemFailures": []}
        assert api.run(run_id)["status"] == "running"  # a test's context has three seconds, too few for a call
        world.settle()
        assert api.run(run_id)["status"] == "completed"

    def test_what_nobody_can_read_stays_in_the_queue_and_the_rest_is_done(
        self, world: World, account: str, run_id: str, log: Log
    ) -> None:
        bodies = ["", "{", "[]", "{}", '{"run": 1}', '{"run": "nobody"}', json.dumps({"run": f"{account}#{run_id}"})]

        answer = _invoke("advance_runs", {"Records": _records(bodies)})

        assert answer == {"batchItemFailures": [{"itemIdentifier": f"m{number}"} for number in range(6)]}
        told = [(line["id"], line["refusal"]) for line in log.lines if line["level"] == "WARNING"]
        assert told == [(f"m{number}", "message_invalid") for number in range(6)]

    def test_a_run_that_is_gone_is_no_failure(self, world: World) -> None:
        answer = _invoke("advance_runs", {"Records": _records(['{"run": "nobody#none"}'])})

        assert answer == {"batchItemFailures": []}


class TestDeliveries:
    """What `deliver` does with a worker's ends: the worker's store is made to fail before it is asked."""

    @staticmethod
    def _worker(world: World, error: Exception) -> Worker:
        def now() -> int:
            raise error

        return replace(world.services.worker, now=now)

    def test_a_message_whose_outcome_nobody_knows_stays(self, world: World) -> None:
        failed = deliver(self._worker(world, Busy()), _records(['{"run": "a#b"}', '{"run": "a#c"}']), lambda: MINUTE)

        assert failed == ["m0", "m1"]

    def test_a_defect_brings_the_whole_batch_back(self, world: World) -> None:
        with pytest.raises(ZeroDivisionError):
            deliver(self._worker(world, ZeroDivisionError()), _records(['{"run": "a#b"}']), lambda: MINUTE)


class TestSchedule:
    def test_it_rings_for_what_is_overdue(self, world: World, api: Api, run_id: str) -> None:
        event = dict.fromkeys(("version", "account", "region", "detail-type", "source", "time", "id"), "")
        world.messages()
        world.clock.advance(7 * MINUTE)

        sweep = app.sweep({**event, "detail": {}, "resources": []}, _Context(lambda: MINUTE))

        assert sweep["rung"] >= 1
        world.settle()
        assert api.run(run_id)["status"] == "completed"


class _Context:
    def __init__(self, time_left_ms: Callable[[], int]) -> None:
        self.get_remaining_time_in_millis = time_left_ms


class TestRegistration:
    def test_handlers_are_found_by_their_names_in_the_module(self) -> None:
        for source in app.app.event_sources:
            module, name = source.handler_string.split(".")
            assert module == "app"
            assert app.app.handler_map[name] is getattr(app, name)

    def test_chalice_would_deploy_these_routes(self) -> None:
        validate_routes(app.app.routes)
        validate_route_content_types(app.app.routes, app.app.api.binary_types)

    def test_every_route_of_every_dialect_is_registered(self) -> None:
        registered = {(method, path) for path, methods in app.app.routes.items() for method in methods}

        assert registered == {(route.method, route.path) for dialect in app.edge.dialects() for route in dialect.routes}

    def test_the_app_is_short(self) -> None:
        assert len((PROJECT / "app.py").read_text().splitlines()) < 100

    def test_importing_it_reads_no_setting_and_connects_to_nothing(self) -> None:
        script = (
            "import socket, sys\n"
            "def refuse(*_): raise AssertionError('connected')\n"
            "socket.socket.connect = refuse\n"
            "import app\n"
            "from chalicelib import wiring\n"
            "assert not wiring._installed\n"
            "assert not {name.partition('.')[0] for name in sys.modules} & {'moto', 'local', 'pytest'}\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=PROJECT, env={}, capture_output=True, text=True, check=False
        )

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_the_services_are_the_installed_ones(self, world: World) -> None:
        assert app.edge.services() is wiring.services()
