"""What is secret goes through a whole story, and is found nowhere but where its owner put it.

Every text that a client, an endpoint or a stage may hold secrets in is a canary. The story: an account starts runs over
all dialects, they fail, are restarted one by one, together and as a batch, tasks are completed, failures are told
of, handlers crash. Then no canary is in what was logged or printed, in an error's body, in a message, or in a row of
another account.
"""

import json
import logging
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any, NoReturn

import pytest

import tests.faults.stage
from chalicelib.core.access import Scope
from chalicelib.core.effects import Answered, Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.ids import AccountId
from chalicelib.core.json_values import Json
from chalicelib.dialects.request_log import JsonLines
from chalicelib.stores.packing import unpack
from tests.faults.batch_scenarios import ORDER as REST_ORDER
from tests.faults.dead_letter_scenarios import DLQ
from tests.faults.engines import Row
from tests.faults.lambdas import Reply, raw_event, read_reply
from tests.faults.plans import Plan
from tests.faults.play import TABLES, Play
from tests.faults.restate_scenarios import invocation
from tests.faults.stage import API, Stage, settings, stage
from tests.graphs import Ask, Call, document, steps
from tests.world import ACME, MINUTE

STRANGER = AccountId("stranger")
URL = "https://shop.example/orders"

PLACES = (
    "wrong-bearer",
    "wrong-password",
    "wrong-token",
    "cookie",
    "user-agent",
    "referer",
    "x-reason",
    "x-api-key",
    "idempotency-key",
    "cursor-secret",
    "signing-key",
    "next-signing-key",
    "action-userinfo",
    "action-query",
    "action-header",
    "action-body",
    "callback-query",
    "callback-header",
    "forwarded-header",
    "input",
    "overlay",
    "ingress-input",
    "retab-input",
    "flowx-body",
    "camunda-variable",
    "task-variable",
    "cancel-reason",
    "answer",
    "failed-answer",
    "failed-message",
    "callback-answer",
    "exception-in-a-request",
    "exception-in-a-worker",
    "unread-json",
)


def canary(place: str) -> str:
    assert place in PLACES
    return f"canary.{place}.5f3a"


NAMED = ("cookie", "user-agent", "referer", "x-reason", "x-api-key")
"""Headers that come with every request."""


@dataclass(slots=True)
class Told:
    """Everything that leaves the service, or is kept where its owner is not."""

    logged: str = ""
    printed: str = ""
    raised: list[str] = field(default_factory=list)
    """What handlers raised, text and all: Lambda's runtime logs it."""
    errors: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """One account's day. `secret` is its key's."""

    play: Play
    told: Told
    secret: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Ask as the account, with secrets wherever a request may hold some. Names are written with underscores."""
        given = {"authorization": f"Bearer {self.secret}", "content-type": "application/json"}
        given |= {name: canary(name) for name in NAMED}
        given |= {name.replace("_", "-"): text for name, text in headers.items()}
        raw = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        reply = read_reply(self.play.stage.functions[API].invoke(raw_event(method, path, raw, given)))
        if reply.status >= 400:
            self.told.errors.append(f"{reply.body} {dict(reply.headers)}")
        return reply

    def get(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask for what is granted, and answer it."""
        reply = self.ask(method, path, body, **headers)
        assert reply.status < 300, (path, reply)
        return json.loads(reply.body or "null")

    def settle(self) -> None:
        """Let everything happen, and keep every message."""
        while True:
            self.play.pull()
            self.told.messages += [message.body for message in self.play.pending]
            if not self.play.deliver():
                return


# -- the world outside, which knows secrets too


def paid(_call: HttpCall) -> Outcome:
    return Succeeded({"status": 200, "headers": {"x-token": canary("answer")}, "body": {"card": canary("answer")}})


def broken(_call: HttpCall) -> Outcome:
    answer = Answered(422, {"x-token": canary("failed-answer")}, canary("failed-answer"))
    return Failed("http_422", canary("failed-message"), is_retryable=False, answer=answer)


def heard(_call: HttpCall) -> Outcome:
    return Succeeded({"status": 200, "headers": {"x-token": canary("callback-answer")}, "body": "heard"})


def refuse_connection(call: HttpCall, place: str) -> NoReturn:
    raise ConnectionError(f"{call.url}: {canary(place)}")


def raising(place: str) -> Callable[[HttpCall], Outcome]:
    def crash(call: HttpCall) -> Outcome:
        try:
            refuse_connection(call, place)
        except ConnectionError as error:
            raise RuntimeError(canary(place)) from error

    return crash


# -- the story


