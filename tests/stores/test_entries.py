import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.causes import Cause
from chalicelib.core.journal import Failure, Signal, SignalName
from chalicelib.core.overrides import Overrides
from chalicelib.core.runs import Tries
from chalicelib.stores.conversions import convert
from chalicelib.stores.entries import (
    entry_name,
    pack_entries,
    plain,
    plain_entry,
    plain_start,
    read_start,
    unpack_entries,
)
from chalicelib.stores.packing import pack, unpack
from tests.stores.values import entries, failures, starts, texts, times


@given(st.lists(entries, max_size=6))
def test_entries_are_read_as_they_were_written(written):
    assert repr(unpack_entries(pack_entries(tuple(written)))) == repr(written)


@given(starts)
def test_starts_are_read_as_they_were_written(start):
    assert read_start(unpack(pack(plain_start(start)))) == start


seconds = st.none() | st.floats(0, 1e6)

FLAT = {
    Failure: failures,
    Cause: st.builds(Cause, texts, texts, texts, texts),
    Overrides: st.builds(Overrides, st.none() | st.integers(0, 100), seconds, st.floats(0, 1e6)),
    Tries: st.builds(Tries, st.integers(1, 100), times),
}


@pytest.mark.parametrize("kind", FLAT)
@given(data=st.data())
def test_flat_values_are_read_as_they_were_written(kind, data):
    value = data.draw(FLAT[kind])

    assert convert(unpack(pack(plain(value))), kind) == value


@given(entries, entries)
def test_entries_have_the_same_name_when_they_are_of_the_same_kind_and_only_then(one, other):
    assert (entry_name(one) == entry_name(other)) == (type(one) is type(other))


def test_an_entry_says_its_kind_and_nothing_of_what_it_has_not():
    signal = Signal(SignalName.CANCEL, 7, "enough")

    assert entry_name(signal) == "signal"
    assert plain_entry(signal) == {"type": "signal", "name": "cancel", "at": 7, "reason": "enough"}
