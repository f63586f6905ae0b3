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
from typing import Literal, NotRequired, TypeAlias, TypedDict

import msgspec

from chalicelib.core.journal import Closed, Entry, Failure, Input, Opened, Output, Performed
from chalicelib.core.json_values import Json, canonical_json
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import plain_run_id, workflow_url, write_run_id
from chalicelib.dialects.upstash.letter_answers import Headers, callback_answer, multi, sent_headers
from chalicelib.dialects.upstash.letter_filters import STATES as CALLBACK_STATES
from chalicelib.dialects.upstash.letter_filters import CallbackStateWord
from chalicelib.dialects.upstash.run_filters import STATES, RunState

StepType = Literal["Initial", "Run", "Wait", "SleepUntil"]
StepState = Literal["STEP_PROGRESS", "STEP_RETRY", "STEP_FAILED"]
"""Of a step that has not come to a good end."""


class FinishedStep(TypedDict):
    """A step that has come to a good end, with what it gave as JSON."""

    stepId: int
    callType: Literal["step"]
    messageId: str
    retries: int
    concurrent: int
    state: Literal["STEP_SUCCESS"]
    headers: Headers
    stepName: str
    stepType: StepType
    out: str
    createdAt: int


class StepError(TypedDict):
    """What an attempt was answered; the status is 0 if it was not."""

    error: str
    body: str
    headers: Headers
    status: int
    time: int


class ComingStep(TypedDict):
    """A step that is open, is to be tried again, or has failed. One that is not known by name yet has none."""

    messageId: str
    state: StepState
    retries: int
    stepName: NotRequired[str]
    nextDeliveryTime: NotRequired[int]
    errors: NotRequired[list[StepError]]


class Sequential(msgspec.Struct, frozen=True, tag_field="type", tag="sequential"):
    steps: list[FinishedStep]


class Next(msgspec.Struct, frozen=True, tag_field="type", tag="next"):
    steps: list[ComingStep]


StepGroup: TypeAlias = Sequential | Next


class FailureFunction(TypedDict):
    """Who is told of the failure, of what, and how that stands; and what was answered, once it was."""

    messageId: str
    url: str
    state: CallbackStateWord
    failStatus: int
    failResponse: str
    failHeaders: Headers
    dlqId: str
    responseStatus: NotRequired[int]
    responseBody: NotRequired[str]
    responseHeaders: NotRequired[Headers]


class RunLog(TypedDict):
    """A run with its steps. Times are milliseconds since 1970."""

    workflowRunId: str
    workflowUrl: str
    workflowState: RunState
    workflowRunCreatedAt: int
    steps: list[StepGroup]
    workflowRunCompletedAt: NotRequired[int]
    workflowRunResponse: NotRequired[str]
    label: NotRequired[str]
    labels: NotRequired[list[str]]
    dlqId: NotRequired[str]
    failureFunction: NotRequired[FailureFunction]
    restartedFrom: NotRequired[str]


def write_log(run: Run, journal: Sequence[Entry], trim: int | None = None) -> RunLog:
    """Write a run with its steps; with `trim`, what they gave is cut to so many characters."""
    told: RunLog = {
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


def _done(run: Run, journal: Sequence[Entry], trim: int | None) -> list[StepGroup]:
    """List what has come to a good end, one group each."""
    groups: list[StepGroup] = []
    for index, entry in enumerate(journal):
        match entry:
            case Input(variables, at):
                step = _finished(run, index, "init", "Initial", out=_text(variables, trim), at=at)
            case Performed(activity=activity, at=at, result=result, failure=None):
                step = _finished(run, index, activity, "Run", out=_text(result, trim), at=at)
            case Closed(opened=opened, at=at, result=result):
                begun = journal[opened]
                assert isinstance(begun, Opened)
                kind: StepType = "Wait" if begun.due is None else "SleepUntil"
                step = _finished(run, index, begun.activity, kind, out=_text(result, trim), at=at)
            case _:
                continue
        groups.append(Sequential([step]))
    return groups


def _finished(run: Run, index: int, name: str, kind: StepType, *, out: str, at: int) -> FinishedStep:
    return {
        "stepId": index,
        "callType": "step",
        "messageId": f"{message_id(run)}_{index}",
        "retries": 0,
        "concurrent": 1,
        "state": "STEP_SUCCESS",
        "headers": sent_headers(run),
        "stepName": name,
        "stepType": kind,
        "out": out,
        "createdAt": at,
    }


def _next(run: Run, journal: Sequence[Entry]) -> list[StepGroup]:
    """Tell of the step that failed, or of those that are open; nothing when there is none."""
    if run.failure is not None:
        return [Next([_failed(run, run.failure)])]
    if run.status.is_ended:
        return []
    closed = {entry.opened for entry in journal if isinstance(entry, Closed)}
    open_ones: list[ComingStep] = [
        {**_coming(run, f"{index}", "STEP_PROGRESS", 0), "stepName": entry.activity}
        for index, entry in enumerate(journal)
        if isinstance(entry, Opened) and index not in closed
    ]
    tried: list[ComingStep] = [
        {**_coming(run, f"t{token}", "STEP_RETRY", tries.count), "nextDeliveryTime": tries.not_before}
        for token, tries in run.tries.items()
        if tries.count
    ]
    return [Next(open_ones + tried or [_coming(run, "next", "STEP_PROGRESS", 0)])]


def _coming(run: Run, name: str, state: StepState, retries: int) -> ComingStep:
    return {"messageId": f"{message_id(run)}_{name}", "state": state, "retries": retries}


def _failed(run: Run, failure: Failure) -> ComingStep:
    assert run.ended_at is not None
    answered = failure.answer
    error: StepError = {
        "error": failure.message,
        "body": answered.body if answered else "",
        "headers": multi(answered),
        "status": answered.status if answered else 0,
        "time": run.ended_at,
    }
    coming = _coming(run, "failed", "STEP_FAILED", failure.tries - 1)
    return {**coming, "stepName": failure.element, "errors": [error]}


def _failure_function(run: Run) -> FailureFunction:
    assert run.callback is not None
    assert run.failure is not None
    assert run.dead_letter is not None
    wished, answered, failed = run.overrides.failure_callback, run.callback.answer, run.failure.answer
    return {
        "messageId": f"{message_id(run)}_failure",
        "url": wished.url if wished else "",
        "state": CALLBACK_STATES[run.callback.state],
        "failStatus": failed.status if failed else 0,
        "failResponse": failed.body if failed else run.failure.message,
        "failHeaders": multi(failed),
        "dlqId": run.dead_letter,
        **callback_answer(answered),
    }
