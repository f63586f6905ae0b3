"""Move tokens through everything that needs no journal entry: events, gateways, listeners, scopes.

A `Walk` is a short-lived mutable working copy of a `State`; `Walk.state()` freezes it again. Work is taken
first in, first out, and ids are counted up, so the same state and the same step always give the same state.
A step that cannot be taken (an expression failed, no condition held) stops the walk with a `Failure`: that
is a fact about the run, and replaying meets it again at the same place.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from chalicelib.core.definitions import (
    Activity,
    Definition,
    EndEvent,
    ExclusiveGateway,
    Mappings,
    ParallelGateway,
    ServiceTask,
    StartEvent,
    SubProcess,
    Timer,
    Transition,
    UserTask,
)
from chalicelib.core.expressions import ExpressionFailed
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Failure
from chalicelib.core.json_values import Variables
from chalicelib.core.scopes import Scopes
from chalicelib.core.state import State, Token
from chalicelib.core.templates import render
from chalicelib.core.ways import Stopped, ways_on

WHOLE = "definition"  # the element at which the definition's own listeners fail
MAX_TOKENS = 1000  # a fork in a loop must not fill the memory


def render_mappings(mappings: Mappings, names: Variables) -> Variables:
    """Evaluate a set of templates against the same names; raise `ExpressionFailed`."""
    return {name: render(template, names) for name, template in mappings.items()}


class Walk:
    """A working copy of a state, and the steps still to be taken in it."""

    def __init__(self, definition: Definition, state: State) -> None:
        self._definition = definition
        self._before = state
        self._tokens = dict(state.tokens)
        self._scopes = Scopes(state.scopes, state.next_scope)
        self._next_token = state.next_token
        self._failure = state.failure
        self._todo: deque[Callable[[], None]] = deque()
        self._is_beginning = False

    def state(self, *, entries: int) -> State:
        """Take every step that is due and answer the state after so many more journal entries."""
        self._go()
        return replace(
            self._before,
            tokens=self._tokens,
            scopes=self._scopes.open,
            next_token=self._next_token,
            next_scope=self._scopes.next_id,
            length=self._before.length + entries,
            failure=self._failure,
        )

    def _go(self) -> None:
        try:
            while self._todo:
                self._todo.popleft()()
        except Stopped as stopped:
            self._todo.clear()
            self._failure = stopped.failure

    # -- what a caller may ask for

    def place(self, activity: ActivityId, scope: int, skipping: Token | None = None) -> None:
        """Put a new token before an activity."""
        token = self._born(activity, scope, skipping)
        self._todo.append(partial(self._arrive, token.id))

    def place_on(self, transition: Transition, scope: int, skipping: Token | None = None) -> None:
        """Put a new token on a transition."""
        token = self._born(transition.source, scope, skipping)
        self._todo.append(partial(self._take, token.id, transition))

    def begin(self, token: Token) -> None:
        """Let the definition's own listeners hear that a run begins."""
        self._listen(self._definition.on_start, token, WHOLE)

    def open_scope(self, sub_process: ActivityId, scope: int, skipping: Token | None = None) -> int:
        """Put a token into a sub-process, but not to its start event, and answer the new scope."""
        holder = self._born(sub_process, scope, skipping)
        activity = self._definition.activities[sub_process]
        self._listen(activity.on_start, holder, sub_process)
        return self._open_scope(holder, activity)

    def scope_of(self, sub_process: ActivityId, around: int) -> int | None:
        """Answer the scope in which a sub-process is under way within another scope; None if it is not."""
        under_way = (id_ for id_, holder in self._scopes.within(around) if self._tokens[holder].activity == sub_process)
        return next(under_way, None)

    def begin_at(self, steps: Sequence[Callable[[], None]]) -> None:
        """Take steps of the caller's one after the other, each as far as it goes; the run ends after the last at most.

        A failure in one of them stops this walk and nothing else.
        """
        self._is_beginning = True
        for number, step in enumerate(steps, 1):
            if self._failure is not None:
                return
            self._is_beginning = number < len(steps)
            self._todo.append(step)
            self._go()

    def pass_save_point(self, token_id: int) -> None:
        """Let a token enter the activity before which it rests; what a restart skips, it skips only until here."""
        self._tokens[token_id] = replace(
            self._tokens[token_id],
            since=self._before.length,
            is_before=False,
            is_skipping_listeners=False,
            is_skipping_mappings=False,
        )
        self._todo.append(partial(self._enter, token_id))

    def change(self, writes: Variables, removed: Sequence[str]) -> None:
        """Set and take away variables of the run."""
        self._scopes.change(writes, removed)

    def finish(self, token: int, writes: Variables) -> None:
        """Let an activity's work be done: write its variables, run its end listeners, leave it."""
        self._scopes.write(self._tokens[token].scope, writes)
        self._todo.append(partial(self._end, token))

    # -- variables

    def _listen(self, listeners: tuple[Mappings, ...], token: Token, element: str) -> None:
        if token.is_skipping_listeners:
            return
        for listener in listeners:
            self._scopes.write(token.scope, self._evaluate(listener, token.scope, element))

    def _evaluate(self, mappings: Mappings, scope: int, element: str, shown: Variables | None = None) -> Variables:
        try:
            return render_mappings(mappings, {**self._scopes.names(scope), **(shown or {})})
        except ExpressionFailed as error:
            raise Stopped(Failure(element, "expression_failed", str(error))) from error

    # -- steps

    def _born(self, activity: ActivityId, scope: int, parent: Token | None) -> Token:
        if len(self._tokens) >= MAX_TOKENS:
            raise Stopped(Failure(activity, "too_many_tokens", f"More than {MAX_TOKENS} tokens at once."))
        token = Token(
            id=self._next_token,
            activity=activity,
            scope=scope,
            since=self._before.length,
            is_skipping_listeners=parent is not None and parent.is_skipping_listeners,
            is_skipping_mappings=parent is not None and parent.is_skipping_mappings,
        )
        self._next_token += 1
        self._tokens[token.id] = token
        return token

    def _arrive(self, token_id: int) -> None:
        """Enter the activity, unless its save point comes first."""
        token = self._tokens[token_id]
        if self._definition.activities[token.activity].is_save_point:
            self._tokens[token_id] = replace(token, is_before=True)
        else:
            self._enter(token_id)

    def _enter(self, token_id: int) -> None:
        token = self._tokens[token_id]
        activity = self._definition.activities[token.activity]
        if not isinstance(activity.kind, ParallelGateway):
            self._listen(activity.on_start, token, activity.id)
        match activity.kind:
            case StartEvent() | EndEvent() | ExclusiveGateway():
                self._end(token_id)
            case ParallelGateway():
                self._join(token, activity)
            case SubProcess():
                self._begin_scope(token, activity)
            case UserTask(on_create):
                self._create(token, activity, on_create)
            case ServiceTask() | Timer():
                pass  # the token rests here until a journal entry moves it
            case _:
                assert_never(activity.kind)

    def _create(self, token: Token, task: Activity, listeners: tuple[Mappings, ...]) -> None:
        """Let each listener see the task's input; the token rests until a journal entry opens the task."""
        if token.is_skipping_listeners:
            return
        for listener in listeners:
            shown = {} if token.is_skipping_mappings else self._evaluate(task.input, token.scope, task.id)
            self._scopes.write(token.scope, self._evaluate(listener, token.scope, task.id, shown))

    def _end(self, token_id: int) -> None:
        token = self._tokens[token_id]
        activity = self._definition.activities[token.activity]
        self._listen(activity.on_end, token, activity.id)
        self._leave(token, ways_on(self._definition, activity, self._scopes.names(token.scope)))

    def _leave(self, token: Token, ways: tuple[Transition, ...]) -> None:
        """Go on along each way: the token itself along the first, new ones along the rest."""
        if not ways:
            del self._tokens[token.id]
            if self._tokens:
                self._todo.append(partial(self._close_scope, token.scope, token))
            elif not self._is_beginning:
                self._todo.append(partial(self._listen, self._definition.on_end, token, WHOLE))
            return
        travellers = [token.id, *(self._born(token.activity, token.scope, token).id for _ in ways[1:])]
        for traveller, way in zip(travellers, ways, strict=True):
            self._todo.append(partial(self._take, traveller, way))

    def _take(self, token_id: int, way: Transition) -> None:
        token = self._tokens[token_id]
        self._listen(way.on_take, token, way.id)
        self._tokens[token_id] = replace(
            token,
            activity=way.target,
            since=self._before.length,
            came_by=way.id,
            opened=None,
            due=None,
        )
        self._arrive(token_id)

    def _join(self, token: Token, gateway: Activity) -> None:
        """Pass when a token has come by every incoming transition: one of each is spent."""
        first: dict[str | None, Token] = {}
        for other in self._tokens.values():
            if other.activity == gateway.id and other.scope == token.scope and not other.is_before:
                first.setdefault(other.came_by, other)
        came = [first.get(way.id) for way in self._definition.incoming[gateway.id]]
        if any(one is None for one in came) and token.came_by is not None:
            return
        spent = {one.id for one in came if one is not None} | {token.id}
        for id_ in spent - {token.id}:
            del self._tokens[id_]
        self._tokens[token.id] = replace(token, came_by=None)  # it has passed: the next ones cannot spend it
        self._listen(gateway.on_start, token, gateway.id)
        self._end(token.id)

    def _begin_scope(self, token: Token, activity: Activity) -> None:
        self.place(self._definition.starts[activity.id], self._open_scope(token, activity), token)

    def _open_scope(self, holder: Token, activity: Activity) -> int:
        mappings = {} if holder.is_skipping_mappings else activity.input
        variables = self._evaluate(mappings, holder.scope, activity.id)
        return self._scopes.add(holder.scope, holder.id, variables)

    def _close_scope(self, scope_id: int, last: Token) -> None:
        """End a sub-process once its last token has ended: map its output outwards and go on.

        The token that held it skips what the last one inside skipped: both have met the same waits.
        """
        scope = self._scopes.open.get(scope_id)
        if scope is None or scope.holder is None or any(t.scope == scope_id for t in self._tokens.values()):
            return
        holder = replace(
            self._tokens[scope.holder],
            is_skipping_listeners=last.is_skipping_listeners,
            is_skipping_mappings=last.is_skipping_mappings,
        )
        self._tokens[holder.id] = holder
        activity = self._definition.activities[holder.activity]
        writes = self._evaluate({} if holder.is_skipping_mappings else activity.output, scope_id, activity.id)
        del self._scopes.open[scope_id]
        self._scopes.write(holder.scope, writes)
        self._end(holder.id)
