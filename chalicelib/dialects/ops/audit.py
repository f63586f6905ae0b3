"""The audit over our own dialect: who changed what, when, from where, and why (`X-Reason`)."""

from typing import Any, Literal

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.audit import AuditFilter, AuditRecord
from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops.reading import read_query
from chalicelib.dialects.ops.requests import Listing, Text, TimesInvalid
from chalicelib.dialects.ops.shapes import Shape
from chalicelib.dialects.places import read_place
from chalicelib.dialects.services import Services
from chalicelib.dialects.times import read_time, write_time


class AuditQuery(Listing, frozen=True):
    since: Text | None = None
    until: Text | None = None
    request_id: Text | None = None
    key_id: Text | None = None
    dialect: Text | None = None
    id: Text | None = None


class Touched(Shape, frozen=True):
    kind: str
    id: str


class Record(Shape, frozen=True):
    """One transaction that a request made. A request that took several has several records, numbered from 1.

    `done`: it took place, and changed this. `attempted`: it had no room for its record, which was written just before.
    """

    at: str
    request_id: str
    number: int
    key_id: str
    dialect: str
    operation: str
    target: dict[str, str]
    reason: str | None
    address: str
    result: Literal["done", "attempted"]
    changed: list[Touched]


class RecordList(Shape, frozen=True):
    records: list[Record]
    next_cursor: str | None


def listed(services: Services, call: Call) -> Answer:
    query = read_query(call, AuditQuery)
    asked: Any = msgspec.to_builtins(msgspec.structs.replace(query, limit=1, cursor=None))  # pages may differ in size
    place = read_place(services, call, query.cursor, listed=["audit", asked])
    page = services.audit.page(call.account, _filter(query), before=place.position, limit=query.limit)
    records = [_write(record) for record in page.items]
    return answer(RecordList(records=records, next_cursor=place.next_cursor(page.next)))


def _filter(query: AuditQuery) -> AuditFilter:
    since = None if query.since is None else read_time(query.since, "since")
    until = None if query.until is None else read_time(query.until, "until")
    if since is not None and until is not None and since > until:
        raise TimesInvalid("since", "until")
    return AuditFilter(since, until, query.request_id, query.key_id, query.dialect, query.id)


def _write(record: AuditRecord) -> Record:
    asked = record.asked
    return Record(
        at=write_time(asked.at),
        request_id=asked.id,
        number=record.number,
        key_id=asked.key_id,
        dialect=asked.dialect,
        operation=asked.operation,
        target={**asked.target},
        reason=asked.reason,
        address=asked.address,
        result="attempted" if record.is_attempt else "done",
        changed=[Touched(kind=thing.kind, id=thing.id) for thing in record.things],
    )


OPERATIONS = (
    Operation(
        Route("GET", "/ops/v1/audit", Scope.ADMIN, listed),
        "List who changed what, and why; newest first, 400 days back",
        query=AuditQuery,
        answers={200: (RecordList,)},
    ),
)
