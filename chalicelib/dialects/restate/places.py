"""Which invocation a path speaks of."""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.core.ids import RunId
from chalicelib.dialects.edge import Call
from chalicelib.dialects.restate.ids import read_run_id
from chalicelib.dialects.restate.refusals import Operation, PathUndecodable, telling

NAME = "invocation_id"
FREE = frozenset({NAME})
PATH = f"/invocations/{{{NAME}}}"


def read_text(call: Call) -> str:
    """Answer the id as it was sent, whatever it is; raise `PathUndecodable`."""
    text = call.params[NAME]
    if "\ufffd" in text:
        raise PathUndecodable(NAME)
    return text


@contextmanager
def asked(operation: Operation, call: Call) -> Iterator[RunId]:
    """Answer which run is meant, and say every refusal of what is done with it as Restate does."""
    text = read_text(call)
    run_id = read_run_id(text)
    with telling(operation, text):
        yield run_id
