"""Retab's dialect as a whole. Its SDKs of all eras find their routes here, each under the path that it knows."""

from dataclasses import replace
from typing import Any

from chalicelib.core.access import Scope
from chalicelib.dialects.edge import ANY_TYPE, Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.retab import runs, steps, workflows
from chalicelib.dialects.retab.errors import Error, write_error
from chalicelib.dialects.retab.reading import read_secret
from chalicelib.dialects.retab.requests import (
    Cancel,
    Create,
    Decision,
    Inputs,
    OfRun,
    Publish,
    Restart,
    RunQuery,
    StepQuery,
)
from chalicelib.dialects.retab.run_answers import WorkflowRun
from chalicelib.dialects.retab.runs import Cancellation, RunList
from chalicelib.dialects.retab.step_answers import WorkflowRunStep
from chalicelib.dialects.retab.steps import (
    DocumentUrl,
    ExecutionOrder,
    HilDecision,
    RunConfig,
    StepList,
    SubmittedDecision,
)
from chalicelib.dialects.retab.workflows import AuthStatus, SnapshotList, Workflow

_RUNS = "/v1/workflows/runs"
_RUN = f"{_RUNS}/{{run_id}}"
_WORKFLOW = "/v1/workflows/{workflow_id}"


ABOUT = About(
    title="Reprise: Retab",
    description="The routes of Retab's workflow runs that its SDKs 0.0.136 to 0.0.160 call.",
    error=Error,
    security={
        "apiKey": {"type": "apiKey", "in": "header", "name": "Api-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "accessToken": {"type": "apiKey", "in": "query", "name": "access_token"},
    },
)


_MUCH = 413
"""What there may be more of than one answer holds is refused so."""


def _read(path: str, handler: Any, summary: str, *answers: Any, query: Any = None, refusals: Any = ()) -> Operation:
    route = Route("GET", path, Scope.READ, handler)
    return Operation(route, summary, answers={200: answers}, query=query, refusals=(422, *refusals))


def _write(path: str, handler: Any, summary: str, *, body: Any, answered: Any, refusals: Any = ()) -> Operation:
    return Operation(
        Route("POST", path, Scope.WRITE, handler, ANY_TYPE),
        summary,
        answers={200: (answered,)},
        body=body,
        is_body_needed=False,
        refusals=(422, *refusals),
    )


def _make(path: str, handler: Any, summary: str, body: Any, scope: Scope = Scope.WRITE) -> Operation:
    """Describe what makes a run, and under a key one run."""
    made = _write(path, handler, summary, body=body, answered=WorkflowRun, refusals=(404,))
    return replace(made, route=replace(made.route, scope=scope), is_idempotent=True)


_OF_RUNS = (
    _make(f"{_RUN}/restart", runs.restart, "Make a new run with the inputs of an ended one", Restart, Scope.RESTART),
    _make(f"{_WORKFLOW}/run", runs.create_run, "Create a run (SDKs up to 0.0.142)", Inputs),
    _make(_RUNS, runs.create, "Create a run (SDK 0.0.143 on)", Create),
    _read(_RUNS, runs.listed, "List runs, with cursors both ways", RunList, query=RunQuery, refusals=(_MUCH,)),
    _read(_RUN, runs.show, "Show a run", WorkflowRun, refusals=(_MUCH,)),
    _write(
        f"{_RUN}/cancel",
        runs.cancel,
        "Cancel a run, or say that it could not be",
        body=Cancel,
        answered=Cancellation,
    ),
    Operation(
        Route("DELETE", _RUN, Scope.WRITE, runs.delete),
        "Take an ended run away",
        answers={204: ()},
        refusals=(409, 422),
    ),
    Operation(
        Route("POST", f"{_RUNS}/export_payload", Scope.READ, workflows.export, ANY_TYPE),
        "Not offered: always refused",
        answers={},
        refusals=(422,),
    ),
)
_OF_STEPS = (
    _read(
        f"{_RUN}/steps",
        steps.of_run,
        "List the steps of a run (SDKs up to 0.0.140: as a bare array)",
        list[WorkflowRunStep],
        StepList,
        refusals=(_MUCH,),
    ),
    _read(
        f"{_RUN}/steps/{{block_id}}",
        steps.of_block,
        "Show the last step of a block",
        WorkflowRunStep,
        refusals=(_MUCH,),
    ),
    _read(
        "/v1/workflows/steps",
        steps.listed,
        "List the steps of a run (SDK 0.0.143 on)",
        StepList,
        query=StepQuery,
        refusals=(404, _MUCH),
    ),
    _read(
        "/v1/workflows/steps/{step_id}",
        steps.show,
        "Show a step (SDK 0.0.143 on)",
        WorkflowRunStep,
        query=OfRun,
        refusals=(_MUCH,),
    ),
    _read(f"{_RUN}/config", steps.config, "Show the graph that a run runs on", RunConfig),
    _read(f"{_RUN}/execution-order", steps.execution_order, "List the ids of a run's steps in order", ExecutionOrder),
    _read(f"{_RUN}/documents/{{block_id}}", steps.document, "Say where an input document is", DocumentUrl),
    _write(
        f"{_RUN}/hil-decisions",
        steps.decide,
        "Decide at a block that waits for a person",
        body=Decision,
        answered=SubmittedDecision,
        refusals=(409,),
    ),
    _read(f"{_RUN}/hil-decisions/{{block_id}}", steps.decision, "Show what was decided at a block", HilDecision),
)
_OF_WORKFLOWS = (
    _write(f"{_WORKFLOW}/publish", workflows.publish, "Publish the draft", body=Publish, answered=Workflow),
    _read(f"{_WORKFLOW}/snapshots", workflows.snapshots, "List the published versions", SnapshotList),
    _read("/v1/auth/status", workflows.status, "Say which organization and environment a key opens", AuthStatus),
)
OPERATIONS = described("/v1/openapi.json", ABOUT, (*_OF_RUNS, *_OF_STEPS, *_OF_WORKFLOWS))

DIALECT = Dialect(
    name="retab",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=read_secret,
    write_error=write_error,
)
