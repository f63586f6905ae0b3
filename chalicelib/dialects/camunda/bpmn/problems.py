"""What is wrong with a BPMN file: everything at once, each with its place."""

from dataclasses import asdict, dataclass, field
from typing import cast

from chalicelib.core.errors import Invalid
from chalicelib.core.json_values import Json
from chalicelib.dialects.camunda.bpmn.xml_reading import Element


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: lines and columns count from 1."""

    message: str
    line: int
    column: int
    element_ids: tuple[str, ...] = ()


class BpmnInvalid(Invalid):
    """The file cannot be imported: every problem found."""

    code = "bpmn_invalid"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        told = [cast("Json", {**asdict(one), "element_ids": list(one.element_ids)}) for one in self.problems]
        super().__init__(f"The BPMN file has {len(told)} problem(s).", problems=told)


@dataclass(slots=True)
class Problems:
    """The problems found so far, each once."""

    found: list[Problem] = field(default_factory=list)

    def note(self, element: Element, message: str, *ids: str) -> None:
        """Note a problem at an element; without ids it is its own."""
        own = element.attributes.get("id")
        problem = Problem(message, element.line, element.column, ids or ((own,) if own else ()))
        if problem not in self.found:
            self.found.append(problem)
