"""Retab's dialect as a whole. Its SDKs of all eras find their routes here, each under the path that it knows."""

from typing import Any

import msgspec

from chalicelib.core.access import Scope
from chalicelib.dialects.edge import ANY_TYPE, Dialect, Route
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.retab import runs, steps, workflows
from chalicelib.dialects.retab.errors import write_error
from chalicelib.dialects.retab.reading import read_secret
from chalicelib.dialects.retab.requests import Cancel, Create, Decision, Inputs, Publish, Restart

Told = dict[str, Any]
_RUNS = "/v1/workflows/runs"
_RUN = f"{_RUNS}/{{run_id}}"
_WORKFLOW = "/v1/workflows/{workflow_id}"


class Error(msgspec.Struct, frozen=True):
    """Why nothing was done: a text, an object with a code, or the list of a validation error."""

    detail: Any


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


def _read(path: str, handler: Any, summary: str, *answers: Any) -> Operation:
    route = Route("GET", path, Scope.READ, handler)
    return Operation(route, summary, answers={200: answers or (Told,)}, refusals=(422,))


def _do(path: str, scope: Scope, handler: Any, summary: str, body: Any) -> Operation:
    return Operation(
        Route("POST", path, scope, handler, ANY_TYPE),
        summary,
        answers={200: (Told,)},
        body=body,
        is_body_needed=False,
        is_idempotent=True,
        refusals=(404,),
    )


OPERATIONS = described(
    "/v1/openapi.json",
    ABOUT,
    (
        _do(f"{_RUN}/restart", Scope.RESTART, runs.restart, "Make a new run with the inputs of an ended one", Restart),
        _do(f"{_WORKFLOW}/run", Scope.WRITE, runs.create_run, "Create a run (SDKs up to 0.0.142)", Inputs),
        _do(_RUNS, Scope.WRITE, runs.create, "Create a run (SDK 0.0.143 on)", Create),
        _read(_RUNS, runs.listed, "List runs, with cursors both ways"),
        _read(_RUN, runs.show, "Show a run"),
        _do(f"{_RUN}/cancel", Scope.WRITE, runs.cancel, "Cancel a run, or say that it could not be", Cancel),
        Operation(
            Route("DELETE", _RUN, Scope.WRITE, runs.delete),
            "Take an ended run away",
            answers={204: ()},
            refusals=(409, 422),
        ),
        _read(f"{_RUN}/steps", steps.of_run, "List the steps of a run", list[Told], Told),
        _read(f"{_RUN}/steps/{{block_id}}", steps.of_block, "Show the last step of a block"),
        _read("/v1/workflows/steps", steps.listed, "List the steps of a run (SDK 0.0.143 on)"),
        _read("/v1/workflows/steps/{step_id}", steps.show, "Show a step (SDK 0.0.143 on)"),
        _read(f"{_RUN}/config", steps.config, "Show the graph that a run runs on"),
        _read(f"{_RUN}/execution-order", steps.execution_order, "List the ids of a run's steps in order"),
        _read(f"{_RUN}/documents/{{block_id}}", steps.document, "Say where an input document is"),
        _do(f"{_RUN}/hil-decisions", Scope.WRITE, steps.decide, "Decide at a block that waits for a person", Decision),
        _read(f"{_RUN}/hil-decisions/{{block_id}}", steps.decision, "Show what was decided at a block"),
        _do(f"{_WORKFLOW}/publish", Scope.WRITE, workflows.publish, "Publish the draft", Publish),
        _read(f"{_WORKFLOW}/snapshots", workflows.snapshots, "List the published versions"),
        _do(f"{_RUNS}/export_payload", Scope.READ, workflows.export, "Not offered: always refused", Told),
        _read("/v1/auth/status", workflows.status, "Say which organization and environment a key opens"),
    ),
)

DIALECT = Dialect(
    name="retab",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=read_secret,
    write_error=write_error,
)
