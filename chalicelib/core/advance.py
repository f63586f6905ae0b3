"""Decide what a run does next: settle what needs nobody, then ask for an effect, wait, or end.

`settle` appends every entry that follows from the state and the time alone (waits that begin, timers that are
due, expressions, the output). What is left is for others: `next_effects` says what the world must do,
`performed`, `failed` and `closed` turn its answer into the entry to append.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from chalicelib.core.definitions import (
    Activity,
    Definition,
    ExpressionAction,
    HttpAction,
    LambdaAction,
    NoAction,
    ParallelGateway,
    ServiceTask,
    SubProcess,
    Timer,
    UserTask,
)
from chalicelib.core.effects import Effect, HttpCall, LambdaInvoke
from chalicelib.core.errors import Invalid
from chalicelib.core.expressions import ExpressionFailed
from chalicelib.core.ids import RunId
from chalicelib.core.journal import Closed, Entry, Failure, Opened, Output, Passed, Performed
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.operations import as_text
from chalicelib.core.replay import apply
from chalicelib.core.state import State, Token
from chalicelib.core.templates import render
from chalicelib.core.timers import due_of
from chalicelib.core.walk import render_mappings

MAX_ENTRIES = 10_000  # of one journal: a loop that never ends must end


@dataclass(frozen=True, slots=True)
class Settled:
    """A state in which nothing happens by itself, and the entries that led there."""

    state: State
    entries: tuple[Entry, ...]


def settle(definition: Definition, state: State, at: int, *, is_working: bool = False) -> Settled:
    """Append every entry that follows from the state and the time (ms) alone.

    Save points are passed by a worker alone, who `is_working`.
    """
    entries: list[Entry] = []
    while (entry := _next_entry(definition, state, at, is_working=is_working)) is not None:
        entries.append(entry)
        state = apply(definition, state, entry)
    return Settled(state, tuple(entries))


def _next_entry(definition: Definition, state: State, at: int, *, is_working: bool) -> Entry | None:
    if state.is_over or state.is_paused:
        return None
    if state.failure is not None:
        return Output(at, failure=state.failure)
    if state.length >= MAX_ENTRIES:
        return Output(at, failure=Failure("definition", "journal_full", f"More than {MAX_ENTRIES} entries."))
    for token, activity in _resting(definition, state):
        entry = _own_entry(state, token, activity, at)
        if entry is not None:
            return entry
    saved = save_points(state)
    if saved:
        return Passed(saved[0].activity, saved[0].id, at) if is_working else None
    if not state.tokens:
        return Output(at, variables=state.variables)
    return _starved(definition, state, at)


def _resting(definition: Definition, state: State) -> Iterator[tuple[Token, Activity]]:
    for token in sorted(state.tokens.values(), key=lambda token: token.id):
        if not token.is_before:
            yield token, definition.activities[token.activity]


def save_points(state: State) -> tuple[Token, ...]:
    """List the tokens that rest at save points, oldest first."""
    tokens = sorted(state.tokens.values(), key=lambda token: token.id)
    return tuple(token for token in tokens if token.is_before)


def _own_entry(state: State, token: Token, activity: Activity, at: int) -> Entry | None:
    """Answer the entry that this token needs nobody for."""
    match activity.kind:
        case UserTask() if token.opened is None:
            return Opened(activity.id, token.id, at)
        case Timer() as timer if token.opened is None:
            return _open_timer(state, token, activity, timer, at)
        case Timer() if token.due is not None and token.due <= at:
            return _close_timer(state, token, activity, at)
        case ServiceTask(NoAction()):
            return performed(state, token, activity, None, at)
        case ServiceTask(ExpressionAction(value)):
            return _evaluated(state, token, activity, value, at)
        case _:
            return None


def _evaluated(state: State, token: Token, activity: Activity, value: Json, at: int) -> Entry:
    try:
        result = render(value, _seen(state, token, activity))
    except ExpressionFailed as error:
        return failed(token, Failure(activity.id, "expression_failed", str(error)), at)
    return performed(state, token, activity, result, at)


def _open_timer(state: State, token: Token, activity: Activity, timer: Timer, at: int) -> Entry:
    try:
        due = due_of(timer, _seen(state, token, activity), at)
    except (ExpressionFailed, TypeError, ValueError, OverflowError) as error:
        return Output(at, failure=Failure(activity.id, "timer_invalid", str(error)))
    return Opened(activity.id, token.id, at, due=due)


def _close_timer(state: State, token: Token, activity: Activity, at: int) -> Entry:
    assert token.opened is not None
    try:
        return Closed(token.opened, at, writes=_writes(state, token, activity, None))
    except ExpressionFailed as error:
        return Output(at, failure=Failure(activity.id, "expression_failed", str(error)))


def _starved(definition: Definition, state: State, at: int) -> Entry | None:
    """Say so when all that is left are tokens at joins whose partners can never come."""
    joins = [a.id for _, a in _resting(definition, state) if isinstance(a.kind, ParallelGateway)]
    if joins and all(isinstance(a.kind, ParallelGateway | SubProcess) for _, a in _resting(definition, state)):
        return Output(at, failure=Failure(joins[0], "join_starved", "No token can reach this join any more."))
    return None


def next_effects(definition: Definition, state: State) -> tuple[Token, ...]:
    """List the tokens whose activities ask the world for an effect, oldest first."""
    if state.is_over or state.is_paused or state.failure is not None:
        return ()
    asking = (HttpAction, LambdaAction)
    resting = _resting(definition, state)
    return tuple(t for t, a in resting if isinstance(a.kind, ServiceTask) and isinstance(a.kind.action, asking))


def effect(definition: Definition, state: State, token: Token, run_id: RunId, request_id: str = "") -> Effect | Failure:
    """Say what the token's activity asks for; a template that cannot be evaluated is the activity's failure.

    The idempotency key names the run, the activity and the journal length at which the token came there: every
    repetition of this very effect carries the same, and a loop's next round another.
    """
    activity = definition.activities[token.activity]
    assert isinstance(activity.kind, ServiceTask)
    action = activity.kind.action
    assert isinstance(action, HttpAction | LambdaAction)  # `settle` performs the others
    key = f"{run_id}/{activity.id}/{token.since}.{token.id}"
    try:
        return replace(_effect(action, _seen(state, token, activity), key), request_id=request_id)
    except ExpressionFailed as error:
        return Failure(activity.id, "expression_failed", str(error))


def _effect(action: HttpAction | LambdaAction, names: Variables, key: str) -> Effect:
    match action:
        case HttpAction(url, method, headers, body, timeout_s):
            return HttpCall(
                method=method,
                url=as_text(render(url, names)),
                headers={name: as_text(value) for name, value in render_mappings(headers, names).items()},
                body=render(body, names),
                timeout_s=timeout_s,
                idempotency_key=key,
            )
        case LambdaAction(function, payload, timeout_s):
            return LambdaInvoke(as_text(render(function, names)), render(payload, names), timeout_s, key)
        case _:
            assert_never(action)


def performed(state: State, token: Token, activity: Activity, result: Json, at: int) -> Performed:
    """Turn an action's result into its entry; an output mapping that fails is the activity's failure."""
    try:
        writes = _writes(state, token, activity, result)
    except ExpressionFailed as error:
        return failed(token, Failure(activity.id, "expression_failed", str(error)), at)
    return Performed(activity.id, token.id, at, result=result, writes=writes)


def failed(token: Token, failure: Failure, at: int) -> Performed:
    """Turn an action's final failure into its entry."""
    return Performed(token.activity, token.id, at, failure=failure)


