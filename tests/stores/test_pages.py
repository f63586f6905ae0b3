"""A list over shards, read page by page: shards are plain lists here, and stand for any store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.stores import pages
from chalicelib.stores.pages import SCANNED_MOST, Page, ShardedList


@dataclass
class Shelf:
    """Items in shards. An item is its position; `reads` counts the items that were read, scan by scan."""

    shards: dict[str, list[str]]
    is_ascending: bool = False
    reads: list[int] = field(default_factory=list)

    def scan(self, shard: str, beyond: str | None, size: int) -> list[str]:
        items = [item for item in self.shards[shard] if beyond is None or (item > beyond) is self.is_ascending]
        page = sorted((item for item in items if item != beyond), reverse=not self.is_ascending)[:size]
        self.reads.append(len(page))
        return page

    def page(self, before: str | None, limit: int, keep: Callable[[str], bool]) -> Page[str]:
        listed = ShardedList(list(self.shards), self.scan, str, keep, self.is_ascending)
        return listed.page(before=before, limit=limit)

    def all(self, keep: Callable[[str], bool]) -> list[str]:
        kept = [item for items in self.shards.values() for item in items if keep(item)]
        return sorted(kept, reverse=not self.is_ascending)


def position(n: int) -> str:
    return f"{n:06d}"


def is_kept(item: str) -> bool:
    return int(item) % 3 > 0


def every(_item: str) -> bool:
    return True


numbers = st.lists(st.integers(1, 9_999), unique=True, max_size=60)
limits = st.integers(1, 12)
filters = st.sampled_from([every, is_kept])
scanned = st.integers(1, 20)


@st.composite
def shelves(draw: st.DrawFn) -> Shelf:
    """Draw up to four shards that share up to sixty items."""
    count = draw(st.integers(1, 4))
    shards: dict[str, list[str]] = {f"shard{n}": [] for n in range(count)}
    for number in draw(numbers):
        shards[f"shard{draw(st.integers(0, count - 1))}"].append(position(number))
    return Shelf(shards, draw(st.booleans()))


def turn(shelf: Shelf, limit: int, keep: Callable[[str], bool], then: Callable[[int], None] = lambda _n: None):
    """Read page after page to the end; `then` happens after each."""
    read: list[Sequence[str]] = []
    before: str | None = None
    while True:
        page = shelf.page(before, limit, keep)
        read.append(page.items)
        then(len(read))
        if page.next is None:
            return read
        assert before is None or (page.next > before) is shelf.is_ascending, "the next page begins further on"
        before = page.next


@given(shelves(), limits, filters, scanned)
def test_pages_together_are_the_whole_list_in_order_nothing_lost_nothing_twice(shelf, limit, keep, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "SCANNED_MOST", most)

        read = turn(shelf, limit, keep)

    assert [item for page in read for item in page] == shelf.all(keep)
    assert all(len(page) <= limit for page in read)


@given(shelves(), limits, filters, st.data())
def test_items_that_come_before_the_page_change_nothing_in_the_next_ones(shelf, limit, keep, data):
    stood = shelf.all(keep)

    def come(after_page: int) -> None:
        shard = data.draw(st.sampled_from(sorted(shelf.shards)))
        shelf.shards[shard].append("0" * 5 + chr(after_page) if shelf.is_ascending else position(100_000 + after_page))

    read = turn(shelf, limit, keep, come)

    assert [item for page in read for item in page] == stood


@given(shelves(), limits)
def test_without_a_filter_every_page_but_the_last_is_full(shelf, limit):
    *full, last = turn(shelf, limit, every)

    assert all(len(page) == limit for page in full)
    assert last or not full, "no page is told of that holds nothing"


def test_a_filter_that_keeps_little_ends_pages_early_rather_than_late():
    shelf = Shelf({f"shard{n}": [position(3 * i + n) for i in range(8_000)] for n in range(3)})

    read = turn(shelf, 10, lambda item: int(item) % 20_000 == 0)

    assert [item for page in read for item in page] == [position(20_000), position(0)]
    assert () in read
    assert max(shelf.reads) <= 500
    assert sum(shelf.reads) <= len(read) * 3 * (SCANNED_MOST + 500)


def test_a_page_of_ten_reads_no_more_than_eleven_items_of_a_shard():
    shelf = Shelf({f"shard{n}": [position(2 * i + n) for i in range(50)] for n in range(2)})

    shelf.page(None, 10, every)

    assert shelf.reads == [11, 11]
