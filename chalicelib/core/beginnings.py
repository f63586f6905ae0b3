"""Where a run begins that begins at the beginning, and whether it has what it needs for that."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import assert_never

from chalicelib.core.definitions import Definition, StartEvent
from chalicelib.core.expressions import ExpressionFailed, is_true
from chalicelib.core.ids import ActivityId
from chalicelib.core.json_values import Variables
from chalicelib.core.refusals import (
    ElementAmbiguous,
    ElementUnknown,
    ScopeAmbiguous,
    StartNotFound,
    StartsAmbiguous,
    StartUnknown,
    VariablesMissing,
)
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place


def first_places(definition: Definition, variables: Variables, named: ActivityId | None = None) -> tuple[Place, ...]:
    """Answer where tokens begin; none: at the definition's only start event. Raise a refusal if they cannot.

    A start event that is named is the one, whatever its condition. Else, of several, it is the one whose condition
    holds for these variables; if none does, the one without a condition. A condition that cannot be evaluated does
    not hold; where that is all there is to say, nothing tells the start events apart.
    """
    check_start(definition, named)
    missing = [name for name in definition.required if variables.get(name) is None]
    if missing:
        raise VariablesMissing(missing)
    starts = _starts(definition)
    if named is not None:
        return (BeforeActivity(named),)
    if len(starts) == 1 and all(kind.condition is None for kind in starts.values()):
        return ()
    told = {id_: _holds(kind.condition, variables) for id_, kind in starts.items() if kind.condition is not None}
    chosen = [id_ for id_, holds in told.items() if holds] or [id_ for id_ in starts if id_ not in told]
    if not chosen and len(told) > 1 and all(holds is None for holds in told.values()):
        raise StartsAmbiguous(told)
    if not chosen:
        raise StartNotFound
    if len(chosen) > 1:
        raise StartsAmbiguous(chosen)
    return (BeforeActivity(ActivityId(chosen[0])),)


def check_start(definition: Definition, named: ActivityId | None) -> None:
    """Raise `StartUnknown` if no start event of the definition has this name."""
    if named is not None and named not in _starts(definition):
        raise StartUnknown(named)


def _starts(definition: Definition) -> dict[ActivityId, StartEvent]:
    outermost = [activity for activity in definition.activities.values() if activity.parent is None]
    return {activity.id: activity.kind for activity in outermost if isinstance(activity.kind, StartEvent)}


def check_places(definition: Definition, places: Sequence[Place]) -> None:
    """Raise `ElementUnknown`, `ElementAmbiguous` or `ScopeAmbiguous` for a place at which no token can begin.

    A place in a sub-process is in the scope that places before it have opened there: it must be the only one.
    """
    opened: Counter[ActivityId] = Counter()
    for place in places:
        _check_place(definition, place)
        for scope in definition.parents(_activity(definition, place)):
            if opened[scope] > 1:
                raise ScopeAmbiguous(scope)
            opened[scope] = 1
        if isinstance(place, BeforeActivity):
            opened[place.activity] += 1


def _activity(definition: Definition, place: Place) -> ActivityId:
    return definition.transitions[place.transition].source if isinstance(place, AlongTransition) else place.activity


def _check_place(definition: Definition, place: Place) -> None:
    match place:
        case BeforeActivity(activity):
            _check_element(definition.activities, activity)
        case AlongTransition(transition):
            _check_element(definition.transitions, transition)
        case AfterActivity(activity):
            _check_element(definition.activities, activity)
            ways = len(definition.outgoing[activity])
            if ways != 1:
                raise ElementAmbiguous(activity, ways)
        case _:
            assert_never(place)


def _check_element(known: Collection[str], element: str) -> None:
    if element not in known:
        raise ElementUnknown(element)


def _holds(condition: str, variables: Variables) -> bool | None:
    """Say whether a condition holds; None if it speaks of what is not there."""
    try:
        return is_true(condition, variables)
    except ExpressionFailed:
        return None
