"""Read one flow node: an event, a task, a gateway.

| BPMN                                | ours                | its outputs become                         |
|-------------------------------------|---------------------|--------------------------------------------|
| startEvent, endEvent                | start and end event | refused                                    |
| exclusiveGateway, parallelGateway   | the same            | refused                                    |
| userTask                            | user task           | `on_end` listeners: what the person gave   |
|                                     |                     | becomes variables beside them              |
| task                                | service task `none` | `output`                                   |
| serviceTask                         | service task        | `output`                                   |
| intermediateCatchEvent with a timer | timer               | `output`                                   |
| subProcess (see `scopes`)           | sub-process         | `output`                                   |
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.bpmn.elements import (
    check_attributes,
    check_children,
    child,
    extensions,
    is_bpmn,
    is_set,
    label,
)
from chalicelib.dialects.camunda.bpmn.listeners import Listeners, read_listeners
from chalicelib.dialects.camunda.bpmn.mappings import (
    Mapping,
    Surroundings,
    check_parameters,
    parameters,
    read_mapping,
    read_template,
)
from chalicelib.dialects.camunda.bpmn.problems import Problems
from chalicelib.dialects.camunda.bpmn.service_tasks import read_plain_task, read_retry, read_service_task
from chalicelib.dialects.camunda.bpmn.times import is_date, read_seconds
from chalicelib.dialects.camunda.bpmn.xml_reading import Element

_TIMER = "timerEventDefinition"
_EXTENSIONS = frozenset({"executionListener", "properties", "failedJobRetryTimeCycle"})


@dataclass(frozen=True, slots=True)
class Kind:
    """How a type of flow node is read: our name for it, its own fields, and what may stand in it."""

    type: str
    fields: Callable[[Element, Problems, Mapping, list[Element]], Variables]
    is_mapped: bool = True
    attributes: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    events: tuple[str, ...] = ("start", "end")
    is_scope: bool = False


def read_flow_node(element: Element, kind: Kind, problems: Problems) -> Variables:
    """Read a flow node as an activity of ours; every problem is noted."""
    check_attributes(element, problems, read=kind.attributes)
    if not kind.is_scope:
        check_children(element, problems, read=kind.children)
    inputs, outputs = _read_io(element, kind, problems)
    activity: Variables = {"id": element.attributes.get("id", ""), "type": kind.type}
    if name := element.attributes.get("name"):
        activity["name"] = name
    if inputs.templates:
        activity["input"] = inputs.templates
    listeners = _listeners(element, kind, problems, inputs)
    if kind.type == "user_task":
        _hear_outputs(element, problems, inputs, outputs, listeners)
    if is_set(element, "asyncBefore") or is_set(element, "async"):
        activity["save_point"] = True
    own = kind.fields(element, problems, inputs, outputs)
    retry = read_retry(element, problems)
    if retry and kind.type == "service_task":
        own["retry"] = retry
    return {**activity, **{name: value for name, value in {**own, **listeners}.items() if value not in ({}, [])}}


def _listeners(element: Element, kind: Kind, problems: Problems, inputs: Mapping) -> Listeners:
    """Read the listeners; what a sub-process's own variables are at its end, no listener of ours can see."""
    at_end = dict.fromkeys(inputs.known) if kind.is_scope else inputs.known
    known = {"end": at_end} | dict.fromkeys(("start", "create"), inputs.known)
    return read_listeners(element, problems, {event: known[event] for event in kind.events})


def _read_io(element: Element, kind: Kind, problems: Problems) -> tuple[Mapping, list[Element]]:
    owner = element.attributes.get("id", "")
    holder: Element | None = None
    for one in extensions(element):
        if one.name == "inputOutput" and kind.is_mapped:
            check_parameters(one, problems, element)
            holder = one
        elif one.name == "inputOutput":
            message = f"camunda:inputOutput mapping unsupported for element type '{element.name}'"
            problems.note(one, message, owner)
        elif one.name not in _EXTENSIONS | kind.extensions:
            problems.note(one, f"camunda:{one.name} of {label(element)} is not supported", owner)
    inputs = read_mapping(parameters(holder, "inputParameter"), problems, Surroundings(owner))
    return inputs, parameters(holder, "outputParameter")


