"""Camunda's typed variables, and ours, which are plain JSON.

| type                          | our value            | kept beside it                                    |
|-------------------------------|----------------------|---------------------------------------------------|
| String, Boolean, Null         | text, boolean, null  | nothing: JSON says it                             |
| Integer                       | number of 32 bits    | nothing                                           |
| Long, Short                   | number               | its type, unless it is too large for an Integer   |
| Double                        | number               | its type if it is whole                           |
| Json                          | the value itself     | its type, unless it is an object or a list        |
| Date, Xml, Bytes (base64)     | text                 | its type                                          |
| File                          | content, base64      | its type, and `valueInfo`: name, type, encoding   |
| Object                        | refused: a Java serialization has no meaning here                        |

What is kept beside stands in one variable of its own, `camunda.types`, so that it goes wherever the variables go: into
restarts above all. No route of Camunda's shows it. A null keeps the type that it was given; JSON's `null` is one.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import GenericAlias
from typing import Any, TypedDict, cast

from chalicelib.core.errors import Invalid
from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.dates import read_date
from chalicelib.dialects.camunda.reading import as_object, as_text
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid
from chalicelib.dialects.camunda.wire_types import Objects, body_of
from chalicelib.dialects.json_bodies import read_json

TYPES = "camunda.types"
"""The variable that holds the types of the others."""

_BITS = {"Short": 16, "Integer": 32, "Long": 64}
_JAVA = {
    "String": "java.lang.String",
    "Boolean": "java.lang.Boolean",
    "Short": "java.lang.Short",
    "Integer": "java.lang.Integer",
    "Long": "java.lang.Long",
    "Double": "java.lang.Double",
    "Date": "java.util.Date",
    "Bytes": "[B",
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DOUBLE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_FILE_INFO = ("filename", "mimeType", "encoding")


class VariableValueDto(TypedDict):
    """A typed variable; what a file holds is not shown."""

    type: str
    value: Any
    valueInfo: dict[str, Any]


class _Unconvertible(Exception):
    """A value is none of its type."""


# -- in


def read_variables(given: Json) -> Variables:
    """Read `{name: {value, type?, valueInfo?}}`; what JSON cannot say of the types is in `TYPES`."""
    variables: Variables = {}
    types: Variables = {}
    for name, one in ({} if given is None else as_object(given)).items():
        if name == TYPES:
            raise invalid(f"The variable name '{TYPES}' is reserved")
        type_, value, info = read_value(as_object(one))
        variables[name] = value
        if info or type_ != _type_of(value) or (isinstance(value, float) and value.is_integer()):
            types[name] = {"type": type_, "valueInfo": info}
    return {**variables, TYPES: types} if types else variables


def read_value(given: Variables) -> tuple[str, Json, Variables]:
    """Read a typed value: its type, our value, and what is kept of `valueInfo`."""
    value, info = given.get("value"), given.get("valueInfo")
    details = {} if info is None else as_object(info)
    if details.get("transient") is True:
        raise invalid("Transient variables are not supported")
    name = as_text(given.get("type"))
    if name is None:
        return _type_of(value), value, {}
    type_ = name[:1].upper() + name[1:]
    if type_ == "Object":
        raise invalid("Unsupported value type 'Object': use 'Json'")
    if type_ not in _READERS:
        raise invalid(f"Unsupported value type '{name}'")
    if type_ == "File":
        return type_, *_read_file(value, details)
    try:
        return type_, None if value is None else _READERS[type_](value), {}
    except _Unconvertible as error:
        raise _unconvertible(value, name, type_) from error


def _unconvertible(value: Json, name: str, type_: str) -> EngineRefusal:
    if type_ in {"Json", "Xml"} and not isinstance(value, str):
        return invalid(f"Must provide 'null' or String value for value of SerializableValue type '{name}'.")
    java = _JAVA.get(type_, type_)
    return invalid(f"Cannot convert value '{_told(value)}' of type '{name}' to java type {java}")


def _told(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read_text(value: Json) -> Json:
    if isinstance(value, dict | list):
        raise _Unconvertible
    return as_text(value)


def _read_boolean(value: Json) -> Json:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in {"true", "false", ""}:
        raise _Unconvertible
    return value.lower() == "true" if value else None


def _integer_reader(bits: int) -> Callable[[Json], Json]:
    def read(value: Json) -> Json:
        if value == "":
            return None
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if not _is_integer(value, bits):
            raise _Unconvertible
        return value

    return read


def _is_integer(value: Json, bits: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def _read_double(value: Json) -> Json:
    if value == "":
        return None
    if isinstance(value, str) and _DOUBLE.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unconvertible
    number = float(value)
    if number in (float("inf"), float("-inf")):
        raise _Unconvertible
    return number


def _read_date(value: Json) -> Json:
    """Keep a date as it is written: Camunda would move it to the time zone of its server."""
    if not isinstance(value, str):
        raise _Unconvertible
    try:
        read_date(value)
    except EngineRefusal as error:
        raise _Unconvertible from error
    return value


def _read_base64(value: Json) -> Json:
    if not isinstance(value, str):
        raise _Unconvertible
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode()
    except (binascii.Error, ValueError) as error:
        raise _Unconvertible from error


def _read_serialized(value: Json) -> Json:
    if not isinstance(value, str):
        raise _Unconvertible
    return value


def _read_json(value: Json) -> Json:
    """Read the value that a JSON text is, so that expressions can look into it."""
    if not isinstance(value, str):
        raise _Unconvertible
    try:
        return read_json(value.encode())
    except (Invalid, UnicodeEncodeError) as error:
        raise _Unconvertible from error


def _read_file(value: Json, info: Variables) -> tuple[Json, Variables]:
    kept: Variables = {name: as_text(info[name]) for name in _FILE_INFO if info.get(name) is not None}
    if "filename" not in kept:
        raise invalid("Cannot create file without filename! Please set a name into ValueInfo with key filename")
    try:
        return None if value is None else _read_base64(value), kept
    except _Unconvertible as error:
        raise invalid("Cannot create file: its value is not base64") from error


_READERS: Mapping[str, Callable[[Json], Json]] = {
    "String": _read_text,
    "Boolean": _read_boolean,
    **{name: _integer_reader(bits) for name, bits in _BITS.items()},
    "Double": _read_double,
    "Date": _read_date,
    "Null": lambda _value: None,
    "Json": _read_json,
    "Xml": _read_serialized,
    "Bytes": _read_base64,
    "File": _read_base64,
}


# -- out


def write_variables(variables: Variables) -> dict[str, VariableValueDto]:
    """Write `{name: {type, value, valueInfo}}` of all that is shown."""
    return {name: _write(variables, name) for name in shown(variables)}


def write_value(variables: Variables, name: str) -> VariableValueDto | None:
    """Write one variable; None if there is none of this name."""
    return _write(variables, name) if name in shown(variables) else None


def shown(variables: Variables) -> Variables:
    """Answer the variables without the one that holds their types."""
    return {name: value for name, value in variables.items() if name != TYPES}


def _write(variables: Variables, name: str) -> VariableValueDto:
    value, kept = variables[name], _types(variables).get(name)
    type_, info = (str(kept["type"]), as_object(kept["valueInfo"])) if isinstance(kept, dict) else ("", {})
    if type_ not in _READERS or not _fits(value, type_):
        type_, info = _type_of(value), {}
    return {"type": type_, "value": _written(value, type_), "valueInfo": info}


def _types(variables: Variables) -> Variables:
    types = variables.get(TYPES)
    return types if isinstance(types, dict) else {}


def _written(value: Json, type_: str) -> Json:
    """Write our value as its type has it; a file's content is not sent with the rest, as Camunda does not."""
    if type_ == "File" or value is None:
        return None
    if type_ == "Json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return float(cast("float", value)) if type_ == "Double" else value


