"""Runs as our own dialect answers them: in lists without their data, by themselves with all of it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from chalicelib.core import births, causes, overrides, runs
from chalicelib.core.callbacks import CallbackState
from chalicelib.core.ids import RunId
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import RunStatus
from chalicelib.core.waits import Wait
from chalicelib.dialects.edge import Answer
from chalicelib.dialects.idempotency import replayed
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.ops.answers import Failure, Shape, write_failure_or_none
from chalicelib.dialects.ops.journal_answers import AnyEntry, write_entry
from chalicelib.dialects.ops.requests import StartPoint
from chalicelib.dialects.times import write_time, write_time_or_none
from chalicelib.service.births import Made


class Cause(Shape, frozen=True):
    """What brought the run about: `actor` is the id of an API key, `command` an idempotency key.

    `request_id` is what the request was answered with; the run's lines in the log and its calls to the outside have it.
    """

    dialect: str
    actor: str
    reason: str
    command: str
    request_id: str


class Run(Shape, frozen=True):
    """A run without its data. An ended one is not there any more from `expires_at` on, nor its journal from its own."""

    id: str
    definition: str
    version: int | None
    snapshot_id: str
    status: RunStatus
    business_key: str | None
    labels: list[str]
    root_id: str
    source_id: str | None
    attempt: int
    cause: Cause
    failure: Failure | None
    dead_letter_id: str | None
    journal_length: int
    created_at: str
    updated_at: str
    started_at: str | None
    ended_at: str | None
    expires_at: str | None
    journal_expires_at: str | None


class RunList(Shape, frozen=True):
    runs: list[Run]
    next_cursor: str | None


def write_cause(cause: causes.Cause) -> Cause:
    return Cause(
        dialect=cause.dialect,
        actor=cause.actor,
        reason=cause.reason,
        command=cause.command,
        request_id=cause.request_id,
    )


def write_run(run: runs.Run | RunSummary) -> Run:
    return Run(
        id=run.id,
        definition=run.definition,
        version=run.version,
        snapshot_id=run.snapshot,
        status=run.status,
        business_key=run.business_key,
        labels=list(run.labels),
        root_id=run.lineage.root,
        source_id=run.lineage.source,
        attempt=run.lineage.attempt,
        cause=write_cause(run.lineage.cause),
        failure=write_failure_or_none(run.failure),
        dead_letter_id=run.dead_letter,
        journal_length=run.journal_length,
        created_at=write_time(run.created_at),
        updated_at=write_time(run.updated_at),
        started_at=write_time_or_none(run.started_at),
        ended_at=write_time_or_none(run.ended_at),
        expires_at=write_time_or_none(run.expiry.run),
        journal_expires_at=write_time_or_none(run.expiry.journal),
    )


# -- one run, with its data


class FlowControl(Shape, frozen=True):
    key: str
    parallelism: int | None
    rate: int | None
    period: int


class Overrides(Shape, frozen=True):
    """`failure_callback` is a URL; the headers that go there are not shown."""

    retries: int | None
    retry_delay: float | None
    retry_delay_expression: str | None
    delay: float
    flow_control: FlowControl | None
    failure_callback: str | None


class FailureCallback(Shape, frozen=True):
    """How telling of the failure stands, and what the other side answered last."""

    state: CallbackState
    status: int | None
    body: str | None


class OpenTask(Shape, frozen=True):
    """A user task that waits; complete it by its `entry`."""

    entry: int
    activity: str
    since: str
    input: dict[str, Any]


class OpenTimer(Shape, frozen=True):
    entry: int
    activity: str
    since: str
    due: str


class RunDetail(Run, frozen=True):
    """A run with its data, when somebody may next work on it, and what it waits for."""

    input: dict[str, Any]
    variables: dict[str, Any]
    overrides: Overrides
    failure_callback: FailureCallback | None
    next_work_at: str | None
    open_tasks: list[OpenTask]
    timers: list[OpenTimer]


def made_answer(made: Made) -> Answer:
    """Answer a new run as created, and one that an earlier request made as what it is."""
    return answer(write_run(made.run), 200 if made.is_repeat else 201, replayed(made))


def write_run_detail(run: runs.Run, waits: Sequence[Wait]) -> RunDetail:
    return RunDetail(
        **msgspec.structs.asdict(write_run(run)),
        input=run.input,
        variables=run.variables,
        overrides=_write_overrides(run.overrides),
        failure_callback=_write_callback(run),
        next_work_at=write_time_or_none(run.not_before),
        open_tasks=[_open_task(wait) for wait in waits if wait.due is None],
        timers=[_open_timer(wait, wait.due) for wait in waits if wait.due is not None],
    )


def _write_overrides(held: overrides.Overrides) -> Overrides:
    return Overrides(
        retries=held.retries,
        retry_delay=held.retry_delay_s,
        retry_delay_expression=held.retry_delay,
        delay=held.delay_s,
        flow_control=None if held.flow is None else _write_flow(held.flow),
        failure_callback=held.failure_callback.url if held.failure_callback else None,
    )


def _write_flow(flow: overrides.FlowControl) -> FlowControl:
    return FlowControl(flow.key, flow.limits.parallelism, flow.limits.rate, flow.limits.period_s)


def _write_callback(run: runs.Run) -> FailureCallback | None:
    if run.callback is None:
        return None
    answered = run.callback.answer
    if answered is None:
        return FailureCallback(run.callback.state, None, None)
    return FailureCallback(run.callback.state, answered.status, answered.body)


def _open_task(wait: Wait) -> OpenTask:
    return OpenTask(entry=wait.entry, activity=wait.activity, since=write_time(wait.since), input=wait.input)


def _open_timer(wait: Wait, due: int) -> OpenTimer:
    return OpenTimer(entry=wait.entry, activity=wait.activity, since=write_time(wait.since), due=write_time(due))


# -- families


class Relative(Run, frozen=True):
    children: list[str]


class Family(Shape, frozen=True):
    """A root and what was restarted from it at any remove, oldest first; beyond a bound the newest are left out."""

    root: str
    runs: list[Relative]
    is_truncated: bool


def write_family(root: RunId, members: Sequence[RunSummary], *, is_truncated: bool) -> Family:
    children: dict[str, list[str]] = {run.id: [] for run in members}
    for run in members:
        children.setdefault(run.lineage.source or "", []).append(run.id)
    relatives = [Relative(**msgspec.structs.asdict(write_run(run)), children=children[run.id]) for run in members]
    return Family(root=root, runs=relatives, is_truncated=is_truncated)


# -- previews


class Plan(Shape, frozen=True):
    """What a restart would write: the run as far as it gets at once, and the entries that are not the source's."""

    start: StartPoint
    definition: str
    version: int | None
    snapshot_id: str
    status: RunStatus
    attempt: int
    business_key: str | None
    labels: list[str]
    kept_entries: int
    new_entries: list[AnyEntry]
    input: dict[str, Any]
    variables: dict[str, Any]


class Preview(Shape, frozen=True):
    plan: Plan


def write_plan(plan: births.Plan, start: StartPoint) -> Preview:
    run = plan.run
    new = [write_entry(i, entry) for i, entry in enumerate(plan.journal) if i == 0 or i >= plan.kept]
    return Preview(
        plan=Plan(
            start=start,
            definition=run.definition,
            version=run.version,
            snapshot_id=run.snapshot,
            status=run.status,
            attempt=run.lineage.attempt,
            business_key=run.business_key,
            labels=list(run.labels),
            kept_entries=plan.kept,
            new_entries=new,
            input=run.input,
            variables=run.variables,
        )
    )
