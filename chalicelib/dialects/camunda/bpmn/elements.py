"""The names of BPMN and of Camunda's extensions: what is read, what has no behaviour, what is refused.

What stands in no table is refused: with an extension passed over silently, a process would do something else.
"""

from chalicelib.dialects.camunda.bpmn.problems import Problems
from chalicelib.dialects.camunda.bpmn.xml_reading import Element

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
CAMUNDA = ("http://camunda.org/schema/1.0/bpmn", "http://activiti.org/bpmn")  # Camunda reads the second like the first
XSI_TYPE = "http://www.w3.org/2001/XMLSchema-instance type"

_SILENT = frozenset({
    "documentation", "extensionElements", "incoming", "outgoing",
    "laneSet", "textAnnotation", "association", "group", "artifact", "auditing", "monitoring",
    "dataObject", "dataObjectReference", "dataStoreReference", "property", "ioSpecification",
    "dataInputAssociation", "dataOutputAssociation", "potentialOwner", "humanPerformer", "performer",
})  # fmt: skip
_DECLARED = frozenset({
    "collaboration", "category", "dataStore", "itemDefinition", "message", "signal", "error", "escalation",
    "documentation", "extensionElements", "extension", "relationship", "resource", "interface",
})  # fmt: skip
_SILENT_ATTRIBUTES = frozenset({
    "candidateGroups", "candidateUsers", "assignee", "formKey", "formRef", "formRefBinding", "formRefVersion",
    "dueDate", "followUpDate", "priority", "jobPriority", "exclusive", "historyTimeToLive", "versionTag",
    "isStartableInTasklist", "candidateStarterGroups", "candidateStarterUsers",
})  # fmt: skip
_READ_ATTRIBUTES = frozenset({"asyncBefore", "async", "asyncAfter"})
_BEHAVING = {"isForCompensation": "compensation", "triggeredByEvent": "an event sub-process"}

EXTERNAL = "External tasks are not supported yet"


def is_bpmn(element: Element) -> bool:
    return element.namespace == BPMN


def is_camunda(element: Element) -> bool:
    return element.namespace in CAMUNDA


def is_silent(element: Element) -> bool:
    """Say whether a part of a process has no behaviour."""
    return element.namespace not in {BPMN, *CAMUNDA} or (is_bpmn(element) and element.name in _SILENT)


def is_declaration(element: Element) -> bool:
    """Say whether a part of the file beside its processes does nothing by itself."""
    return not is_bpmn(element) or element.name in _DECLARED


def label(element: Element) -> str:
    """Name an element in a message."""
    id_ = element.attributes.get("id")
    return f"{element.name} '{id_}'" if id_ else element.name


def extension(element: Element, name: str) -> str | None:
    """Answer an attribute of Camunda's."""
    return next((element.attributes[f"{uri} {name}"] for uri in CAMUNDA if f"{uri} {name}" in element.attributes), None)


def is_set(element: Element, name: str) -> bool:
    return (extension(element, name) or "").strip().lower() == "true"


def child(element: Element, name: str) -> Element | None:
    return next((one for one in element.children if is_bpmn(one) and one.name == name), None)


def extensions(element: Element) -> list[Element]:
    """List what of Camunda's stands in an element's extensions."""
    holders = [one for one in element.children if is_bpmn(one) and one.name == "extensionElements"]
    return [one for holder in holders for one in holder.children if is_camunda(one)]


def check_attributes(element: Element, problems: Problems, *, read: frozenset[str] = frozenset()) -> None:
    """Note every attribute that changes what the element does, and that nobody reads."""
    for qualified, value in element.attributes.items():
        uri, _, name = qualified.rpartition(" ")
        if uri in CAMUNDA and name not in _SILENT_ATTRIBUTES | _READ_ATTRIBUTES | read:
            problems.note(element, f"Attribute 'camunda:{name}' of {label(element)} is not supported")
        if not uri and name in _BEHAVING and value == "true":
            problems.note(element, f"{label(element)} is {_BEHAVING[name]}, which is not supported")
    if is_set(element, "asyncAfter"):
        problems.note(element, f"Attribute 'camunda:asyncAfter' of {label(element)} is not supported")


def check_children(element: Element, problems: Problems, *, read: frozenset[str] = frozenset()) -> None:
    """Note every part of an element that is not read and has behaviour."""
    for one in element.children:
        if not is_silent(one) and one.name not in read:
            problems.note(one, f"{label(one)} of {label(element)} is not supported", *_ids(one, element))


def _ids(*elements: Element) -> tuple[str, ...]:
    return tuple(id_ for element in elements if (id_ := element.attributes.get("id")))
