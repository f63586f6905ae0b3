"""Read `camunda:inputOutput`: parameters in their order, each of which may read the ones before it.

Ours are evaluated side by side, so a parameter that reads an earlier one gets that one's expression in its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.bpmn.elements import is_camunda
from chalicelib.dialects.camunda.bpmn.juel import JuelInvalid, Literal, Node, SetVariable
from chalicelib.dialects.camunda.bpmn.juel_writing import Known, names_in, put_in, read_parts, template
from chalicelib.dialects.camunda.bpmn.problems import Problems
from chalicelib.dialects.camunda.bpmn.xml_reading import Element


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What parameters are read in: whose they are, what names stand for, and what names mean something else there.

    `local` names the variables that only the element has: what leaves it is never read back.
    """

    owner: str
    known: Known = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()


@dataclass(slots=True)
class Mapping:
    """Templates by name, and what each name stands for behind them."""

    templates: Variables = field(default_factory=dict)
    known: dict[str, Node | None] = field(default_factory=dict)


def parameters(holder: Element | None, name: str) -> list[Element]:
    """List the input or output parameters of an inputOutput."""
    return [one for one in holder.children if is_camunda(one) and one.name == name] if holder else []


def check_parameters(holder: Element, problems: Problems, element: Element) -> None:
    """Note what of an inputOutput is no parameter."""
    for one in holder.children:
        if is_camunda(one) and one.name not in {"inputParameter", "outputParameter"}:
            problems.note(one, f"camunda:{one.name} is not supported", element.attributes.get("id", ""))


def read_mapping(given: Iterable[Element], problems: Problems, around: Surroundings) -> Mapping:
    """Read parameters whose values are texts."""
    mapping = Mapping(known=dict(around.known))
    for one in given:
        name = one.attributes.get("name", "")
        if not name:
            problems.note(one, f"Missing attribute 'name' of camunda:{one.name}", around.owner)
            continue
        meaning = _read_one(one, mapping, problems, around)
        mapping.known[name] = None if name in around.local else meaning
    return mapping


def _read_one(one: Element, mapping: Mapping, problems: Problems, around: Surroundings) -> Node | None:
    name = one.attributes["name"]
    if (structure := next(filter(is_camunda, one.children), None)) is not None:
        problems.note(
            structure, f"camunda:{structure.name} as value of parameter '{name}' is not supported", around.owner
        )
        return None
    try:
        parts = read_parts(one.text.strip())
        _check_hidden(parts, around.hidden)
        mapping.templates[name] = template(parts, mapping.known)
        return _meaning(parts, mapping.known)
    except JuelInvalid as error:
        problems.note(one, f"Error while parsing the expression of parameter '{name}': {error}", around.owner)
        return None


def _check_hidden(parts: list[str | Node | SetVariable], hidden: frozenset[str]) -> None:
    for part in parts:
        if not isinstance(part, str | SetVariable) and (misread := sorted(names_in(part) & hidden)):
            raise JuelInvalid(f"a variable '{misread[0]}' cannot be read there")


def _meaning(parts: list[str | Node | SetVariable], known: Known) -> Node | None:
    match parts:
        case []:
            return Literal("")
        case [str(text)]:
            return Literal(text)
        case [part] if not isinstance(part, str | SetVariable):
            return put_in(part, known)
        case _:
            return None


def read_template(one: Element, problems: Problems, owner: str, known: Known) -> Json:
    """Read an element's text as a template."""
    try:
        return template(read_parts(one.text.strip()), known)
    except JuelInvalid as error:
        problems.note(one, f"Error while parsing expression: {error}", owner)
        return ""
