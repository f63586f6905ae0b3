"""Dead letters as the SDKs read them (`DLQMessage` of @upstash/workflow, `DlqMessage` of qstash), and some more."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.definitions import DEFAULT_ATTEMPTS
from chalicelib.core.effects import Answered
from chalicelib.core.json_values import canonical_json
from chalicelib.core.runs import Run
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import plain_run_id, workflow_url, write_run_id
from chalicelib.dialects.upstash.letter_filters import STATES, CallbackStateWord

LABEL_HEADER = "Upstash-Label"

Headers: TypeAlias = dict[str, list[str]]
"""As the wire has them: each name with a list."""


class CallbackAnswer(TypedDict, total=False):
    """What an endpoint answered that was told of a failure, once it has."""

    responseStatus: int
    responseBody: str
    responseHeaders: Headers


class CallbackInfo(CallbackAnswer):
    state: CallbackStateWord


class LetterCallback(TypedDict, total=False):
    """Who is to be told of a failure, if anybody is, and how that stands."""

    failureCallback: str
    failureCallbackHeader: Headers
    failureFunctionState: CallbackStateWord
    failureCallbackInfo: CallbackInfo


class Labels(TypedDict, total=False):
    """The first label, and all of them; neither of what has none."""

    label: str
    labels: list[str]


class FlowSettings(TypedDict, total=False):
    """The period is in seconds."""

    retryDelayExpression: str
    flowControlKey: str
    period: int
    parallelism: int
    rate: int


class Letter(LetterCallback, Labels, FlowSettings):
    """A dead letter. Times are milliseconds since 1970; of a step that was never answered, the status is 0."""

    dlqId: str
    messageId: str
    url: str
    method: Literal["POST"]
    header: Headers
    body: str
    maxRetries: int
    notBefore: int
    createdAt: int
    callerIP: str
    workflowRunId: str
    workflowCreatedAt: int
    workflowUrl: str
    responseStatus: int
    responseHeader: Headers
    responseBody: str
    failedStep: str
    failedAt: int
    retried: int
    attempt: int
    restartedFrom: NotRequired[str]


def write_letter(letter: DeadLetter, trim: int | None = None) -> Letter:
    """Write a dead letter; with `trim`, bodies are cut to so many characters."""
    run, failure = letter.run, letter.failure
    answered = failure.answer
    lineage = run.lineage
    told: Letter = {
        "dlqId": letter.id,
        "messageId": message_id(run),
        "url": workflow_url(run),
        "method": "POST",
        "header": sent_headers(run),
        "body": canonical_json(run.input).decode()[:trim],
        "maxRetries": max_retries(run),
        "notBefore": run.created_at + round(run.overrides.delay_s * 1000),
        "createdAt": run.created_at,
        "callerIP": lineage.cause.address,
        "workflowRunId": write_run_id(run),
        "workflowCreatedAt": run.created_at,
        "workflowUrl": workflow_url(run),
        "responseStatus": answered.status if answered else 0,
        "responseHeader": multi(answered),
        "responseBody": (answered.body if answered else failure.message)[:trim],
        "failedStep": failure.element,
        "failedAt": letter.at,
        "retried": failure.tries - 1,
        "attempt": lineage.attempt,
    }
    if lineage.source is not None:
        told["restartedFrom"] = plain_run_id(lineage.source)
    return {**told, **_callback(run), **_labels(run), **_flow(run)}


def max_retries(run: Run) -> int:
    """Answer how often a step is tried again, as far as the run itself says."""
    return DEFAULT_ATTEMPTS - 1 if run.overrides.retries is None else run.overrides.retries


def sent_headers(run: Run) -> Headers:
    """Answer the headers that came with the run's trigger; its labels are told as they are now."""
    sent = {name: [value] for name, value in run.overrides.headers.items()}
    return {**sent, LABEL_HEADER: [",".join(run.labels)]} if run.labels else sent


def multi(answered: Answered | None) -> Headers:
    """Write headers as the wire does: each name with a list."""
    return {name: [value] for name, value in answered.headers.items()} if answered else {}


def _callback(run: Run) -> LetterCallback:
    wished, callback = run.overrides.failure_callback, run.callback
    if wished is None:
        return {}
    told: LetterCallback = {
        "failureCallback": wished.url,
        "failureCallbackHeader": {name: [value] for name, value in wished.headers.items()},
    }
    if callback is not None:
        state = STATES[callback.state]
        told |= {
            "failureFunctionState": state,
            "failureCallbackInfo": {"state": state, **callback_answer(callback.answer)},
        }
    return told


def callback_answer(answered: Answered | None) -> CallbackAnswer:
    if answered is None:
        return {}
    return {
        "responseStatus": answered.status,
        "responseBody": answered.body,
        "responseHeaders": multi(answered),
    }


def _labels(run: Run) -> Labels:
    return {"label": run.labels[0], "labels": list(run.labels)} if run.labels else {}


def _flow(run: Run) -> FlowSettings:
    told: FlowSettings = {}
    if run.overrides.retry_delay is not None:
        told["retryDelayExpression"] = run.overrides.retry_delay
    flow = run.overrides.flow
    if flow is None:
        return told
    limits = flow.limits
    told |= {"flowControlKey": flow.key, "period": limits.period_s}
    if limits.parallelism is not None:
        told["parallelism"] = limits.parallelism
    if limits.rate is not None:
        told["rate"] = limits.rate
    return told
