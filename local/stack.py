"""The whole service in this process: AWS, tables and queues, keys, the example endpoint, pollers and schedule.

`make serve` and `make demo` put Chalice's local server in front of it. `chalice local --stage local` finds it by the
stage's `REPRISE_BACKEND`, and serves by itself.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from threading import current_thread
from typing import Any

import boto3
from chalice.app import Chalice, ScheduledEventConfig, SQSEventConfig

from chalicelib import wiring
from chalicelib.core.access import ApiKey, Scope
from chalicelib.core.ids import AccountId
from local import aws
from local.calls import CallCounter, observed
from local.client import fetch
from local.event_sources import Function, Runner, Schedule, SqsPoller
from local.example_endpoint import ExampleEndpoint
from local.gateway import Server
from local.template import Resources, create, event_source_queue, read_template

STAGE = "local"
DEV_KEY, READ_KEY, OTHER_KEY = "local-dev-key", "local-read-key", "other-dev-key"
KEYS = {
    DEV_KEY: ("local", frozenset(Scope)),
    READ_KEY: ("local", frozenset({Scope.READ})),
    OTHER_KEY: ("other", frozenset(Scope)),
}
SIGNING_KEYS = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"  # what QStash's clients expect
ORDER = "order"
EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "examples" / "order.json").read_text())
FUNCTION_TIMEOUT_S = 60.0
POLLERS = 4  # invocations of a function at a time

_BACKGROUND = ("sqs-", "schedule-")


class Backend:
    """AWS and everything behind the routes. Start it once in a process."""

    def __init__(self, *, has_workers: bool = True, retab_sdk: int = 142) -> None:
        self._has_workers = has_workers
        self._retab_sdk = retab_sdk
        self._running = ExitStack()
        self.machine = wiring.Machine()
        self.endpoint = ExampleEndpoint()
        self.request_calls = CallCounter(lambda: not current_thread().name.startswith(_BACKGROUND))

    def start(self) -> None:
        aws.start(lambda: self.machine.now() / 1000)
        aws.reset()
        template = read_template()
        resources = create(template, STAGE)
        self._running.enter_context(observed(self.request_calls))
        self._install(resources)
        self.endpoint.start()
        self._running.callback(self.endpoint.stop)
        if self._has_workers:
            for runner in self._runners(template, resources):
                runner.start()
                self._running.callback(runner.stop)

    def stop(self) -> None:
        self._running.close()

    @cached_property
    def app(self) -> Chalice:
        """The app: importing it gives Chalice its routes, and calls nothing."""
        from app import app

        return app

    def _install(self, resources: Resources) -> None:
        settings = wiring.Settings(
            stage=STAGE,
            region=aws.REGION,
            runs_queue_url=resources.refs["RunsQueue"],
            bulk_runs_queue_url=resources.refs["BulkRunsQueue"],
            dispatch_queue_url=resources.refs["DispatchQueue"],
            batches_queue_url=resources.refs["BatchesQueue"],
            cursor_secret="a secret for one laptop and one run of it",
            due_shards=1,
            is_private_network_allowed=True,
            retab_sdk=self._retab_sdk,
            signing_keys=SIGNING_KEYS,
        )
        services = wiring.build(settings, self.machine)
        at = self.machine.now()
        for secret, (account, scopes) in KEYS.items():
            services.access.keys.create(ApiKey(secret, AccountId(account), secret, scopes, "live", at), secret)
        wiring.install(services)

    def _runners(self, template: dict[str, Any], resources: Resources) -> Iterator[Runner]:
        sqs = boto3.client("sqs", region_name=aws.REGION)
        for source in self.app.event_sources:
            function = Function(
                name=source.name,
                handler=self.app.handler_map[source.name],
                timeout_s=FUNCTION_TIMEOUT_S,
                monotonic=self.machine.monotonic,
                new_id=self.machine.new_id,
            )
            if isinstance(source, SQSEventConfig):
                queue = event_source_queue(template, source.name)
                poller = SqsPoller(function, sqs, resources.refs[queue], resources.arns[queue], source.batch_size)
                yield poller.runner(workers=POLLERS)
            if isinstance(source, ScheduledEventConfig):
                yield Schedule(function, str(source.schedule_expression), self.machine.now).runner()


class Stack(Backend):
    """The backend, and Chalice's local server in front of it."""

    def __init__(self, *, port: int, has_workers: bool = True, retab_sdk: int = 142) -> None:
        super().__init__(has_workers=has_workers, retab_sdk=retab_sdk)
        self._port = port
        self.url = ""

    def start(self) -> None:
        super().start()
        from app import edge

        server = Server(self.app, "127.0.0.1", self._port, edge.unrouted)
        server.start()
        self._running.callback(server.stop)
        self.url = server.url

    def endpoint_call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Speak to the example endpoint: tell it to fail or heal, ask what it was asked."""
        return fetch("GET" if body is None else "POST", self.endpoint.url + path, body, {})


def start() -> None:
    """Be the backend of this process for as long as it lives."""
    Backend().start()
