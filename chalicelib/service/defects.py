"""A defect in a handler that nobody waits for: the log tells its type and its place, and not what it says.

Lambda's runtime logs whatever a handler raises, text and all, and the text may quote what a caller or an endpoint sent.
"""

import logging
from dataclasses import dataclass
from types import TracebackType

from chalicelib.core.errors import Busy

_LOG = logging.getLogger("reprise.defects")


class HandlerFailed(Exception):
    """A handler raised this type of error; where, stands in the log."""


@dataclass(frozen=True, slots=True)
class Discreet:
    """Raise `HandlerFailed` for whatever is raised inside, but for `Busy`, which says nothing of anybody."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, Busy):
            _LOG.error("handler failed", exc_info=error)
            raise HandlerFailed(type(error).__name__) from None
