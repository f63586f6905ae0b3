"""What a handler is called with: the body, as JSON (restate-server's `InputRules`)."""

from typing import Final

from chalicelib.core.json_values import Variables
from chalicelib.dialects.edge import JSON_TYPE, Call
from chalicelib.dialects.json_bodies import NotJson, read_json
from chalicelib.dialects.restate.ingress.refusals import InputInvalid

BODY: Final = "body"  # the variable that a body becomes which is no JSON object


def read_input(call: Call) -> Variables:
    """Answer the variables that a body means, if it says that it is JSON; no body is no variables."""
    if call.body:
        _check_type(call.headers.get("content-type"))
    return read_value(call)


def read_value(call: Call) -> Variables:
    """Do the same, whatever the body says that it is."""
    if not call.body:
        return {}
    try:
        value = read_json(call.body)
    except NotJson as error:
        raise InputInvalid(error.message) from error
    return value if isinstance(value, dict) else {BODY: value}


def _check_type(given: str | None) -> None:
    if given is None:
        raise InputInvalid("Empty content-type")
    if given.partition(";")[0].strip().lower() not in JSON_TYPE:
        raise InputInvalid(f"Content-type '{given}' does not match '{JSON_TYPE[0]}'")
