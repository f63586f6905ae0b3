"""What bodies and queries of our own dialect have in common."""

import msgspec


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we are asked: a field that is not named is refused."""
