"""Dead letters as the SDKs read them (`DLQMessage` of @upstash/workflow, `DlqMessage` of qstash), and some more."""

from typing import Any

from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.definitions import DEFAULT_ATTEMPTS
from chalicelib.core.effects import Answered
from chalicelib.core.json_values import canonical_json
from chalicelib.core.runs import Run
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import plain_run_id, workflow_url, write_run_id
from chalicelib.dialects.upstash.letter_filters import STATES

Told = dict[str, Any]
LABEL_HEADER = "Upstash-Label"


def write_letter(letter: DeadLetter, trim: int | None = None) -> Told:
    """Write a dead letter; with `trim`, bodies are cut to so many characters."""
    run, failure = letter.run, letter.failure
    answered = failure.answer
    lineage = run.lineage
    told: Told = {
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


def sent_headers(run: Run) -> dict[str, list[str]]:
    """Answer the headers that came with the run's trigger; its labels are told as they are now."""
    sent = {name: [value] for name, value in run.overrides.headers.items()}
    return {**sent, LABEL_HEADER: [",".join(run.labels)]} if run.labels else sent


def multi(answered: Answered | None) -> dict[str, list[str]]:
    """Write headers as the wire does: each name with a list."""
    return {name: [value] for name, value in answered.headers.items()} if answered else {}


def _callback(run: Run) -> Told:
    wished, callback = run.overrides.failure_callback, run.callback
    if wished is None:
        return {}
    told: Told = {
        "failureCallback": wished.url,
        "failureCallbackHeader": {name: [value] for name, value in wished.headers.items()},
    }
    if callback is not None:
        state = STATES[callback.state]
        told |= {"failureFunctionState": state, "failureCallbackInfo": {"state": state, **_answer(callback.answer)}}
    return told


def _answer(answered: Answered | None) -> Told:
    if answered is None:
        return {}
    return {
        "responseStatus": answered.status,
        "responseBody": answered.body,
        "responseHeaders": multi(answered),
    }


def _labels(run: Run) -> Told:
    return {"label": run.labels[0], "labels": list(run.labels)} if run.labels else {}


def _flow(run: Run) -> Told:
    told: Told = {}
    if run.overrides.retry_delay is not None:
        told["retryDelayExpression"] = run.overrides.retry_delay
    flow = run.overrides.flow
    if flow is None:
        return told
    limits = flow.limits
    told |= {"flowControlKey": flow.key, "period": limits.period_s}
    told |= {} if limits.parallelism is None else {"parallelism": limits.parallelism}
    return told | ({} if limits.rate is None else {"rate": limits.rate})
