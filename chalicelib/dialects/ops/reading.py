"""How a call of our own dialect is read: query and body as structs."""

from typing import TypeVar

import msgspec

from chalicelib.core.errors import Invalid
from chalicelib.core.json_values import Json
from chalicelib.dialects.edge import Call
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.ops.requests import NoFields

S = TypeVar("S", bound=msgspec.Struct)


class GivenTwice(Invalid):
    code = "given_twice"

    def __init__(self, name: str) -> None:
        super().__init__(f"The query parameter '{name}' is given more than once.", parameter=name)


def read_query(call: Call, kind: type[S]) -> S:
    """Answer the query as a struct; refuse a parameter that it does not name, or that comes twice."""
    for name, values in call.query.items():
        if len(values) > 1:
            raise GivenTwice(name)
    return read_struct({name: values[0] for name, values in call.query.items()}, kind, is_text=True)


def read_no_query(call: Call) -> None:
    read_query(call, NoFields)


def read_body(call: Call) -> Json:
    """Answer the body as JSON; nothing at all is an empty object."""
    return read_json(call.body or b"{}")
