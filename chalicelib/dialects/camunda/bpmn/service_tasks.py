"""Read service tasks: expressions, and calls of the HTTP connector.

| of Camunda's HTTP connector                     | ours                                                         |
|-------------------------------------------------|--------------------------------------------------------------|
| `url`, `method`, `headers`, `payload`           | the action's `url`, `method`, `headers`, `body`              |
| `statusCode`, `headers` in its output           | `result.status`, `result.headers`                            |
| `response`                                      | `result.body`: the value, if the answer was JSON, not a text |
| an answer that is no success                    | fails the activity; Camunda leaves that to the process       |
"""

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.bpmn.elements import EXTERNAL, extension, extensions, is_camunda, label
from chalicelib.dialects.camunda.bpmn.juel import Field, JuelInvalid, Literal, Name, Node, SetVariable
from chalicelib.dialects.camunda.bpmn.juel_writing import read_parts, template
from chalicelib.dialects.camunda.bpmn.mappings import (
    Mapping,
    Surroundings,
    check_parameters,
    parameters,
    read_mapping,
    read_template,
)
from chalicelib.dialects.camunda.bpmn.payloads import read_payload
from chalicelib.dialects.camunda.bpmn.problems import Problems
from chalicelib.dialects.camunda.bpmn.times import read_repetition
from chalicelib.dialects.camunda.bpmn.xml_reading import Element

_MANDATORY = "One of the attributes 'class', 'delegateExpression', 'type', or 'expression' is mandatory on serviceTask."
_HTTP = "http-connector"
_LONGEST_DELAY_S = 3600  # of our retry policy, unless it says otherwise
_RESULT = Name("result")
_ANSWERED: dict[str, Node | None] = {
    "response": Field(_RESULT, Literal("body")),
    "statusCode": Field(_RESULT, Literal("status")),
    "headers": Field(_RESULT, Literal("headers")),
}


def read_service_task(element: Element, problems: Problems, inputs: Mapping, outputs: list[Element]) -> Variables:
    """Read what a service task does, and what becomes of its result."""
    if any(extension(element, name) is not None for name in ("type", "topic")):
        kind = extension(element, "type")
        is_external = kind in {None, "external"}
        problems.note(element, EXTERNAL if is_external else f"Unsupported type '{kind}' of {label(element)}")
        return {}
    refused = [name for name in ("class", "delegateExpression") if extension(element, name) is not None]
    for name in refused:
        problems.note(
            element, f"Attribute 'camunda:{name}' of {label(element)} is not supported: no Java code runs here"
        )
    connector = next((one for one in extensions(element) if one.name == "connector"), None)
    expression = extension(element, "expression")
    if connector is not None and expression is not None:
        problems.note(element, f"{label(element)} has both a connector and an expression")
    if connector is not None:
        return _connector(element, connector, problems, inputs, outputs)
    if expression is not None:
        return _expression(element, expression, problems, inputs, outputs)
    if not refused:
        problems.note(element, _MANDATORY)
    return {}


def read_plain_task(element: Element, problems: Problems, inputs: Mapping, outputs: list[Element]) -> Variables:
    """Read a task that does nothing but map variables."""
    around = _after(element, inputs, {})
    return {"action": {"type": "none"}, "output": read_mapping(outputs, problems, around).templates}


def read_retry(element: Element, problems: Problems) -> Variables:
    """Read `R3/PT10M`, if an element says so, as a retry policy of ours."""
    cycle = next((one for one in extensions(element) if one.name == "failedJobRetryTimeCycle"), None)
    if cycle is None or not cycle.text.strip():
        return {}
    repetition = read_repetition(cycle.text.strip())
    if repetition is None:
        message = f"failedJobRetryTimeCycle '{cycle.text.strip()}' of {label(element)} is not supported: use 'R3/PT10M'"
        problems.note(cycle, message, element.attributes.get("id", ""))
        return {}
    attempts, delay_s = repetition
    policy: Variables = {"attempts": attempts, "delay_s": delay_s, "factor": 1}
    return policy if delay_s <= _LONGEST_DELAY_S else {**policy, "max_delay_s": delay_s}


