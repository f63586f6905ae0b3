"""Items as DynamoDB keeps them: what may stand in one, how large it is, what an update makes of it."""

import re
from collections.abc import Collection, Sequence

from tests.lean.expressions import Assignment, Given, Item, Unreadable, Value, number, read_path
from tests.lean.faults import Fault

MAX_DIGITS = 38


def check_value(value: Value) -> None:
    ((kind, held),) = value.items()
    if kind == "N" and len(re.sub(r"[-.]|[eE].*", "", held).strip("0")) > MAX_DIGITS:
        raise Fault.invalid(f"a number has {MAX_DIGITS} digits at most")
    if kind in {"SS", "NS", "BS"} and (not held or len(set(held)) < len(held)):
        raise Fault.invalid("a set is empty, or holds something twice")


def size_of(value: Value) -> int:
    """Answer a value's size as DynamoDB counts it, in bytes."""
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "B":
            return len(held)
        case "N":
            return len(held) // 2 + 2
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + size_of(one) for one in held)
        case "M":
            return 3 + sum(1 + len(name) + size_of(one) for name, one in held.items())
        case _:
            return sum(size_of({kind[0]: one}) for one in held)


def updated(base: Item, assignments: Sequence[Assignment], given: Given, keys: Collection[str]) -> dict[str, Value]:
    new, paths = dict(base), set[str]()
    for verb, path, value in assignments:
        name, place = read_path(path, given.names)
        if name in keys or name in paths:
            raise Fault.invalid(f"'{name}' is part of the key, or updated twice")
        paths.add(name)
        try:
            told = value(base, given) if value else None
            changed = _changed(verb, base, name, told) if place is None else _without(verb, base.get(name), place)
        except Unreadable as error:
            raise Fault.invalid(str(error)) from error
        if changed is None:
            new.pop(name, None)
        else:
            new[name] = changed
    return new


def _without(verb: str, held: Value | None, place: int) -> Value:
    """Answer a list without the member at a place; behind its end there is none to remove."""
    if verb != "REMOVE" or held is None or "L" not in held:
        raise Unreadable(f"{verb} of a place in a list")
    return {"L": [*held["L"][:place], *held["L"][place + 1 :]]}


def _changed(verb: str, base: Item, name: str, value: Value | None) -> Value | None:
    """Answer an attribute after an assignment; None if it is gone."""
    held = base.get(name)
    if verb == "SET" and value is None:
        raise Unreadable(f"'{name}' is set to an attribute that is not there")
    if verb in {"SET", "REMOVE"} or value is None:
        return value
    ((kind, added),) = value.items()
    if kind == "N" and verb == "ADD":
        return value if held is None else {"N": str(number(held) + number(value))}
    if kind not in {"SS", "NS", "BS"} or (held is not None and held.keys() != value.keys()):
        raise Unreadable(f"{verb} takes a number or a set of the same type")
    before = list(held[kind]) if held else []
    if verb == "ADD":
        return {kind: [*before, *(one for one in added if one not in before)]}
    left = [one for one in before if one not in added]
    return {kind: left} if left else None
