"""An answer whose body is JSON: a struct, or plain values."""

from typing import Any

import msgspec

from chalicelib.dialects.edge import Answer


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, msgspec.json.encode(body).decode(), headers or {})
