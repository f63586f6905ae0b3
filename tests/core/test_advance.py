from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.core.advance import (
    CompletionRefused,
    closed,
    failed,
    next_effects,
    settle,
    task_input,
)
from chalicelib.core.definitions import Definition
from chalicelib.core.errors import Invalid
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Closed, Entry, Failure, Opened, Output, Performed, Signal, SignalName
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import apply, begin
from chalicelib.core.state import Start, State, Token
from tests.core.elements import (
    END,
    START,
    ask,
    between,
    call,
    choice,
    compute,
    element,
    line,
    nothing,
    parallel,
    pause,
    read,
    sub,
    way,
)

A = ActivityId("a")
AT = 1_000_000_000_000  # 2001-09-09T01:46:40Z
SECOND, DAY = 1_000, 86_400_000
BAD = "${missing}"


def begun(definition: Definition, **variables: Json) -> State:
    return begin(definition, Start(), variables)


def entries(definition: Definition, at: int = AT, **variables: Json) -> tuple[Entry, ...]:
    """Answer what settling a new run appends."""
    return settle(definition, begun(definition, **variables), at).entries


def asking(definition: Definition, state: State) -> Token:
    return next_effects(definition, state)[0]


def failure_of(entry: Entry) -> tuple[str, str]:
    assert isinstance(entry, Output | Performed)
    assert entry.failure is not None
    return entry.failure.element, entry.failure.code


# -- timers


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


DUE: list[tuple[Variables, int]] = [
    ({"after_s": 10}, AT + 10 * SECOND),
    ({"after_s": 0.25}, AT + 250),
    ({"after_s": "2.5"}, AT + 2_500),
    ({"after_s": "${n * 2}"}, AT + 6 * SECOND),
    ({"after_s": "${own}", "input": {"own": "${n}"}}, AT + 3 * SECOND),
    ({"after_s": 366 * 86_400}, AT + 366 * DAY),
    ({"until": iso(AT + DAY)}, AT + DAY),
    ({"until": "${then}"}, AT + 5 * SECOND),
    ({"until": "2001-09-09T01:46:41"}, AT + SECOND),
    ({"until": "2001-09-09T03:46:41+02:00"}, AT + SECOND),
    ({"until": "2001-09-10"}, AT + DAY - (AT % DAY)),
]


@pytest.mark.parametrize(("fields", "due"), DUE)
def test_a_timer_opens_a_wait_until_its_time(fields: Variables, due: int):
    assert entries(between(pause("a", **fields)), n=3, then="2001-09-09T01:46:45Z") == (Opened(A, 1, AT, due=due),)


@pytest.mark.parametrize("fields", [{"after_s": 0}, {"after_s": -5}, {"until": "1999-01-01"}])
def test_a_timer_whose_time_is_past_closes_at_once(fields: Variables):
    assert entries(between(pause("a", **fields))) == (
        Opened(A, 1, AT, due=AT),
        Closed(1, AT, writes={}),
        Output(AT, variables={}),
    )


def test_a_timer_closes_when_it_is_due_and_not_before():
    definition = between(pause("a", after_s=10, output={"after": "${result}"}))
    state = settle(definition, begun(definition), AT).state

    assert settle(definition, state, AT + 9_999).entries == ()
    assert settle(definition, state, AT + 10_000).entries == (
        Closed(1, AT + 10_000, writes={"after": None}),
        Output(AT + 10_000, variables={"after": None}),
    )


INVALID_TIMERS: list[Variables] = [
    {"after_s": True},
    {"after_s": [1]},
    {"after_s": "${null}"},
    {"after_s": "soon"},
    {"after_s": "nan"},
    {"after_s": "inf"},
    {"after_s": "-inf"},
    {"after_s": 10**400},
    {"after_s": 366 * 86_400 + 1},
    {"after_s": BAD},
    {"after_s": 1, "input": {"x": BAD}},
    {"until": "tomorrow"},
    {"until": "${1}"},
    {"until": "9999-12-31T23:59:59Z"},
]


@pytest.mark.parametrize("fields", INVALID_TIMERS)
def test_a_timer_without_a_time_is_the_runs_failure(fields: Variables):
    [output] = entries(between(pause("a", **fields)))

    assert failure_of(output) == ("a", "timer_invalid")


def test_a_timer_whose_output_fails_is_the_runs_failure():
    opened, output = entries(between(pause("a", after_s=0, output={"x": BAD})))

    assert opened == Opened(A, 1, AT, due=AT)
    assert failure_of(output) == ("a", "expression_failed")


# -- user tasks


def waiting(task: Variables, **variables: Json) -> tuple[Definition, State, Token]:
    """Answer a run that waits at a user task."""
    definition = between(task)
    settled = settle(definition, begun(definition, **variables), AT)
    assert settled.entries == (Opened(A, 1, AT),)
    return definition, settled.state, settled.state.tokens[1]


@pytest.mark.parametrize(
    ("output", "writes"),
    [
        ({}, {"ok": True, "n": 1}),
        ({"sum": "${result.n + own}"}, {"sum": 11}),
        ({"seen": "${result}"}, {"seen": {"ok": True, "n": 1}}),
    ],
)
def test_a_completion_writes_its_variables_or_what_the_output_mapping_makes_of_them(
    output: Variables, writes: Variables
):
    definition, state, token = waiting(ask("a", input={"own": "${base}"}, output=output), base=10)

    entry = closed(definition, state, token, {"ok": True, "n": 1}, AT + 1)

    assert entry == Closed(1, AT + 1, result={"ok": True, "n": 1}, writes=writes)
    assert apply(definition, state, entry).variables == {"base": 10, **writes}


