"""Plain values to types, for dialects to read bodies with."""

from chalicelib.stores.conversions import convert

__all__ = ["convert"]
