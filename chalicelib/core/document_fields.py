"""Read the fields of one JSON object and collect every defect instead of stopping at the first.

A getter answers a harmless stand-in after it has noted a defect, so that reading goes on; whoever reads
must look at `Defects` before using what was read.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

from chalicelib.core.expressions import ExpressionInvalid
from chalicelib.core.json_values import Json, Variables

ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,127}")


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing wrong with a definition, and the element that has it."""

    element: str
    problem: str


@dataclass(slots=True)
class Defects:
    """The defects found so far, each once."""

    found: list[Defect] = field(default_factory=list)

    def note(self, element: str, problem: str) -> None:
        defect = Defect(element, problem)
        if defect not in self.found:
            self.found.append(defect)


class Fields:
    """One object's fields: each is asked for once, and what nobody asked for is a defect."""

    def __init__(self, document: Json, element: str, defects: Defects) -> None:
        self.element = element
        self._defects = defects
        self._document: Variables = {}
        self._asked: set[str] = set()
        if isinstance(document, dict):
            self._document = document
        else:
            self.note("must be an object")

    def note(self, problem: str) -> None:
        self._defects.note(self.element, problem)

    def value(self, name: str) -> Json:
        self._asked.add(name)
        return self._document.get(name)

    def has(self, name: str) -> bool:
        self._asked.add(name)
        return self._document.get(name) is not None

    def inner(self, name: str) -> "Fields":
        """Answer the fields of an object in this one; their defects are this element's."""
        return Fields(self.value(name), self.element, self._defects)

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self.value(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str):
            return value
        self.note(f"'{name}' must be a text" if value is not None else f"'{name}' is missing")
        return ""

    def flag(self, name: str) -> bool:
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            self.note(f"'{name}' must be true or false")
        return value is True

    def id(self, name: str) -> str:
        value = self.text(name)
        if isinstance(self.value(name), str) and not ID.fullmatch(value):
            self.note(f"'{name}' must begin with a letter and hold letters, digits, '_', '.', '-' only (128 at most)")
        return value

    def choice(self, name: str, choices: Iterable[str], *, default: str | None = None) -> str:
        value, known = self.text(name, default=default), tuple(choices)
        if isinstance(self.value(name), str) and value not in known:
            self.note(f"'{name}' is '{value}'; it must be one of {', '.join(known)}")
        return value

    def number(self, name: str, *, default: float, least: float, most: float) -> float:
        value = self.value(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.note(f"'{name}' must be a number")
            return default
        if not least <= value <= most:
            self.note(f"'{name}' must be from {least:g} to {most:g}")
            return default
        return value

    def objects(self, name: str, *, most: int) -> list[Json]:
        value = self.value(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(f"'{name}' must be a list")
            return []
        if len(value) > most:
            self.note(f"'{name}' holds {len(value)} elements; {most} is the most")
            return []
        return value

    def names(self, name: str, *, most: int) -> tuple[str, ...]:
        """Answer a list of names, each once."""
        named = tuple(value for value in self.objects(name, most=most) if isinstance(value, str) and value)
        if len(named) < len(self.objects(name, most=most)) or len(set(named)) < len(named):
            self.note(f"'{name}' must be a list of names, each once")
        return named

    def checked(self, name: str, check: Callable[[Json], None]) -> Json:
        """Answer a field that holds expressions, after checking them."""
        value = self.value(name)
        try:
            check(value)
        except ExpressionInvalid as error:
            self.note(f"'{name}' has a bad expression: {error}")
        return value

    def mapping(self, name: str, check: Callable[[Json], None]) -> Variables:
        """Answer a field that maps names to templates."""
        value = self.value(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.note(f"'{name}' must be an object of variable names and templates")
            return {}
        self.checked(name, check)
        return value

    def listeners(self, name: str, check: Callable[[Json], None]) -> tuple[Variables, ...]:
        """Answer a list of listeners: objects with one field, `set`."""
        read: list[Variables] = []
        for listener in self.objects(name, most=20):
            fields = Fields(listener, self.element, self._defects)
            if not fields.has("set"):
                fields.note(f"a listener in '{name}' has nothing to 'set'")
            read.append(fields.mapping("set", check))
            fields.done()
        return tuple(read)

    def done(self) -> None:
        """Note every field that nobody asked for: what we cannot honour is refused, never ignored."""
        for name in cast("list[str]", sorted(self._document.keys() - self._asked)):
            self.note(f"'{name}' is not a field of this element")
