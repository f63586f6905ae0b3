"""Read what a process or a sub-process holds: its flow nodes, and the sequence flows between them.

A default flow of an activity, which ours have for exclusive gateways only, gets the condition that no other one holds.
"""

from dataclasses import dataclass, field
from functools import reduce

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.bpmn.elements import (
    XSI_TYPE,
    check_attributes,
    check_children,
    child,
    extension,
    extensions,
    is_bpmn,
    is_silent,
    label,
)
from chalicelib.dialects.camunda.bpmn.flow_nodes import KINDS, Kind, read_flow_node
from chalicelib.dialects.camunda.bpmn.juel import Binary, JuelInvalid, Literal, Node, Unary
from chalicelib.dialects.camunda.bpmn.juel_writing import read_value, write_expression
from chalicelib.dialects.camunda.bpmn.listeners import read_listeners
from chalicelib.dialects.camunda.bpmn.mappings import Mapping, Surroundings, read_mapping
from chalicelib.dialects.camunda.bpmn.problems import Problems
from chalicelib.dialects.camunda.bpmn.xml_reading import Element

_FLOW = "sequenceFlow"
_SUB_PROCESS = "subProcess"
_MULTIPLE = {
    "process": "multiple none start events or timer start events not supported on process definition",
    _SUB_PROCESS: "multiple start events not supported for subprocess",
}


@dataclass(slots=True)
class _Flow:
    element: Element
    source: str
    target: str
    condition: Node | None
    document: Variables

    @property
    def id(self) -> str:
        return self.element.attributes.get("id", "")


@dataclass(slots=True)
class _Scope:
    nodes: dict[str, Element] = field(default_factory=dict)
    activities: list[Json] = field(default_factory=list)
    flows: list[_Flow] = field(default_factory=list)

    def leaving(self, id_: str) -> list[_Flow]:
        return [flow for flow in self.flows if flow.source == id_]


def read_scope(holder: Element, problems: Problems) -> Variables:
    """Read the activities and transitions that stand in an element."""
    scope = _Scope()
    parts = [one for one in holder.children if not is_silent(one)]
    for one in parts:
        if one.name != _FLOW:
            _read_node(one, holder, problems, scope)
    for one in parts:
        if one.name == _FLOW:
            _read_flow(one, problems, scope)
    _check_starts(holder, problems, scope)
    for id_, element in scope.nodes.items():
        _check_choice(id_, element, problems, scope)
        _spell_default(id_, element, problems, scope)
    transitions: list[Json] = [_transition(flow, problems) for flow in scope.flows]
    return {"activities": scope.activities, "transitions": transitions}


def _read_node(one: Element, holder: Element, problems: Problems, scope: _Scope) -> None:
    id_ = one.attributes.get("id", "")
    kind = _SUB_KIND if one.name == _SUB_PROCESS else KINDS.get(one.name)
    if kind is None or not is_bpmn(one):
        scope.nodes.setdefault(id_, one)
        problems.note(one, f"Unsupported element: {label(one)} of {label(holder)}")
        return
    if not id_:
        problems.note(one, f"Attribute 'id' is required on {one.name}")
    scope.nodes.setdefault(id_, one)
    scope.activities.append(read_flow_node(one, kind, problems))


def _sub_process(element: Element, problems: Problems, _inputs: Mapping, outputs: list[Element]) -> Variables:
    around = Surroundings(element.attributes.get("id", ""))
    return {"output": read_mapping(outputs, problems, around).templates, **read_scope(element, problems)}


_SUB_KIND = Kind(
    "sub_process",
    _sub_process,
    is_scope=True,
)


def _check_starts(holder: Element, problems: Problems, scope: _Scope) -> None:
    starts = [one for one in scope.nodes.values() if one.name == "startEvent"]
    if not starts:
        problems.note(holder, f"no start event defined for {label(holder)}")
    for surplus in starts[1:]:
        problems.note(surplus, _MULTIPLE[holder.name])


# -- sequence flows


