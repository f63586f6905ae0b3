import pytest

from chalicelib.core.definitions import Definition
from chalicelib.core.journal import Failure, Output, Performed
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import apply, begin
from chalicelib.core.state import Start, State
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
    parallel,
    read,
    sub,
    way,
)
from tests.core.simulation import drive

S1, E1 = element("s1", "start_event"), element("e1", "end_event")
S2, E2 = element("s2", "start_event"), element("e2", "end_event")
BAD = "${missing}"


def begun(definition: Definition, **variables: Json) -> State:
    return begin(definition, Start(), variables)


def resting(state: State) -> list[str]:
    """Name the activities where tokens stand, oldest token first."""
    return [token.activity for token in state.tokens.values()]


def performed(definition: Definition, state: State, activity: str, writes: Variables | None = None) -> State:
    """Answer the state after the action of the oldest token at an activity."""
    token = next(token for token in state.tokens.values() if token.activity == activity)
    return apply(definition, state, Performed(token.activity, token.id, at=0, writes=writes))


def last_variables(definition: Definition, **variables: Json) -> Variables:
    """Answer the data of a run that was driven to its end, and did not fail."""
    state = drive(definition, variables).state
    assert state.failure is None
    return state.variables


def log(*words: str) -> list[Json]:
    """Describe listeners that append words to a variable."""
    return [{"set": {"log": f"${{log + ['{word}']}}"}} for word in words]


def loud(activity: Variables) -> Variables:
    """Let an activity say when its listeners hear of its start and its end."""
    return {**activity, "on_start": log(f"+{activity['id']}"), "on_end": log(f"-{activity['id']}")}


def loud_line(*ids: str) -> list[Variables]:
    return [{**transition, "on_take": log(str(transition["id"]))} for transition in line(*ids)]


# -- choices and forks

CHOICE = read(
    *(START, choice("g", default="g_c"), call("a"), call("b"), call("c"), END),
    *(way("start", "g"), way("g", "c", condition="missing"), way("g", "a", condition="n > 10")),
    *(way("g", "b", condition="n > 5"), way("a", "end"), way("b", "end"), way("c", "end")),
)


@pytest.mark.parametrize(("n", "taken"), [(11, "a"), (6, "b"), (5, "c"), (-1, "c")])
def test_a_choice_takes_the_first_way_whose_condition_holds_else_the_default(n: int, taken: str):
    assert resting(begun(CHOICE, n=n)) == [taken]


def test_a_choice_of_which_no_condition_holds_fails_the_run():
    definition = read(
        *(START, choice("g"), call("a"), END),
        *(way("start", "g"), way("g", "a", condition="n > 1"), way("g", "end", condition="n > 2"), way("a", "end")),
    )

    assert begun(definition, n=0).failure == Failure("g", "no_way_on", "No condition holds and there is no default.")


FORKING = read(
    *(START, call("a"), call("b"), call("c"), call("d"), END),
    *(way("start", "a"), way("a", "b", condition="n > 1"), way("a", "c", condition="n > 2")),
    *(way("a", "d", condition="n > 3"), way("b", "end"), way("c", "end"), way("d", "end")),
)


@pytest.mark.parametrize(("n", "taken"), [(2, ["b"]), (3, ["b", "c"]), (4, ["b", "c", "d"])])
def test_an_activity_is_left_along_every_way_whose_condition_holds(n: int, taken: list[str]):
    assert resting(performed(FORKING, begun(FORKING, n=n), "a")) == taken


def test_an_activity_that_no_way_leads_on_from_fails_the_run():
    state = performed(FORKING, begun(FORKING, n=1), "a")

    assert state.failure == Failure("a", "no_way_on", "No outgoing transition's condition holds.")


def test_a_parallel_gateway_is_left_along_every_way_whatever_its_condition():
    definition = read(
        *(START, parallel("f"), call("b"), call("c"), call("d"), END),
        *(way("start", "f"), way("f", "b", condition="false"), way("f", "c", condition="missing"), way("f", "d")),
        *(way("b", "end"), way("c", "end"), way("d", "end")),
    )

    assert resting(begun(definition)) == ["b", "c", "d"]


def test_tokens_that_meet_without_a_join_go_on_one_by_one():
    definition = read(
        *(START, call("a"), call("b"), call("after"), END),
        *(*line("start", "a", "after", "end"), *line("start", "b", "after")),
    )

    state = performed(definition, performed(definition, begun(definition), "a"), "b")

    assert resting(state) == ["after", "after"]


# -- joins

