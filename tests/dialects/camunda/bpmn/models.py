"""BPMN files to be put together freely: well formed or not."""

from itertools import pairwise
from pathlib import Path

import pytest

from chalicelib.core.definition_documents import read_definition
from chalicelib.core.json_values import Variables
from chalicelib.dialects.camunda.bpmn.importing import Process, read_bpmn
from chalicelib.dialects.camunda.bpmn.problems import BpmnInvalid, Problem
from tests.core.simulation import drive

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:c="http://camunda.org/schema/1.0/bpmn"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:other="urn:other">'
)
FILES = Path(__file__).parent / "files"


def flow(source: str, target: str, inside: str = "") -> str:
    return f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">{inside}</sequenceFlow>'


def when(condition: str) -> str:
    return f"<conditionExpression>{condition}</conditionExpression>"


def extended(*inside: str) -> str:
    return f"<extensionElements>{''.join(inside)}</extensionElements>"


def io(*parameters: str) -> str:
    return f"<c:inputOutput>{''.join(parameters)}</c:inputOutput>"


def given(name: str, value: str) -> str:
    return f'<c:inputParameter name="{name}">{value}</c:inputParameter>'


def kept(name: str, value: str) -> str:
    return f'<c:outputParameter name="{name}">{value}</c:outputParameter>'


def hears(event: str, expression: str) -> str:
    return f'<c:executionListener event="{event}" expression="{expression}"/>'


def file(*parts: str, attributes: str = "") -> bytes:
    """Put a process into a file; it begins in line 2."""
    return (
        f'{HEAD}\n<process id="p" isExecutable="true" {attributes}>\n{"".join(parts)}</process></definitions>'.encode()
    )


def around(*middle: str, ids: tuple[str, ...] = ("x",)) -> bytes:
    """Put flow nodes between a start and an end, from line 3 on, one in a line."""
    chain = ["s", *ids, "e"]
    flows = [flow(source, target) for source, target in pairwise(chain)]
    return file("\n".join(middle), "\n", '<startEvent id="s"/><endEvent id="e"/>', *flows)


def only(xml: bytes) -> Process:
    (process,) = read_bpmn(xml)
    return process


def activity(xml: bytes, id_: str = "x") -> Variables:
    """Answer what an activity became."""
    activities = only(xml).document["activities"]
    assert isinstance(activities, list)
    return next(one for one in activities if isinstance(one, dict) and one["id"] == id_)


def ran(xml: bytes, **variables: object) -> Variables:
    """Run an imported process to its end; answer its variables."""
    state = drive(read_definition(only(xml).document), dict(variables)).state  # type: ignore[arg-type]
    assert state.failure is None
    return state.variables


def problems(xml: bytes) -> tuple[Problem, ...]:
    with pytest.raises(BpmnInvalid) as refused:
        read_bpmn(xml)
    return refused.value.problems
