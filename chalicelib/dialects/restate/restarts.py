"""Restart an invocation as new (PATCH /invocations/{id}/restart-as-new, the admin API's restart_as_new_invocation).

What is wrong is told in the server's order: path, query, invocation's id, deployment's id, and only then what stands.
"""

from dataclasses import replace

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Json
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.runs import Run
from chalicelib.core.versions import PublishedVersion, VersionChoice
from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key, replayed
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.ids import read_deployment, read_run_id, write_run_id, write_version_id
from chalicelib.dialects.restate.places import FREE, PATH, read_text
from chalicelib.dialects.restate.query_strings import Wish, pairs_of, read_wish
from chalicelib.dialects.restate.refusals import Operation as Asked
from chalicelib.dialects.restate.refusals import telling
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command

LATEST = PublishedVersion()
"""What a restart runs on unless it is told; a resume keeps the deployment."""


class Restarted(msgspec.Struct, frozen=True):
    """The new invocation."""

    new_invocation_id: str


class Preview(msgspec.Struct, frozen=True):
    """What a new invocation would be pinned to, and how many entries its journal would begin with."""

    deployment: str
    kept_entries: int


class RestartQuery(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """`deployment`: `latest`, `keep` or an id; `from`: the last entry that is kept; `dry_run`: write nothing."""

    from_: int = 0
    deployment: str = "latest"
    dry_run: bool = False


def restart_as_new(services: Services, call: Call) -> Answer:
    text = read_text(call)
    wish = read_wish(pairs_of(call.query))
    source, version = read_run_id(text), read_deployment(wish.deployment, LATEST)
    key = read_idempotency_key(call)
    request = replace(request_for(call, version, key), source=source, start=wish.start)
    command = Command(call.account, "restate", "restart-as-new", source, _wished(wish), key)
    with telling(Asked.RESTART, text):
        if wish.is_dry_run:
            plan = services.restarts.preview(command, request)
            return answer(Preview(write_version_id(plan.run.snapshot), max(plan.kept, 1)))
        made = services.restarts.restart(command, request)
    return answer(Restarted(write_id(made.run)), headers=replayed(made))


def request_for(call: Call, version: VersionChoice, key: str | None = None) -> RestartRequest:
    """Answer what every restart over this dialect asks for; its source and its start are to be filled in."""
    cause = call.cause("restate", key)
    return RestartRequest(RunId(""), cause, version=version, is_restarting_workflows=False, is_bound_to_journal=True)


def write_id(run: Run) -> str:
    return write_run_id(run.id, run.lineage.root)


def _wished(wish: Wish) -> Json:
    return {"from": wish.entry, "deployment": wish.deployment or "latest"}


OPERATIONS = (
    Operation(
        Route("PATCH", f"{PATH}/restart-as-new", Scope.RESTART, restart_as_new, free=FREE),
        "Restart a completed invocation as a new one; with dry_run, say what would be kept and write nothing",
        answers={200: (Restarted, Preview)},
        query=RestartQuery,
        is_idempotent=True,
        refusals=(410, 413, 425),
    ),
)
