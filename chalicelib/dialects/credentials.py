"""How a caller shows an API key, where a dialect has no way of its own."""

from chalicelib.dialects.edge import Call


def bearer_of(call: Call) -> str | None:
    """Answer what stands behind `Authorization: Bearer`, however the scheme is written."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bearer_or_api_key(call: Call) -> str | None:
    """Answer the key: `Authorization: Bearer <key>`, else `Api-Key: <key>`."""
    bearer = bearer_of(call)
    return call.headers.get("api-key") if bearer is None else bearer
