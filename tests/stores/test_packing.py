from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import TooLarge
from chalicelib.stores.packing import COMPRESS_ABOVE, MAX_ITEM, check_size, pack, unpack
from tests.stores.values import json_values

INCOMPRESSIBLE = Random(7).randbytes(MAX_ITEM).hex()
"""More text than an item holds, however well it is compressed."""


@given(json_values)
def test_what_was_packed_is_unpacked_types_and_all(value):
    assert repr(unpack(pack(value))) == repr(value)


@given(st.integers(1, 5), json_values)
def test_what_is_long_enough_to_be_compressed_is_unpacked_too(times, value):
    longer = [value, "long enough " * 100 * times]

    assert repr(unpack(pack(longer))) == repr(longer)


def text_of(size: int) -> str:
    """Answer a text that is so many bytes of JSON."""
    return "a" * (size - len('""'))


def test_short_data_stands_as_it_is_and_longer_data_is_compressed():
    short, longer = pack(text_of(COMPRESS_ABOVE)), pack(text_of(COMPRESS_ABOVE + 1))

    assert len(short) == 1 + COMPRESS_ABOVE
    assert text_of(COMPRESS_ABOVE).encode() in short
    assert len(longer) < COMPRESS_ABOVE / 10


@pytest.mark.parametrize(
    "parts",
    [(), (None,), (b"a" * MAX_ITEM,), (b"a" * (MAX_ITEM - 1), None, b"b")],
    ids=["nothing", "no data", "the most", "the most in parts"],
)
def test_what_fits_an_item_is_let_pass(parts):
    check_size(*parts)


@pytest.mark.parametrize("parts", [(b"a" * (MAX_ITEM + 1),), (b"a" * MAX_ITEM, None, b"b")], ids=["whole", "in parts"])
def test_what_does_not_fit_an_item_is_refused_with_its_size(parts):
    with pytest.raises(TooLarge) as refused:
        check_size(*parts)

    assert refused.value.code == "data_too_large"
    assert refused.value.details == {"size": MAX_ITEM + 1, "most": MAX_ITEM}
