"""Tell the log what becomes of runs. What is counted of these lines, see metrics.py."""

import logging
from collections.abc import Iterable

from chalicelib.core.runs import Run

_LOG = logging.getLogger("reprise.runs")


def log_made(run: Run, *, is_repeat: bool) -> None:
    """Tell of a run that a command made, now or when it came the first time."""
    _log("run made", run, **_origin(run), batch=run.lineage.cause.batch or None, is_repeat=is_repeat)


def log_made_together(runs: Iterable[Run]) -> None:
    """Tell of runs that one command, or a batch's job, made now."""
    for run in runs:
        log_made(run, is_repeat=False)


def log_begun(run: Run, at: int) -> None:
    """Tell that a worker has begun a run at a time (ms), and how long it could have before."""
    _log("run begun", run, **_origin(run), waited_ms=at - (run.not_before or at))


def log_left(run: Run) -> None:
    """Tell how a worker leaves a run."""
    _log("run left", run, revision=run.revision)


def _origin(run: Run) -> dict[str, str]:
    kind = "start" if run.lineage.source is None else "restart"
    return {"kind": kind, "dialect": run.lineage.cause.dialect}


def _log(what: str, run: Run, **more: object) -> None:
    """Name a run and the request that it began with, and say nothing of what it holds."""
    request = run.lineage.cause.request_id or None
    named = {"account": run.account, "run": run.id, "status": run.status.value, "request_id": request}
    _LOG.info(what, extra={"fields": {**named, **more}})
