"""Journals as rows: how entries are packed, and what comes back."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.births import Plan
from chalicelib.core.errors import TooLarge
from chalicelib.core.journal import Entry
from chalicelib.core.refusals import PrefixTooLarge
from chalicelib.stores.entries import unpack_entries
from chalicelib.stores.journals import MAX_TRANSACTION, ROW_TARGET, rows_of
from chalicelib.stores.packing import MAX_ITEM
from chalicelib.stores.run_tables import JournalRow
from tests.stores.plans import entries, entry, planned, run_id
from tests.world import ACME

PACKED = 0.585  # of the length of hexadecimal noise is left of it


def sized(size: int, seed: int = 7) -> str:
    """Answer a text that takes about so many bytes when it is packed, and not more."""
    return Random(seed).randbytes(round(size / PACKED / 2)).hex()


def rows(entries: tuple[Entry, ...], first: int = 1) -> list[JournalRow]:
    return rows_of(ACME, run_id(1), first, entries, "w")


@given(st.integers(1, 9_000), st.lists(st.integers(0, 120_000), max_size=15))
def test_rows_together_hold_the_entries_each_where_it_belongs(first, sizes):
    written = tuple(entry(n, sized(size)) for n, size in enumerate(sizes, start=first))

    packed = rows(written, first)

    read: list[Entry] = []
    for row in packed:
        assert row.index == first + len(read)
        assert len(row.entries) <= ROW_TARGET
        read += unpack_entries(row.entries)
    assert tuple(read) == written


def test_no_entries_are_no_rows():
    assert rows(()) == []


def test_many_small_entries_share_one_row():
    assert len(rows(tuple(entry(n, "small") for n in range(1, 5_000)))) == 1


def test_entries_are_packed_into_few_rows():
    packed = rows(tuple(entry(n, sized(50_000)) for n in range(1, 25)))

    assert sum(len(row.entries) for row in packed) / ROW_TARGET <= len(packed) <= 8


def test_large_entries_among_many_small_ones_take_few_rows_too():
    packed = rows(tuple(entry(n, sized(ROW_TARGET, n) if n % 100 == 50 else None) for n in range(1, 1_000)))

    size = sum(len(row.entries) for row in packed)
    assert len(packed) <= 2 * size / ROW_TARGET + 1


def test_an_entry_between_a_row_s_target_and_an_item_s_most_has_a_row_of_its_own():
    packed = rows((entry(1), entry(2, sized(MAX_ITEM - 1_000)), entry(3)))

    assert [row.index for row in packed] == [1, 2, 3]
    assert ROW_TARGET < len(packed[1].entries) <= MAX_ITEM


def test_an_entry_that_no_item_holds_is_refused_with_its_size():
    with pytest.raises(TooLarge) as refused:
        rows((entry(1), entry(2, sized(MAX_ITEM + 5_000))))

    assert refused.value.code == "data_too_large"


def with_prefix(size: int) -> Plan:
    """Plan a run that begins with entries of about so many bytes."""
    plan = planned()
    kept = tuple(entry(n, sized(100_000)) for n in range(1, size // 100_000 + 1))
    return replace(plan, journal=(*plan.journal, *kept))


def test_a_prefix_that_one_transaction_holds_is_kept_whole(store):
    plan = with_prefix(MAX_TRANSACTION - 100_000)

    run = store.create(plan, writer="w")

    assert store.journal(run) == plan.journal


def test_a_prefix_that_no_transaction_holds_is_refused_and_nothing_is_written(world, store):
    with pytest.raises(PrefixTooLarge) as refused:
        store.create(with_prefix(MAX_TRANSACTION + 100_000), writer="w")

    assert refused.value.details["most"] == MAX_TRANSACTION
    assert not any(world.everything().values())


@pytest.mark.parametrize("portions", [(1,) * 12, (5, 1, 3), (2, 9, 1, 1)], ids=str)
def test_whatever_was_appended_in_whatever_portions_comes_back_in_order_without_gaps(store, portions):
    run = planned().run
    first = 1
    for count in portions:
        store.append(run, first, entries(first, count), writer="w")
        first += count

    assert store.journal(run) == (*planned().journal, *entries(1, sum(portions)))
