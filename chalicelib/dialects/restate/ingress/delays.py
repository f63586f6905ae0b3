"""How long a call is to wait before it begins."""

from collections.abc import Mapping

from chalicelib.dialects.restate.durations import DurationInvalid, read_seconds
from chalicelib.dialects.restate.ingress.refusals import DelayInvalid


def read_delay(query: Mapping[str, tuple[str, ...]]) -> float | None:
    """Answer the seconds that a query wants to wait, None if it does not say; raise `DelayInvalid`."""
    given = next((values[0] for name, values in query.items() if name.lower() == "delay"), None)
    try:
        return None if given is None else read_seconds(given)
    except DurationInvalid as error:
        raise DelayInvalid(str(error)) from error
