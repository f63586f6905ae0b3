"""What a request, a message or a sweep took of AWS, for the log to tell."""

from chalicelib.stores.tallies import Tally, tallied

__all__ = ["Tally", "tallied"]
