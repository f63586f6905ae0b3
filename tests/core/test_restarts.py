from dataclasses import dataclass, replace

import pytest

from chalicelib.core.births import Plan, plan_start
from chalicelib.core.causes import Cause
from chalicelib.core.ids import ActivityId, DeadLetterId, DefinitionKey, RunId, TransitionId
from chalicelib.core.journal import Entry, Failure, Input, Opened, Output, Performed, Signal, SignalName
from chalicelib.core.json_values import Variables
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import StartUnknown
from chalicelib.core.replay import replay
from chalicelib.core.restart_requests import (
    AfterEntry,
    At,
    Beginning,
    Data,
    FromFailure,
    RestartRequest,
    StartPoint,
    StartRequest,
)
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import ENDED, Run, RunStatus
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start
from tests.core.elements import ask, between, call
from tests.core.sources import ACCOUNT, BIRTH, CAUSE, NEW, SOURCE, Past, ended, past, request, version_of

A, B, C = ActivityId("a"), ActivityId("b"), ActivityId("c")
INPUT: Variables = {"x": 1}
CANCEL = Signal(SignalName.CANCEL, 1_500)
FAILED_C = Performed(C, 1, 1_500, failure=Failure("c", "http_503", "unwell"))

# A whole run writes six entries: input, a performed, b opened, b closed, c performed, output.
ORDER = between(call("a", output={"got": "${result}"}), ask("b"), call("c"))
VERSION = version_of(ORDER)
COMPLETED = past(ORDER, INPUT, 6)
FAILED = past(ORDER, INPUT, 4, FAILED_C)
CANCELED = past(ORDER, INPUT, 4, CANCEL)
CANCELED_AT_B = past(ORDER, INPUT, 3, CANCEL)
_, A_DONE, B_OPENED, B_CLOSED, C_DONE, OUTPUT = COMPLETED.journal


def planned(source: Past, asked: RestartRequest) -> Plan:
    return plan_restart(asked, source.run, source.journal, VERSION, BIRTH)


def resting(plan: Plan) -> list[str]:
    state = replay(ORDER, plan.run.start, plan.journal)
    return [token.activity for token in state.tokens.values()]


def at(*places: Place) -> At:
    return At(places)


# -- start points


@dataclass(frozen=True)
class Begins:
    """Where a new run begins: its entries after the input, of which some are kept, and its tokens."""

    source: Past
    start: StartPoint
    entries: list[Entry]
    tokens: list[str]
    status: RunStatus
    kept: int = 0


NEXT_B, NEXT_OUTPUT = Opened(B, 1, BIRTH.at), Output(BIRTH.at, variables=INPUT)
UP_TO_C: list[Entry] = [A_DONE, B_OPENED, B_CLOSED]
WITHOUT_JOURNAL = Past(COMPLETED.run)
POINTS = {
    "the beginning": Begins(WITHOUT_JOURNAL, Beginning(), [], ["a"], RunStatus.PENDING),
    # kept entries
    "after the input": Begins(COMPLETED, AfterEntry(0), [], ["a"], RunStatus.PENDING, kept=1),
    "after a result": Begins(COMPLETED, AfterEntry(1), [A_DONE, NEXT_B], ["b"], RunStatus.WAITING, kept=2),
    "after a wait began": Begins(COMPLETED, AfterEntry(2), UP_TO_C, ["c"], RunStatus.PENDING, kept=4),
    "after a wait was over": Begins(COMPLETED, AfterEntry(3), UP_TO_C, ["c"], RunStatus.PENDING, kept=4),
    "after the last result": Begins(
        COMPLETED, AfterEntry(4), [*UP_TO_C, C_DONE, replace(OUTPUT, at=BIRTH.at)], [], RunStatus.COMPLETED, kept=5
    ),
    "after the end": Begins(COMPLETED, AfterEntry(5), [*UP_TO_C, C_DONE, OUTPUT], [], RunStatus.COMPLETED, kept=6),
    "from a failed action": Begins(FAILED, FromFailure(), UP_TO_C, ["c"], RunStatus.PENDING, kept=4),
    "from a cancel": Begins(CANCELED, FromFailure(), UP_TO_C, ["c"], RunStatus.PENDING, kept=4),
    "from a cancel in a wait": Begins(CANCELED_AT_B, FromFailure(), [A_DONE, NEXT_B], ["b"], RunStatus.WAITING, kept=2),
    # places
    "before an activity": Begins(WITHOUT_JOURNAL, at(BeforeActivity(C)), [], ["c"], RunStatus.PENDING),
    "after an activity": Begins(WITHOUT_JOURNAL, at(AfterActivity(B)), [], ["c"], RunStatus.PENDING),
    "along a transition": Begins(
        WITHOUT_JOURNAL, at(AlongTransition(TransitionId("a_b"))), [NEXT_B], ["b"], RunStatus.WAITING
    ),
    "after the last activity": Begins(WITHOUT_JOURNAL, at(AfterActivity(C)), [NEXT_OUTPUT], [], RunStatus.COMPLETED),
    "at two places": Begins(
        WITHOUT_JOURNAL,
        at(BeforeActivity(A), AfterActivity(A)),
        [replace(NEXT_B, token=2)],
        ["a", "b"],
        RunStatus.RUNNING,
    ),
}