def _fits(value: Json, type_: str) -> bool:
    """Say whether a value can still be of the type that it once had: a run may have written another one since."""
    if value is None or type_ == "Json":
        return True
    if type_ in _BITS:
        return _is_integer(value, _BITS[type_])
    if type_ == "Double":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "Boolean":
        return isinstance(value, bool)
    return isinstance(value, str) and type_ != "Null"


def _type_of(value: Json) -> str:
    """Answer the type of what JSON says by itself; a number that no Long holds is JSON."""
    match value:
        case None:
            return "Null"
        case bool():
            return "Boolean"
        case int():
            return next((name for name in ("Integer", "Long") if _is_integer(value, _BITS[name])), "Json")
        case float():
            return "Double"
        case str():
            return "String"
        case _:
            return "Json"


# -- in the document

VALUE = body_of("VariableValueInputDto", {"value": Any, "type": str | None, "valueInfo": Objects | None})
VALUES = GenericAlias(dict, (str, VALUE))


# -- together


def with_variables(old: Variables, new: Variables) -> Variables:
    """Lay variables over others; each brings its type, or that it has none."""
    kept = {name: type_ for name, type_ in _types(old).items() if name not in new}
    types: Variables = {**kept, **_types(new)}
    merged = {**shown(old), **shown(new)}
    return {**merged, TYPES: types} if types else merged


def without_variables(old: Variables, names: Iterable[str]) -> Variables:
    """Take variables away, with their types."""
    gone = frozenset(names)
    types: Variables = {name: type_ for name, type_ in _types(old).items() if name not in gone}
    left: Variables = {name: value for name, value in shown(old).items() if name not in gone}
    return {**left, TYPES: types} if types else left
