"""The whole service on in-process AWS, with a clock, ids and an outside world that tests command."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import boto3

from chalicelib import wiring
from chalicelib.actions.performer import Performer
from chalicelib.core.causes import Cause
from chalicelib.core.effects import Effect, Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.restart_requests import RestartRequest, StartRequest
from chalicelib.core.runs import Run
from chalicelib.core.versions import PublishedVersion, VersionChoice
from chalicelib.service.births import Made
from chalicelib.service.commands import Command
from chalicelib.stores.audit_records import leaving
from chalicelib.stores.queues import read_message
from local import aws
from local.template import Resources, create, read_template
from tests import backends
from tests.aws_calls import harness
from tests.realms import walled

ACME = AccountId("acme")
OTHER = AccountId("other")
ORDER = DefinitionKey("order")
CAUSE = Cause("ops", "key-1")
BEGINNING = 1_790_000_000_000  # ms
MINUTE = 60_000
ANSWERED: Json = {"charge_id": "charge-1", "reservation_id": "reservation-1", "shipment_id": "shipment-1"}
INPUT: Variables = {"order": "7", "amount": 3, "endpoint": "http://example.test"}
TABLES = (
    "runs",
    "journal",
    "definitions",
    "dead-letters",
    "keys",
    "apps",
    "deployments",
    "accounts",
    "batches",
    "slots",
    "audit",
)


class Clock:
    """Milliseconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.ms = BEGINNING

    def __call__(self) -> int:
        return self.ms

    def advance(self, ms: int) -> None:
        self.ms += ms


@dataclass
class Ids:
    """Ids that are the same in every run of a test."""

    last: int = 0

    def __call__(self) -> str:
        self.last += 1
        return f"00000000-0000-4000-8000-{self.last:012d}"


def machine(clock: Clock, ids: Ids) -> wiring.Machine:
    """Answer a machine on which nothing happens by chance, and nobody waits."""
    return wiring.Machine(
        now=clock,
        new_id=ids,
        new_secret=lambda: f"secret-{ids()}",
        pause=lambda _s: None,
        jitter=lambda: 0.5,
        monotonic=lambda: clock.ms / 1000,
    )


