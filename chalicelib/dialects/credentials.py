"""How a caller shows an API key, where a dialect has no way of its own."""

import base64
import binascii

from chalicelib.dialects.edge import Call


def bearer_of(call: Call) -> str | None:
    """Answer what stands behind `Authorization: Bearer`, however the scheme is written."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def basic_password_of(call: Call) -> str | None:
    """Answer the password of `Authorization: Basic`, whoever the user is; None if there is none that can be read."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(token.strip(), validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def bearer_or_api_key(call: Call) -> str | None:
    """Answer the key: `Authorization: Bearer <key>`, else `Api-Key: <key>`."""
    bearer = bearer_of(call)
    return call.headers.get("api-key") if bearer is None else bearer