@pytest.mark.parametrize("begins", POINTS.values(), ids=POINTS)
def test_a_new_run_begins_where_its_start_point_says(begins: Begins):
    plan = planned(begins.source, request(start=begins.start))

    assert plan.journal == (Input(INPUT, BIRTH.at), *begins.entries)
    assert (plan.kept, plan.run.journal_length) == (begins.kept, len(plan.journal))
    assert resting(plan) == begins.tokens
    assert plan.run.status is begins.status
    assert (plan.run.started_at is None) == (begins.status is RunStatus.PENDING)


@pytest.mark.parametrize(
    ("start", "needs_journal"),
    [(Beginning(), False), (AfterEntry(1), True), (FromFailure(), True), (at(BeforeActivity(A)), False)],
)
def test_only_a_start_point_that_keeps_entries_needs_the_journal(start: StartPoint, needs_journal: bool):
    assert request(start=start).needs_journal is needs_journal


@pytest.mark.parametrize(
    ("source", "status"),
    [(COMPLETED, RunStatus.COMPLETED), (CANCELED, RunStatus.CANCELED), (FAILED, RunStatus.FAILED)],
)
def test_a_run_that_keeps_a_whole_journal_has_ended_as_its_source_did(source: Past, status: RunStatus):
    plan = planned(source, request(start=AfterEntry(len(source.journal) - 1)))

    assert source.run.status is status
    assert (plan.run.status, plan.run.failure) == (status, source.run.failure)
    assert plan.journal[1:] == source.journal[1:]


def test_a_run_that_keeps_entries_begins_at_its_sources_places():
    start = Start((BeforeActivity(B),), is_skipping_listeners=True)
    source = past(ORDER, INPUT, 3, CANCEL, start=start)

    assert planned(source, request(start=AfterEntry(1))).run.start == start
    assert planned(source, request(start=FromFailure())).run.start == start
    assert planned(source, request()).run.start == Start()


def test_a_source_that_still_runs_is_restarted_where_the_request_allows_it():
    source = past(ORDER, INPUT, 3)
    assert source.run.status is RunStatus.WAITING

    plan = planned(source, request(start=AfterEntry(1), allowed=ENDED | {RunStatus.WAITING}))

    assert (plan.run.lineage.source, plan.kept) == (SOURCE, 2)


# -- data

