"""Cursors: whoever changes one, or takes it to another list, is refused."""

import base64
import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.core.json_values import Json, canonical_json
from chalicelib.service.cursors import Cursor, CursorInvalid, Cursors
from tests.stores.values import json_values, texts, times

CURSORS = Cursors("a secret of the tests, long enough")
LISTED: Json = ["acme", "runs", {"status": "failed"}]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="

cursors = st.builds(Cursor, texts, times)


@given(cursors, json_values)
def test_a_cursor_is_read_as_it_was_written(cursor, listed):
    assert CURSORS.read(CURSORS.write(cursor, listed), listed) == cursor


@given(cursors)
def test_a_cursor_needs_no_quoting_in_a_url(cursor):
    assert set(CURSORS.write(cursor, LISTED)) <= set(ALPHABET) - {"="}


@given(cursors, json_values, json_values)
def test_another_list_s_cursor_is_refused(cursor, listed, other):
    assume(canonical_json(listed) != canonical_json(other))

    with pytest.raises(CursorInvalid):
        CURSORS.read(CURSORS.write(cursor, listed), other)


@given(cursors)
def test_a_cursor_sealed_with_another_secret_is_refused(cursor):
    with pytest.raises(CursorInvalid):
        CURSORS.read(Cursors("another secret").write(cursor, LISTED), LISTED)


@given(cursors)
def test_a_cursor_sealed_before_a_rotation_is_read_until_its_secret_is_given_up(cursor):
    sealed, sealed_anew = CURSORS.write(cursor, LISTED), Cursors("a newer one").write(cursor, LISTED)
    rotated = Cursors("a newer one", CURSORS.secret)

    assert rotated.read(sealed, LISTED) == rotated.read(sealed_anew, LISTED) == cursor
    assert rotated.write(cursor, LISTED) == sealed_anew
    for secrets in (Cursors("a newer one"), Cursors("the newest", "a newer one")):
        with pytest.raises(CursorInvalid):
            secrets.read(sealed, LISTED)


def test_every_byte_of_a_cursor_is_sealed():
    sealed = base64.urlsafe_b64decode(CURSORS.write(Cursor("1790000000000#run", 7), LISTED) + "==")

    for place, bit in itertools.product(range(len(sealed)), range(8)):
        flipped = sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1 :]
        with pytest.raises(CursorInvalid):
            CURSORS.read(base64.urlsafe_b64encode(flipped).decode().rstrip("="), LISTED)


@pytest.mark.parametrize(
    "text",
    [
        "A" * 1_000_000,
        "é" * 1_000,
        '{"pk": {"S": "acme#1"}, "created": {"S": "1790000000000#1"}}',
        base64.urlsafe_b64encode(b'{"pk": {"S": "acme#1"}}').decode(),
        base64.urlsafe_b64encode(bytes(16) + b'["1790000000000#run", 7]').decode(),
    ],
    ids=["a megabyte", "no ASCII", "a key of DynamoDB", "the same, encoded", "a seal of zeros"],
)
def test_a_cursor_of_somebodys_own_making_is_refused(text):
    with pytest.raises(CursorInvalid):
        CURSORS.read(text, LISTED)


@given(cursors, st.data())
def test_a_cursor_of_which_any_character_was_changed_is_refused(cursor, data):
    text = CURSORS.write(cursor, LISTED)
    place = data.draw(st.integers(0, len(text) - 1) | st.just(len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from(ALPHABET)) + text[place + 1 :]
    assume(changed != text)

    with pytest.raises(CursorInvalid):
        CURSORS.read(changed, LISTED)


@given(cursors, st.data())
def test_a_cursor_that_was_cut_or_lengthened_is_refused(cursor, data):
    text = CURSORS.write(cursor, LISTED)
    end = data.draw(st.integers(0, len(text) - 1))
    more = data.draw(st.text(ALPHABET + "+/ ", min_size=1, max_size=4))

    for changed in (text[:end], text + more, more + text):
        with pytest.raises(CursorInvalid):
            CURSORS.read(changed, LISTED)


@given(st.text() | st.binary().map(lambda junk: base64.urlsafe_b64encode(junk).decode()))
def test_junk_is_refused(text):
    with pytest.raises(CursorInvalid):
        CURSORS.read(text, LISTED)
