"""Read JSON that a stranger sent: strictly, within bounds, and without losing anything silently.

| refused                                   | because                                                          |
|-------------------------------------------|------------------------------------------------------------------|
| more than `MAX_BODY` bytes                | nothing we keep is larger (413)                                  |
| other encodings than UTF-8, a BOM         | RFC 8259, section 8.1                                            |
| NaN, Infinity, a number beyond a double   | JSON has no such number, and what is kept must be JSON           |
| an integer of more than `MAX_DIGITS`      | no reader of ours or of a customer's keeps it exactly            |
| a key that an object has twice            | readers disagree on which of the two counts                      |
| a lone surrogate                          | it is no text: it cannot be written as UTF-8 again               |
| more than `MAX_DEPTH` levels              | whoever walks the value must not run out of stack                |
"""

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from chalicelib.core.errors import Invalid, TooLarge
from chalicelib.core.json_values import Json, Variables, is_deeper
from chalicelib.service.conversions import convert

T = TypeVar("T")

MAX_BODY = 1_000_000  # bytes
MAX_DEPTH = 64
MAX_DIGITS = 38
TOLD_MOST = 200  # characters of the sender's own that a refusal repeats

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotJson(Invalid):
    """The body is not JSON, or not JSON that we take."""

    code = "invalid_json"


class BodyTooLarge(TooLarge):
    def __init__(self, size: int) -> None:
        super().__init__(f"The body has {size} bytes; {MAX_BODY} is the most.", size=size, most=MAX_BODY)


class FieldInvalid(Invalid):
    """A field is missing, unknown, of another type or out of bounds; `path` says which (`$` is the whole)."""

    code = "invalid_field"

    def __init__(self, problem: str, path: str) -> None:
        super().__init__(f"{problem} (at {path}).", path=path)


def read_json(raw: bytes) -> Json:
    """Answer the JSON value that these bytes are; raise `NotJson` or `BodyTooLarge`."""
    if len(raw) > MAX_BODY:
        raise BodyTooLarge(len(raw))
    if not raw:
        raise NotJson("A JSON body is needed.")
    value = _parse(raw)
    if is_deeper(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(raw):
        _check_text(value)
    return value


def _parse(raw: bytes) -> Json:
    try:
        value: Json = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError as error:
        raise _too_deep() from error
    except UnicodeDecodeError as error:
        raise NotJson(f"The body is not UTF-8: byte {error.start} cannot be read.") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    return value


def _too_deep() -> NotJson:
    return NotJson(f"The body has more than {MAX_DEPTH} levels.")


def _object(pairs: list[tuple[str, Any]]) -> Variables:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise NotJson("An object of the body has a key twice.")
    return fields


def _no_number(text: str) -> NoReturn:
    raise NotJson(f"The body is not JSON: {text} is no number.")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJson("The body has a number that is out of range.")
    return number


def _int(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise NotJson(f"The body has an integer of more than {MAX_DIGITS} digits.")
    return int(text)


def _check_text(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise NotJson("The body has a text with half a surrogate pair.") from error


def read_struct(value: object, kind: type[T], *, is_text: bool = False) -> T:
    """Answer a JSON value as a struct, or raise `FieldInvalid`; with `is_text`, numbers and booleans come as text."""
    try:
        return convert(value, kind, strict=not is_text)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at ")
        raise FieldInvalid(problem[:TOLD_MOST], path.strip("`")[:TOLD_MOST] or "$") from error