def _after(element: Element, inputs: Mapping, known: dict[str, Node | None]) -> Surroundings:
    """Answer what output parameters are read in: there `result` is the action's own."""
    hidden = frozenset({"result"}) - known.keys()
    return Surroundings(element.attributes.get("id", ""), known, hidden, frozenset(inputs.templates))


def _expression(element: Element, text: str, problems: Problems, inputs: Mapping, outputs: list[Element]) -> Variables:
    variable = extension(element, "resultVariable")
    known: dict[str, Node | None] = {variable: _RESULT} if variable else {}
    try:
        parts = read_parts(text.strip())
        if len(parts) == 1 and isinstance(parts[0], SetVariable):
            written = parts[0]
            known = {**dict.fromkeys(known, Literal(None)), written.name: _RESULT}
            value: Json = template([written.value])
        else:
            value = template(parts)
    except JuelInvalid as error:
        problems.note(element, f"Error while parsing expression of {label(element)}: {error}")
        return {}
    output: Variables = {
        name: template([node]) for name, node in known.items() if node and name not in inputs.templates
    }
    mapped = read_mapping(outputs, problems, _after(element, inputs, known)).templates
    return {"action": {"type": "expression", "value": value}, "output": {**output, **mapped}}


# -- the connector


def _connector(
    element: Element, connector: Element, problems: Problems, inputs: Mapping, outputs: list[Element]
) -> Variables:
    owner = element.attributes.get("id", "")
    inside = {one.name: one for one in connector.children if is_camunda(one)}
    identity = inside["connectorId"].text.strip() if "connectorId" in inside else ""
    if identity != _HTTP:
        problems.note(connector, f"Connector '{identity}' of {label(element)} is not supported; {_HTTP} is", owner)
        return {}
    io = inside.get("inputOutput", connector)
    if io is not connector:
        check_parameters(io, problems, element)
    action = _http(parameters(io, "inputParameter"), connector, problems, element)
    answered = _after(element, inputs, _ANSWERED)
    first = read_mapping(parameters(io, "outputParameter"), problems, answered)
    left = {name: node for name, node in first.known.items() if name in first.templates}
    second = read_mapping(outputs, problems, _after(element, inputs, left))
    return {"action": action, "output": {**first.templates, **second.templates}}


def _http(given: list[Element], connector: Element, problems: Problems, element: Element) -> Variables:
    owner = element.attributes.get("id", "")
    action: Variables = {"type": "http"}
    for one in given:
        name = one.attributes.get("name", "")
        match name:
            case "url":
                action["url"] = read_template(one, problems, owner, {})
            case "method":
                action["method"] = one.text.strip().upper()
            case "headers":
                action["headers"] = _headers(one, problems, owner)
            case "payload":
                action["body"] = _payload(one, problems, owner)
            case _:
                problems.note(one, f"Parameter '{name}' of {_HTTP} is not supported", owner)
    for missing in sorted({"url", "method"} - action.keys()):
        problems.note(connector, f"Parameter '{missing}' of {_HTTP} of {label(element)} is required", owner)
    return action


def _payload(one: Element, problems: Problems, owner: str) -> Json:
    if any(is_camunda(inside) for inside in one.children):
        problems.note(one, "The payload must be a text", owner)
        return None
    try:
        return read_payload(one.text) if one.text.strip() else None
    except JuelInvalid as error:
        problems.note(one, f"Error while parsing the payload: {error}", owner)
        return None


def _headers(one: Element, problems: Problems, owner: str) -> Json:
    entries: Variables = {}
    inside = [child for child in one.children if is_camunda(child)]
    if [child.name for child in inside] != ["map"]:
        problems.note(one, "The headers must be a camunda:map", owner)
        return entries
    for entry in inside[0].children:
        if "key" not in entry.attributes or any(is_camunda(child) for child in entry.children):
            problems.note(entry, "An entry of the headers must have a 'key' and a text", owner)
            continue
        entries[entry.attributes["key"]] = read_template(entry, problems, owner, {})
    return entries
