"""What is asked of dead letters and runs: a query, or a JSON object in the body that says the same.

Values of one parameter are alternatives, different parameters must all hold. Several values come as a repeated
parameter, or with commas. A parameter that nobody knows is refused: a mistyped filter would mean everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from chalicelib.core.json_values import Json
from chalicelib.dialects.credentials import bearer_of
from chalicelib.dialects.edge import Call
from chalicelib.dialects.json_bodies import read_json
from chalicelib.dialects.upstash.errors import ParameterInvalid

SECRET = "qstash_token"  # noqa: S105 - a parameter's name
MAX_VALUES = 100  # of one parameter
MAX_TEXT = 2_048  # characters of one value
MAX_LIST = 16_384  # characters of a list with commas
MOST_MS = 9_999_999_999_999  # ids of dead letters have thirteen digits


def read_secret(call: Call) -> str | None:
    """Answer the key: `Authorization: Bearer`, else the query's `qstash_token`."""
    bearer = bearer_of(call)
    return call.query.get(SECRET, (None,))[-1] if bearer is None else bearer


class Nothing(msgspec.Struct, frozen=True):
    """Of a call that takes no parameter."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was asked, by name; a name that was given has at least one value, but for an empty list in a body."""

    given: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(
        cls, call: Call, kind: type[msgspec.Struct] = Nothing, names: Mapping[str, str] | None = None
    ) -> "Parameters":
        """Read query and body, as far as they have fields of a struct; `names` are others for some of these.

        Raises `ParameterInvalid`.
        """
        known = kind.__struct_encode_fields__
        given: dict[str, tuple[str, ...]] = {}
        for name, values in (*call.query.items(), *_in_body(call).items()):
            if name == SECRET:
                continue
            meant = (names or {}).get(name, name)
            if meant not in known:
                raise ParameterInvalid(name, "is no parameter of this call")
            given[meant] = (*given.get(meant, ()), *values)
        for name, values in given.items():
            if len(values) > MAX_VALUES or any(len(value) > MAX_LIST for value in values):
                raise ParameterInvalid(name, f"is given more than {MAX_VALUES} times, or has {MAX_LIST} characters")
        return cls(given)

    def has(self, name: str) -> bool:
        return name in self.given

    def all(self, name: str) -> frozenset[str] | None:
        """Answer every value of a parameter; None if it was not given. An empty value means nothing: refused."""
        if name not in self.given:
            return None
        return frozenset(self.listed(name))

    def listed(self, name: str) -> list[str]:
        """Answer every value of a parameter, each once, in the order in which they were given."""
        return _checked(name, [word.strip() for value in self.given[name] for word in value.split(",")])

    def urls(self, name: str) -> frozenset[str] | None:
        """Answer every URL of a parameter, which may hold commas of its own."""
        if name not in self.given:
            return None
        values = self.given[name]
        words = [word.strip() for value in values for word in value.rstrip(",").split(",")]
        return frozenset(_checked(name, [*values, *words]))

    def one(self, name: str) -> str | None:
        """Answer the only value of a parameter; None if it was not given, or is empty."""
        values = self.given.get(name, ())
        if len(values) > 1:
            raise ParameterInvalid(name, "is given more than once")
        return (_checked(name, values)[0] if values[0] else None) if values else None

    def number(self, name: str, *, lowest: int = 0, highest: int = MOST_MS) -> int | None:
        """Answer the whole number that a parameter is; None if it was not given."""
        if name not in self.given:
            return None
        given = self.one(name) or ""
        if not (given.isascii() and given.isdecimal() and len(given) <= 16 and lowest <= int(given) <= highest):  # noqa: PLR2004
            raise ParameterInvalid(name, f"must be a whole number from {lowest} to {highest}")
        return int(given)

    def count(self, default: int, most: int) -> int:
        """Answer how many are wanted: never more than `most`, whoever asks for more."""
        return min(self.number("count", lowest=1) or default, most)

    def asked(self, without: frozenset[str]) -> Json:
        """Say what was asked, to know a cursor by."""
        return {name: list[Json](sorted(values)) for name, values in sorted(self.given.items()) if name not in without}


def _checked(name: str, values: Sequence[str]) -> list[str]:
    """Answer each value once; raise `ParameterInvalid` for an empty one, and for more than anybody has use for."""
    if not all(values):
        raise ParameterInvalid(name, "is empty")
    if len(values) > MAX_VALUES or any(len(value) > MAX_TEXT for value in values):
        raise ParameterInvalid(name, f"has more than {MAX_VALUES} values, or one of {MAX_TEXT} characters")
    return list(dict.fromkeys(values))


def _in_body(call: Call) -> dict[str, tuple[str, ...]]:
    """Answer what a body asks for: an object of texts, numbers, and lists of them."""
    if not call.body.strip():
        return {}
    body = read_json(call.body)
    if not isinstance(body, dict):
        raise ParameterInvalid("body", "must be a JSON object")
    return {name: _texts(name, value) for name, value in body.items()}


def _texts(name: str, value: Json) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int) for one in values):
        raise ParameterInvalid(name, "must be a text, a whole number, or a list of them")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in cast("list[str | int]", values))
