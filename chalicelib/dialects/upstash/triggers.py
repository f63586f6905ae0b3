"""Triggers: first runs, one or many, of the workflows that URLs address."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, NotRequired, TypedDict
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from chalicelib.core.errors import Invalid
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.overrides import FailureCallback, FlowControl, Overrides
from chalicelib.core.refusals import FlowIncomplete, KeyReused
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.versions import PublishedVersion
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash.errors import HeaderInvalid, QuotaExceeded
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import definition_of, plain_run_id, read_run_id, write_run_id
from chalicelib.dialects.upstash.wishes import WISHES, YEAR_S, Wishes, read_wishes
from chalicelib.service.births import Made
from chalicelib.service.commands import Command

MAX_TRIGGERS = 100  # of one batch
PAYLOAD = "payload"  # the variable that a body becomes which is no JSON object
_FORWARD = "upstash-forward-"
_CALLBACK_FORWARD = "upstash-failure-callback-forward-"
_NOT_FORWARDED = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "upstash-label",
        "upstash-workflow-sdk-version",
    }
)
"""Of these, labels are told as they are when they are told; the rest is nobody's to pass on."""


class StepNotExpected(Invalid):
    code = "not_a_trigger"

    def __init__(self) -> None:
        super().__init__("Only triggers are taken here: the steps of a workflow are its definition's.")


class Trigger(msgspec.Struct, frozen=True):
    """One element of a batch; a body may be a text or a JSON value."""

    destination: Annotated[str, Meta(min_length=1, max_length=2048)]
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: Any = None

    @property
    def lower_headers(self) -> dict[str, str]:
        """Answer the headers by their names in small letters."""
        return {name.lower(): value for name, value in self.headers.items()}


class Triggered(TypedDict):
    """A run that was triggered, and when (ms); one whose id was taken is the earlier run."""

    workflowRunId: str
    workflowCreatedAt: int
    deduplicated: NotRequired[bool]


class TriggeredMessage(Triggered):
    messageId: str


Triggers = Annotated[list[Trigger], Meta(min_length=1, max_length=MAX_TRIGGERS)]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A run that can be started: which command, of which definition, with what."""

    command: Command
    definition: DefinitionKey
    request: StartRequest


def batch(services: Services, call: Call) -> Answer:
    """Trigger each element, as `client.trigger` sends one or many."""
    made = _start_all(services, call)
    told: list[TriggeredMessage] = [{"messageId": message_id(one.run), **_told(one)} for one in made]
    return answer(told)


def batch_trigger(services: Services, call: Call) -> Answer:
    return answer([_told(one) for one in _start_all(services, call)], HTTPStatus.CREATED)


def trigger(services: Services, call: Call) -> Answer:
    """Trigger a run of the workflow at a URL, which stands in the path, encoded."""
    url, text = unquote(call.params["url"]), call.body.decode(errors="replace")
    return answer(_told(_start(services, _planned(services, call, url, call.headers, text or None))))


def _start_all(services: Services, call: Call) -> list[Made]:
    """Start a run for each element, once all of them could be read and their workflows found."""
    triggers = read_struct(read_json(call.body), Triggers)
    planned = [_planned(services, call, one.destination, one.lower_headers, one.body) for one in triggers]
    return [_start(services, one) for one in planned]


def _start(services: Services, planned: _Planned) -> Made:
    """Start a run. One whose id was taken is that run, whatever it was asked for: ids are what Upstash goes by."""
    try:
        return services.runs.start(planned.command, planned.definition, PublishedVersion(), planned.request)
    except KeyReused:
        if planned.command.chosen is None:
            raise
        return Made(services.runs.load(planned.command.account, planned.command.chosen), is_repeat=True)


def _told(made: Made) -> Triggered:
    told: Triggered = {"workflowRunId": write_run_id(made.run), "workflowCreatedAt": made.run.created_at}
    if made.is_repeat:
        told["deduplicated"] = True
    return told


def _planned(services: Services, call: Call, url: str, headers: Mapping[str, str], body: Json) -> _Planned:
    """Read a trigger; raise a refusal if it is none, or if its workflow is not known."""
    if headers.get("upstash-workflow-init") == "false" or "upstash-workflow-calltype" in headers:
        raise StepNotExpected
    definition = definition_of(url) or services.definitions.at_url(call.account, url)
    name, idempotency_key = headers.get("upstash-workflow-runid"), read_idempotency_key(call)
    chosen = None if name is None else read_run_id(call.account, name)
    key = name or idempotency_key
    variables, wishes = _variables(body), read_wishes(headers)
    request = StartRequest(
        account=call.account,
        cause=call.cause("upstash", key),
        input=variables,
        labels=wishes.labels or (),
        overrides=_overrides(services, url, headers, wishes),
        alias=name if chosen is not None and plain_run_id(chosen) != name else None,
    )
    asked: Json = {"url": url, "input": variables, "wishes": {name: headers[name] for name in WISHES & headers.keys()}}
    return _Planned(Command(call.account, "upstash", "trigger", url, asked, key, chosen), definition, request)


def _variables(body: Json) -> Variables:
    """Answer what a run begins with: a JSON object is its variables, anything else is one of them."""
    value = body
    if isinstance(body, str):
        try:
            value = read_json(body.encode())
        except Invalid:
            value = body or None
    if value is None:
        return {}
    return value if isinstance(value, dict) else {PAYLOAD: value}


def _overrides(services: Services, url: str, headers: Mapping[str, str], wishes: Wishes) -> Overrides:
    if (wishes.flow_key is None) != (wishes.flow_limits is None):
        raise FlowIncomplete
    return Overrides(
        retries=wishes.retries,
        delay_s=_delay(services, headers, wishes),
        retry_delay=wishes.retry_delay,
        flow=FlowControl(wishes.flow_key, wishes.flow_limits) if wishes.flow_key and wishes.flow_limits else None,
        failure_callback=_callback(url, headers, wishes),
        headers=_forwarded(headers, _FORWARD),
    )


def _delay(services: Services, headers: Mapping[str, str], wishes: Wishes) -> float:
    """Answer the seconds to wait: until a time (Unix seconds) if one is given, which counts before a delay."""
    text = headers.get("upstash-not-before")
    if text is None:
        return wishes.delay_s
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):  # noqa: PLR2004 - digits of the year 5138
        raise HeaderInvalid("Upstash-Not-Before", "must be a Unix time in seconds.")
    delay_s = max(0.0, int(text) - services.now() / 1000)
    if delay_s > YEAR_S:
        raise QuotaExceeded("Upstash-Not-Before", "a year from now")
    return delay_s


def _callback(url: str, headers: Mapping[str, str], wishes: Wishes) -> FailureCallback | None:
    """Answer whom to tell of a failure. The workflow's own URL is nobody: a definition has no failure function."""
    if wishes.failure_url is None or wishes.failure_url == url:
        return None
    return FailureCallback(wishes.failure_url, _forwarded(headers, _CALLBACK_FORWARD))


def _forwarded(headers: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Answer the headers that are to be passed on, without the prefix that says so."""
    given = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    return {name: value for name, value in given.items() if name not in _NOT_FORWARDED}
