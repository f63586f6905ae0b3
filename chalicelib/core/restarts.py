"""The one question: given a source run, its journal and a request, what does the new run begin with, or why not?

`plan_restart` is pure: the same arguments give the same plan, and the source is only read.

| start point      | tokens begin             | journal begins with                                            |
|------------------|--------------------------|----------------------------------------------------------------|
| Beginning        | at a start event         | a new input                                                    |
| AfterEntry(k)    | where the source's did   | entries 0..k, then only the Closed entries owed to them        |
| FromFailure      | where the source's did   | all entries before the failure or cancel, without open waits   |
| At(places)       | at the places            | a new input                                                    |
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from chalicelib.core.beginnings import check_places, first_places
from chalicelib.core.births import Birth, Plan, begun_run, blank_run, lined_up
from chalicelib.core.definitions import DefinitionType
from chalicelib.core.journal import Entry, Input, Journal, ReplayMismatch
from chalicelib.core.json_values import Variables
from chalicelib.core.overrides import FlowControl, Overrides
from chalicelib.core.prefixes import after_entry, before_failure
from chalicelib.core.refusals import (
    DataNotApplicable,
    FlowIncomplete,
    JournalGone,
    NothingFailed,
    SkipsNotApplicable,
    SourceNotStarted,
    SourceOfOtherVersion,
    SourceStatusNotAllowed,
    SourceStillRunning,
    VersionIncompatible,
    WorkflowNotRestarted,
)
from chalicelib.core.restart_requests import (
    AfterEntry,
    At,
    Beginning,
    Data,
    FromFailure,
    Inherited,
    RestartRequest,
)
from chalicelib.core.runs import Lineage, Run, RunStatus
from chalicelib.core.state import Start
from chalicelib.core.versions import Version


def plan_restart(request: RestartRequest, source: Run, journal: Journal, version: Version, birth: Birth) -> Plan:
    """Answer what the new run begins with, or raise the refusal that says why there is none.

    `journal` is the source's whole journal if the start point needs it, else it may be empty.
    """
    check_source(request, source, birth.at)
    if request.only_of not in (None, (source.definition, source.version)):
        raise SourceOfOtherVersion(source.id, source.definition, source.version)
    start, kept = _start(request, source, journal)
    check_places(version.definition, start.places)
    variables = {**_inherited(_data(request, source), request.inherited), **request.overlay}
    if isinstance(request.start, Beginning):
        start = replace(start, places=first_places(version.definition, variables, start.named))
    entries = (Input(variables, birth.at), *kept[1:])
    cause = request.cause
    lineage = Lineage(source.lineage.root, source=source.id, attempt=source.lineage.attempt + 1, cause=cause)
    run = replace(
        blank_run(birth, source.account, version, start=start, lineage=lineage, variables=variables),
        business_key=source.business_key if request.is_keeping_business_key else None,
        labels=source.labels if request.labels is None else request.labels,
        overrides=_overrides(request, source.overrides),
        retention=source.retention,
        is_of_many=request.is_of_many,
    )
    run = lined_up(run, version.definition, source)
    try:
        plan = begun_run(run, version.definition, entries, birth.at, is_resting=request.is_resting)
    except ReplayMismatch as mismatch:
        raise VersionIncompatible(version.snapshot, mismatch.index, mismatch.problem) from mismatch
    return replace(plan, kept=len(kept), consumed=source.dead_letter)


def check_source(request: RestartRequest, source: Run, at: int) -> None:
    """Raise the refusal of a source that this request can never restart at a time (ms), on whatever version."""
    _check_status(request, source)
    if (request.needs_journal or request.is_bound_to_journal) and not source.expiry.has_journal(at):
        raise JournalGone(source.id)
    if source.type is DefinitionType.WORKFLOW and not request.is_restarting_workflows:
        raise WorkflowNotRestarted(source.id)


def _check_status(request: RestartRequest, source: Run) -> None:
    if source.status in request.allowed:
        return
    match source.status:
        case RunStatus.PENDING:
            raise SourceNotStarted(source.id)
        case RunStatus.RUNNING | RunStatus.WAITING | RunStatus.PAUSED:
            raise SourceStillRunning(source.id, source.status.value)
        case _:
            raise SourceStatusNotAllowed(source.id, source.status.value)


def _start(request: RestartRequest, source: Run, journal: Journal) -> tuple[Start, tuple[Entry, ...]]:
    """Answer where tokens begin, and the entries of the source that are kept."""
    named = source.start.named if request.target in {None, source.definition} else None
    skipping = Start((), request.is_skipping_listeners, request.is_skipping_mappings, named)
    match request.start:
        case Beginning():
            return skipping, ()
        case At(places):
            return replace(skipping, places=places), ()
        case AfterEntry(index):
            _check_journal(request, source, journal)
            return source.start, after_entry(journal, index)
        case FromFailure():
            _check_journal(request, source, journal)
            if source.status is RunStatus.COMPLETED:
                raise NothingFailed(source.id)
            return source.start, before_failure(journal)
        case _:
            assert_never(request.start)


def _check_journal(request: RestartRequest, source: Run, journal: Journal) -> None:
    if len(journal) < source.journal_length:
        raise JournalGone(source.id)
    if request.data is not Data.INPUT:
        raise DataNotApplicable
    if request.is_skipping_listeners or request.is_skipping_mappings:
        raise SkipsNotApplicable


def _data(request: RestartRequest, source: Run) -> Variables:
    match request.data:
        case Data.INPUT:
            return source.input
        case Data.LAST_VARIABLES:
            return source.variables
        case _:
            assert_never(request.data)


def _inherited(variables: Variables, wanted: Inherited) -> Variables:
    """Keep what is wanted of some variables; a path names fields of objects in objects, by dots."""
    kept = {name: value for name, value in variables.items() if wanted.only is None or name in wanted.only}
    for path in wanted.without:
        kept = _dropped(kept, path.split("."))
    return kept


def _dropped(held: Variables, path: Sequence[str]) -> Variables:
    name, *rest = path
    inner = held.get(name)
    if rest and isinstance(inner, dict):
        return {**held, name: _dropped(inner, rest)}
    return held if rest else {key: value for key, value in held.items() if key != name}


def _overrides(request: RestartRequest, source: Overrides) -> Overrides:
    """Lay the request's wishes over the source's; a delay is for one run only."""
    wished = replace(
        source,
        retries=source.retries if request.retries is None else request.retries,
        delay_s=request.delay_s,
        flow=_flow(request, source.flow),
        failure_callback=request.failure_callback or source.failure_callback,
    )
    if request.retry_delay_s is None and request.retry_delay is None:
        return wished
    return replace(wished, retry_delay_s=request.retry_delay_s, retry_delay=request.retry_delay)


def _flow(request: RestartRequest, source: FlowControl | None) -> FlowControl | None:
    """Take the key or the limits that the request does not name from the source."""
    if request.flow_key is None and request.flow_limits is None:
        return source
    key = request.flow_key or (source.key if source else None)
    limits = request.flow_limits or (source.limits if source else None)
    if key is None or limits is None:
        raise FlowIncomplete
    return FlowControl(key, limits)
