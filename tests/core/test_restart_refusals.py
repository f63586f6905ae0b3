from dataclasses import dataclass, replace

import pytest

from chalicelib.core.errors import RestartError
from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.journal import Signal, SignalName
from chalicelib.core.refusals import (
    DataNotApplicable,
    ElementAmbiguous,
    ElementUnknown,
    EntryOutOfRange,
    JournalGone,
    NothingFailed,
    PrefixIncomplete,
    SkipsNotApplicable,
    SourceNotStarted,
    SourceStatusNotAllowed,
    SourceStillRunning,
    VersionIncompatible,
)
from chalicelib.core.restart_requests import AfterEntry, At, Data, FromFailure, RestartRequest
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import RunStatus
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start
from chalicelib.core.versions import Version
from tests.core.elements import END, START, ask, between, call, line, read, way
from tests.core.sources import BIRTH, SOURCE, Past, past, request, version_of

CANCEL = Signal(SignalName.CANCEL, 1_500)
ORDER = between(call("a"), ask("b"), call("c"))
VERSION = version_of(ORDER)
COMPLETED = past(ORDER, {}, 6)
CANCELED_AT_B = past(ORDER, {}, 3, CANCEL)
BEGUN_AT_B = past(ORDER, {}, 3, CANCEL, start=Start((BeforeActivity(ActivityId("b")),)))
BEGUN_AFTER_B = past(ORDER, {}, 2, CANCEL, start=Start((AfterActivity(ActivityId("b")),)))


def calls(*names: str) -> Version:
    return version_of(between(*(call(name) for name in names)))


FORKING_AT_B = version_of(read(START, ask("b"), END, *line("start", "b", "end"), way("b", "end") | {"id": "t"}))


def standing(status: RunStatus) -> Past:
    return Past(replace(COMPLETED.run, status=status))


def at(*places: Place) -> RestartRequest:
    return request(start=At(places))


def before(activity: str) -> Place:
    return BeforeActivity(ActivityId(activity))


def after(activity: str) -> Place:
    return AfterActivity(ActivityId(activity))


@dataclass(frozen=True)
class Case:
    source: Past
    asked: RestartRequest
    refusal: RestartError
    version: Version = VERSION


CASES = {
    # the source's status
    "not started": Case(standing(RunStatus.PENDING), request(), SourceNotStarted(SOURCE)),
    "running": Case(standing(RunStatus.RUNNING), request(), SourceStillRunning(SOURCE, "running")),
    "waiting": Case(standing(RunStatus.WAITING), request(), SourceStillRunning(SOURCE, "waiting")),
    "completed, where only failed runs are restarted": Case(
        COMPLETED,
        request(allowed=frozenset({RunStatus.FAILED})),
        SourceStatusNotAllowed(SOURCE, "completed"),
    ),
    "nothing failed": Case(COMPLETED, request(start=FromFailure()), NothingFailed(SOURCE)),
    # the journal
    "no journal": Case(Past(COMPLETED.run), request(start=AfterEntry(0)), JournalGone(SOURCE)),
    "half a journal": Case(
        Past(CANCELED_AT_B.run, CANCELED_AT_B.journal[:2]), request(start=FromFailure()), JournalGone(SOURCE)
    ),
    "no such entry": Case(COMPLETED, request(start=AfterEntry(6)), EntryOutOfRange(6, 6)),
    "a negative entry": Case(COMPLETED, request(start=AfterEntry(-1)), EntryOutOfRange(-1, 6)),
    "a wait that was never closed": Case(CANCELED_AT_B, request(start=AfterEntry(2)), PrefixIncomplete([2])),
    "last variables beside kept entries": Case(
        COMPLETED, request(start=AfterEntry(1), data=Data.LAST_VARIABLES), DataNotApplicable()
    ),
    "last variables from a failure": Case(
        CANCELED_AT_B, request(start=FromFailure(), data=Data.LAST_VARIABLES), DataNotApplicable()
    ),
    "listeners skipped beside kept entries": Case(
        COMPLETED, request(start=AfterEntry(1), is_skipping_listeners=True), SkipsNotApplicable()
    ),
    "mappings skipped from a failure": Case(
        CANCELED_AT_B, request(start=FromFailure(), is_skipping_mappings=True), SkipsNotApplicable()
    ),
    # the version
    "a version without a kept activity": Case(
        COMPLETED,
        request(start=AfterEntry(1)),
        VersionIncompatible(calls("c").snapshot, 1, "there is no activity 'a'"),
        calls("c"),
    ),
    "a version in which a kept wait is none": Case(
        COMPLETED,
        request(start=AfterEntry(2), delay_s=5.0),
        VersionIncompatible(calls("a", "b").snapshot, 2, "'b' is of another type"),
        calls("a", "b"),
    ),
    "a version without the place where the source began": Case(
        BEGUN_AT_B, request(start=FromFailure()), ElementUnknown("b"), calls("c")
    ),
    "a version with two ways on from where the source began": Case(
        BEGUN_AFTER_B, request(start=AfterEntry(1)), ElementAmbiguous("b", 2), FORKING_AT_B
    ),
    # the places
    "before what is not there": Case(COMPLETED, at(before("c"), before("x")), ElementUnknown("x")),
    "after what is not there": Case(COMPLETED, at(after("a_b")), ElementUnknown("a_b")),
    "along what is not there": Case(COMPLETED, at(AlongTransition(TransitionId("a"))), ElementUnknown("a")),
    "after the end": Case(COMPLETED, at(after("end")), ElementAmbiguous("end", 0)),
    "after an activity with two ways on": Case(COMPLETED, at(after("b")), ElementAmbiguous("b", 2), FORKING_AT_B),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_restart_is_refused_with_its_reason(case: Case):
    with pytest.raises(type(case.refusal)) as refused:
        plan_restart(case.asked, case.source.run, case.source.journal, case.version, BIRTH)

    assert type(refused.value) is type(case.refusal)
    assert (refused.value.message, refused.value.details) == (case.refusal.message, case.refusal.details)


def test_what_the_source_is_comes_before_where_the_new_run_begins():
    with pytest.raises(SourceStillRunning):
        plan_restart(at(before("x")), standing(RunStatus.RUNNING).run, (), VERSION, BIRTH)
