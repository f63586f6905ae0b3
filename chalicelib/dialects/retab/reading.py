"""How a call of a Retab client is read: the key it shows, its body, its query."""

from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import msgspec

from chalicelib.core.errors import Invalid
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.run_summaries import RunFilter, RunSummary
from chalicelib.dialects.credentials import bearer_of
from chalicelib.dialects.edge import Call
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.retab.ids import write_run_id
from chalicelib.dialects.retab.refusals import QueryInvalid
from chalicelib.dialects.retab.requests import MAX_LIMIT, read_metadata
from chalicelib.dialects.retab.run_answers import started_at, status_of, trigger_of

S = TypeVar("S", bound=msgspec.Struct)

_DAY = timedelta(days=1)
_SAME = {"awaiting_review": "waiting_for_human", "failed": "error", "queued": "pending"}
_STATUSES = frozenset({"pending", "running", "completed", "error", "waiting_for_human", "cancelled"})
_TRIGGERS = frozenset({"manual", "api", "schedule", "webhook", "email", "restart", "custom"})
_SORTS = frozenset({"created_at", "timing.created_at"})
_COSTS = ("min_cost", "max_cost")


def read_secret(call: Call) -> str | None:
    """Answer the key: `Api-Key`, else `Authorization: Bearer` (SDK 0.0.157 on), else the query's `access_token`."""
    shown = call.headers.get("api-key"), bearer_of(call), last(call, "access_token")
    return next((secret for secret in shown if secret is not None), None)


def read_body(call: Call, kind: type[S]) -> S:
    """Answer the body as a struct; nothing at all, and null, are an empty object (SDK 0.0.137 sends nothing)."""
    body = read_json(call.body) if call.body else None
    return read_struct({} if body is None else body, kind)


def last(call: Call, name: str) -> str | None:
    """Answer a query parameter; an empty one is none."""
    return call.query.get(name, ("",))[-1] or None


def read_limit(call: Call, default: int = 20) -> int:
    return _number(call, "limit", lowest=1, highest=MAX_LIMIT) or default


def is_ascending(call: Call) -> bool:
    return _one_of(call, "order", frozenset({"asc", "desc"})) == "asc"


def read_filter(call: Call) -> RunFilter:
    """Read which runs are listed; raise `QueryInvalid` for a filter that cannot be honoured."""
    _one_of(call, "sort_by", _SORTS)
    for name in _COSTS:
        if last(call, name) is not None:
            raise QueryInvalid(name, "Runs have no costs here.")
    workflow = last(call, "workflow_id")
    return RunFilter(
        definition=None if workflow is None else DefinitionKey(workflow),
        created_from=_day(call, "from_date"),
        created_to=_day_after(call, "to_date"),
        also=_Wanted.read(call).keeps,
    )


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a run must be beside what an index tells; None: anything."""

    statuses: frozenset[str] | None
    excluded: str | None
    triggers: frozenset[str] | None
    shortest: int | None
    longest: int | None
    search: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, call: Call) -> "_Wanted":
        statuses = _all_of(call, ("status", "statuses"), _STATUSES)
        excluded = _all_of(call, ("exclude_status",), _STATUSES)
        return cls(
            statuses=statuses,
            excluded=next(iter(excluded), None) if excluded else None,
            triggers=_all_of(call, ("trigger_type", "trigger_types"), _TRIGGERS),
            shortest=_number(call, "min_duration") or _number(call, "min_duration_ms"),
            longest=_number(call, "max_duration") or _number(call, "max_duration_ms"),
            search=last(call, "search"),
            metadata=_metadata(call),
        )

    def keeps(self, run: RunSummary) -> bool:
        status, metadata = status_of(run), read_metadata(run.labels)
        return (
            (self.statuses is None or status in self.statuses)
            and status != self.excluded
            and (self.triggers is None or trigger_of(run) in self.triggers)
            and self._is_as_long(run)
            and (self.search is None or self.search.lower() in write_run_id(run.id))
            and self.metadata.items() <= metadata.items()
        )

    def _is_as_long(self, run: RunSummary) -> bool:
        if self.shortest is None and self.longest is None:
            return True
        if run.ended_at is None:
            return False
        duration = run.ended_at - started_at(run)
        return (self.shortest or 0) <= duration and (self.longest is None or duration <= self.longest)


def _all_of(call: Call, names: tuple[str, ...], known: frozenset[str]) -> frozenset[str] | None:
    """Read a filter of several values: given again and again, or with commas."""
    given = [word for name in names for value in call.query.get(name, ()) for word in value.split(",") if word]
    words = frozenset(_SAME.get(word, word) for word in given)
    if words - known:
        raise QueryInvalid(names[0], f"must be some of {', '.join(sorted(known))}")
    return words or None


def _one_of(call: Call, name: str, known: frozenset[str]) -> str | None:
    given = last(call, name)
    if given is not None and given not in known:
        raise QueryInvalid(name, f"must be one of {', '.join(sorted(known))}")
    return given


def _number(call: Call, name: str, *, lowest: int = 0, highest: int = 10**12) -> int | None:
    given = last(call, name)
    if given is None:
        return None
    if not given.isascii() or not given.isdecimal() or len(given) > 13 or not lowest <= int(given) <= highest:  # noqa: PLR2004 - digits of `highest`
        raise QueryInvalid(name, f"must be a whole number from {lowest} to {highest}")
    return int(given)


def _day(call: Call, name: str) -> int | None:
    """Read a day in UTC, as the time (ms) when it begins."""
    given = last(call, name)
    if given is None:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise QueryInvalid(name, "must be a day, as in 2026-05-12") from error
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _day_after(call: Call, name: str) -> int | None:
    begins = _day(call, name)
    return None if begins is None else begins + int(_DAY.total_seconds() * 1000) - 1


def _metadata(call: Call) -> dict[str, str]:
    """Read a filter on metadata: a JSON object of texts."""
    given = last(call, "metadata")
    if given is None:
        return {}
    try:
        return read_struct(read_json(given.encode()), dict[str, str])
    except Invalid as error:
        raise QueryInvalid("metadata", "must be a JSON object of texts") from error


def read_fields(call: Call) -> frozenset[str]:
    """Read which members of its runs a list is asked for; none: all of them."""
    return frozenset(name for value in call.query.get("fields", ()) for name in value.split(",") if name)
