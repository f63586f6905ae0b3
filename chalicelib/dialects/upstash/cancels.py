"""Runs canceled: one, some, or all that a filter keeps."""

from collections.abc import Iterator
from typing import Literal, TypedDict

import msgspec

from chalicelib.core.ids import RunId
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash.errors import ParameterInvalid
from chalicelib.dialects.upstash.ids import read_run_id
from chalicelib.dialects.upstash.parameters import Parameters
from chalicelib.dialects.upstash.run_filters import RunsWanted, Wanted
from chalicelib.service.runs import RunEnded

MOST = 100  # of one call
_REASON = "canceled through /v2/workflows/runs"


class ToCancel(RunsWanted, frozen=True, kw_only=True, rename="camel"):
    """Which runs are canceled: these, or those of which all that is given holds. Query and body say the same."""

    workflow_run_ids: str | list[str] | None = None
    workflow_url_exact_match: Literal["true", "false"] | bool | None = None
    count: int | None = None


class ToEnd(msgspec.Struct, frozen=True):
    """How a run is ended: no other way is its client's."""

    cancel: Literal["true"] | None = None


class Canceled(TypedDict):
    """How many runs were canceled."""

    cancelled: int


def cancel_many(services: Services, call: Call) -> Answer:
    """Cancel runs; those that have ended, and those that nobody knows, are not counted."""
    asked = Parameters.read(call, ToCancel)
    if asked.has("workflowRunIds"):
        ids = [read_run_id(call.account, text) for text in asked.listed("workflowRunIds")]
        runs = services.runs.load_all(call.account, ids)
        chosen: Iterator[Run] = (runs[id_] for id_ in ids if id_ in runs)
    else:
        exact = asked.one("workflowUrlExactMatch")
        if exact not in (None, "true", "false"):
            raise ParameterInvalid("workflowUrlExactMatch", "must be true or false")
        wanted = Wanted.read(asked, is_exact=exact == "true", is_live=True)
        chosen = _live(services, call, asked, wanted)
    return answer(Canceled(cancelled=_cancel(services, call, chosen, asked.count(MOST, MOST))))


def _live(services: Services, call: Call, asked: Parameters, wanted: Wanted) -> Iterator[Run]:
    """Find the runs that a filter keeps, newest first."""
    position: str | None = None
    while True:
        page = services.runs.page(call.account, wanted.filter(asked), before=position, limit=MOST)
        heads = services.runs.load_all(call.account, [run.id for run in page.items])
        yield from (heads[run.id] for run in page.items if run.id in heads and wanted.keeps_head(heads[run.id]))
        if page.next is None:
            return
        position = page.next


def _cancel(services: Services, call: Call, runs: Iterator[Run], most: int) -> int:
    canceled = 0
    for run in runs:
        if canceled == most:
            break
        if not run.status.is_ended:
            canceled += _is_canceled(services, call, run.id)
    return canceled


def _is_canceled(services: Services, call: Call, run_id: RunId) -> bool:
    try:
        services.runs.cancel(call.account, run_id, _REASON)
    except (RunEnded, RunNotFound):
        return False
    return True


def cancel_one(services: Services, call: Call) -> Answer:
    """Cancel a run; raise `RunNotFound` for one that has ended, too."""
    asked = Parameters.read(call, ToEnd)
    if asked.one("cancel") not in (None, "true"):
        raise ParameterInvalid("cancel", "must be true: a definition's run comes to its end by itself")
    run_id = read_run_id(call.account, call.params["run_id"])
    try:
        services.runs.cancel(call.account, run_id, _REASON)
    except RunEnded as error:
        raise RunNotFound(run_id) from error
    return Answer(200)
