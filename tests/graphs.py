"""Definitions for tests: built from nested blocks, so that every one of them is well formed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from typing import assert_never

from chalicelib.core.definition_documents import read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.json_values import Json, Variables


@dataclass(frozen=True)
class Call:
    """A service task that calls out; its result lands in a variable of its own name."""

    name: str
    fields: Variables = field(default_factory=dict)


@dataclass(frozen=True)
class Compute:
    name: str
    value: Json = 1


@dataclass(frozen=True)
class Ask:
    """A user task."""

    name: str


@dataclass(frozen=True)
class Pause:
    """A timer of some seconds."""

    name: str
    after_s: Json = 10


@dataclass(frozen=True)
class Choice:
    """Left if the input `flag` is true, else right."""

    left: "Block"
    right: "Block"


@dataclass(frozen=True)
class Fork:
    branches: "tuple[Block, ...]"


@dataclass(frozen=True)
class Sub:
    inside: "Block"


@dataclass(frozen=True)
class Rounds:
    """A call that is repeated until it has been made `times` times."""

    name: str
    times: int


@dataclass(frozen=True)
class Steps:
    blocks: "tuple[Block, ...]"


Block = Call | Compute | Ask | Pause | Choice | Fork | Sub | Rounds | Steps

INPUT: Variables = {"flag": True, "count": 0}


def document(block: Block) -> Variables:
    return _scope(block, count(1))


def definition(block: Block) -> Definition:
    return read_definition(document(block))


def steps(*blocks: Block) -> Steps:
    return Steps(blocks)


def action(name: str) -> Variables:
    return {"type": "http", "url": f"http://example.test/{name}", "body": {"step": name}}


def _scope(block: Block, numbers: Iterator[int]) -> Variables:
    """Answer the activities and transitions of a definition, or of a sub-process, around a block."""
    graph = _Graph(numbers)
    start, end = graph.id("start"), graph.id("end")
    graph.add({"id": start, "type": "start_event"})
    last = graph.emit(block, start)
    graph.add({"id": end, "type": "end_event"})
    graph.join(last, end)
    return {"activities": graph.activities, "transitions": graph.transitions}


def _leaf(block: Call | Compute | Ask | Pause) -> Variables:
    match block:
        case Call(name, fields):
            return {**_task(name, action(name), {f"v_{name}": "${result}"}), **fields}
        case Compute(name, value):
            return _task(name, {"type": "expression", "value": value}, {f"v_{name}": "${result}"})
        case Ask(name):
            return {"id": name, "type": "user_task"}
        case Pause(name, after_s):
            return {"id": name, "type": "timer", "after_s": after_s}
        case _:
            assert_never(block)


def _task(name: str, action: Variables, output: Variables) -> Variables:
    return {"id": name, "type": "service_task", "action": action, "output": output}


def _nothing(name: str) -> Variables:
    return {"id": name, "type": "service_task", "action": {"type": "none"}}


def _gateway(name: str, type_: str) -> Variables:
    return {"id": name, "type": type_}


class _Graph:
    """One scope, element by element; its numbers are shared with the scopes around it."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self.activities: list[Json] = []
        self.transitions: list[Json] = []

    def id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def add(self, *activities: Variables) -> None:
        self.activities.extend(activities)

    def join(self, source: str, target: str, **more: Json) -> None:
        self.transitions.append({"id": self.id("t"), "from": source, "to": target, **more})

    def emit(self, block: Block, before: str) -> str:
        """Add a block behind an activity, and answer the activity that it ends with."""
        match block:
            case Steps(blocks):
                return reduce(lambda last, inner: self.emit(inner, last), blocks, before)
            case Choice():
                return self._choice(block, before)
            case Fork():
                return self._fork(block, before)
            case Rounds():
                return self._rounds(block, before)
            case Sub(inside):
                return self._behind(before, {"id": self.id("sub"), "type": "sub_process", **self._inner(inside)})
            case Call() | Compute() | Ask() | Pause():
                return self._behind(before, _leaf(block))
            case _:
                assert_never(block)

    def _inner(self, block: Block) -> Variables:
        return _scope(block, self._numbers)

    def _behind(self, before: str, activity: Variables) -> str:
        self.add(activity)
        self.join(before, str(activity["id"]))
        return str(activity["id"])

    def _choice(self, choice: Choice, before: str) -> str:
        gate, yes, no, merge = (self.id(name) for name in ("choice", "yes", "no", "merge"))
        self.add(_gateway(gate, "exclusive_gateway"), _gateway(merge, "exclusive_gateway"))
        self.add(_nothing(yes), _nothing(no))
        self.join(before, gate)
        self.join(gate, yes, condition="flag")
        self.join(gate, no, condition="not flag")
        self.join(self.emit(choice.left, yes), merge)
        self.join(self.emit(choice.right, no), merge)
        return merge

    def _fork(self, fork: Fork, before: str) -> str:
        split, merge = self.id("fork"), self.id("join")
        self.add(_gateway(split, "parallel_gateway"), _gateway(merge, "parallel_gateway"))
        self.join(before, split)
        for branch in fork.branches:
            first = self.id("branch")
            self.add(_nothing(first))
            self.join(split, first)
            self.join(self.emit(branch, first), merge)
        return merge

    def _rounds(self, rounds: Rounds, before: str) -> str:
        name, times, counter = rounds.name, rounds.times, f"n_{rounds.name}"
        again, enough = self.id("again"), self.id("enough")
        self.add(
            _task(f"{name}_zero", {"type": "expression", "value": 0}, {counter: "${result}"}),
            _gateway(again, "exclusive_gateway"),
            _task(name, action(name), {counter: f"${{{counter} + 1}}", f"v_{name}": "${result}"}),
            _gateway(enough, "exclusive_gateway"),
        )
        self.join(before, f"{name}_zero")
        self.join(f"{name}_zero", again)
        self.join(again, name)
        self.join(name, enough)
        self.join(enough, again, condition=f"{counter} < {times}")
        leave = self.id("leave")
        self.add(_nothing(leave))
        self.join(enough, leave, condition=f"{counter} >= {times}")
        return leave
