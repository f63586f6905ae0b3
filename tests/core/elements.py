"""Elements of a definition's document, to be put together freely: well formed or not."""

from itertools import pairwise

from chalicelib.core.definition_documents import read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.json_values import Json, Variables
from tests.graphs import action

RESULT: Variables = {"got": "${result}"}


def element(id_: str, type_: str, **fields: Json) -> Variables:
    return {"id": id_, "type": type_, **fields}


START = element("start", "start_event")
END = element("end", "end_event")


def ask(id_: str, **fields: Json) -> Variables:
    return element(id_, "user_task", **fields)


def call(id_: str, **fields: Json) -> Variables:
    """Describe a task that asks the world for an effect."""
    return element(id_, "service_task", **{"action": action(id_), **fields})


def compute(id_: str, value: Json, **fields: Json) -> Variables:
    return element(id_, "service_task", action={"type": "expression", "value": value}, **fields)


def nothing(id_: str, **fields: Json) -> Variables:
    return element(id_, "service_task", action={"type": "none"}, **fields)


def pause(id_: str, **fields: Json) -> Variables:
    return element(id_, "timer", **fields)


def choice(id_: str, **fields: Json) -> Variables:
    return element(id_, "exclusive_gateway", **fields)


def parallel(id_: str, **fields: Json) -> Variables:
    return element(id_, "parallel_gateway", **fields)


def sub(id_: str, *inside: Variables, **fields: Json) -> Variables:
    return element(id_, "sub_process", **scope(*inside), **fields)


def way(source: str, target: str, **fields: Json) -> Variables:
    return {"id": f"{source}_{target}", "from": source, "to": target, **fields}


def line(*ids: str) -> list[Variables]:
    """Join activities one after the other."""
    return [way(source, target) for source, target in pairwise(ids)]


def scope(*elements: Variables) -> Variables:
    """Answer a document of these activities and transitions."""
    activities: list[Json] = [element for element in elements if "from" not in element]
    transitions: list[Json] = [element for element in elements if "from" in element]
    return {"activities": activities, "transitions": transitions}


def read(*elements: Variables) -> Definition:
    return read_definition(scope(*elements))


def between(*inner: Variables) -> Definition:
    """Read a definition that takes these activities in turn between its start and its end."""
    ids = [str(one["id"]) for one in inner]
    return read(START, *inner, END, *line("start", *ids, "end"))
