"""What Camunda's REST layer takes for a boolean, a text or a list, and what its GET parameters may be.

Properties that nobody knows are ignored at every level, as the engine ignores them.
"""

import re
from collections.abc import Mapping

from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid, malformed
from chalicelib.dialects.credentials import basic_password_of, bearer_of
from chalicelib.dialects.edge import Call
from chalicelib.dialects.json_bodies import NotJson, read_json

_WHOLE = re.compile(r"-?[0-9]+")
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE", ""})


def read_secret(call: Call) -> str | None:
    """Answer the key: the password of Basic authentication, or what stands behind Bearer."""
    bearer = bearer_of(call)
    return basic_password_of(call) if bearer is None else bearer


def read_object(call: Call) -> Variables | None:
    """Answer the object that a body is; `{}` for an empty body, None for `null`. Raises `BodyTooLarge`."""
    if not call.body.strip():
        return {}
    try:
        value = read_json(call.body)
    except NotJson as error:
        raise malformed() from error
    if value is not None and not isinstance(value, dict):
        raise malformed()
    return value


def as_bool(value: Json) -> bool:
    """Answer what a JSON value is as a boolean, as Jackson reads it."""
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    if isinstance(value, str) and value.strip() in _TRUE | _FALSE:
        return value.strip() in _TRUE
    raise malformed()


def as_text(value: Json) -> str | None:
    """Answer a JSON value as a text: numbers and booleans are written out."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise malformed()


def as_texts(value: Json) -> list[str | None] | None:
    """Answer a JSON list as texts; an element may be null."""
    return None if value is None else [as_text(one) for one in as_list(value)]


def as_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise malformed()
    return value


def as_object(value: Json) -> Variables:
    if not isinstance(value, dict):
        raise malformed()
    return value


class Parameters:
    """GET parameters: unknown ones are ignored, of a repeated one the first counts."""

    def __init__(self, query: Mapping[str, tuple[str, ...]]) -> None:
        self.given = {name: values[0] for name, values in query.items()}

    def text(self, name: str) -> str | None:
        return self.given.get(name)

    def texts(self, name: str) -> list[str] | None:
        """Answer a list that is written with commas."""
        given = self.given.get(name)
        return None if given is None else given.split(",")

    def flag(self, name: str) -> bool | None:
        """Answer a boolean; `True` and `False` are taken too, since Python's generated client writes them so."""
        given = self.given.get(name)
        if given is None:
            return None
        if given in _TRUE | _FALSE - {""}:
            return given in _TRUE
        if _WHOLE.fullmatch(given):
            return given.strip("-0") != ""
        raise cannot_set(name, given, f"Cannot convert value {given} to java type java.lang.Boolean")

    def number(self, name: str) -> int | None:
        """Answer a whole number; what is none is no resource to Camunda."""
        given = self.given.get(name)
        if given is None:
            return None
        digits = given.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):  # noqa: PLR2004
            raise EngineRefusal(404, "NotFoundException", f"'{name}' is no whole number")
        return int(given)

    def window(self, most: int) -> tuple[int, int]:
        """Answer which rows are shown: (first, how many), never more than `most`."""
        first, wanted = self.number("firstResult") or 0, self.number("maxResults")
        if first < 0 or (wanted is not None and wanted <= 0):
            return 0, 0
        return first, most if wanted is None else min(wanted, most)

    def sorting(self, known: frozenset[str]) -> tuple[str, bool] | None:
        """Answer by what rows are sorted, and whether upwards; raise Camunda's refusals of other words."""
        by, order = self.given.get("sortBy"), self.given.get("sortOrder")
        if by is None and order is None:
            return None
        if by is not None and by not in known:
            raise cannot_set("sortBy", by)
        if order is not None and order not in {"asc", "desc"}:
            raise cannot_set("sortOrder", order)
        if by is None or order is None:
            raise invalid("Only a single sorting parameter specified. sortBy and sortOrder required")
        return by, order == "asc"


def cannot_set(name: str, value: str, why: str = "") -> EngineRefusal:
    """Refuse the value of a parameter."""
    reason = f": {why}" if why else ""
    return invalid(f"Cannot set query parameter '{name}' to value '{value}'{reason}")


def is_like(text: str | None, pattern: str) -> bool:
    """Say whether a text is like an SQL pattern: `%` is anything, `_` one character; a backslash quotes them."""
    if text is None:
        return False
    first, *others = _segments(pattern)
    if not others:
        return re.fullmatch(first, text, re.DOTALL) is not None
    between = "".join(f"(?>.*?{segment})" for segment in others[:-1])  # atomic: no pattern takes long
    return re.fullmatch(f"{first}{between}.*{others[-1]}", text, re.DOTALL) is not None


def _segments(pattern: str) -> list[str]:
    """Answer what stands between the `%` of a pattern, as regular expressions."""
    segments = [""]
    for piece in re.findall(r"\\.|.", pattern, re.DOTALL):
        if piece == "%":
            segments.append("")
        else:
            segments[-1] += "." if piece == "_" else re.escape(piece[-1])
    return segments
