"""Read a connector's payload: JSON in which expressions stand, in texts or as values.

`{"total": ${total}, "for": "${name}"}` is a text to Camunda, put together without a look at what it means. Here it is
the JSON that it is meant to be: an expression inside quotes is a part of that text, one outside is a value of its own.
"""

import json

from chalicelib.core.errors import Invalid
from chalicelib.core.json_values import Json
from chalicelib.dialects.camunda.bpmn.juel import JuelInvalid, Node, SetVariable
from chalicelib.dialects.camunda.bpmn.juel_writing import read_parts, template
from chalicelib.dialects.json_bodies import read_json

_MARK = "\ue000"  # of Unicode's private use: nobody's text holds it

Parts = list[str | Node | SetVariable]


def read_payload(text: str) -> Json:
    """Answer a payload as a template; raise `JuelInvalid` if it is no JSON, nor one expression."""
    parts = read_parts(text.strip())
    if len(parts) == 1 and not isinstance(parts[0], str):
        return template(parts)
    if _MARK in text or "\\ue000" in text.lower():
        raise JuelInvalid("the payload holds a character of private use")
    try:
        return _filled(read_json(_marked(parts).encode()), parts)
    except Invalid as error:
        raise JuelInvalid("the payload must be JSON, or one expression") from error


def _marked(parts: Parts) -> str:
    """Put a mark in the place of each expression, quoted where it is a value of its own."""
    text, is_quoted = "", False
    for index, part in enumerate(parts):
        if isinstance(part, str):
            text += part
            is_quoted = is_quoted != _turns(part, is_quoted=is_quoted)
        else:
            mark = f"{_MARK}{index}{_MARK}"
            text += mark if is_quoted else json.dumps(mark, ensure_ascii=False)
    return text


def _turns(text: str, *, is_quoted: bool) -> bool:
    """Say whether a text changes between inside and outside quotes."""
    is_inside, is_escaped = is_quoted, False
    for character in text:
        if character == '"' and not is_escaped:
            is_inside = not is_inside
        is_escaped = character == "\\" and is_inside and not is_escaped
    return is_inside != is_quoted


def _filled(value: Json, parts: Parts) -> Json:
    match value:
        case str():
            pieces = [_piece(piece, index, parts) for index, piece in enumerate(value.split(_MARK))]
            return template([piece for piece in pieces if piece != ""])
        case list():
            return [_filled(element, parts) for element in value]
        case dict():
            if any(_MARK in key for key in value):
                raise JuelInvalid("an expression cannot be the name of a field of the payload")
            return {key: _filled(element, parts) for key, element in value.items()}
        case _:
            return value


def _piece(piece: str, index: int, parts: Parts) -> str | Node | SetVariable:
    return parts[int(piece)] if index % 2 else piece