def publish(story: Story, key: str, *names: str, **fields: Any) -> None:
    action: Json = {
        "type": "http",
        "headers": {"authorization": canary("action-header")},
        "body": {"secret": canary("action-body")},
    }
    url = f"http://example.test/?key={canary('action-query')}"
    calls = [Call(name, {"action": {**action, "url": f"{url}/{name}"}}) for name in names]  # type: ignore[dict-item]
    story.get("PUT", f"/ops/v1/definitions/{key}", {**document(steps(*calls, Ask("sign"))), **fields})
    story.get("POST", f"/ops/v1/definitions/{key}/publish")


def everything_fails(story: Story) -> list[str]:
    """Start a run over each dialect, and let all of them fail."""
    publish(story, "order", "pay", url=URL)
    story.get("PUT", "/ops/v1/apps/ws/app", {})
    story.play.outside.answers |= {"pay": broken, "failed": heard}
    callback = {"url": f"https://shop.example/?key={canary('callback-query')}/failed"}
    callback["headers"] = {"authorization": canary("callback-header")}  # type: ignore[assignment]
    key = {"idempotency_key": canary("idempotency-key")}
    start = {"input": {"card": canary("input")}, "failure_callback": callback}
    runs = [story.get("POST", "/ops/v1/definitions/order/runs", start, **key)["id"]]
    story.ask("POST", "/ingress/restate/send/order/start1", {"card": canary("ingress-input")}, **key)
    headers = {"upstash-workflow-init": "true", "upstash-forward-authorization": canary("forwarded-header")}
    story.get("POST", "/v2/batch", [{"destination": URL, "headers": headers, "body": canary("forwarded-header")}])
    inputs = {"json_inputs": {"start1": {"card": canary("retab-input")}}}
    story.get("POST", "/v1/workflows/order/run", inputs)
    variables = {"card": {"value": canary("camunda-variable"), "type": "String"}}
    story.get("POST", f"{REST_ORDER}/start", {"variables": variables})
    story.settle()
    return runs


def everything_is_restarted(story: Story, source: str) -> None:
    """Restart what failed over each dialect; then complete, or cancel, what waits."""
    story.play.outside.answers["pay"] = paid
    key = {"idempotency_key": canary("idempotency-key")}
    overlay = {"overlay": {"card": canary("overlay")}}
    new = story.get("POST", f"/ops/v1/runs/{source}/restart", overlay, **key)["id"]
    story.get("PATCH", f"/invocations/{invocation(source)}/restart-as-new", **key)
    story.get("POST", f"/v1/workflows/runs/run_{source.replace('-', '')}/restart", {"command_id": "c"})
    copied = f"/rtm/api/runtime/wks/ws/app/app/process-name/order/start/copyDataFrom/{source}"
    story.get("POST", copied, {"card": canary("flowx-body")}, **key)
    wish = {"processInstanceIds": [source], "instructions": [{"type": "startBeforeActivity", "activityId": "pay"}]}
    story.get("POST", f"{REST_ORDER}/restart-async", wish, **key)
    story.get("POST", f"{DLQ}/restart?count=50")
    story.settle()
    [task, *_] = [n for n, entry in enumerate(story.play.entries(new), 1) if type(entry).__name__ == "Opened"]
    signed = {"variables": {"pin": canary("task-variable")}}
    story.get("POST", f"/ops/v1/runs/{new}/tasks/{task}/complete", signed)
    waiting = story.get("POST", f"/ops/v1/runs/{source}/restart", {})["id"]
    story.settle()
    story.get("POST", f"/ops/v1/runs/{waiting}/cancel", {"reason": canary("cancel-reason")})
    story.settle()


def everything_is_refused(story: Story, source: str) -> None:
    """Ask for what is refused, with secrets in it."""
    basic = b64encode(f"me:{canary('wrong-password')}".encode()).decode()
    for given in (f"Bearer {canary('wrong-bearer')}", f"Basic {basic}", f"Bearer {canary('wrong-token')}"):
        for path in ("/ops/v1/runs", "/engine-rest/batch", DLQ, "/v1/workflows/runs", "/deployments"):
            assert story.ask("GET", path, authorization=given).status == 401
    for path in ("/ops/v1/definitions/order/runs", "/v2/batch", f"{REST_ORDER}/start"):
        assert story.ask("POST", path, f'{{"card": "{canary("unread-json")}"').status == 400
    action: Json = {"type": "http", "url": f"https://me:{canary('action-userinfo')}@shop.example/x"}
    refused = document(Call("pay", {"action": action}))
    assert story.ask("PUT", "/ops/v1/definitions/other", refused).status == 400
    other = {"overlay": {"card": canary("overlay"), "more": 1}}
    key = {"idempotency_key": canary("idempotency-key")}
    assert story.ask("POST", f"/ops/v1/runs/{source}/restart", other, **key).is_refused


