"""How long somebody has been able to go on, and nobody has come: what is overdue, and since when.

| what           | can go on from                                                                              |
|----------------|---------------------------------------------------------------------------------------------|
| a run          | `not_before` on; if it has ended and is not kept for ever, the time at which it is to go    |
| … in a line    | the same, unless another run of its line is at work                                         |
| a batch        | its creation on, while it is not held and has jobs that are not done and may still be tried |
"""

from collections.abc import Iterable, Iterator

from chalicelib.core.runs import RunStatus
from tests.faults.engines import Row
from tests.world import ACME


def overdue_since(runs: Iterable[Row], batches: Iterable[Row]) -> int | None:
    """Answer since when (ms) somebody can go on, or will from then on: the first of them; None if there is none."""
    return min((*_runs(runs), *_batches(batches)), default=None)


def _runs(rows: Iterable[Row]) -> Iterator[int]:
    heads = [row for row in rows if row["account"]["S"] == ACME]
    busy = {_line_of(row) for row in heads if _stands(row) == "at_work" and not _has_ended(row)}
    for row in heads:
        since = row.get("not_before", row.get("wake_at"))
        if since is not None and (_stands(row) != "inboxed" or _line_of(row) not in busy):
            yield int(since["N"])


def _has_ended(row: Row) -> bool:
    return row["status"]["S"] in {status.value for status in RunStatus if status.is_ended}


def _stands(row: Row) -> str:
    return str(row.get("line", {}).get("S", ""))


def _line_of(row: Row) -> tuple[str, str]:
    return row["definition_key"]["S"], row.get("business_key", {}).get("S", "")


def _batches(every: Iterable[Row]) -> Iterator[int]:
    rows = [row for row in every if row["pk"]["S"].startswith(f"{ACME}#")]
    waiting = {row["pk"]["S"] for row in rows if row["part"]["S"].startswith("job#") and row["retries"]["N"] != "0"}
    unseeded = {row["pk"]["S"] for row in rows if row["part"]["S"] == "head" and "seeded_at" not in row}
    for row in rows:
        is_open = row["part"]["S"] == "head" and "ended_at" not in row
        if is_open and not row.get("is_suspended", {}).get("BOOL") and row["pk"]["S"] in waiting | unseeded:
            yield int(row["created"]["S"].partition("#")[0])