CHANGED = Past(replace(COMPLETED.run, variables={"x": 2, "y": 3}))
DATA: list[tuple[StartPoint, Data, Variables, Variables]] = [
    (Beginning(), Data.INPUT, {}, {"x": 1}),
    (Beginning(), Data.LAST_VARIABLES, {}, {"x": 2, "y": 3}),
    (Beginning(), Data.INPUT, {"y": 9}, {"x": 1, "y": 9}),
    (Beginning(), Data.LAST_VARIABLES, {"y": 9}, {"x": 2, "y": 9}),
    (at(BeforeActivity(C)), Data.INPUT, {}, {"x": 1}),
    (at(BeforeActivity(C)), Data.LAST_VARIABLES, {"x": None}, {"x": None, "y": 3}),
]


@pytest.mark.parametrize(("start", "data", "overlay", "begun"), DATA)
def test_a_new_run_begins_with_the_data_asked_for_and_the_overlay_over_it(
    start: StartPoint, data: Data, overlay: Variables, begun: Variables
):
    plan = planned(CHANGED, request(start=start, data=data, overlay=overlay))

    assert (plan.run.input, plan.run.variables) == (begun, begun)
    assert plan.journal[0] == Input(begun, BIRTH.at)


def test_an_overlay_lies_under_what_the_kept_entries_write():
    plan = planned(COMPLETED, request(start=AfterEntry(1), overlay={"got": "overlay", "more": True}))

    assert plan.run.input == {"x": 1, "got": "overlay", "more": True}
    assert plan.run.variables == {"x": 1, "got": "a/0", "more": True}


# -- who the new run is

OWN = Past(replace(COMPLETED.run, overrides=Overrides(retries=7, retry_delay_s=2.0, delay_s=60.0)))
SAID: list[tuple[RestartRequest, str, object]] = [
    (request(), "business_key", "order-7"),
    (request(is_keeping_business_key=False), "business_key", None),
    (request(), "labels", ("blue",)),
    (request(labels=()), "labels", ()),
    (request(labels=("red", "green")), "labels", ("red", "green")),
    (request(), "overrides", Overrides(retries=7, retry_delay_s=2.0)),
    (request(retries=0), "overrides", Overrides(retries=0, retry_delay_s=2.0)),
    (request(retry_delay_s=0.0), "overrides", Overrides(retries=7, retry_delay_s=0.0)),
    (request(delay_s=5.0), "overrides", Overrides(retries=7, retry_delay_s=2.0, delay_s=5.0)),
]


@pytest.mark.parametrize(("asked", "field", "value"), SAID)
def test_what_a_request_does_not_say_is_as_the_source_had_it_but_for_a_delay(
    asked: RestartRequest, field: str, value: object
):
    assert getattr(planned(OWN, asked).run, field) == value


def test_a_new_run_has_its_own_id_and_times_and_its_sources_account():
    version = version_of(between(call("a")), number=None)

    run = plan_restart(request(), FAILED.run, (), version, BIRTH).run

    assert (run.id, run.request_hash, run.created_at, run.updated_at) == (NEW, BIRTH.request_hash, BIRTH.at, BIRTH.at)
    assert (run.account, run.definition) == (ACCOUNT, FAILED.run.definition)
    assert (run.snapshot, run.version) == (version.snapshot, None)
    assert (run.started_at, run.ended_at, run.failure, run.revision) == (None, None, None, 1)


def test_each_restart_counts_on_and_remembers_its_source_and_the_root():
    cause = Cause("camunda", "key-2", reason="again", command="c-1")
    first = planned(COMPLETED, request(cause=cause)).run

    again = replace(request(), source=first.id)
    second = plan_restart(again, ended(first, RunStatus.FAILED), (), VERSION, replace(BIRTH, run_id=RunId("3"))).run

    assert lineage_of(COMPLETED.run) == (SOURCE, None, 1)
    assert lineage_of(first) == (SOURCE, SOURCE, 2)
    assert lineage_of(second) == (SOURCE, NEW, 3)
    assert (first.lineage.cause, second.lineage.cause) == (cause, CAUSE)


def lineage_of(run: Run) -> tuple[RunId, RunId | None, int]:
    return run.lineage.root, run.lineage.source, run.lineage.attempt