class CompletionRefused(Invalid):
    """A user task cannot be completed with these variables."""

    code = "completion_invalid"


def closed(definition: Definition, state: State, token: Token, result: Variables, at: int) -> Closed:
    """Turn a person's completion of a user task into its entry; raise `CompletionRefused` if its mapping fails."""
    assert token.opened is not None
    activity = definition.activities[token.activity]
    try:
        writes = _writes(state, token, activity, result) if activity.output else result
    except ExpressionFailed as error:
        raise CompletionRefused(f"The output mapping of '{activity.id}' failed: {error}") from error
    return Closed(token.opened, at, result=result, writes=writes)


def _seen(state: State, token: Token, activity: Activity) -> Variables:
    """Answer what the activity's own templates see: the scope's variables under its input mappings."""
    names = state.visible(token.scope)
    if token.is_skipping_mappings:
        return names
    return {**names, **render_mappings(activity.input, names)}


def _writes(state: State, token: Token, activity: Activity, result: Json) -> Variables:
    if token.is_skipping_mappings or not activity.output:
        return {}
    return render_mappings(activity.output, {**_seen(state, token, activity), "result": result})


def task_input(definition: Definition, state: State, token: Token) -> Variables:
    """Answer the variables that a user task shows to whoever completes it."""
    activity = definition.activities[token.activity]
    try:
        return render_mappings(activity.input, state.visible(token.scope))
    except ExpressionFailed:
        return {}
