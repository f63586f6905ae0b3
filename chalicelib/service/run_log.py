"""Tell the log what becomes of runs. The template counts these lines: local/deploy/watching.py."""

import logging
from collections.abc import Iterable

from chalicelib.core.runs import Run

_LOG = logging.getLogger("reprise.runs")


def log_made(run: Run, *, is_repeat: bool) -> None:
    """Tell of a run that a command made, now or when it came the first time."""
    kind = "start" if run.lineage.source is None else "restart"
    cause = run.lineage.cause
    _log("run made", run, kind=kind, dialect=cause.dialect, batch=cause.batch or None, is_repeat=is_repeat)


def log_made_together(runs: Iterable[Run]) -> None:
    """Tell of runs that one command, or a batch's job, made now."""
    for run in runs:
        log_made(run, is_repeat=False)


def log_left(run: Run) -> None:
    """Tell how a worker leaves a run."""
    _log("run left", run, revision=run.revision)


def _log(what: str, run: Run, **more: object) -> None:
    """Name a run, and say nothing of what it holds."""
    _LOG.info(what, extra={"fields": {"account": run.account, "run": run.id, "status": run.status.value, **more}})
