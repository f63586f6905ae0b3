"""After which entries of a run a new one could begin."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from chalicelib.core.births import Birth
from chalicelib.core.errors import RestartError
from chalicelib.core.journal import Journal
from chalicelib.core.restart_requests import AfterEntry, Beginning, RestartRequest
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import Run
from chalicelib.core.versions import Version


@dataclass(frozen=True, slots=True)
class RestartPoint:
    """An entry of a source, how many entries a new run that begins after it keeps, or why there is no such run."""

    entry: int
    kept: int = 0
    refusal: RestartError | None = None


def restart_points(
    request: RestartRequest, source: Run, journal: Journal, version: Version, *, birth: Birth, entries: Iterable[int]
) -> Iterator[RestartPoint]:
    """Say of each of these entries what a restart after it would keep, by planning it; entry 0 is the beginning."""
    for entry in entries:
        start = AfterEntry(entry) if entry else Beginning()
        try:
            plan = plan_restart(replace(request, start=start, is_resting=True), source, journal, version, birth)
        except RestartError as refusal:
            yield RestartPoint(entry, refusal=refusal)
        else:
            yield RestartPoint(entry, kept=max(plan.kept, 1))
