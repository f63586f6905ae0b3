"""Read a BPMN file: one definition of ours for each executable process in it, or every problem that forbids it."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.core.definition_documents import DefinitionInvalid, read_definition
from chalicelib.core.document_fields import ID
from chalicelib.core.json_values import Variables
from chalicelib.dialects.camunda.bpmn.elements import (
    check_attributes,
    extension,
    extensions,
    is_bpmn,
    is_declaration,
    is_silent,
    label,
)
from chalicelib.dialects.camunda.bpmn.listeners import read_listeners
from chalicelib.dialects.camunda.bpmn.problems import BpmnInvalid, Problem, Problems
from chalicelib.dialects.camunda.bpmn.scopes import read_scope
from chalicelib.dialects.camunda.bpmn.times import read_days
from chalicelib.dialects.camunda.bpmn.xml_reading import Element, XmlInvalid, read_xml


@dataclass(frozen=True, slots=True)
class Process:
    """An executable process: what Camunda keeps beside its definition, and the definition as a document of ours."""

    key: str
    name: str | None
    version_tag: str | None
    history_time_to_live: int | None
    """Days."""
    is_startable_in_tasklist: bool
    document: Variables


def read_bpmn(xml: bytes) -> list[Process]:
    """Read the executable processes of a BPMN 2.0 file; raise `BpmnInvalid` with every problem found."""
    try:
        root = read_xml(xml)
    except XmlInvalid as error:
        raise BpmnInvalid([Problem(error.message, error.line, error.column)]) from error
    problems = Problems()
    if not is_bpmn(root) or root.name != "definitions":
        problems.note(root, f"The root element must be BPMN 2.0's 'definitions', and is '{root.name}'")
    processes = [_process(one, problems) for one in root.children if _is_executable(one)]
    for one in root.children:
        if one.name != "process" and not is_declaration(one):
            problems.note(one, f"Unsupported element: {label(one)}")
    if problems.found:
        raise BpmnInvalid(problems.found)
    return processes


def _is_executable(element: Element) -> bool:
    is_process = is_bpmn(element) and element.name == "process"
    return is_process and element.attributes.get("isExecutable", "").strip() in {"true", "1"}


def _process(element: Element, problems: Problems) -> Process:
    own = Problems()
    check_attributes(element, own)
    _check_ids(element, own)
    for one in extensions(element):
        if one.name not in {"executionListener", "properties"}:
            own.note(one, f"camunda:{one.name} of {label(element)} is not supported", element.attributes.get("id", ""))
    key, name = element.attributes.get("id", ""), element.attributes.get("name") or None
    listeners = read_listeners(element, own, {"start": {}, "end": {}})
    days = _days(element, own)
    document: Variables = {"name": name or key, **listeners, **read_scope(element, own)}
    if not own.found:
        _check_document(document, element, own)
    problems.found += own.found
    is_startable = (extension(element, "isStartableInTasklist") or "true").strip().lower() == "true"
    return Process(key, name, extension(element, "versionTag"), days, is_startable, document)


def _days(process: Element, problems: Problems) -> int | None:
    text = (extension(process, "historyTimeToLive") or "").strip()
    days = read_days(text) if text else None
    if text and days is None:
        problems.note(process, f"Cannot parse historyTimeToLive: '{text}' must be a number of days, or like P30D")
    return days


def _check_ids(process: Element, problems: Problems) -> None:
    """Note ids that ours cannot be, and those that stand twice."""
    if not process.attributes.get("id"):
        problems.note(process, "Attribute 'id' is required on process")
    seen: set[str] = set()
    for element in _parts(process):
        id_ = element.attributes.get("id")
        if id_ and not ID.fullmatch(id_):
            said = "an id holds unaccented letters, digits, '_', '.' and '-' only, 128 at most"
            problems.note(element, f"The id '{id_}' of {element.name} is not supported: {said}")
        if id_ and id_ in seen:
            problems.note(element, f"The id '{id_}' of {element.name} is used twice")
        seen.add(id_ or "")


def _parts(element: Element) -> Iterator[Element]:
    """List an element and the parts of it that become elements of a definition."""
    yield element
    for one in element.children if element.name in {"process", "subProcess"} else ():
        if not is_silent(one):
            yield from _parts(one)


def _check_document(document: Variables, process: Element, problems: Problems) -> None:
    """Note what our own reading of the definition finds wrong, each at its element."""
    elements = {id_: element for element in _parts(process) if (id_ := element.attributes.get("id"))}
    try:
        read_definition(document)
    except DefinitionInvalid as error:
        for defect in error.defects:
            element = elements.get(defect.element.removesuffix(".flow").removesuffix(".async"), process)
            problems.note(element, f"{label(element)} {defect.problem}")
