"""JSON values as Python has them."""

import json
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Variables: TypeAlias = dict[str, Json]


def canonical_json(value: Json) -> bytes:
    """Write a value so that equal values give equal bytes: keys sorted, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def is_same_json(one: Json, other: Json) -> bool:
    """Tell whether two values are the same as JSON: to Python, 1 and True are equal."""
    return canonical_json(one) == canonical_json(other)


def is_deeper(value: Json, depth: int) -> bool:
    """Tell whether lists and objects stand more than so deep in one another, without going deep."""
    level = [value]
    for _ in range(depth + 1):
        level = [child for parent in level for child in children(parent)]
        if not level:
            return False
    return True


def children(value: Json) -> list[Json]:
    """Answer the values that stand in this one."""
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []
