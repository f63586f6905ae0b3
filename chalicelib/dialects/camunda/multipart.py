"""Read multipart/form-data (RFC 7578), strictly and within bounds; contents keep every byte.

Of parts with the same name the last one counts, as in Camunda: each file needs a part name of its own.
"""

import re
from dataclasses import dataclass

from chalicelib.core.errors import TooLarge
from chalicelib.dialects.camunda.refusals import EngineRefusal, invalid
from chalicelib.dialects.edge import Call, MediaTypeUnknown

MAX_FORM = 5_000_000  # bytes; Lambda takes six with everything around it
MAX_PARTS = 100
MAX_HEADERS = 8_192  # bytes of one part's

_BOUNDARY = re.compile(r";\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\",]{1,70}))", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*(name|filename)=(?:\"((?:[^\"\\\r\n]|\\.)*)\"|([^\s;\"]+))", re.IGNORECASE)
_DISPOSITION = re.compile(r"form-data\s*(?:;|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a form; one with a file name is a file."""

    name: str
    content: bytes
    filename: str | None = None

    @property
    def text(self) -> str:
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            raise _unreadable(f"the part '{self.name}' is no text") from error


def read_form(call: Call) -> dict[str, Part]:
    """Answer the parts of a form by their names."""
    kind, _, _ = call.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "multipart/form-data":
        raise MediaTypeUnknown
    boundary = _BOUNDARY.search(call.headers["content-type"])
    if boundary is None:
        raise _unreadable("it has no boundary")
    if len(call.body) > MAX_FORM:
        raise TooLarge(f"The form has {len(call.body)} bytes; {MAX_FORM} is the most.")
    parts = [_read_part(part) for part in _split(call.body, (boundary[1] or boundary[2]).encode())]
    return {part.name: part for part in parts}


def _unreadable(why: str) -> EngineRefusal:
    return invalid(f"The form cannot be read: {why}.")


def _split(body: bytes, boundary: bytes) -> list[bytes]:
    """Answer what stands between the boundaries, without the line break that belongs to each."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, MAX_PARTS + 1)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):  # noqa: PLR2004 - one before the first boundary, one behind
        raise _unreadable("it does not end with its boundary, or has too many parts")
    return pieces[1:-1]


def _read_part(raw: bytes) -> Part:
    padding, _, rest = raw.partition(b"\r\n")
    head, blank, content = rest.partition(b"\r\n\r\n")
    if padding.strip(b" \t") or not blank or len(head) > MAX_HEADERS:
        raise _unreadable("a part has no headers, or too many")
    try:
        headers = dict(_read_header(line) for line in head.decode().split("\r\n"))
    except UnicodeDecodeError as error:
        raise _unreadable("a part's headers are not UTF-8") from error
    disposition = headers.get("content-disposition", "")
    found = {name.lower(): _unquoted(quoted) or plain for name, quoted, plain in _PARAMETER.findall(disposition)}
    if not _DISPOSITION.match(disposition) or not found.get("name"):
        raise _unreadable("a part has no name")
    if headers.get("content-transfer-encoding", "binary").lower() not in {"binary", "7bit", "8bit"}:
        raise _unreadable("a part has a transfer encoding")
    return Part(found["name"], content, found.get("filename"))


def _read_header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _unquoted(text: str) -> str:
    r"""Take quotation marks back that were escaped (`\"` or `%22`); other backslashes stand in names of old Windows."""
    return text.replace('\\"', '"').replace("%22", '"')
