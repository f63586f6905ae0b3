"""Drive a run without a world: every effect is answered by a function of its activity and visit."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chalicelib.core.advance import closed, next_effects, performed, settle
from chalicelib.core.definitions import Definition, Timer
from chalicelib.core.journal import Closed, Entry, Input, Opened, Performed
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import apply, begin
from chalicelib.core.state import Start, State

AT = 1_000
AT_THE_BEGINNING = Start()
HOUR = 3_600_000


@dataclass
class Driven:
    state: State
    journal: list[Entry]
    states: list[State] = field(default_factory=list)


def answer(activity: str, visit: int) -> Json:
    return f"{activity}/{visit}"


def drive(
    definition: Definition,
    variables: Variables,
    *,
    start: Start = AT_THE_BEGINNING,
    choose: Callable[[int], int] = lambda _n: 0,
    most: int = 10_000,
) -> Driven:
    """Take a run from its input to its end, or until it has so many entries."""
    driven = Driven(begin(definition, start, variables), [Input(variables, AT)])
    driven.states.append(driven.state)
    return resume(definition, driven, choose=choose, most=most)


def resume(
    definition: Definition, driven: Driven, *, choose: Callable[[int], int] = lambda _n: 0, most: int = 10_000
) -> Driven:
    """Take a run on from where it stands; `choose(n)` picks among n things that could happen next."""
    at = AT
    while not driven.state.is_over and len(driven.journal) < most:
        settled = settle(definition, driven.state, at, is_working=True)
        if settled.entries:
            _note(definition, driven, settled.entries)
            continue
        moves = _moves(definition, driven, at)
        if not moves:
            at += HOUR
            continue
        _note(definition, driven, [moves[choose(len(moves)) % len(moves)]])
    return driven


def _note(definition: Definition, driven: Driven, entries: Sequence[Entry]) -> None:
    for entry in entries:
        driven.state = apply(definition, driven.state, entry)
        driven.journal.append(entry)
        driven.states.append(driven.state)


def _moves(definition: Definition, driven: Driven, at: int) -> list[Entry]:
    state, visits = driven.state, visits_of(driven.journal)
    moves: list[Entry] = []
    for token in next_effects(definition, state):
        activity = definition.activities[token.activity]
        result = answer(activity.id, visits[activity.id])
        moves.append(performed(state, token, activity, result, at))
    for token in state.tokens.values():
        activity = definition.activities[token.activity]
        if token.opened is not None and not isinstance(activity.kind, Timer):
            result = {f"v_{activity.id}": answer(activity.id, visits[activity.id])}
            moves.append(closed(definition, state, token, result, at))
    return moves


def visits_of(journal: Sequence[Entry]) -> Counter[str]:
    """Count how often each activity is done."""
    visits: Counter[str] = Counter()
    for entry in journal:
        match entry:
            case Performed(activity=activity):
                visits[activity] += 1
            case Closed(opened=opened):
                begun = journal[opened]
                assert isinstance(begun, Opened)
                visits[begun.activity] += 1
            case _:
                pass
    return visits
