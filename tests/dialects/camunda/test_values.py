"""Typed values: what Camunda's clients send comes back as they sent it, and goes along with a restart."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.json_values import Variables
from chalicelib.dialects.camunda.refusals import EngineRefusal
from chalicelib.dialects.camunda.values import (
    TYPES,
    read_variables,
    shown,
    with_variables,
    without_variables,
    write_value,
    write_variables,
)

DATE = "2026-11-21T00:17:29.230+0100"
FILE: Variables = {"type": "File", "value": "eHk=", "valueInfo": {"filename": "a.txt", "mimeType": "text/plain"}}
CANNOT = "Cannot convert value '{}' of type '{}' to java type {}"
SERIALIZABLE = "Must provide 'null' or String value for value of SerializableValue type '{}'."


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
_plain = st.recursive(_scalars | st.text(max_size=5), lambda of: st.lists(of, max_size=3), max_leaves=5)
_values = {
    "String": st.text(max_size=20),
    "Boolean": st.booleans(),
    "Short": st.integers(-(2**15), 2**15 - 1),
    "Integer": st.integers(-(2**31), 2**31 - 1),
    "Long": st.integers(-(2**63), 2**63 - 1),
    "Double": st.floats(allow_nan=False, allow_infinity=False),
    "Date": st.datetimes().filter(lambda at: at.year > 1000).map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.123+0200"),
    "Null": st.none(),
    "Json": _plain.filter(lambda value: value is not None).map(_compact),
    "Xml": st.just("<a/>"),
    "Bytes": st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode()),
}
_typed = st.sampled_from(sorted(_values)).flatmap(
    lambda type_: (st.none() | _values[type_]).map(lambda value: {"type": type_, "value": value, "valueInfo": {}})
)
_names = st.text(min_size=1, max_size=8).filter(lambda name: name != TYPES)
_sent = st.dictionaries(_names, _typed, max_size=5)


def one(type_: str | None, value: Any, **info: Any) -> Variables:
    return {"v": {"value": value, "type": type_, "valueInfo": info}}


def message_of(variables: Any) -> str:
    with pytest.raises(EngineRefusal) as refused:
        read_variables(variables)
    assert refused.value.status == 400
    return refused.value.message


class TestLaws:
    @given(_sent)
    def test_what_was_sent_comes_back_through_json(self, sent):
        kept = json.loads(json.dumps(read_variables(sent)))

        assert write_variables(kept) == sent
        assert set(shown(kept)) == set(sent)

    @given(_sent, _sent)
    def test_the_newer_counts_with_its_type(self, old, new):
        merged = with_variables(read_variables(old), read_variables(new))

        assert write_variables(merged) == {**old, **new}

    @given(_sent, st.sets(_names))
    def test_what_is_taken_away_leaves_no_type(self, sent, more):
        names = more | set([*sent][:2])

        left = without_variables(read_variables(sent), names)

        assert left == read_variables({name: it for name, it in sent.items() if name not in names})


@pytest.mark.parametrize(
    ("value", "type_", "written"),
    [
        ("x", "String", "x"),
        (True, "Boolean", True),
        (2**31 - 1, "Integer", 2**31 - 1),
        (2**31, "Long", 2**31),
        (2**63, "Json", str(2**63)),
        (1.5, "Double", 1.5),
        (None, "Null", None),
        ([1, {"a": "ä"}], "Json", '[1,{"a":"ä"}]'),
    ],
)
def test_without_a_type_json_says_it(value, type_, written):
    variables = read_variables({"v": {"value": value}})

    assert variables == {"v": value}
    assert write_value(variables, "v") == {"type": type_, "value": written, "valueInfo": {}}


@pytest.mark.parametrize(
    ("type_", "value", "plain"),
    [
        ("integer", "5", 5),
        ("Integer", "", None),
        ("Double", 5, 5.0),
        ("Double", "1e3", 1000.0),
        ("Double", "", None),
        ("Boolean", "True", True),
        ("Boolean", "", None),
        ("String", 5, "5"),
        ("String", True, "true"),
        ("Null", 5, None),
        ("Json", '{"a": [1]}', {"a": [1]}),
        ("Json", "null", None),
    ],
)
def test_a_value_is_converted_to_its_type(type_, value, plain):
    assert read_variables(one(type_, value))["v"] == plain


def test_what_json_says_by_itself_needs_no_hidden_variable():
    assert TYPES not in read_variables({**one("Integer", 1), "w": {"type": "Json", "value": "[1]"}})


def test_a_whole_double_stays_one_even_as_an_integer():
    variables = read_variables(one("Double", 5))

    assert write_value({**variables, "v": 5}, "v") == {"type": "Double", "value": 5.0, "valueInfo": {}}


def test_a_file_keeps_its_content_and_does_not_show_it():
    variables = read_variables({"v": FILE})

    assert variables["v"] == "eHk="
    assert write_value(variables, "v") == {**FILE, "value": None}
    assert read_variables(one("File", None, filename="a"))["v"] is None


def test_nobody_is_shown_the_hidden_variable():
    variables = read_variables(one("Long", 1))

    assert TYPES in variables
    assert (write_value(variables, TYPES), write_value(variables, "w"), list(write_variables(variables))) == (
        None,
        None,
        ["v"],
    )


@pytest.mark.parametrize(
    ("type_", "value"),
    [("Short", 2**15), ("Long", "x"), ("Date", 5), ("Double", True), ("Boolean", 1), ("Integer", 1.5), ("Xml", [])],
)
def test_a_value_that_a_run_has_changed_is_of_a_type_that_fits(type_, value):
    variables: Variables = {"v": value, TYPES: {"v": {"type": type_, "valueInfo": {}}}}

    assert write_value(variables, "v") == write_value({"v": value}, "v")


@pytest.mark.parametrize("types", [1, {"v": 1}, {"v": {"type": "Nobody", "valueInfo": {}}}])
def test_a_hidden_variable_that_somebody_has_spoilt_says_nothing(types):
    assert write_variables({"v": 1, TYPES: types}) == {"v": {"type": "Integer", "value": 1, "valueInfo": {}}}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (one("Number", 1), "Unsupported value type 'Number'"),
        (one("Object", "x"), "Unsupported value type 'Object': use 'Json'"),
        (one("Integer", 2**31), CANNOT.format(2**31, "Integer", "java.lang.Integer")),
        (one("Integer", 5.5), CANNOT.format(5.5, "Integer", "java.lang.Integer")),
        (one("Short", True), CANNOT.format("true", "Short", "java.lang.Short")),
        (one("Long", "x"), CANNOT.format("x", "Long", "java.lang.Long")),
        (one("Boolean", 1), CANNOT.format(1, "Boolean", "java.lang.Boolean")),
        (one("Double", "NaN"), CANNOT.format("NaN", "Double", "java.lang.Double")),
        (one("Double", "1e999"), CANNOT.format("1e999", "Double", "java.lang.Double")),
        (one("Double", False), CANNOT.format("false", "Double", "java.lang.Double")),
        (one("String", []), CANNOT.format("[]", "String", "java.lang.String")),
        (one("Date", "2026-11-21"), CANNOT.format("2026-11-21", "Date", "java.util.Date")),
        (one("Date", 5), CANNOT.format(5, "Date", "java.util.Date")),
        (one("Bytes", "?"), CANNOT.format("?", "Bytes", "[B")),
        (one("Bytes", 1), CANNOT.format(1, "Bytes", "[B")),
        (one("Json", {}), SERIALIZABLE.format("Json")),
        (one("Xml", 1), SERIALIZABLE.format("Xml")),
        (one("Json", "{"), CANNOT.format("{", "Json", "Json")),
        (
            one("File", "eHk="),
            "Cannot create file without filename! Please set a name into ValueInfo with key filename",
        ),
        (one("File", "?", filename="a"), "Cannot create file: its value is not base64"),
        (one("String", "x", transient=True), "Transient variables are not supported"),
        ({TYPES: {"value": 1}}, f"The variable name '{TYPES}' is reserved"),
        ([], ""),
        ({"v": 1}, ""),
        ({"v": {"value": 1, "type": []}}, ""),
    ],
)
def test_a_value_that_is_refused(sent, message):
    assert message_of(sent) == message


def test_no_variables_are_none():
    assert read_variables(None) == {}
