"""Read a list that is spread over shards, page by page, losing nothing and repeating nothing.

Every item has a position, unique and sorted; a page holds the items below `before`, highest first (or, ascending,
those above it, lowest first). A page's end is a position too, so the next page does not depend on how shards were
read. A filter may pass over many items; after `SCANNED_MOST` of them the page ends early with the position it got
to, rather than late.
"""

from collections.abc import Callable, Iterable, Sequence
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
"""(shard, beyond this position, how many) -> items of that shard, in the page's order."""


def between(
    lowest: str,
    highest: str,
    query: Callable[[str, str, str, int], Iterable[T]],
    position: Callable[[T], str],
    *,
    is_ascending: bool = False,
) -> Scan[T]:
    """Answer how a shard is read between two positions; `query` reads it from one to another, both included.

    What it is told: (shard, first, last, how many). It is not asked for a range that ends before it begins, which
    DynamoDB refuses.
    """

    def scan(shard: str, beyond: str | None, size: int) -> list[T]:
        first = max(beyond or lowest, lowest) if is_ascending else lowest
        last = highest if is_ascending else min(beyond or highest, highest)
        if first > last:
            return []
        found = query(shard, first, last, size + 1)  # what stands at `beyond` is on the page before
        return [item for item in found if position(item) != beyond][:size]

    return scan


@dataclass(frozen=True, slots=True)
class ShardedList(Generic[T]):
    """The list that some shards make together: how a shard is read, where an item stands, which items count."""

    shards: Sequence[str]
    scan: Scan[T]
    position: Callable[[T], str]
    keep: Callable[[T], bool]
    is_ascending: bool = False

    def page(self, *, before: str | None, limit: int) -> Page[T]:
        """Answer the next page beyond a position."""
        found: list[T] = []
        ends: list[str] = []  # beyond each, some shard has not been read
        for shard in self.shards:
            kept, reached = self._read(shard, before, limit)
            found += kept
            ends += [reached] if reached is not None else []
        found.sort(key=self.position, reverse=not self.is_ascending)
        frontier = (min if self.is_ascending else max)(ends, default=None)
        items = tuple(item for item in found if self._is_read(item, frontier))[:limit]
        if len(items) == limit and (len(found) > limit or frontier):
            return Page(items, self.position(items[-1]))
        return Page(items, frontier)

    def _is_read(self, item: T, frontier: str | None) -> bool:
        """Say whether every shard has been read up to here."""
        at = self.position(item)
        return frontier is None or (at <= frontier if self.is_ascending else at >= frontier)

    def _read(self, shard: str, before: str | None, limit: int) -> tuple[list[T], str | None]:
        """Answer this shard's next kept items, and the position it was read up to; None if to the end."""
        kept: list[T] = []
        scanned, beyond = 0, before
        while len(kept) < limit and scanned < SCANNED_MOST:
            size = limit + 1 if scanned == 0 else min(SCANNED_MOST, 500)
            items = self.scan(shard, beyond, size)
            kept += [item for item in items if self.keep(item)]
            scanned += len(items)
            if len(items) < size:
                return kept, None
            beyond = self.position(items[-1])
        return kept, beyond