JOIN = read(
    *(
        START,
        parallel("f"),
        call("a"),
        call("b"),
        parallel("j", on_start=log("+j"), on_end=log("-j")),
        call("after"),
        END,
    ),
    *(*line("start", "f", "a", "j", "after", "end"), *line("f", "b", "j")),
)


def test_a_join_lets_one_token_pass_when_one_has_come_by_every_way():
    state = performed(JOIN, begun(JOIN, log=[]), "b")
    assert resting(state) == ["a", "j"]
    assert state.variables["log"] == []

    state = performed(JOIN, state, "a")
    assert resting(state) == ["after"]
    assert state.variables["log"] == ["+j", "-j"]


def test_two_tokens_by_the_same_way_do_not_pass_a_join():
    definition = read(
        *(START, choice("m"), call("a"), call("b"), parallel("j"), END),
        *(*line("start", "m", "a", "j", "end"), way("start", "m") | {"id": "again"}, *line("start", "b", "j")),
    )
    state = begun(definition)
    assert sorted(resting(state)) == ["a", "a", "b"]

    state = performed(definition, performed(definition, state, "a"), "a")
    assert sorted(resting(state)) == ["b", "j", "j"]

    assert resting(performed(definition, state, "b")) == ["j"]


def test_tokens_that_come_to_a_join_at_once_pass_it_as_often_as_there_is_one_by_every_way():
    to_a, to_b = way("f", "a"), way("f", "b")
    definition = read(
        *(START, parallel("f"), choice("a"), choice("b"), parallel("j"), call("after"), END),
        *(*line("start", "f", "a", "j", "after", "end"), *line("b", "j")),
        *(to_b, to_b | {"id": "second_b"}, to_a | {"id": "second_a"}),
    )

    assert resting(begun(definition)) == ["after", "after"]


def test_tokens_of_two_scopes_never_join():
    inside = [S1, call("a"), call("b"), parallel("j"), E1, *line("s1", "a", "j", "e1"), *line("s1", "b", "j")]
    definition = read(
        START, sub("p", *inside), END, way("start", "p"), way("start", "p") | {"id": "again"}, way("p", "end")
    )

    state = performed(definition, begun(definition), "a")
    other_b = [token for token in state.tokens.values() if token.activity == "b"][1]
    state = apply(definition, state, Performed(other_b.activity, other_b.id, at=0))

    assert sorted(resting(state)) == ["a", "b", "j", "j", "p", "p"]


def test_a_run_has_a_thousand_tokens_at_most():
    definition = read(
        *(
            START,
            parallel("p"),
            choice("m"),
            parallel("q"),
            ask("a"),
            END,
            *line("start", "p"),
            *line("m", "q"),
            way("a", "end"),
        ),
        *(way("p", "m") | {"id": f"p{n}"} for n in range(40)),
        *(way("q", "a") | {"id": f"q{n}"} for n in range(40)),
    )

    state = begun(definition)

    assert state.failure == Failure("q", "too_many_tokens", "More than 1000 tokens at once.")
    assert len(state.tokens) == 1000


# -- sub-processes

TWO_BRANCHES = [S1, call("a"), call("b"), E1, *line("s1", "a", "e1"), *line("s1", "b", "e1")]


def test_a_sub_process_is_done_when_its_last_token_has_ended():
    definition = between(sub("p", *TWO_BRANCHES), call("after"))

    state = performed(definition, begun(definition), "a")
    assert resting(state) == ["p", "b"]

    state = performed(definition, state, "b")
    assert resting(state) == ["after"]
    assert list(state.scopes) == [0]


def test_a_variable_is_written_where_it_lives_and_a_new_one_in_the_root():
    sets = compute("set", "new", output=dict.fromkeys(("outer", "middle", "inner", "fresh"), "${result}"))
    inner = sub("p2", S2, sets, E2, *line("s2", "set", "e2"), input={"inner": "old"}, output={"from_inner": "${inner}"})
    middle = sub(
        "p1", S1, inner, E1, *line("s1", "p2", "e1"), input={"middle": "old"}, output={"from_middle": "${middle}"}
    )

    after = last_variables(between(middle), outer="old", inner="hidden")

    assert after == {
        "outer": "new",
        "inner": "hidden",
        "fresh": "new",
        "from_inner": "new",
        "from_middle": "new",
    }


def test_an_inner_variable_hides_an_outer_one_and_is_gone_after_its_scope():
    inside = [S1, call("a"), E1, *line("s1", "a", "e1")]
    definition = between(sub("p", *inside, input={"x": "${x + 1}", "y": "${x}"}), call("after"))

    state = begun(definition, x=1)
    assert [state.visible(token.scope) for token in state.tokens.values()] == [{"x": 1}, {"x": 2, "y": 1}]
    assert state.variables == {"x": 1}

    state = performed(definition, state, "a", {"x": 7})
    assert [state.visible(token.scope) for token in state.tokens.values()] == [{"x": 1}]


