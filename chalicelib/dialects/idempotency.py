"""The header `Idempotency-Key`, which every dialect's starts and restarts take."""

import re

from chalicelib.core.errors import Invalid
from chalicelib.dialects.edge import Call
from chalicelib.service.births import Made

_VISIBLE = re.compile(r"[!-~]{1,255}")


class IdempotencyKeyInvalid(Invalid):
    code = "invalid_idempotency_key"

    def __init__(self) -> None:
        super().__init__("'Idempotency-Key' must be 1 to 255 visible ASCII characters.")


def replayed(made: Made) -> dict[str, str]:
    """Say in a header that an earlier request with the same key has made the run; nothing of a run that is new."""
    return {"Idempotent-Replayed": "true"} if made.is_repeat else {}


def read_idempotency_key(call: Call) -> str | None:
    given = call.headers.get("idempotency-key")
    if given is not None and not _VISIBLE.fullmatch(given):
        raise IdempotencyKeyInvalid
    return given
