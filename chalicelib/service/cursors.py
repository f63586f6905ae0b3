"""Cursors: opaque, signed, and good for one list alone.

A cursor holds a digest of the list it belongs to (account, route, filter), the position to go on below, and when
the first page was read (ms). Whoever changes a byte, or uses it on another list, gets a refusal. It opens nothing by
itself: whoever shows it shows a key of that account too.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from chalicelib.core.errors import Invalid
from chalicelib.core.ids import digest
from chalicelib.core.json_values import Json

_SIGNATURE = 16  # bytes


class CursorInvalid(Invalid):
    code = "cursor_invalid"

    def __init__(self) -> None:
        super().__init__("The cursor is not one of this list's.")


@dataclass(frozen=True, slots=True)
class Cursor:
    position: str
    first_page_at: int


@dataclass(frozen=True, slots=True)
class Cursors:
    """Seals with `secret`, and opens what that or the `previous` one sealed: pages in flight outlive a rotation."""

    secret: str
    previous: str | None = None

    def write(self, cursor: Cursor, listed: Json) -> str:
        """Seal a position in the list that `listed` describes."""
        payload = json.dumps([cursor.position, cursor.first_page_at]).encode()
        return _text(_signed(self.secret, payload, listed) + payload)

    def read(self, text: str, listed: Json) -> Cursor:
        """Open a cursor; raise `CursorInvalid` unless it was sealed for this very list."""
        try:
            sealed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error) as error:
            raise CursorInvalid from error
        signature, payload = sealed[:_SIGNATURE], sealed[_SIGNATURE:]
        is_written_so = text == _text(sealed)  # several texts decode to the same bytes; one is ours
        if not is_written_so or not self._is_ours(signature, payload, listed):
            raise CursorInvalid
        position, first_page_at = json.loads(payload)
        return Cursor(position, first_page_at)

    def _is_ours(self, signature: bytes, payload: bytes, listed: Json) -> bool:
        secrets = (self.secret,) if self.previous is None else (self.secret, self.previous)
        return any(hmac.compare_digest(signature, _signed(secret, payload, listed)) for secret in secrets)


def _signed(secret: str, payload: bytes, listed: Json) -> bytes:
    message = digest(listed).encode() + payload
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()[:_SIGNATURE]


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")
