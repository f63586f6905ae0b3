"""Templates: JSON values whose texts may hold expressions.

| text                   | becomes                                                                                |
|------------------------|----------------------------------------------------------------------------------------|
| `"${order.total}"`     | the value itself: a number stays a number                                              |
| `"Order ${order.id}!"` | a text: each value is written into it, a text as it is, anything else as compact JSON  |
| `"$${order.id}"`       | the text `${order.id}`                                                                 |
| any other              | itself                                                                                 |

Lists and objects are rendered element by element; the keys of an object stand as they are. What a template's
expressions give may have MAX_RESULT_BYTES in all, as if it were one value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.core.evaluation import MAX_RESULT_BYTES
from chalicelib.core.expressions import STRING, ExpressionFailed, ExpressionInvalid, check_expression, evaluate
from chalicelib.core.json_values import Json, canonical_json, children, is_deeper
from chalicelib.core.operations import as_text

MAX_TEMPLATE_DEPTH = 64  # as deep as a body or an answer may be; each level takes a few of Python's 1,000 frames

_OPENING = re.compile(r"\$?\$\{")
_STRING_OR_BRACE = re.compile(rf"{STRING}|[{{}}]", re.DOTALL)
_LEVELS = {"{": 1, "}": -1}


@dataclass(frozen=True, slots=True)
class _Embedded:
    expression: str


_Part = str | _Embedded


def check_template(template: Json) -> None:
    """Raise ExpressionInvalid for the first text that is no template."""
    if is_deeper(template, MAX_TEMPLATE_DEPTH):
        raise ExpressionInvalid("${…}", f"more than {MAX_TEMPLATE_DEPTH} levels around an expression")
    for text in _texts(template):
        for part in _parts(text):
            if isinstance(part, _Embedded):
                check_expression(part.expression)


def render(template: Json, names: Mapping[str, Json]) -> Json:
    """Put the expressions' values in their places; raise ExpressionInvalid or ExpressionFailed."""
    return _Rendering(names).value(template)


def _texts(template: Json) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    for child in children(template):
        yield from _texts(child)


class _Rendering:
    def __init__(self, names: Mapping[str, Json]) -> None:
        self._names = names
        self._left = MAX_RESULT_BYTES

    def value(self, template: Json) -> Json:
        match template:
            case str() if "${" in template:
                return self._text(template)
            case list():
                return [self.value(element) for element in template]
            case dict():
                return {key: self.value(element) for key, element in template.items()}
            case _:
                return template

    def _text(self, template: str) -> Json:
        match _parts(template):
            case [_Embedded(expression)]:
                return self._evaluate(expression)
            case parts:
                return "".join(self._write(part) for part in parts)

    def _write(self, part: _Part) -> str:
        return part if isinstance(part, str) else as_text(self._evaluate(part.expression))

    def _evaluate(self, expression: str) -> Json:
        value = evaluate(expression, self._names)
        self._left -= len(canonical_json(value))
        if self._left < 0:
            raise ExpressionFailed(expression, f"the template's values have more than {MAX_RESULT_BYTES} bytes")
        return value


def _parts(text: str) -> list[_Part]:
    """Divide a text into what stands as it is and what is evaluated; nothing is empty."""
    parts: list[_Part] = []
    end = 0
    while opening := _OPENING.search(text, end):
        parts.append(text[end : opening.start()])
        if opening[0] == "$${":
            parts.append("${")
            end = opening.end()
        else:
            closing = _closing(text, opening.end())
            parts.append(_Embedded(text[opening.end() : closing]))
            end = closing + 1
    parts.append(text[end:])
    return [part for part in parts if part]


def _closing(text: str, start: int) -> int:
    """Find the brace that ends an expression: not one of an object in it, nor one in a literal text."""
    level = 0
    for mark in _STRING_OR_BRACE.finditer(text, start):
        level += _LEVELS.get(mark[0], 0)
        if level < 0:
            return mark.start()
    raise ExpressionInvalid(text, "a '${' is not closed")
