"""What the log tells of requests, as lines of JSON."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from traceback import TracebackException

from chalicelib.service.metrics import Meter
from chalicelib.service.tallies import Tally

_LOG = logging.getLogger("reprise.requests")
ANSWERED: ContextVar[str | None] = ContextVar("request_id", default=None)
"""What is being answered: every line that the log gets meanwhile names it."""


@dataclass(slots=True)
class Trace:
    """What the log will tell of a request, as far as it is known."""

    request_id: str
    account: str | None = None
    key_id: str | None = None
    refusal: str | None = None
    tally: Tally = field(default_factory=Tally)


def tell(trace: Trace, dialect: str, method: str, route: str | None, status: int) -> None:
    """Tell of a request: never its payload, its headers or a path as it was typed."""
    fields = {
        "request_id": trace.request_id,
        "dialect": dialect,
        "method": method,
        "route": route,
        "status": status,
        "refusal": trace.refusal,
        "account": trace.account,
        "key_id": trace.key_id,
        **trace.tally.fields,
    }
    _LOG.info("request", extra={"fields": fields})


class JsonLines(logging.Formatter):
    """Write each record as one line of JSON: no text in it, a newline included, can look like another line.

    A meter has lines counted; where nobody reads what is counted, there is none.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        super().__init__()
        self._meter = meter

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line: dict[str, object] = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        line |= fields
        if request_id := ANSWERED.get():
            line["request_id"] = request_id
        if record.exc_info and record.exc_info[1]:
            line["trace"] = "".join(_told(TracebackException.from_exception(record.exc_info[1])))
        if self._meter is not None:
            line |= self._meter.members(line, int(record.created * 1000))
        return json.dumps(line, separators=(",", ":"))


def _told(error: TracebackException) -> Iterator[str]:
    """Say where an error comes from and of what type it is, not what it says: that may quote what is secret."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
    yield from error.stack.format()
    yield f"{error.exc_type.__name__}\n" if error.exc_type else ""
