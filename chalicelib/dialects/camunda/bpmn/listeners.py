"""Read listeners: expressions that set a variable.

| where                     | events                 | ours                 |
|---------------------------|------------------------|----------------------|
| a process, a flow node    | `start`, `end`         | `on_start`, `on_end` |
| a sequence flow           | `take`, or none        | `on_take`            |
| a user task (taskListener)| `create`               | `on_create`          |

A listener sees the element's input parameters: their expressions are put in their places, for ours would not.
"""

from collections.abc import Mapping

from chalicelib.core.json_values import Json
from chalicelib.dialects.camunda.bpmn.elements import extensions, is_camunda, label
from chalicelib.dialects.camunda.bpmn.juel import JuelInvalid, SetVariable
from chalicelib.dialects.camunda.bpmn.juel_writing import Known, read_expression, template
from chalicelib.dialects.camunda.bpmn.problems import Problems
from chalicelib.dialects.camunda.bpmn.xml_reading import Element

_NAMES = {"start": "on_start", "end": "on_end", "take": "on_take", "create": "on_create"}
_MANDATORY = "Element 'class', 'expression', 'delegateExpression' or 'script' is mandatory on {}"

Listeners = dict[str, list[Json]]
Events = Mapping[str, Known]
"""The events that an element has, and what names stand for in their listeners."""


def read_listeners(element: Element, problems: Problems, events: Events) -> Listeners:
    """Read an element's execution listeners, and a user task's task listeners, by our names for their events."""
    read: Listeners = {}
    kinds = {
        "executionListener": {event: known for event, known in events.items() if event != "create"},
        "taskListener": {event: known for event, known in events.items() if event == "create"},
    }
    for one in extensions(element):
        if kinds.get(one.name):
            _read(one, element, problems, read, kinds[one.name])
    return read


def _read(one: Element, element: Element, problems: Problems, read: Listeners, events: Events) -> None:
    owner = element.attributes.get("id", "")
    event = one.attributes.get("event", "take" if "take" in events else "")
    if objection := _objection(one, element, event, events):
        problems.note(one, objection, owner)
        return
    try:
        listener: Json = {"set": _set(one.attributes["expression"], events[event])}
    except JuelInvalid as error:
        problems.note(one, f"Error while parsing expression of {one.name} of {label(element)}: {error}", owner)
    else:
        read.setdefault(_NAMES[event], []).append(listener)


def _objection(one: Element, element: Element, event: str, events: Events) -> str | None:
    """Say why a listener cannot be read, if it cannot."""
    attributes = [name.rpartition(" ")[2] for name in one.attributes]
    unread = [name for name in attributes if name not in {"event", "id", "expression"}]
    unread += [child.name for child in one.children if is_camunda(child)]
    if event not in events:
        return f"Attribute 'event' of {one.name} of {label(element)} must be one of {{{'|'.join(events)}}}: '{event}'"
    if unread:
        return f"'{unread[0]}' of {one.name} of {label(element)} is not supported: use an expression"
    return None if "expression" in attributes else _MANDATORY.format(one.name)


def _set(text: str, known: Known) -> Json:
    match read_expression(text):
        case SetVariable(name, _) if name in known:
            raise JuelInvalid(f"'{name}' is a local variable of the element, and cannot be set")
        case SetVariable(name, value):
            return {name: template([value], known)}
        case _:
            raise JuelInvalid("only execution.setVariable('name', value) has an effect")
