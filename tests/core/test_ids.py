import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.ids import RunId, dead_letter_id, derived_uuid, digest
from chalicelib.core.json_values import Json, canonical_json

values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def backwards(value: Json) -> Json:
    """Answer an equal value whose objects hold their fields the other way round."""
    match value:
        case dict():
            return {key: backwards(value[key]) for key in reversed(value)}
        case list():
            return [backwards(element) for element in value]
        case _:
            return value


@given(values)
def test_canonical_json_is_json_and_does_not_depend_on_the_order_of_fields(value: Json):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(backwards(value)) == canonical_json(value)
    assert digest(backwards(value)) == digest(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": [True, None, 2.5]}, b'{"a":[true,null,2.5],"b":1}'),
        ("Zürich", '"Zürich"'.encode()),
        ({}, b"{}"),
    ],
)
def test_canonical_json_has_no_blanks_and_no_escapes_that_it_does_not_need(value: Json, written: bytes):
    assert canonical_json(value) == written


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_json_is_not_written(number: float):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([number])


def test_a_digest_names_a_value_by_its_content():
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest({"a": 1}) != digest({"a": "1"})


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_a_derived_id_follows_from_its_cause_and_from_nothing_else(cause: list[str], other: list[str]):
    assert derived_uuid(*cause) == derived_uuid(*cause)
    assert UUID(derived_uuid(*cause)).version == 5
    assert (derived_uuid(*cause) == derived_uuid(*other)) == (cause == other)


def test_a_derived_id_never_changes():
    assert derived_uuid("acme", "ops", "restart", "key-1") == "38c380d8-e93d-5bfa-b971-415890bee15d"


@given(st.integers(0, 9_999_999_999_999), st.integers(0, 9_999_999_999_999), st.uuids(), st.uuids())
def test_dead_letters_sort_by_time(earlier: int, later: int, one: UUID, other: UUID):
    earlier, later = sorted((earlier, later))

    ids = dead_letter_id(earlier, RunId(str(one))), dead_letter_id(later, RunId(str(other)))

    assert earlier == later or ids[0] < ids[1]