def test_each_round_of_a_sub_process_has_variables_of_its_own():
    inside = [S1, call("a", output={"mine": "${mine + 1}"}), E1, *line("s1", "a", "e1")]
    definition = read(
        *(
            START,
            sub("p", *inside, input={"mine": 0}, output={"sum": "${sum + mine}"}),
            choice("g", default="g_p"),
            END,
        ),
        *(*line("start", "p", "g", "p"), way("g", "end", condition="sum == 3")),
    )

    assert last_variables(definition, sum=0) == {"sum": 3}


def test_a_sub_process_may_end_without_a_wait_inside():
    definition = between(sub("p", S1, E1, way("s1", "e1"), output={"done": True}), call("after"))

    state = begun(definition)

    assert (resting(state), state.variables) == (["after"], {"done": True})


# -- listeners


def test_listeners_are_heard_in_the_order_of_the_way():
    inside = [loud(S1), loud(call("a", output={"log": "${log + ['a']}"})), loud(E1), *loud_line("s1", "a", "e1")]
    process = loud(sub("p", *inside, input={"x": "${len(log)}"}, output={"log": "${log + ['p', x]}"}))
    definition = read(loud(START), process, loud(END), *loud_line("start", "p", "end"))

    assert last_variables(definition, log=[])["log"] == [
        *("+start", "-start", "start_p", "+p"),
        *("+s1", "-s1", "s1_a", "+a", "a", "-a", "a_e1", "+e1", "-e1"),
        *("p", 4, "-p", "p_end", "+end", "-end"),
    ]


def test_a_listener_sees_what_the_one_before_it_wrote_and_writes_in_the_activitys_scope():
    chain: list[Json] = [{"set": {"x": "${x + 1}"}}, {"set": {"x": "${x * 10}", "y": "${x}"}}]
    inside = [S1, ask("a", on_start=chain), E1, *line("s1", "a", "e1")]

    state = begun(between(sub("p", *inside, input={"x": 1})), x=5)

    assert [scope.variables for scope in state.scopes.values()] == [{"x": 5, "y": 2}, {"x": 20}]


# -- failures

SET_BAD: Json = [{"set": {"x": BAD}}]
EMPTY = [S1, E1, way("s1", "e1")]
FAILING: list[tuple[str, list[Variables]]] = [
    ("start", [START | {"on_start": SET_BAD}, END, way("start", "end")]),
    ("end", [START, END | {"on_end": SET_BAD}, way("start", "end")]),
    ("start_end", [START, END, way("start", "end", on_take=SET_BAD)]),
    ("start_end", [START, END, way("start", "end", condition="missing")]),
    ("start_end", [START, END, way("start", "end", condition="1")]),
    ("g_end", [START, choice("g"), END, way("start", "g"), way("g", "end", condition="len(1)")]),
    ("j", [START, parallel("j", on_start=SET_BAD), END, *line("start", "j", "end")]),
    ("p", [START, sub("p", *EMPTY, on_start=SET_BAD), END, *line("start", "p", "end")]),
    ("p", [START, sub("p", *EMPTY, input={"x": BAD}), END, *line("start", "p", "end")]),
    ("p", [START, sub("p", *EMPTY, output={"x": BAD}), END, *line("start", "p", "end")]),
    ("p", [START, sub("p", *EMPTY, on_end=SET_BAD), END, *line("start", "p", "end")]),
    ("a", [START, ask("a", on_end=SET_BAD), END, *line("start", "a", "end")]),
    ("a", [START, ask("a", on_start=SET_BAD), END, *line("start", "a", "end")]),
]


@pytest.mark.parametrize(("owner", "elements"), FAILING)
def test_an_expression_that_fails_is_the_runs_failure_at_its_element(owner: str, elements: list[Variables]):
    driven = drive(read(*elements), {})

    failure, last = driven.state.failure, driven.journal[-1]
    assert failure is not None
    assert (failure.element, failure.code) == (owner, "expression_failed")
    assert isinstance(last, Output)
    assert last.failure == failure


def test_what_was_written_before_a_failure_stays_and_nothing_moves_after_it():
    definition = read(
        *(START, call("a", on_end=SET_BAD), call("b"), END),
        *(*line("start", "a", "end"), *line("start", "b", "end")),
    )

    state = performed(definition, begun(definition), "a", {"y": 1})

    assert state.failure is not None
    assert (resting(state), state.variables) == (["a", "b"], {"y": 1})
