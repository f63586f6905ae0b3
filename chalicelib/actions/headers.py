"""Which request headers a run may set."""

import re
from collections.abc import Mapping

from chalicelib.actions.errors import HeaderRefused

MAX_HEADERS = 64
MAX_VALUE_LENGTH = 8192  # what common servers take in one line

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110, section 5.6.2: token
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5, in the one alphabet HTTP/1.1 has

_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_FRAMING = {"accept-encoding", "content-length", "expect", "host"}
_PROXY = {"proxy-authenticate", "proxy-authorization"}
_OURS = frozenset(_HOP_BY_HOP | _FRAMING | _PROXY)
_CLOUDS = "x-amz-"


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise HeaderRefused for the first header that cannot be sent, or is not the caller's to set."""
    for number, (name, value) in enumerate(headers.items(), start=1):
        if number > MAX_HEADERS:
            raise HeaderRefused(name, f"there are more than {MAX_HEADERS}")
        _check_name(name)
        if len(value) > MAX_VALUE_LENGTH:
            raise HeaderRefused(name, f"its value is longer than {MAX_VALUE_LENGTH} characters")
        if not _VALUE.fullmatch(value):
            raise HeaderRefused(name, "its value holds a line break, a control character or one beyond Latin-1")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise HeaderRefused(name, "that is no name for a header")
    if name.lower() in _OURS:
        raise HeaderRefused(name, "it belongs to the connection, which is ours")
    if name.lower().startswith(_CLOUDS):
        raise HeaderRefused(name, "it speaks to the cloud, not to the step")