def test_a_completion_that_the_output_mapping_does_not_take_is_refused():
    definition, state, token = waiting(ask("a", output={"sum": "${result.n}"}))

    with pytest.raises(CompletionRefused, match=r"The output mapping of 'a' failed: .*n") as refusal:
        closed(definition, state, token, {}, AT)

    assert isinstance(refusal.value, Invalid)
    assert refusal.value.code == "completion_invalid"


@pytest.mark.parametrize(("mapping", "shown"), [({"own": "${base + 1}"}, {"own": 11}), ({}, {}), ({"own": BAD}, {})])
def test_a_user_task_shows_what_its_input_mapping_makes(mapping: Variables, shown: Variables):
    definition, state, token = waiting(ask("a", input=mapping), base=10)

    assert task_input(definition, state, token) == shown


# -- what needs nobody


def test_waits_are_opened_oldest_token_first_and_each_once():
    definition = read(
        *(START, pause("p", after_s=1), ask("a"), call("c"), END),
        *(*line("start", "p", "end"), *line("start", "a", "end"), *line("start", "c", "end")),
    )

    settled = settle(definition, begun(definition), AT)

    assert settled.entries == (Opened(ActivityId("p"), 1, AT, due=AT + SECOND), Opened(A, 2, AT))
    assert settle(definition, settled.state, AT).entries == ()
    assert settled.state.length == 3


COMPUTED: list[tuple[Variables, Performed]] = [
    (nothing("a"), Performed(A, 1, AT, writes={})),
    (nothing("a", output={"x": "${result}"}), Performed(A, 1, AT, writes={"x": None})),
    (compute("a", ["${n}"]), Performed(A, 1, AT, result=[2], writes={})),
    (compute("a", "${n}", output={"n": "${result + n}"}), Performed(A, 1, AT, result=2, writes={"n": 4})),
    (compute("a", "${own}", input={"own": "${n}"}, output={"x": "${own}"}), Performed(A, 1, AT, 2, {"x": 2})),
]


@pytest.mark.parametrize(("task", "entry"), COMPUTED)
def test_a_task_that_asks_nothing_of_the_world_is_performed_at_once(task: Variables, entry: Performed):
    assert entries(between(task), n=2) == (entry, Output(AT, variables={"n": 2, **(entry.writes or {})}))


@pytest.mark.parametrize(
    "task",
    [
        compute("a", BAD),
        compute("a", 1, input={"x": BAD}),
        compute("a", 1, output={"x": BAD}),
        nothing("a", output={"x": BAD}),
    ],
)
def test_a_task_whose_expressions_fail_fails_the_run(task: Variables):
    entry, output = entries(between(task), n=2)

    assert isinstance(entry, Performed)
    assert failure_of(entry) == ("a", "expression_failed")
    assert output == Output(AT, failure=entry.failure)


def test_a_run_whose_last_token_has_ended_puts_its_variables_out():
    assert entries(read(START, END, way("start", "end")), x=1) == (Output(AT, variables={"x": 1}),)


@pytest.mark.parametrize("last", [Output(AT), Signal(SignalName.CANCEL, AT)])
def test_nothing_follows_an_end(last: Entry):
    definition = between(call("a"))
    state = apply(definition, begun(definition), last)

    assert settle(definition, state, AT).entries == ()
    assert next_effects(definition, state) == ()


def test_a_run_that_has_failed_asks_for_nothing_more():
    definition = read(START, call("a"), call("b"), END, *line("start", "a", "end"), *line("start", "b", "end"))
    state = begun(definition)

    state = apply(definition, state, failed(asking(definition, state), Failure("a", "http_503", "unwell"), AT))

    assert next_effects(definition, state) == ()
    assert settle(definition, state, AT).entries == (Output(AT, failure=Failure("a", "http_503", "unwell")),)


def test_a_journal_that_is_full_ends_the_run():
    definition = between(call("a"))
    state = replace(begun(definition), length=9_999)
    assert settle(definition, state, AT).entries == ()

    [output] = settle(definition, replace(state, length=10_000), AT).entries

    assert output == Output(AT, failure=Failure("definition", "journal_full", "More than 10000 entries."))


STARVED = Failure("j", "join_starved", "No token can reach this join any more.")


def test_a_join_whose_other_tokens_can_never_come_fails_the_run():
    definition = read(
        *(START, choice("g", default="g_j"), ask("b"), parallel("j"), END),
        *(way("start", "g"), way("g", "j"), way("g", "b", condition="false"), *line("b", "j", "end")),
    )

    assert entries(definition) == (Output(AT, failure=STARVED),)


def test_a_join_in_a_sub_process_starves_too():
    inside = [
        element("s", "start_event"),
        choice("g", default="g_j"),
        ask("b"),
        parallel("j"),
        element("e", "end_event"),
    ]
    ways = [way("s", "g"), way("g", "j"), way("g", "b", condition="false"), *line("b", "j", "e")]

    assert entries(between(sub("p", *inside, *ways))) == (Output(AT, failure=STARVED),)


def test_a_join_is_waited_for_while_any_token_may_still_come():
    definition = read(
        START, parallel("f"), ask("b"), parallel("j"), END, *line("start", "f", "j", "end"), *line("f", "b", "j")
    )

    assert entries(definition) == (Opened(ActivityId("b"), 2, AT),)
