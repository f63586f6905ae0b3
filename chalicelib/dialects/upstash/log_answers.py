"""Runs as the SDK's logs read them (`WorkflowRunLog` of @upstash/workflow): what was done, and what comes next.

| of our journal                     | in the log                                                     |
|------------------------------------|----------------------------------------------------------------|
| input                              | the step `init`                                                |
| an action that has succeeded       | a step `Run`                                                   |
| a wait that is over                | a step `Wait` (a person) or `SleepUntil` (time)                |
| the action that failed             | in the last group, `next`, with what it was answered           |
| actions and waits that are open    | in the last group, `next`                                      |
"""

from collections.abc import Sequence
from typing import Any

from chalicelib.core.journal import Closed, Entry, Failure, Input, Opened, Output, Performed
from chalicelib.core.json_values import Json, canonical_json
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import plain_run_id, workflow_url, write_run_id
from chalicelib.dialects.upstash.letter_answers import Told, multi, sent_headers
from chalicelib.dialects.upstash.letter_filters import STATES as CALLBACK_STATES
from chalicelib.dialects.upstash.run_filters import STATES


def write_log(run: Run, journal: Sequence[Entry], trim: int | None = None) -> Told:
    """Write a run with its steps; with `trim`, what they gave is cut to so many characters."""
    told: Told = {
        "workflowRunId": write_run_id(run),
        "workflowUrl": workflow_url(run),
        "workflowState": STATES[run.status],
        "workflowRunCreatedAt": run.created_at,
        "steps": [*_done(run, journal, trim), *_next(run, journal)],
    }
    if run.ended_at is not None:
        told["workflowRunCompletedAt"] = run.ended_at
    if run.status is RunStatus.COMPLETED:
        told["workflowRunResponse"] = _text(_result(run, journal), trim)
    if run.labels:
        told |= {"label": run.labels[0], "labels": list(run.labels)}
    if run.dead_letter is not None:
        told["dlqId"] = run.dead_letter
    if run.callback is not None:
        told["failureFunction"] = _failure_function(run)
    if run.lineage.source is not None:
        told["restartedFrom"] = plain_run_id(run.lineage.source)
    return told


def _result(run: Run, journal: Sequence[Entry]) -> Json:
    last = journal[-1] if journal else None
    return last.variables if isinstance(last, Output) else run.variables


def _text(value: Json, trim: int | None) -> str:
    return canonical_json(value).decode()[:trim]


def _done(run: Run, journal: Sequence[Entry], trim: int | None) -> list[Told]:
    """List what has come to a good end, one group each."""
    groups: list[Told] = []
    for index, entry in enumerate(journal):
        match entry:
            case Input(variables, at):
                step = {"stepName": "init", "stepType": "Initial", "out": _text(variables, trim), "createdAt": at}
            case Performed(activity=activity, at=at, result=result, failure=None):
                step = {"stepName": activity, "stepType": "Run", "out": _text(result, trim), "createdAt": at}
            case Closed(opened=opened, at=at, result=result):
                begun = journal[opened]
                assert isinstance(begun, Opened)
                kind = "Wait" if begun.due is None else "SleepUntil"
                step = {"stepName": begun.activity, "stepType": kind, "out": _text(result, trim), "createdAt": at}
            case _:
                continue
        groups.append({"type": "sequential", "steps": [{**_step(run, index), **step}]})
    return groups


def _step(run: Run, index: int) -> Told:
    return {
        "stepId": index,
        "callType": "step",
        "messageId": f"{message_id(run)}_{index}",
        "retries": 0,
        "concurrent": 1,
        "state": "STEP_SUCCESS",
        "headers": sent_headers(run),
    }


def _next(run: Run, journal: Sequence[Entry]) -> list[Told]:
    """Tell of the step that failed, or of those that are open; nothing when there is none."""
    if run.failure is not None:
        return [{"type": "next", "steps": [_failed(run, run.failure)]}]
    if run.status.is_ended:
        return []
    closed = {entry.opened for entry in journal if isinstance(entry, Closed)}
    open_ones = [
        {**_coming(run, f"{index}", "STEP_PROGRESS", 0), "stepName": entry.activity}
        for index, entry in enumerate(journal)
        if isinstance(entry, Opened) and index not in closed
    ]
    tried = [
        {**_coming(run, f"t{token}", "STEP_RETRY", tries.count), "nextDeliveryTime": tries.not_before}
        for token, tries in run.tries.items()
        if tries.count
    ]
    return [{"type": "next", "steps": open_ones + tried or [_coming(run, "next", "STEP_PROGRESS", 0)]}]


def _coming(run: Run, name: str, state: str, retries: int) -> Told:
    return {"messageId": f"{message_id(run)}_{name}", "state": state, "retries": retries}


def _failed(run: Run, failure: Failure) -> Told:
    answered = failure.answer
    error = {
        "error": failure.message,
        "body": answered.body if answered else "",
        "headers": multi(answered),
        "status": answered.status if answered else 0,
        "time": run.ended_at,
    }
    coming: dict[str, Any] = _coming(run, "failed", "STEP_FAILED", failure.tries - 1)
    return {**coming, "stepName": failure.element, "errors": [error]}


def _failure_function(run: Run) -> Told:
    assert run.callback is not None
    assert run.failure is not None
    wished, answered, failed = run.overrides.failure_callback, run.callback.answer, run.failure.answer
    told: Told = {
        "messageId": f"{message_id(run)}_failure",
        "url": wished.url if wished else "",
        "state": CALLBACK_STATES[run.callback.state],
        "failStatus": failed.status if failed else 0,
        "failResponse": failed.body if failed else run.failure.message,
        "failHeaders": multi(failed),
        "dlqId": run.dead_letter,
    }
    if answered is not None:
        told |= {
            "responseStatus": answered.status,
            "responseBody": answered.body,
            "responseHeaders": multi(answered),
        }
    return told
