"""Runs over Retab's routes: create, restart, get, list, cancel, delete."""

from typing import Literal, Required, TypedDict, cast

import msgspec

from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.restart_requests import RestartRequest, StartRequest
from chalicelib.core.run_summaries import list_position
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.versions import DraftVersion, PublishedVersion
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.idempotency import read_idempotency_key, replayed
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.retab.ids import read_run_id, read_version, write_run_id
from chalicelib.dialects.retab.lists import Ends
from chalicelib.dialects.retab.reading import is_ascending, last, read_body, read_fields, read_filter, read_limit
from chalicelib.dialects.retab.refusals import CursorUnknown, QueryInvalid
from chalicelib.dialects.retab.requests import Cancel, Create, Inputs, Restart, read_input, write_labels
from chalicelib.dialects.retab.run_answers import (
    Lifecycle,
    RunInputs,
    RunWorkflow,
    Timing,
    Trigger,
    WorkflowRun,
    write_run,
)
from chalicelib.dialects.services import Services
from chalicelib.service.births import Made
from chalicelib.service.commands import Command
from chalicelib.service.runs import RunEnded


class Cancellation(TypedDict):
    run: WorkflowRun
    cancellation_status: Literal["cancelled", "cancellation_failed"]


def shown(services: Services, run: Run) -> WorkflowRun:
    """Write a run under its definition's name."""
    name = services.definitions.of(run).definition.name or run.definition
    return write_run(run, name, services.retab_sdk)


def restart(services: Services, call: Call) -> Answer:
    """Make a new run with the source's inputs; under a `command_id`, answer the one that it made first.

    Retab's page says that a repeated command never restarts a second time, whatever else the repeat says.
    """
    source, asked, header = read_run_id(call.params["run_id"]), read_body(call, Restart), read_idempotency_key(call)
    key = asked.command_id or None
    version = DraftVersion() if asked.config_source == "draft" else PublishedVersion()
    said = asked.config_source or "published"
    command = Command(call.account, "retab", "restart", source, None if key else said, key or header)
    cause = call.cause("retab", command.key)
    return _made(services, services.restarts.restart(command, RestartRequest(source, cause, version=version)))


def create_run(services: Services, call: Call) -> Answer:
    """Create a run of the workflow in the path (SDKs up to 0.0.142)."""
    return _started(services, call, DefinitionKey(call.params["workflow_id"]), read_body(call, Inputs))


def create(services: Services, call: Call) -> Answer:
    """Create a run of the workflow in the body (later SDKs); the CLI's way to restart one names its parent."""
    asked = read_body(call, Create)
    if asked.parent_run_id is None:
        return _started(services, call, DefinitionKey(asked.workflow_id), asked)
    source, key = read_run_id(asked.parent_run_id), read_idempotency_key(call)
    request = RestartRequest(
        source,
        call.cause("retab", key),
        version=read_version(asked.version),
        overlay=read_input(asked),
        labels=None if asked.metadata is None else write_labels(asked.metadata),
    )
    command = Command(call.account, "retab", "create", source, msgspec.to_builtins(asked), key)
    return _made(services, services.restarts.restart(command, request))


def _started(services: Services, call: Call, workflow: DefinitionKey, asked: Inputs) -> Answer:
    key = read_idempotency_key(call)
    cause = call.cause("retab", key)
    labels = write_labels(asked.metadata or {})
    request = StartRequest(call.account, cause, read_input(asked), labels=labels)
    command = Command(call.account, "retab", "create", workflow, msgspec.to_builtins(asked), key)
    return _made(services, services.runs.start(command, workflow, read_version(asked.version), request))


def _made(services: Services, made: Made) -> Answer:
    return answer(shown(services, made.run), headers=replayed(made))


def show(services: Services, call: Call) -> Answer:
    return answer(shown(services, services.runs.load(call.account, read_run_id(call.params["run_id"]))))


def cancel(services: Services, call: Call) -> Answer:
    """Cancel a run. One that has ended by itself is no error: the answer says so, and shows it."""
    read_body(call, Cancel)
    run_id = read_run_id(call.params["run_id"])
    try:
        run = services.runs.cancel(call.account, run_id, "")
    except RunEnded:
        run = services.runs.load(call.account, run_id)
    is_cancelled = run.status is RunStatus.CANCELED
    status: Literal["cancelled", "cancellation_failed"] = "cancelled" if is_cancelled else "cancellation_failed"
    return answer(Cancellation(run=shown(services, run), cancellation_status=status))


def delete(services: Services, call: Call) -> Answer:
    services.runs.delete(call.account, read_run_id(call.params["run_id"]))
    return Answer(204)


# -- lists


class ListedRun(TypedDict, total=False):
    """A run with the members that the list was asked for: all of them if none was named."""

    id: Required[str]
    organization_id: str
    workflow: RunWorkflow
    workflow_id: str
    workflow_version_id: str
    trigger: Trigger
    lifecycle: Lifecycle
    timing: Timing
    inputs: RunInputs
    metadata: dict[str, str]


class RunList(TypedDict):
    data: list[ListedRun]
    list_metadata: Ends


def listed(services: Services, call: Call) -> Answer:
    """List runs. Cursors are ids of runs: what follows `after`, or what comes before `before`."""
    filter_, limit, is_upwards = read_filter(call), read_limit(call), is_ascending(call)
    after, before = last(call, "after"), last(call, "before")
    if after and before:
        raise QueryInvalid("before", "cannot be given together with 'after'")
    cursor = after or before
    position = None if cursor is None else _position(services, call, cursor)
    page = services.runs.page(
        call.account, filter_, before=position, limit=limit, is_ascending=is_upwards is not bool(before)
    )
    found = services.runs.load_all(call.account, [run.id for run in page.items])
    runs = [found[run.id] for run in page.items if run.id in found]
    beyond = None if page.next is None else write_run_id(RunId(page.next.partition("#")[2]))
    if before:
        runs.reverse()
    first, final = (write_run_id(runs[0].id), write_run_id(runs[-1].id)) if runs else (None, None)
    ends: Ends = {"before": beyond, "after": final}
    if not before:
        ends = {"before": first if after else None, "after": beyond}
    wanted = read_fields(call)
    return answer(RunList(data=[_listed(shown(services, run), wanted) for run in runs], list_metadata=ends))


def _listed(run: WorkflowRun, wanted: frozenset[str]) -> ListedRun:
    """Keep the members that are wanted, the id among them."""
    kept = {name: value for name, value in run.items() if not wanted or name in {"id", *wanted}}
    return cast("ListedRun", kept)


def _position(services: Services, call: Call, cursor: str) -> str:
    try:
        run = services.runs.load(call.account, read_run_id(cursor))
    except RunNotFound as error:
        raise CursorUnknown from error
    return list_position(run.created_at, run.id)
