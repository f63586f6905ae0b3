"""A run as a row, and a row (or an index's part of one) as a run."""

from typing import Any, cast

from chalicelib.core.callbacks import Callback
from chalicelib.core.causes import Cause
from chalicelib.core.definitions import DefinitionType
from chalicelib.core.ids import AccountId, ActivityId, DeadLetterId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.journal import Failure
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.lines import Line
from chalicelib.core.overrides import Overrides
from chalicelib.core.retention import Expiry, Retention
from chalicelib.core.run_summaries import RunSummary, created_of, list_position
from chalicelib.core.runs import Lease, Lineage, Run, RunStatus, Tries
from chalicelib.stores.conversions import convert
from chalicelib.stores.entries import plain, plain_start, read_start
from chalicelib.stores.numbers import whole
from chalicelib.stores.packing import check_size, pack, unpack
from chalicelib.stores.run_tables import HeadRow, RunRow
from chalicelib.stores.shards import Shards, run_key

GONE = "deleted"
"""The status of a head that is only kept until the rest of its run is gone. Nobody else ever sees it."""


def is_gone(row: RunRow) -> bool:
    return row.status == GONE


def is_kept(row: RunRow, at: int) -> bool:
    """Say whether a run is there for anybody at a time (ms)."""
    return not is_gone(row) and expiry_of(row).has_run(at)


def expiry_of(row: HeadRow) -> Expiry:
    return Expiry(whole(row.journal_gone_at), whole(row.gone_at))


def row_of(run: Run, shards: Shards, writer: str) -> RunRow:
    """Write a run as a row; raise `ItemTooLarge` before DynamoDB would."""
    return RunRow(
        pk=run_key(run.account, run.id),
        **head_of(run),
        definition_shard=shards.of(f"{run.account}#{run.definition}", run.id),
        account_shard=shards.of(run.account, run.id),
        root=run_key(run.account, run.lineage.root),
        created=list_position(run.created_at, run.id),
        due_shard=None if run.wake_at is None else shards.due_of(run.id, is_of_many=run.is_of_many),
        writer=writer,
    )


def head_of(run: Run) -> dict[str, Any]:
    """Answer a head's attributes; raise `ItemTooLarge` if one item cannot hold them."""
    data, variables = pack(run.input), pack(run.variables)
    is_same = variables == data  # as JSON: to Python 1 and True are equal
    check_size(data, None if is_same else variables)
    return {
        **_names(run),
        "status": run.status.value,
        "is_of_many": run.is_of_many or None,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "callback": None if run.callback is None else pack(plain(run.callback)),
        "journal_length": run.journal_length,
        "request_hash": run.request_hash,
        "input": data,
        "variables": None if is_same else variables,
        "overrides": pack(plain(run.overrides)),
        "revision": run.revision,
        "claims": run.claims,
        "lease_owner": run.lease.owner if run.lease else None,
        "lease_until": run.lease.until if run.lease else None,
        "not_before": run.not_before,
        "wake_at": run.wake_at,
        "waiting_for": set(run.waiting_for) or None,
        "waiting_since": run.waiting_since,
        "waited_ms": run.waited_ms or None,
        "retention": None if run.retention == Retention() else pack(plain(run.retention)),
        "gone_at": run.expiry.run,
        "journal_gone_at": run.expiry.journal,
    }


def _names(run: Run) -> dict[str, Any]:
    return {
        "account": run.account,
        "run_id": run.id,
        "definition_key": run.definition,
        "snapshot_id": run.snapshot,
        "version": run.version,
        "business_key": run.business_key,
        "line": None if run.line is None else run.line.value,
        "labels": [*run.labels] or None,
        "source_id": run.lineage.source,
        "attempt": run.lineage.attempt,
        "dead_letter_id": run.dead_letter,
        "told": _pack_told(run),
    }


def _pack_told(run: Run) -> bytes:
    """Pack what lists show of a run and nobody looks for: an index takes twenty attributes."""
    told: dict[str, Json] = {
        "alias": run.alias,
        "url": run.url,
        "type": run.type.value,
        "root": run.lineage.root,
        "cause": plain(run.lineage.cause),
        "failure": None if run.failure is None else plain(run.failure),
        "start": plain_start(run.start),
        "tries": {str(token): plain(tries) for token, tries in run.tries.items()},
        "updated_at": run.updated_at,
    }
    return pack({name: value for name, value in told.items() if value is not None})


def run_from(row: HeadRow) -> Run:
    variables = cast("Variables", unpack(row.input))
    return Run(
        **_summed_up(row, int(row.created_at)),
        account=AccountId(row.account),
        input=variables,
        variables=cast("Variables", unpack(row.variables)) if row.variables else variables,
        request_hash=row.request_hash,
        is_of_many=bool(row.is_of_many),
        overrides=convert(unpack(row.overrides), Overrides),
        retention=convert(unpack(row.retention), Retention) if row.retention else Retention(),
        callback=convert(unpack(row.callback), Callback) if row.callback else None,
        revision=int(row.revision),
        claims=int(row.claims),
        lease=Lease(row.lease_owner, int(row.lease_until)) if row.lease_owner else None,
        wake_at=whole(row.wake_at),
        waiting_since=whole(row.waiting_since),
        waited_ms=whole(row.waited_ms) or 0,
    )


def summary_from(row: RunRow) -> RunSummary:
    return RunSummary(**_summed_up(row, created_of(row.created)))


def _summed_up(row: HeadRow, created_at: int) -> dict[str, Any]:
    """Answer what a run and its summary have in common, by their fields' names."""
    told = cast("dict[str, Any]", unpack(row.told))
    source = RunId(row.source_id) if row.source_id else None
    return {
        "id": RunId(row.run_id),
        "definition": DefinitionKey(row.definition_key),
        "version": whole(row.version),
        "snapshot": SnapshotId(row.snapshot_id),
        "status": RunStatus(row.status),
        "alias": told.get("alias"),
        "url": told.get("url"),
        "business_key": row.business_key,
        "type": DefinitionType(told["type"]),
        "line": _line(row),
        "labels": _labels(row),
        "lineage": Lineage(RunId(told["root"]), source, int(row.attempt), convert(told["cause"], Cause)),
        "failure": convert(told["failure"], Failure) if "failure" in told else None,
        "dead_letter": DeadLetterId(row.dead_letter_id) if row.dead_letter_id else None,
        "journal_length": int(row.journal_length),
        "created_at": created_at,
        "updated_at": told["updated_at"],
        "started_at": whole(row.started_at),
        "ended_at": whole(row.ended_at),
        "waiting_for": _activities(row.waiting_for),
        "start": read_start(told["start"]),
        "tries": {int(token): convert(tries, Tries) for token, tries in told["tries"].items()},
        "not_before": whole(row.not_before),
        "expiry": expiry_of(row),
    }


def _line(row: HeadRow) -> Line | None:
    return Line(row.line) if row.line else None


def _activities(held: set[Any] | None) -> tuple[ActivityId, ...]:
    return tuple(ActivityId(activity) for activity in sorted(held or ()))


def _labels(row: HeadRow) -> tuple[str, ...]:
    return tuple(str(label) for label in row.labels or ())