def everything_crashes(story: Story) -> None:
    """Let the world outside raise what nobody expects: in a request, and in a worker."""
    publish(story, "crashing", "crash")
    story.play.outside.answers["crash"] = raising("exception-in-a-request")
    assert story.ask("POST", "/ingress/crashing/start1", {"card": canary("ingress-input")}).status == 500
    story.play.outside.answers["crash"] = raising("exception-in-a-worker")
    story.settle()
    story.play.stage.clock.advance(10 * MINUTE)
    story.play.sweep()
    story.settle()


# -- what is told


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """Live through the story, and keep whatever is told."""
    with pytest.MonkeyPatch.context() as patch, stage() as on:
        keys = (canary("signing-key"), canary("next-signing-key"))
        sealed = f"{canary('cursor-secret')}, and long enough"
        ours = replace(settings(on.engine), signing_keys=keys, cursor_secret=sealed)
        patch.setattr(tests.faults.stage, "settings", lambda _engine: ours)
        on.engine.empty()
        on.clear()
        on.make_key()
        services, everything = on.boot(), Told()
        _, theirs = services.access.create(STRANGER, "a stranger's", frozenset(Scope), "live", None)
        written = StringIO()
        with redirect_stdout(written), redirect_stderr(written), logged() as log:
            live(on, everything, theirs)
        everything.logged, everything.printed = log.getvalue(), written.getvalue()
        yield everything


def live(on: Stage, told: Told, theirs: str) -> None:
    stranger = Story(Play(on, Plan("a stranger's day")), told, theirs)
    stranger.get("PUT", "/ops/v1/definitions/order", document(Ask("sign")))
    stranger.get("POST", "/ops/v1/definitions/order/publish")
    stranger.get("POST", "/ops/v1/definitions/order/runs", {}, x_reason="their own")  # a run keeps why it was made
    ours = Story(Play(on, Plan("a day")), told, on.secret)
    [source, *_] = everything_fails(ours)
    assert ours.play.problems == []
    everything_is_restarted(ours, source)
    everything_is_refused(ours, source)
    everything_crashes(ours)
    told.raised = ours.play.problems
    for path in (f"/ops/v1/runs/{source}", "/ops/v1/runs", f"/invocations/{invocation(source)}", DLQ):
        stranger.ask("GET", path)
    rows = [row for table in (*TABLES, "accounts", "apps", "deployments", "keys") for row in on.engine.rows(table)]
    for row in rows:
        told.own.append(plain(row)) if is_ours(row) else told.foreign.append(plain(row))


def is_ours(row: Row) -> bool:
    return str(row["pk"]["S"]).startswith(ACME)


def plain(row: Row) -> str:
    """Write a row with all that is packed in it."""
    return repr({name: unpacked(value["B"]) if "B" in value else value for name, value in row.items()})


def unpacked(data: bytes) -> Any:
    try:
        return unpack(data)
    except (ValueError, zlib.error):
        return data


@contextmanager
def logged() -> Iterator[StringIO]:
    """Keep what is logged as it is deployed: the product from INFO on, everybody else from WARNING on."""
    loggers = (logging.getLogger(), logging.getLogger("reprise"))  # Chalice lets nothing of ours come to the root
    handler = logging.StreamHandler(StringIO())
    handler.setFormatter(JsonLines())
    disabled = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.stream
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        logging.disable(disabled)


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_told_to_nobody(told, place):
    secret = canary(place)

    assert secret not in told.logged
    assert secret not in told.printed
    assert not [error for error in told.raised if secret in error]
    assert not [error for error in told.errors if secret in error]
    assert not [message for message in told.messages if secret in message]
    assert not [row for row in told.foreign if secret in row]


def test_the_story_was_told_at_all(told):
    """…or nothing could be found."""
    assert len(PLACES) >= 20
    assert {"request", "run made", "run left"} <= {json.loads(line)["message"] for line in told.logged.splitlines()}
    assert "RuntimeError" in told.logged
    assert len(told.messages) > 10
    assert any("HandlerFailed('RuntimeError')" in error for error in told.raised)
    assert len(told.errors) > 20
    assert told.foreign
    kept = ("input", "overlay", "answer", "failed-answer", "task-variable", "retab-input", "camunda-variable")
    assert [place for place in kept if not any(canary(place) in row for row in told.own)] == []
