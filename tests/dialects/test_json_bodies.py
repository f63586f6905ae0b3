"""JSON from strangers: what is taken, and what is refused with a reason."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import Invalid, TooLarge
from chalicelib.core.json_values import Json
from chalicelib.dialects.json_bodies import MAX_BODY, FieldInvalid, NotJson, read_json, read_struct
from chalicelib.dialects.ops.requests import RunQuery, Start

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_SCALARS = (
    st.none()
    | st.booleans()
    | _TEXT
    | st.integers(-(10**38) + 1, 10**38 - 1)
    | st.floats(allow_nan=False).filter(lambda number: abs(number) != float("inf"))
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4), max_leaves=20
)


@given(_VALUES, st.booleans())
def test_whatever_is_json_is_read_as_json_readers_do(value: Json, is_ascii: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(st.binary(max_size=40) | st.text(alphabet='[]{}",:\\u0dD8fe1-. ', max_size=40).map(str.encode))
def test_whatever_else_is_refused_and_nothing_else_is_raised(raw: bytes) -> None:
    try:
        value = read_json(raw)
    except Invalid:
        return
    assert json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "needed"),
        (b" ", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        ('{"a": "ä"}'.encode("utf-16"), "UTF-8"),
        (b"NaN", "no number"),
        (b"[Infinity]", "no number"),
        (b'{"a": -Infinity}', "no number"),
        (b"1e400", "out of range"),
        (b"-1e400", "out of range"),
        (b"1" * 39, "digits"),
        (b"-" + b"1" * 39, "digits"),
        (b"1" * 5000, "digits"),
        (b'{"a": 1, "a": 1}', "twice"),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', "twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\uDFFF": 1}', "surrogate"),
        (b'"\\udc00\\ud800"', "surrogate"),
        (b"[" * 66 + b"]" * 66, "levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "levels"),
        (b"[" * 100_000, "levels"),
        (b'{"a":' * 100_000, "levels"),
    ],
)
def test_what_is_not_json_or_not_ours_to_keep_is_refused_with_its_reason(raw: bytes, told: str) -> None:
    with pytest.raises(NotJson, match=told):
        read_json(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 64 + b"1" + b"]" * 64,
        b'"\\ud83d\\ude00"',
        b"9" * 38,
        b"-" + b"9" * 38,
        b'"' + b"a" * (MAX_BODY - 2) + b'"',
        b'["' + b'[{\\"' * 100 + b'"]',
    ],
)
def test_what_is_just_within_bounds_is_taken(raw: bytes) -> None:
    assert read_json(raw) == json.loads(raw)


def test_a_body_that_is_too_large_is_refused_as_such() -> None:
    with pytest.raises(TooLarge) as refused:
        read_json(b'"' + b"a" * MAX_BODY + b'"')

    assert refused.value.details == {"size": MAX_BODY + 2, "most": MAX_BODY}


@pytest.mark.parametrize(
    "raw",
    [b"[]" * (MAX_BODY // 2), b"[" + b"1," * 400_000 + b"1]", b'"' + b"\\\\" * 400_000, b"{" + b'"a":1,' * 100_000],
)
def test_no_body_within_bounds_costs_more_than_a_moment(raw: bytes) -> None:
    began = time.process_time()

    with suppress(Invalid):
        read_json(raw)

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"retries": "3"}, "$.retries"),
        ({"retries": True}, "$.retries"),
        ({"retries": 20}, "$.retries"),
        ({"labels": ["a", ""]}, "$.labels[1]"),
        ({"input": []}, "$.input"),
        ({"nonsense": 1}, "$"),
        ([], "$"),
        (None, "$"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_with_its_path(value: Json, path: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_struct(value, Start)

    assert refused.value.details == {"path": path}


def test_what_a_refusal_repeats_of_the_sender_is_bounded() -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_struct({"x" * 100_000: 1}, Start)

    assert len(refused.value.message) < 500


def test_a_query_says_numbers_as_text() -> None:
    assert read_struct({"limit": "7"}, RunQuery, is_text=True).limit == 7
