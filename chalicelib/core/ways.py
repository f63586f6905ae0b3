"""Along which transitions a token leaves an activity."""

from collections.abc import Sequence

from chalicelib.core.definitions import Activity, Definition, ExclusiveGateway, ParallelGateway, Transition
from chalicelib.core.expressions import ExpressionFailed, is_true
from chalicelib.core.journal import Failure
from chalicelib.core.json_values import Variables


class Stopped(Exception):
    """A step cannot be taken: why is a fact about the run."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def ways_on(definition: Definition, activity: Activity, names: Variables) -> tuple[Transition, ...]:
    """Answer the transitions to take, with the variables that their conditions see; raise `Stopped` if none is."""
    ways = definition.outgoing[activity.id]
    match activity.kind:
        case ParallelGateway():
            return ways
        case ExclusiveGateway(default):
            return (_choose(activity, ways, default, names),)
        case _:
            held = tuple(way for way in ways if _holds(way, names))
            if ways and not held:
                raise Stopped(Failure(activity.id, "no_way_on", "No outgoing transition's condition holds."))
            return held


def _choose(gateway: Activity, ways: Sequence[Transition], default: str | None, names: Variables) -> Transition:
    for way in ways:
        if way.id != default and _holds(way, names):
            return way
    for way in ways:
        if way.id == default:
            return way
    raise Stopped(Failure(gateway.id, "no_way_on", "No condition holds and there is no default."))


def _holds(way: Transition, names: Variables) -> bool:
    if way.condition is None:
        return True
    try:
        return is_true(way.condition, names)
    except ExpressionFailed as error:
        raise Stopped(Failure(way.id, "expression_failed", str(error))) from error
