"""Fold a journal into the state that wrote it. No effects, no clock: the same entries, the same state."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import assert_never

from chalicelib.core.definitions import Definition, ServiceTask, Timer, UserTask
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import (
    Changed,
    Closed,
    Entry,
    Input,
    Journal,
    Opened,
    Output,
    Passed,
    Performed,
    ReplayMismatch,
    Signal,
    SignalName,
    Step,
)
from chalicelib.core.json_values import Variables
from chalicelib.core.state import (
    ROOT,
    AfterActivity,
    AlongTransition,
    BeforeActivity,
    Place,
    Scope,
    Start,
    State,
    Token,
)
from chalicelib.core.walk import Walk


def replay(definition: Definition, start: Start, journal: Journal) -> State:
    """Answer the state after a whole journal; raise `ReplayMismatch` if it does not fit the definition."""
    if not journal or not isinstance(journal[0], Input):
        raise ReplayMismatch(0, "a journal begins with its input")
    state = begin(definition, start, journal[0].variables)
    for entry in journal[1:]:
        state = apply(definition, state, entry)
    return state


def begin(definition: Definition, start: Start, variables: Variables) -> State:
    """Answer the state after entry 0: tokens stand at the first activities that rest."""
    empty = State(tokens={}, scopes={ROOT: Scope(ROOT, variables=variables)}, next_token=1, next_scope=1, length=0)
    walk = Walk(definition, empty)
    skipping = Token(
        0,
        ActivityId(""),
        ROOT,
        is_skipping_listeners=start.is_skipping_listeners,
        is_skipping_mappings=start.is_skipping_mappings,
    )
    places = start.places or (BeforeActivity(definition.starts[None]),)
    begins = [partial(_begin_at, definition, walk, place, skipping) for place in places]
    walk.begin_at([partial(walk.begin, skipping), *begins])
    return walk.state(entries=1)


def _begin_at(definition: Definition, walk: Walk, place: Place, skipping: Token) -> None:
    """Put a token at a place, inside the scopes around it: those that are under way already, or new ones."""
    scope = ROOT
    for sub_process in definition.parents(place_activity(definition, place)):
        under_way = walk.scope_of(sub_process, scope)
        scope = walk.open_scope(sub_process, scope, skipping) if under_way is None else under_way
    match place:
        case BeforeActivity(activity):
            walk.place(activity, scope, skipping)
        case AfterActivity(activity):
            walk.place_on(definition.outgoing[activity][0], scope, skipping)
        case AlongTransition(transition):
            walk.place_on(definition.transitions[transition], scope, skipping)
        case _:
            assert_never(place)


def place_activity(definition: Definition, place: Place) -> ActivityId:
    """Name the activity that a place speaks of."""
    match place:
        case BeforeActivity(activity) | AfterActivity(activity):
            return activity
        case AlongTransition(transition):
            return definition.transitions[transition].source
        case _:
            assert_never(place)


def apply(definition: Definition, state: State, entry: Entry) -> State:
    """Answer the state after one more entry; raise `ReplayMismatch` if it cannot be the next one."""
    if state.is_over:
        raise ReplayMismatch(state.length, "the run is over before it")
    match entry:
        case Input():
            raise ReplayMismatch(state.length, "a second input")
        case Changed():
            return _changed(definition, state, entry)
        case Signal():
            return _signaled(state, entry)
        case Output(failure=failure):
            return replace(state, length=state.length + 1, is_over=True, failure=failure)
        case _:
            return _stepped(definition, state, entry)


def _stepped(definition: Definition, state: State, entry: Step) -> State:
    if state.failure is not None:
        raise ReplayMismatch(state.length, f"the run has failed at '{state.failure.element}' before it")
    match entry:
        case Passed():
            return _passed(definition, state, entry)
        case Performed():
            return _performed(definition, state, entry)
        case Opened():
            return _opened(definition, state, entry)
        case Closed():
            return _closed(state, Walk(definition, state), entry)
        case _:
            assert_never(entry)


def _passed(definition: Definition, state: State, entry: Passed) -> State:
    token = _token_of(definition, state, entry.token, entry.activity)
    if not token.is_before:
        raise ReplayMismatch(state.length, f"no token rests at a save point of '{entry.activity}'")
    walk = Walk(definition, state)
    walk.pass_save_point(token.id)
    return walk.state(entries=1)


def _changed(definition: Definition, state: State, entry: Changed) -> State:
    walk = Walk(definition, state)
    walk.change(entry.writes, entry.removed)
    return walk.state(entries=1)


def _signaled(state: State, entry: Signal) -> State:
    length = state.length + 1
    match entry.name:
        case SignalName.CANCEL:
            return replace(state, length=length, is_over=True, is_canceled=True)
        case SignalName.PAUSE:
            return replace(state, length=length, is_paused=True)
        case SignalName.RESUME:
            return replace(state, length=length, is_paused=False)
        case _:
            assert_never(entry.name)


def _performed(definition: Definition, state: State, entry: Performed) -> State:
    _resting(definition, state, entry.token, entry.activity, lambda kind: isinstance(kind, ServiceTask))
    if entry.failure is not None:
        return replace(state, length=state.length + 1, failure=entry.failure)
    walk = Walk(definition, state)
    walk.finish(entry.token, entry.writes or {})
    return walk.state(entries=1)


def _opened(definition: Definition, state: State, entry: Opened) -> State:
    """Let a token wait; what a restart skips, it skips only until here."""
    token = _resting(definition, state, entry.token, entry.activity, lambda kind: isinstance(kind, UserTask | Timer))
    if token.opened is not None:
        raise ReplayMismatch(state.length, f"'{entry.activity}' waits already")
    waiting = replace(
        token,
        opened=state.length,
        due=entry.due,
        is_skipping_listeners=False,
        is_skipping_mappings=False,
    )
    return replace(state, tokens={**state.tokens, token.id: waiting}, length=state.length + 1)


def _closed(state: State, walk: Walk, entry: Closed) -> State:
    waiting = next((token for token in state.tokens.values() if token.opened == entry.opened), None)
    if waiting is None:
        raise ReplayMismatch(state.length, f"entry {entry.opened} opened no wait that is still open")
    walk.finish(waiting.id, entry.writes or {})
    return walk.state(entries=1)


def _resting(
    definition: Definition, state: State, token_id: int, activity: ActivityId, fits: Callable[[object], bool]
) -> Token:
    """Answer the token that an entry speaks of, if it stands in the activity that the entry says."""
    token = _token_of(definition, state, token_id, activity)
    if not fits(definition.activities[activity].kind):
        raise ReplayMismatch(state.length, f"'{activity}' is of another type")
    if token.is_before:
        raise ReplayMismatch(state.length, f"the token rests at a save point of '{activity}'")
    return token


def _token_of(definition: Definition, state: State, token_id: int, activity: ActivityId) -> Token:
    if activity not in definition.activities:
        raise ReplayMismatch(state.length, f"there is no activity '{activity}'")
    token = state.tokens.get(token_id)
    if token is None or token.activity != activity:
        raise ReplayMismatch(state.length, f"no token stands at '{activity}'")
    return token
