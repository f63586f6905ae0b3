"""Plain values to our types, by msgspec, in a process that may have threads.

Msgspec describes a class to itself when it first meets it, and other threads see that description half done: they crash
the process. On Lambda there is one thread, the laptop's stack has many; so whoever is first to convert to a type does
it alone.
"""

from threading import Lock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_FIRST = Lock()
_MET: set[Any] = set()


def convert(value: object, kind: type[T], *, strict: bool = True) -> T:
    """Answer a value as a type; raise `msgspec.ValidationError` for what is none. Not strict: texts may be numbers."""
    if kind in _MET:
        return msgspec.convert(value, kind, strict=strict)
    with _FIRST:
        converted = msgspec.convert(value, kind, strict=strict)
    _MET.add(kind)
    return converted
