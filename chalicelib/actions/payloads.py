"""What goes out and comes in: JSON that can be written down again, and is not too long to keep."""

import json
from typing import cast

from chalicelib.actions.errors import AnswerInvalid, AnswerTooLarge, PayloadRefused
from chalicelib.core.json_values import Json, canonical_json, is_deeper

MAX_ANSWER_BYTES = 256 * 1024  # leaves room in a 350 KB journal entry
_MAX_DEPTH = 64  # far below the depth at which writing it again would fail
_MAX_EXCERPT = 500  # characters of somebody else's text in our message


def write_payload(value: Json) -> bytes:
    """Write compact JSON: equal values give equal bytes, so that a repeat is a repeat to the other side too."""
    try:
        return canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise PayloadRefused from error


def read_answer(data: bytes) -> Json:
    """Read JSON from a stranger, or raise AnswerInvalid for what we could not write again.

    So an infinite number, half a surrogate pair or a tower of brackets never enters a journal.
    """
    try:
        value = cast("Json", json.loads(data.decode()))
        if is_deeper(value, _MAX_DEPTH):
            raise AnswerInvalid
        canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise AnswerInvalid from error
    return value


def check_size(value: Json) -> None:
    """Raise AnswerTooLarge for a value that is too long as we would write it, whatever it took on the wire."""
    if len(canonical_json(value)) > MAX_ANSWER_BYTES:
        raise AnswerTooLarge(MAX_ANSWER_BYTES)


def excerpt(text: str) -> str:
    """Cut somebody else's text to what a message may quote of it."""
    return text[:_MAX_EXCERPT]