@dataclass
class Outside:
    """What effects meet: answers by the last part of a call's path, and a record of what was asked."""

    answers: dict[str, Callable[[HttpCall], Outcome]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """The request that each effect began with."""

    def perform(self, effect: Effect) -> Outcome:
        assert isinstance(effect, HttpCall)
        self.keys.append(effect.idempotency_key)
        self.requests.append(effect.request_id)
        step = effect.url.rsplit("/", 1)[-1]
        answer = self.answers.get(step)
        return answer(effect) if answer else self.answer(effect)

    def answer(self, _call: HttpCall) -> Outcome:
        """Answer as everybody does to whom nothing else has happened."""
        return Succeeded({"status": 200, "body": ANSWERED})

    def fail(self, step: str, *, run: str = "", is_retryable: bool = True, retry_after_s: float | None = None) -> None:
        """Let a step fail from now on: for all runs, or for one."""

        def answer(call: HttpCall) -> Outcome:
            if call.idempotency_key.startswith(run):
                return Failed("http_503", "unwell", is_retryable, retry_after_s)
            return self.answer(call)

        self.answers[step] = answer

    def heal(self, step: str) -> None:
        self.answers.pop(step, None)

    @property
    def asked(self) -> Counter[str]:
        return Counter(key.split("/")[1] for key in self.keys)


class World:
    """One account's view of a fresh service."""

    def __init__(self) -> None:
        self.clock, self.ids = Clock(), Ids()
        backends.start(lambda: self.clock.ms / 1000)
        self.resources: Resources = create(read_template(), "test")
        self.queue_url = self.resources.refs["RunsQueue"]
        self.bulk_queue_url = self.resources.refs["BulkRunsQueue"]
        self.outside = Outside()
        self.sqs = boto3.client("sqs", region_name=aws.REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=aws.REGION)
        harness(self.sqs, self.dynamodb)
        self.services = self._services()
        wiring.install(self.services)

    def _services(self) -> wiring.Services:
        settings = wiring.Settings(
            stage="test",
            region=aws.REGION,
            runs_queue_url=self.queue_url,
            bulk_runs_queue_url=self.bulk_queue_url,
            dispatch_queue_url=self.resources.refs["DispatchQueue"],
            batches_queue_url=self.resources.refs["BatchesQueue"],
            cursor_secret="a secret of the tests, long enough",
            due_shards=2,
        )
        performer = cast("Performer", self.outside)
        return wiring.build(settings, machine(self.clock, self.ids), performer=performer)

    # -- what a client does

    def publish(self, document: Json, key: DefinitionKey = ORDER, account: AccountId = ACME) -> None:
        self.services.definitions.save_draft(account, key, document)
        self.services.definitions.publish(account, key)

    def start(
        self,
        variables: Variables = INPUT,
        *,
        key: str | None = None,
        choice: VersionChoice = PublishedVersion(),  # noqa: B008 - frozen
        definition: DefinitionKey = ORDER,
        **more: Any,
    ) -> Run:
        request = StartRequest(ACME, CAUSE, variables, **more)
        command = Command(ACME, "ops", "start", definition, {"input": request.input}, key)
        return self.services.runs.start(command, definition, choice, request).run

    def restart(self, source: RunId, *, key: str | None = None, **fields: Any) -> Run:
        return self.restarted(source, key=key, **fields).run

    def restarted(self, source: RunId, *, key: str | None = None, **fields: Any) -> Made:
        request = replace(RestartRequest(source, CAUSE), **fields)
        command = Command(ACME, "ops", "restart", source, json.loads(json.dumps(fields, default=repr)), key)
        return self.services.restarts.restart(command, request)

    def run(self, run_id: RunId, account: AccountId = ACME) -> Run:
        return self.services.runs.load(account, run_id)

    # -- what AWS does

    def messages(self, *, is_bulk: bool = False) -> list[dict[str, Any]]:
        """Take every message that is visible now in one of the runs' queues."""
        url = self.bulk_queue_url if is_bulk else self.queue_url
        taken: list[dict[str, Any]] = []
        while got := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            taken += got
        return taken

    def forget(self, message: dict[str, Any], *, is_bulk: bool = False) -> None:
        url = self.bulk_queue_url if is_bulk else self.queue_url
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def deliver(self) -> int:
        """Let workers handle every visible message of both queues, and answer how many there were.

        None of them names another's rows.
        """
        number = 0
        for is_bulk in (False, True):
            for message in self.messages(is_bulk=is_bulk):
                key = read_message(message["Body"])
                with walled() as wall, leaving(None):  # a worker is another process than whoever waits for it
                    self.services.worker.advance(key, lambda: MINUTE)
                assert not wall.foreign(key.partition("#")[0]), (key, wall.foreign(key.partition("#")[0]))
                self.forget(message, is_bulk=is_bulk)
                number += 1
        return number

    def settle(self, rounds: int = 60) -> None:
        """Deliver and sweep, minute by minute, until nothing is left to do."""
        for _ in range(rounds):
            while self.deliver():
                pass
            if not self.waking():
                return
            self.clock.advance(MINUTE)
            self.services.sweep.run(lambda: MINUTE)
        raise AssertionError(f"still waking: {self.waking()}")

    def waking(self) -> list[str]:
        """List the runs that somebody must look at again."""
        return [item["pk"]["S"] for item in self.rows("runs") if "wake_at" in item]

    # -- what stands in the tables

    def rows(self, table: str) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=f"reprise-{table}-test")
        return [item for page in pages for item in page["Items"]]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Answer all rows of all tables, to compare."""
        return {table: sorted(self.rows(table), key=repr) for table in TABLES}

    def rows_of(self, run_ids: Iterable[RunId]) -> list[dict[str, Any]]:
        keys = {f"{ACME}#{run_id}" for run_id in run_ids}
        return [row for table in ("runs", "journal") for row in self.rows(table) if row["pk"]["S"] in keys]
