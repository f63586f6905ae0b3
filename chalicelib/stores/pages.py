"""Read a list that is spread over shards, page by page, losing nothing and repeating nothing.

Every item has a position, unique and sorted; a page holds the items below `before`, highest first. A page's end
is a position too, so the next page does not depend on how shards were read. A filter may pass over many items;
after `SCANNED_MOST` of them the page ends early with the position it got to, rather than late.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

SCANNED_MOST = 2_000  # items of one shard for one page


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the position to go on below; None when there are no more."""

    items: tuple[T, ...]
    next: str | None


Scan = Callable[[str, str | None, int], Sequence[T]]
"""(shard, below this position, how many) -> items of that shard, highest position first."""


def merged_page(
    shards: Sequence[str],
    scan: Scan[T],
    position: Callable[[T], str],
    *,
    before: str | None,
    limit: int,
    keep: Callable[[T], bool] = lambda _item: True,
) -> Page[T]:
    """Answer the next page of the list that all shards make together."""
    found: list[T] = []
    frontier = ""  # below it some shard has not been read
    for shard in shards:
        kept, reached = _read_shard(shard, scan, position, before=before, limit=limit, keep=keep)
        found += kept
        frontier = max(frontier, reached or "")
    found.sort(key=position, reverse=True)
    items = tuple(item for item in found if position(item) >= frontier)[:limit]
    if len(items) == limit and (len(found) > limit or frontier):
        return Page(items, position(items[-1]))
    return Page(items, frontier or None)


def _read_shard(
    shard: str,
    scan: Scan[T],
    position: Callable[[T], str],
    *,
    before: str | None,
    limit: int,
    keep: Callable[[T], bool],
) -> tuple[list[T], str | None]:
    """Answer this shard's next kept items, and the position it was read down to; None if to the end."""
    kept: list[T] = []
    scanned, below = 0, before
    while len(kept) < limit and scanned < SCANNED_MOST:
        size = limit + 1 if scanned == 0 else min(SCANNED_MOST, 500)
        items = scan(shard, below, size)
        kept += [item for item in items if keep(item)]
        scanned += len(items)
        if len(items) < size:
            return kept, None
        below = position(items[-1])
    return kept, below