def _hear_outputs(
    task: Element, problems: Problems, inputs: Mapping, outputs: list[Element], listeners: Listeners
) -> None:
    """Map a user task's outputs after its end listeners, as Camunda does; each sees what the ones before it set."""
    for one in outputs:
        around = Surroundings(task.attributes.get("id", ""), inputs.known)
        if mapped := read_mapping([one], problems, around).templates:
            listeners.setdefault("on_end", []).append({"set": mapped})


# -- what is special to a kind


def _nothing(_element: Element, _problems: Problems, _inputs: Mapping, _outputs: list[Element]) -> Variables:
    return {}


def _gateway(element: Element, _problems: Problems, _inputs: Mapping, _outputs: list[Element]) -> Variables:
    default = element.attributes.get("default")
    return {"default": default} if default else {}


def _timer(element: Element, problems: Problems, inputs: Mapping, outputs: list[Element]) -> Variables:
    owner = element.attributes.get("id", "")
    local = frozenset(inputs.templates)
    output = read_mapping(outputs, problems, Surroundings(owner, hidden=frozenset({"result"}), local=local))
    definitions = [one for one in element.children if is_bpmn(one) and one.name.endswith("EventDefinition")]
    if not definitions:
        problems.note(element, f"Unsupported intermediate catch event type of {label(element)}: a timer is needed")
    if [one.name for one in definitions] != [_TIMER]:
        return {}
    return {"output": output.templates, **_time(element, definitions[0], problems)}


def _time(element: Element, definition: Element, problems: Problems) -> Variables:
    owner = element.attributes.get("id", "")
    duration, date = child(definition, "timeDuration"), child(definition, "timeDate")
    if (cycle := child(definition, "timeCycle")) is not None:
        problems.note(cycle, f"timeCycle of {label(element)} is not supported", owner)
    elif (duration is None) == (date is None):
        message = "Timer needs configuration (either timeDate, timeCycle or timeDuration is needed)."
        problems.note(definition, message, owner)
    elif duration is not None:
        return {"after_s": _duration(duration, problems, owner)}
    elif date is not None:
        return {"until": _date(date, problems, owner)}
    return {}


def _duration(element: Element, problems: Problems, owner: str) -> Json:
    text = element.text.strip()
    if text.startswith(("${", "#{")):
        return read_template(element, problems, owner, {})
    seconds = read_seconds(text)
    if seconds is None:
        problems.note(
            element, f"timeDuration '{text}' is not supported: use weeks, days and times, like P1DT10S", owner
        )
    return seconds


def _date(element: Element, problems: Problems, owner: str) -> Json:
    text = element.text.strip()
    if text.startswith(("${", "#{")):
        return read_template(element, problems, owner, {})
    if not is_date(text):
        problems.note(element, f"timeDate '{text}' is no ISO 8601 time", owner)
    return text


KINDS: dict[str, Kind] = {
    "startEvent": Kind("start_event", _nothing, is_mapped=False),
    "endEvent": Kind("end_event", _nothing, is_mapped=False),
    "userTask": Kind(
        "user_task", _nothing, extensions=frozenset({"taskListener"}), events=("start", "end", "create")
    ),
    "task": Kind("service_task", read_plain_task),
    "serviceTask": Kind(
        "service_task",
        read_service_task,
        attributes=frozenset({"class", "delegateExpression", "expression", "resultVariable", "type", "topic"}),
        extensions=frozenset({"connector"}),
    ),
    "exclusiveGateway": Kind("exclusive_gateway", _gateway, is_mapped=False),
    "parallelGateway": Kind("parallel_gateway", _nothing, is_mapped=False),
    "intermediateCatchEvent": Kind("timer", _timer, children=frozenset({_TIMER})),
}  # fmt: skip
