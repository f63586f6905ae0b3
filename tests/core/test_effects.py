from dataclasses import replace

import pytest

from chalicelib.core.advance import effect, next_effects, performed, settle
from chalicelib.core.definitions import Definition
from chalicelib.core.effects import Effect, HttpCall, LambdaInvoke
from chalicelib.core.ids import ActivityId, RunId
from chalicelib.core.journal import Failure, Input, Performed
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import apply, begin, replay
from chalicelib.core.state import BeforeActivity, Start, State, Token
from tests.core.elements import END, START, ask, between, call, element, line, read, way

A = ActivityId("a")
RUN = RunId("run-1")
AT = 1_000
BAD = "${missing}"


def begun(definition: Definition, **variables: Json) -> State:
    return begin(definition, Start(), variables)


def asking(definition: Definition, state: State) -> Token:
    return next_effects(definition, state)[0]


HTTP: Json = {
    "type": "http",
    "method": "PUT",
    "url": "${base}/orders/${id}",
    "headers": {"x-id": "${id}", "x-paid": "${paid}", "x-text": "order ${id}"},
    "body": {"id": "${id}", "own": "${own}"},
    "timeout_s": 2.5,
}
LAMBDA: Json = {"type": "lambda", "function": "charge-${id}", "payload": ["${own}"], "timeout_s": 5}
NAMES: Variables = {"base": "http://example.test", "id": 7, "paid": True}
RENDERED: list[tuple[Json, Effect]] = [
    (
        HTTP,
        HttpCall(
            "PUT",
            "http://example.test/orders/7",
            {"x-id": "7", "x-paid": "true", "x-text": "order 7"},
            {"id": 7, "own": "mine"},
            2.5,
            "run-1/a/0.1",
        ),
    ),
    (LAMBDA, LambdaInvoke("charge-7", ["mine"], 5, "run-1/a/0.1")),
    ({"type": "http", "url": "${id}"}, HttpCall("POST", "7", {}, None, 10.0, "run-1/a/0.1")),
    ({"type": "lambda", "function": "${paid}"}, LambdaInvoke("true", None, 10.0, "run-1/a/0.1")),
]


@pytest.mark.parametrize(("action", "rendered"), RENDERED)
def test_an_effect_is_its_action_with_the_values_put_in(action: Json, rendered: Effect):
    definition = between(element("a", "service_task", action=action, input={"own": "mine"}))
    state = begun(definition, **NAMES)

    assert effect(definition, state, asking(definition, state), RUN) == rendered
    told = effect(definition, state, asking(definition, state), RUN, "request-1")
    assert told == replace(rendered, request_id="request-1")


@pytest.mark.parametrize("task", [call("a", action={"type": "http", "url": BAD}), call("a", input={"x": BAD})])
def test_an_effect_that_cannot_be_said_is_the_activitys_failure(task: Variables):
    definition = between(task)
    state = begun(definition)

    failure = effect(definition, state, asking(definition, state), RUN)

    assert isinstance(failure, Failure)
    assert (failure.element, failure.code) == ("a", "expression_failed")


def test_effects_are_asked_for_by_the_tasks_that_call_out_oldest_token_first():
    definition = read(
        *(START, ask("u"), call("c"), element("l", "service_task", action=LAMBDA), call("d"), END),
        *(way("start", name) for name in ("u", "d", "l", "c")),
        *(way(name, "end") for name in ("u", "d", "l", "c")),
    )

    assert [token.activity for token in next_effects(definition, begun(definition))] == ["d", "l", "c"]


ROUNDS = read(
    *(START, call("a", output={"n": "${n + 1}"}), END),
    *(way("start", "a"), way("a", "a", condition="n < 2"), way("a", "end", condition="n == 2")),
)


def keys(definition: Definition, state: State, run_id: RunId = RUN) -> list[str]:
    """List the keys of everything that a run asks for."""
    effects = [effect(definition, state, token, run_id) for token in next_effects(definition, state)]
    return [one.idempotency_key for one in effects if isinstance(one, HttpCall)]


def test_an_effect_keeps_its_key_until_it_is_performed_and_has_another_in_the_next_round():
    first = begun(ROUNDS, n=0)
    entry = performed(first, asking(ROUNDS, first), ROUNDS.activities[A], None, AT)
    second = apply(ROUNDS, first, entry)

    assert keys(ROUNDS, first) == keys(ROUNDS, replay(ROUNDS, Start(), [Input({"n": 0}, AT)]))
    assert keys(ROUNDS, second) == keys(ROUNDS, replay(ROUNDS, Start(), [Input({"n": 0}, AT), entry]))
    assert keys(ROUNDS, first) != keys(ROUNDS, second)


def test_two_runs_have_two_keys():
    state = begun(ROUNDS, n=0)

    assert keys(ROUNDS, state, RunId("run-1")) != keys(ROUNDS, state, RunId("run-2"))


def test_what_others_append_does_not_change_an_effects_key():
    definition = read(START, call("a"), ask("b"), END, *line("start", "a", "end"), *line("start", "b", "end"))
    state = begun(definition)

    settled = settle(definition, state, AT).state

    assert settled.length > state.length
    assert keys(definition, settled) == keys(definition, state)


def test_two_tokens_at_one_activity_have_two_keys():
    definition = between(call("a"))
    state = begin(definition, Start((BeforeActivity(A), BeforeActivity(A))), {})

    assert len(set(keys(definition, state))) == 2


OUTPUTS: list[tuple[Variables, Performed]] = [
    ({}, Performed(A, 1, AT, result={"id": 7}, writes={})),
    ({"x": "${result.id + own}"}, Performed(A, 1, AT, result={"id": 7}, writes={"x": 8})),
]


@pytest.mark.parametrize(("output", "entry"), OUTPUTS)
def test_a_result_is_written_as_the_output_mapping_says(output: Variables, entry: Performed):
    definition = between(call("a", input={"own": 1}, output=output))
    state = begun(definition)

    assert performed(state, asking(definition, state), definition.activities[A], {"id": 7}, AT) == entry


def test_a_result_that_the_output_mapping_does_not_take_fails_the_activity():
    definition = between(call("a", output={"x": "${result.id}"}))
    state = begun(definition)

    entry = performed(state, asking(definition, state), definition.activities[A], "text", AT)

    assert entry.failure is not None
    assert (entry.failure.element, entry.failure.code) == ("a", "expression_failed")
    assert (entry.result, entry.writes) == (None, None)
