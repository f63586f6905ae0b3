"""JSON bodies, and where in them something is wrong, as serde_json tells it."""

import json

from chalicelib.core.json_values import Variables
from chalicelib.dialects.json_bodies import read_json
from chalicelib.dialects.restate.refusals import BodyUndecodable


def read_object(body: bytes, name: str, field: str) -> Variables:
    """Answer the object that a body is, with this field at least; raise `NotJson` or `BodyUndecodable`."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise BodyUndecodable(f"expected struct {name} {place_of_end(body)}")
    if field not in value:
        raise BodyUndecodable(f"missing field `{field}` {place_of_end(body)}")
    return value


def place_of_end(body: bytes) -> str:
    """Say where a body ends: the last line, and the column of its last character (in bytes)."""
    return _place_after(body.rstrip())


def place_of(text: str, body: bytes) -> str:
    """Say where a text ends that stands in a body; the body's end, if it is not written there plainly."""
    before, found, _ = body.partition(json.dumps(text, ensure_ascii=False).encode())
    return _place_after(before + found) if found else place_of_end(body)


def _place_after(read: bytes) -> str:
    lines = read.split(b"\n")
    return f"at line {len(lines)} column {len(lines[-1])}"
