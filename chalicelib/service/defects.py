"""A defect in a handler that nobody waits for: the log tells its type and its place, and not what it says.

Lambda's runtime logs whatever a handler raises, text and all, and the text may quote what a caller or an endpoint sent.
"""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any

from chalicelib.core.errors import Busy

_LOG = logging.getLogger("reprise.defects")


class HandlerFailed(Exception):
    """A handler raised this type of error; where, stands in the log."""


def discreet(event: Any, handle: Callable[[Any], Any]) -> Any:
    """Handle an event; raise `HandlerFailed` for whatever is raised, but for `Busy`, which says nothing of anybody."""
    with _Discreet():
        return handle(event)


class _Discreet:
    def __enter__(self) -> None:
        return

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, Busy):
            _LOG.error("handler failed", exc_info=error)
            raise HandlerFailed(type(error).__name__) from None
