"""JSON as compact bytes for one binary attribute: compressed when that pays, and never a nested DynamoDB map."""

import zlib

import msgspec

from chalicelib.core.errors import TooLarge
from chalicelib.core.json_values import Json

COMPRESS_ABOVE = 1024  # bytes; below it compression saves no write unit
MAX_ITEM = 350_000  # bytes of data in one item; DynamoDB's 400 KB less keys, summary and room to grow
_PLAIN, _COMPRESSED = b"j", b"z"


class ItemTooLarge(TooLarge):
    """More data than one item holds; nothing was written."""

    code = "data_too_large"

    def __init__(self, size: int) -> None:
        super().__init__(f"The data takes {size} bytes; {MAX_ITEM} is the most.", size=size, most=MAX_ITEM)


def pack(value: Json) -> bytes:
    data = msgspec.json.encode(value)
    if len(data) <= COMPRESS_ABOVE:
        return _PLAIN + data
    return _COMPRESSED + zlib.compress(data, level=1)


def unpack(data: bytes) -> Json:
    body = data[1:] if data[:1] == _PLAIN else zlib.decompress(data[1:])
    value: Json = msgspec.json.decode(body)
    return value


def check_size(*data: bytes | None) -> None:
    """Refuse what one item cannot hold."""
    size = sum(len(part) for part in data if part)
    if size > MAX_ITEM:
        raise ItemTooLarge(size)