@pytest.mark.parametrize(
    ("delay_s", "wake_at"),
    [
        (0.5, BIRTH.at + 60_500),
        (5.0, BIRTH.at + 65_000),
        (900.0, BIRTH.at + 960_000),
        (86_400.0, BIRTH.at + 86_400_000),
    ],
)
def test_a_delayed_run_does_nothing_before_its_time(delay_s: float, wake_at: int):
    plan = planned(COMPLETED, request(start=AfterEntry(1), delay_s=delay_s))

    assert plan.journal[1:] == (A_DONE,)
    assert (plan.run.status, plan.run.journal_length) == (RunStatus.PENDING, 2)
    assert plan.run.variables == {"x": 1, "got": "a/0"}
    assert (plan.run.not_before, plan.run.wake_at) == (BIRTH.at + round(delay_s * 1000), wake_at)


# -- start events that were called by their names


@pytest.fixture
def named() -> Past:
    """A run that was called by the name of its start event."""
    return Past(replace(COMPLETED.run, start=Start((BeforeActivity(ORDER.starts[None]),), named=ORDER.starts[None])))


@pytest.mark.parametrize("target", [None, COMPLETED.run.definition])
def test_a_restart_begins_at_the_start_event_that_its_source_was_called_by(named, target):
    assert planned(named, request(target=target)).run.start == named.run.start


def test_a_restart_at_places_keeps_in_mind_how_its_source_was_called(named):
    start = planned(named, request(start=at(BeforeActivity(C)))).run.start

    assert start == Start((BeforeActivity(C),), named=named.run.start.named)


def test_a_restart_on_another_definition_goes_by_that_ones_conditions(named):
    assert planned(named, request(target=DefinitionKey("another"))).run.start == Start()


def test_a_version_without_that_start_event_is_refused(named):
    other = replace(named.run, start=replace(named.run.start, named=ActivityId("gone")))

    with pytest.raises(StartUnknown):
        planned(Past(other), request())


# -- first runs


def test_a_first_run_is_its_own_root():
    overrides = Overrides(retries=1, retry_delay_s=2.0)
    first = StartRequest(ACCOUNT, CAUSE, INPUT, business_key="order-8", labels=("red",), overrides=overrides)

    plan = plan_start(first, VERSION, BIRTH)

    assert plan == Plan(plan.run, (Input(INPUT, BIRTH.at),))
    assert lineage_of(plan.run) == (NEW, None, 1)
    assert (plan.run.business_key, plan.run.labels, plan.run.overrides) == ("order-8", ("red",), overrides)
    assert (plan.run.input, plan.run.start, plan.run.status) == (INPUT, Start(), RunStatus.PENDING)
    assert (plan.run.not_before, plan.run.wake_at) == (BIRTH.at, BIRTH.at + 60_000)


# -- dead letters


def test_a_restart_consumes_its_sources_dead_letter():
    letter = DeadLetterId("0000000002000-source")

    assert planned(Past(replace(FAILED.run, dead_letter=letter)), request()).consumed == letter
    assert planned(FAILED, request()).consumed is None


def test_a_run_that_fails_at_once_leaves_a_dead_letter():
    failing = version_of(between(ask("a", on_start=[{"set": {"y": "${missing}"}}])))

    plan = plan_restart(request(), COMPLETED.run, (), failing, BIRTH)

    letter, run = plan.dead_letter, plan.run
    assert letter is not None
    assert letter.id == f"{BIRTH.at:013d}-{NEW}"
    assert (run.status, run.dead_letter, run.failure) == (RunStatus.FAILED, letter.id, letter.failure)
    assert (letter.account, letter.run, letter.at) == (ACCOUNT, run, BIRTH.at)
    assert (run.business_key, run.labels) == ("order-7", ("blue",))
    assert (letter.failure.element, letter.consumed_by) == ("a", None)


@pytest.mark.parametrize("source", [COMPLETED, FAILED, CANCELED])
def test_a_run_that_does_not_fail_leaves_none(source: Past):
    assert planned(source, request()).dead_letter is None
