"""Numbers as DynamoDB has them."""


def whole(number: float | None) -> int | None:
    """Read a number attribute that may be absent (PynamoDB's types know neither)."""
    return None if number is None else int(number)


def seconds_past(ms: int) -> int:
    """Answer a time in seconds, for DynamoDB to remove a row by: not before it."""
    return -(-ms // 1000)
