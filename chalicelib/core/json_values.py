"""JSON values as Python has them."""

import json
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Variables: TypeAlias = dict[str, Json]


def canonical_json(value: Json) -> bytes:
    """Write a value so that equal values give equal bytes: keys sorted, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
