"""Which dead letters are meant: ids, or what holds of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from chalicelib.core.callbacks import CallbackState
from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.ids import DeadLetterId
from chalicelib.core.json_values import Json
from chalicelib.dialects.edge import Call
from chalicelib.dialects.places import Place, read_place
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash.errors import ParameterInvalid
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import workflow_url, write_run_id
from chalicelib.dialects.upstash.parameters import Parameters

CallbackStateWord = Literal["CALLBACK_INPROGRESS", "CALLBACK_SUCCESS", "CALLBACK_FAIL", "CALLBACK_CANCELED"]
STATES: Mapping[CallbackState, CallbackStateWord] = {
    CallbackState.IN_PROGRESS: "CALLBACK_INPROGRESS",
    CallbackState.SUCCEEDED: "CALLBACK_SUCCESS",
    CallbackState.FAILED: "CALLBACK_FAIL",
    CallbackState.CANCELED: "CALLBACK_CANCELED",
}
MAX_LISTED = 100

_ID = re.compile(r"[!-~]{1,128}")

_PAGING = frozenset({"count", "cursor"})
_OTHER_NAMES = {"callerIP": "callerIp", "failureCallbackState": "failureFunctionState", "url": "workflowUrl"}
_OTHERS_OWN = frozenset({"queueName", "scheduleId", "topicName"})  # QStash's: no run of ours has any
_SHOWN = frozenset({"source", "trimBody"})


class Selected(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which dead letters: these ids, or those of which all that is given holds. Query and body say the same."""

    dlq_ids: str | list[str] | None = None
    cursor: str | None = None
    count: int | None = None
    from_date: int | None = None
    to_date: int | None = None
    workflow_url: str | list[str] | None = None
    workflow_run_id: str | list[str] | None = None
    workflow_created_at: int | None = None
    label: str | list[str] | None = None
    failure_function_state: CallbackStateWord | list[CallbackStateWord] | None = None
    caller_ip: str | list[str] | None = None
    flow_control_key: str | list[str] | None = None
    response_status: int | list[int] | None = None


class Listed(Selected, frozen=True, kw_only=True, rename="camel"):
    """Which dead letters are listed. No run of ours has a queue, a schedule or a topic.

    What SDKs of old call otherwise is understood too.
    """

    old_caller_ip: str | list[str] | None = msgspec.field(default=None, name="callerIP")
    old_failure_function_state: str | list[str] | None = msgspec.field(default=None, name="failureCallbackState")
    old_workflow_url: str | list[str] | None = msgspec.field(default=None, name="url")
    message_id: str | list[str] | None = None
    queue_name: str | None = None
    schedule_id: str | None = None
    topic_name: str | None = None
    source: str | None = None
    trim_body: int | Literal["true", "false"] | None = None


class Shown(msgspec.Struct, frozen=True, rename="camel"):
    """What the SDKs say of one dead letter, which is shown whole."""

    trim_body: str | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a letter must be; None: anything."""

    urls: frozenset[str] | None
    run_ids: frozenset[str] | None
    created_at: int | None
    labels: frozenset[str] | None
    states: frozenset[str] | None
    addresses: frozenset[str] | None
    flow_keys: frozenset[str] | None
    statuses: frozenset[str] | None
    message_ids: frozenset[str] | None
    is_nobody: bool

    @classmethod
    def read(cls, asked: Parameters) -> "_Wanted":
        states = asked.all("failureFunctionState")
        if states is not None and not states <= frozenset(STATES.values()):
            raise ParameterInvalid("failureFunctionState", f"must be some of {', '.join(STATES.values())}")
        return cls(
            urls=asked.urls("workflowUrl"),
            run_ids=asked.all("workflowRunId"),
            created_at=asked.number("workflowCreatedAt"),
            labels=asked.all("label"),
            states=states,
            addresses=asked.all("callerIp"),
            flow_keys=asked.all("flowControlKey"),
            statuses=asked.all("responseStatus"),
            message_ids=asked.all("messageId"),
            is_nobody=any(asked.has(name) for name in _OTHERS_OWN),
        )

    def keeps(self, letter: DeadLetter) -> bool:
        run, answered = letter.run, letter.failure.answer
        flow, callback = run.overrides.flow, run.callback
        return (
            not self.is_nobody
            and _is_in(workflow_url(run), self.urls)
            and _is_in(write_run_id(run), self.run_ids)
            and self.created_at in (None, run.created_at)
            and (self.labels is None or not self.labels.isdisjoint(run.labels))
            and _is_in(None if callback is None else STATES[callback.state], self.states)
            and _is_in(run.lineage.cause.address, self.addresses)
            and _is_in(None if flow is None else flow.key, self.flow_keys)
            and _is_in(str(answered.status if answered else 0), self.statuses)
            and _is_in(message_id(run), self.message_ids)
        )


def _is_in(value: str | None, wanted: frozenset[str] | None) -> bool:
    return wanted is None or value in wanted


@dataclass(frozen=True, slots=True)
class Selection:
    """The letters that a call is about: these, or a page of those that a filter keeps."""

    ids: list[DeadLetterId] | None
    filter: LetterFilter
    place: Place
    count: int


def read_selection(services: Services, call: Call, *, most: int) -> Selection:
    """Read which letters many are to be done with; raises `ParameterInvalid`, `CursorInvalid`, `DeadLettersGone`."""
    asked = Parameters.read(call, Selected, _OTHER_NAMES)
    if asked.has("dlqIds"):
        return _read_ids(services, call, asked, most)
    return _read_page(services, call, asked, most)


def _read_ids(services: Services, call: Call, asked: Parameters, most: int) -> Selection:
    ids = [DeadLetterId(text) for text in asked.listed("dlqIds")]
    if not all(map(_ID.fullmatch, ids)):
        raise ParameterInvalid("dlqIds", "holds what cannot be an id")
    if len(ids) > most:
        raise ParameterInvalid("dlqIds", f"names more than {most}: nothing was done")
    return Selection(ids, LetterFilter(), read_place(services, call, None, listed=None), most)


def read_listing(services: Services, call: Call) -> tuple[Selection, int | None]:
    """Read which letters are to be listed, and to how many characters their bodies are cut."""
    asked = Parameters.read(call, Listed, _OTHER_NAMES)
    trim = asked.number("trimBody") if asked.one("trimBody") not in (None, "true", "false") else None
    if asked.has("dlqIds"):
        return _read_ids(services, call, asked, MAX_LISTED), trim
    return _read_page(services, call, asked, MAX_LISTED), trim


def _read_page(services: Services, call: Call, asked: Parameters, most: int) -> Selection:
    listed: Json = ["dlq", asked.asked(without=_PAGING | _SHOWN)]
    place = read_place(services, call, asked.one("cursor"), listed=listed)
    until = asked.number("toDate")
    if place.position is not None:  # what failed since the first page is not of this list
        until = place.first_page_at if until is None else min(until, place.first_page_at)
    filter_ = LetterFilter(asked.number("fromDate") or 0, until, _Wanted.read(asked).keeps)
    return Selection(None, filter_, place, asked.count(most, most))
