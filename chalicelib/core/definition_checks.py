"""What must be true of a graph as a whole before a run may walk it.

| rule                                                            | why                                       |
|-----------------------------------------------------------------|-------------------------------------------|
| every transition joins two activities of one scope              | a token never crosses a scope's border    |
| every scope has at least one end, and exactly one start event   | "from the beginning" has one meaning      |
| … but the definition may have more: all but one with a condition| a run begins where its input says         |
| only an object's outermost start events are shared               | only its runs would stand in a line       |
| start events have no way in, end events no way out              | what else would they mean                 |
| every activity can be reached from its scope's start event      | a typing error shows here, not in a year  |
| a gateway's default is one of its own ways out                  |                                           |
| an exclusive gateway's ways out have conditions, or one default | the choice must never be left to chance   |
| every cycle holds a wait or a call to the outside               | else a run would spin inside one request  |
"""

from collections.abc import Collection
from itertools import islice

from chalicelib.core.definitions import (
    Activity,
    Definition,
    DefinitionType,
    EndEvent,
    ExclusiveGateway,
    HttpAction,
    LambdaAction,
    ServiceTask,
    StartEvent,
    SubProcess,
    Timer,
    UserTask,
)
from chalicelib.core.document_fields import Defects
from chalicelib.core.ids import ActivityId


def check_structure(definition: Definition, defects: Defects) -> None:
    """Note every defect of the graph; what hangs loose is noted alone, for the rest would be noise."""
    _check_joints(definition, defects)
    if defects.found:
        return
    _check_scopes(definition, defects)
    _check_ends(definition, defects)
    _check_shared(definition, defects)
    _check_gateways(definition, defects)
    if not defects.found:
        _check_reachable(definition, defects)
        _check_cycles(definition, defects)


def _check_joints(definition: Definition, defects: Defects) -> None:
    for transition in definition.transitions.values():
        ends = {"from": transition.source, "to": transition.target}
        loose = [
            f"'{end}' names '{id_}', which does not exist" for end, id_ in ends.items() if not _known(definition, id_)
        ]
        for problem in loose:
            defects.note(transition.id, problem)
        if not loose and _parent(definition, transition.source) != _parent(definition, transition.target):
            defects.note(transition.id, "crosses the border of a sub-process")


def _known(definition: Definition, id_: ActivityId) -> bool:
    return id_ in definition.activities


def _parent(definition: Definition, id_: ActivityId) -> ActivityId | None:
    return definition.activities[id_].parent


def _check_scopes(definition: Definition, defects: Defects) -> None:
    scopes: list[ActivityId | None] = [None]
    scopes += [a.id for a in definition.activities.values() if isinstance(a.kind, SubProcess)]
    for scope in scopes:
        inside = [a for a in definition.activities.values() if a.parent == scope]
        name = scope or "definition"
        _check_starts(scope, inside, defects)
        if not any(isinstance(a.kind, EndEvent) for a in inside):
            defects.note(name, "has no end event")


def _check_starts(scope: ActivityId | None, inside: Collection[Activity], defects: Defects) -> None:
    starts = {a.id: a.kind.condition for a in inside if isinstance(a.kind, StartEvent)}
    plain = [id_ for id_, condition in starts.items() if condition is None]
    if not starts:
        defects.note(scope or "definition", "has no start event")
    for surplus in plain[1:]:
        defects.note(surplus, f"is a second start event beside '{plain[0]}'")
    for id_ in starts.keys() - plain if scope is not None else ():
        defects.note(id_, "is the start event of a sub-process, and can have no condition")


def _check_shared(definition: Definition, defects: Defects) -> None:
    for activity in definition.activities.values():
        is_shared = isinstance(activity.kind, StartEvent) and activity.kind.is_shared
        if is_shared and (definition.type is not DefinitionType.OBJECT or activity.parent is not None):
            defects.note(activity.id, "is shared, which only an object's own start events can be")


def _check_ends(definition: Definition, defects: Defects) -> None:
    for activity in definition.activities.values():
        if isinstance(activity.kind, StartEvent):
            if definition.incoming[activity.id]:
                defects.note(activity.id, "is a start event with a transition that leads to it")
            if not definition.outgoing[activity.id]:
                defects.note(activity.id, "is a start event that leads nowhere")
        if isinstance(activity.kind, EndEvent) and definition.outgoing[activity.id]:
            defects.note(activity.id, "is an end event with a transition that leads on")


def _check_gateways(definition: Definition, defects: Defects) -> None:
    for activity in definition.activities.values():
        if isinstance(activity.kind, ExclusiveGateway):
            _check_choice(definition, activity, activity.kind, defects)


def _check_choice(definition: Definition, gateway: Activity, kind: ExclusiveGateway, defects: Defects) -> None:
    ways = definition.outgoing[gateway.id]
    if not ways:
        defects.note(gateway.id, "is an exclusive gateway that leads nowhere")
    if kind.default is not None and kind.default not in {way.id for way in ways}:
        defects.note(gateway.id, f"has the default '{kind.default}', which is not one of its transitions")
    if len(ways) == 1:
        return
    for way in ways:
        if way.condition is None and way.id != kind.default:
            defects.note(way.id, f"needs a condition: it leaves the exclusive gateway '{gateway.id}'")


def _check_reachable(definition: Definition, defects: Defects) -> None:
    reached: set[ActivityId] = set()
    todo = [id_ for id_, activity in definition.activities.items() if isinstance(activity.kind, StartEvent)]
    while todo:
        id_ = todo.pop()
        if id_ not in reached:
            reached.add(id_)
            todo += [transition.target for transition in definition.outgoing[id_]]
    for id_ in definition.activities:
        if id_ not in reached:
            defects.note(id_, "cannot be reached from the start event")


def _check_cycles(definition: Definition, defects: Defects) -> None:
    """Note a cycle of pure activities by its first element; other cycles show once this one is mended."""
    pure = {id_ for id_, activity in definition.activities.items() if not _breaks_cycles(definition, activity)}
    on_a_cycle = (id_ for id_ in definition.activities if id_ in pure and _comes_back(definition, id_, pure))
    for id_ in islice(on_a_cycle, 1):
        defects.note(id_, "stands on a cycle that holds neither a wait nor a call to the outside")


def _breaks_cycles(definition: Definition, activity: Activity) -> bool:
    match activity.kind:
        case UserTask() | Timer():
            return True
        case ServiceTask(action):
            return isinstance(action, HttpAction | LambdaAction)
        case SubProcess():
            return _must_pause(definition, activity.id)
        case _:
            return False


def _must_pause(definition: Definition, sub_process: ActivityId) -> bool:
    """Say whether every way through a sub-process meets a wait or a call."""
    todo, seen = [definition.starts[sub_process]], set[ActivityId]()
    while todo:
        id_ = todo.pop()
        if id_ in seen or _breaks_cycles(definition, definition.activities[id_]):
            continue
        seen.add(id_)
        if not definition.outgoing[id_]:
            return False
        todo += [transition.target for transition in definition.outgoing[id_]]
    return True


def _comes_back(definition: Definition, id_: ActivityId, among: Collection[ActivityId]) -> bool:
    """Say whether a way through these activities leads from one of them to itself."""
    todo, seen = [id_], set[ActivityId]()
    while todo:
        targets = {transition.target for transition in definition.outgoing[todo.pop()]}
        if id_ in targets:
            return True
        new = [target for target in targets if target in among and target not in seen]
        seen.update(new)
        todo += new
    return False