def _read_flow(one: Element, problems: Problems, scope: _Scope) -> None:
    check_attributes(one, problems)
    check_children(one, problems, read=frozenset({"conditionExpression"}))
    for extra in extensions(one):
        if extra.name not in {"executionListener", "properties"}:
            problems.note(extra, f"camunda:{extra.name} of {label(one)} is not supported", one.attributes.get("id", ""))
    missing = [name for name in ("id", "sourceRef", "targetRef") if name not in one.attributes]
    for name in missing:
        problems.note(one, f"Attribute '{name}' is required on {_FLOW}")
    listeners = read_listeners(one, problems, {"take": {}})
    condition = _condition(one, problems)
    if missing:
        return
    id_, source, target = (one.attributes[name] for name in ("id", "sourceRef", "targetRef"))
    if source not in scope.nodes:
        problems.note(one, f"Invalid source '{source}' of sequence flow '{id_}'")
    elif target not in scope.nodes:
        problems.note(one, f"Invalid destination '{target}' of sequence flow '{id_}'")
    scope.flows.append(_Flow(one, source, target, condition, {**listeners}))


def _condition(flow: Element, problems: Problems) -> Node | None:
    element = child(flow, "conditionExpression")
    if element is None:
        return None
    owner = flow.attributes.get("id", "")
    kind = element.attributes.get(XSI_TYPE, "tFormalExpression")
    if kind.rpartition(":")[2] != "tFormalExpression":
        problems.note(element, "Invalid type, only tFormalExpression is currently supported", owner)
    if "language" in element.attributes or extension(element, "resource") is not None:
        problems.note(element, f"A script as the condition of {label(flow)} is not supported", owner)
        return None
    try:
        node = read_value(element.text)
        write_expression(node)
    except JuelInvalid as error:
        problems.note(element, f"Error while parsing the condition of {label(flow)}: {error}", owner)
        return None
    return node


def _check_choice(id_: str, gateway: Element, problems: Problems, scope: _Scope) -> None:
    """Check an exclusive gateway in Camunda's words; the one flow without condition is its default."""
    if gateway.name != "exclusiveGateway":
        return
    flows, default = scope.leaving(id_), gateway.attributes.get("default")
    if not flows:
        problems.note(gateway, f"Exclusive Gateway '{id_}' has no outgoing sequence flows.")
    if len(flows) == 1 and flows[0].condition is not None:
        said = f"has only one outgoing sequence flow ('{flows[0].id}'). This is not allowed to have a condition."
        problems.note(gateway, f"Exclusive Gateway '{id_}' {said}", id_, flows[0].id)
    if len(flows) > 1:
        _check_ways(id_, gateway, problems, scope)
    for flow in flows:
        if flow.id == default and flow.condition is not None:
            said = f"has outgoing sequence flow '{flow.id}' which is the default flow but has a condition too."
            problems.note(gateway, f"Exclusive Gateway '{id_}' {said}", id_, flow.id)


def _check_ways(id_: str, gateway: Element, problems: Problems, scope: _Scope) -> None:
    default = gateway.attributes.get("default")
    bare = [flow for flow in scope.leaving(id_) if child(flow.element, "conditionExpression") is None]
    plain = [flow for flow in bare if flow.id != default]
    if len(plain) == 1 and not default:
        _assume_default(id_, plain[0].id, scope)
        return
    for flow in plain:
        said = f"has outgoing sequence flow '{flow.id}' without condition which is not the default flow."
        problems.note(gateway, f"Exclusive Gateway '{id_}' {said}", id_, flow.id)


def _assume_default(id_: str, flow: str, scope: _Scope) -> None:
    for activity in scope.activities:
        if isinstance(activity, dict) and activity["id"] == id_:
            activity["default"] = flow


def _spell_default(id_: str, element: Element, problems: Problems, scope: _Scope) -> None:
    default, flows = element.attributes.get("default"), scope.leaving(id_)
    if not default or element.name not in {"userTask", "serviceTask", "task", _SUB_PROCESS}:
        return
    chosen = next((flow for flow in flows if flow.id == default), None)
    if chosen is None:
        problems.note(element, f"The default flow '{default}' of {label(element)} does not leave it")
        return
    others = [flow.condition for flow in flows if flow is not chosen]
    conditions = [condition for condition in others if condition is not None]
    chosen.condition = Literal(value=False) if len(conditions) < len(others) else None
    if conditions and chosen.condition is None:
        chosen.condition = Unary("!", reduce(lambda left, right: Binary("||", left, right), conditions))


def _transition(flow: _Flow, problems: Problems) -> Json:
    transition: Variables = {"id": flow.id, "from": flow.source, "to": flow.target, **flow.document}
    if flow.condition is not None:
        try:
            transition["condition"] = write_expression(flow.condition)
        except JuelInvalid as error:
            problems.note(flow.element, f"The condition of the default flow '{flow.id}' cannot be written: {error}")
    return transition
