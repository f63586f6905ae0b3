import copy
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.expressions import ExpressionFailed, ExpressionInvalid, check_expression, evaluate, is_true
from chalicelib.core.json_values import Json, Variables, canonical_json

ORDER: Json = {
    "id": "A-1",
    "total": 120,
    "note": None,
    "lines": [{"sku": "pen", "price": 1.5}, {"sku": "ink", "price": 4}],
    "ship to": "Bern",
    "_links": "self",
}
NAMES: Variables = {"order": ORDER, "amount": 100, "rate": 0.5, "text": "abc", "empty": [], "off": False, "größe": 3}

VALUES = [
    # literals
    ("1", 1),
    ("2.5", 2.5),
    ("'it'", "it"),
    (r'"a\"b\n\u00e9"', 'a"b\né'),
    ("true", True),
    ("false", False),
    ("null", None),
    ("[True, False, None]", [True, False, None]),
    ("[]", []),
    ('{"a": [1, {"b": amount}], text: 2}', {"a": [1, {"b": 100}], "abc": 2}),
    ('{"a": 1, "a": 2}', {"a": 2}),
    (str(10**38), 10**38),
    # names, fields, elements
    ("amount", 100),
    ("  amount\n", 100),
    ("größe", 3),
    ("order.id", "A-1"),
    ('order["ship to"]', "Bern"),
    ('order["_links"]', "self"),
    ("order.lines[0].price", 1.5),
    ("order.lines[-1]['sku']", "ink"),
    ("text[0]", "a"),
    ("text[1:]", "bc"),
    ("text[::-1]", "cba"),
    ("order.lines[5:]", []),
    ("[1, 2, 3][:-1]", [1, 2]),
    # arithmetic
    ("1 + 2 * 3 - 4", 3),
    ("7 / 2", 3.5),
    ("7 // 2", 3),
    ("-7 % 3", 2),
    ("2 ** 10", 1024),
    ("2 ** -1", 0.5),
    ("1 ** 1000", 1),
    ("(1 + rate) ** 360 > 1", True),
    ("-amount", -100),
    ("+rate", 0.5),
    ("text + '!'", "abc!"),
    ("[1] + [2]", [1, 2]),
    ("text * 2", "abcabc"),
    ("2 * [0]", [0, 0]),
    # comparisons
    ("amount > 99", True),
    ("0 < amount <= 99", False),
    ("0 < amount <= 100 != 3", True),
    ("text == 'abc'", True),
    ("order.lines == []", False),
    ("order.note == null", True),
    ("text < 'b' >= 'a'", True),
    ("'pen' in ['pen', 'ink']", True),
    ("'id' in order", True),
    ("'x' not in text", True),
    # choice
    ("amount > 50 and text == 'abc'", True),
    ("empty or 'nothing'", "nothing"),
    ("off and nobody", False),
    ("not empty", True),
    ("'dear' if amount > 50 else 'cheap'", "dear"),
    # functions
    ("exists(order.lines[1].sku)", True),
    ("exists(order.note)", True),
    ("exists(order.discount)", False),
    ("exists(order.note.author)", False),
    ("exists(order.lines[2])", False),
    ("exists(order.lines['sku'])", False),
    ("exists(nobody)", False),
    ("order.discount if exists(order.discount) else 0", 0),
    ("len(text) + len(order.lines) + len({})", 5),
    ("min(3, 1, 2)", 1),
    ("max([3, 1])", 3),
    ("sum([1, 2.5])", 3.5),
    ("abs(-2)", 2),
    ("round(2.5)", 2),
    ("round(2.345, 1)", 2.3),
    ("round(1234, -2)", 1200),
    ("int('42') + int(2.9)", 44),
    ("float('1e3')", 1000.0),
    ("str('a') + str(1) + str(true)", "a1true"),
    ('str({"b": [null], "a": 1})', '{"a":1,"b":[null]}'),
    ("upper(text) + lower('D')", "ABCd"),
    # wrapped
    ("${amount > 99}", True),
    ("  ${ amount }  ", 100),
    ('${{"a": 1}}', {"a": 1}),
]

INVALID = [
    "",
    "   ",
    "${}",
    "a b",
    "a = 1",
    "(a := 1)",
    "a; b",
    "import os",
    "1 +",
    "a && b",
    "${a} and ${b}",
    # not JSON
    "(1, 2)",
    "order[0, 1]",
    "{1, 2}",
    "b'a'",
    "1j",
    "...",
    "1e999",
    str(10**38 + 1),
    # no part of the language
    "[x for x in order]",
    "{k: 1 for k in order}",
    "any(x for x in order)",
    "lambda: 1",
    "f'{amount}'",
    "[*order]",
    "{**order}",
    "max(*order)",
    "await amount",
    "(yield)",
    "1 << 2",
    "6 & 3",
    "~1",
    "amount is null",
    "[[1]] @ [[1]]",
    # names
    "_secret",
    "order._links",
    "__import__('os')",
    # calls
    "open('x')",
    "rand()",
    "text.upper()",
    "len(text)(1)",
    "(lambda: 1)()",
    "round(number=1)",
    "round(1, 2, 3)",
    "len()",
    "exists()",
    "exists(1)",
    "exists(order.id, text)",
    # what Python would take with a warning
    r"'\d'",
    r"r'\d'",
    r"'\x41'",
    r"'\ud83d'",
    "1if amount else 2",
    "amount == 1or off",
    "0x1for off",
]

FAILING = [
    "nobody",
    "len",
    "order.discount",
    "order['discount']",
    "order[0]",
    "text.upper",
    "order.note.author",
    "amount.real",
    "order.lines[2]",
    "order.lines['sku']",
    "order.lines[0.5]",
    "order[1:2]",
    "text[::0]",
    "text['a':]",
    "amount + text",
    "amount + null",
    "order + order",
    "order * 2",
    "text * 1.5",
    "text - text",
    "'%s' % amount",
    "-text",
    "amount < text",
    "null < 1",
    "1 in amount",
    "[] in order",
    "1 / 0",
    "1 // 0.0",
    "1 % 0",
    "0 ** -1",
    "(-1) ** 0.5",
    "2.0 ** 10000",
    "2 ** 127",
    "10 ** 39",
    f"{10**38} + 1",
    f"-{10**38} - 1",
    "1e308 * 10",
    "float('inf')",
    "float('nan')",
    "float('one')",
    "int('1.5')",
    "int(null)",
    "int(1e308)",
    "len(1)",
    "min([])",
    "max(1, 'a')",
    "sum(['a'])",
    "sum(1)",
    "abs('a')",
    "round('a')",
    "round(1, 0.5)",
    "round(1, 39)",
    "upper(1)",
    "{1: 2}",
    "{null: 2}",
    "{[]: 2}",
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_an_expression_has_the_value_that_the_table_says(text: str, value: Json) -> None:
    check_expression(text)

    assert canonical_json(evaluate(text, NAMES)) == canonical_json(value)


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_expression_is_refused_before_there_are_values(text: str) -> None:
    with pytest.raises(ExpressionInvalid):
        check_expression(text)
    with pytest.raises(ExpressionInvalid):
        evaluate(text, NAMES)


@pytest.mark.parametrize("text", FAILING)
def test_an_expression_without_a_value_fails_on_evaluation_only(text: str) -> None:
    check_expression(text)

    with pytest.raises(ExpressionFailed):
        evaluate(text, NAMES)


class TestConditions:
    @pytest.mark.parametrize(("text", "truth"), [("amount > 99", True), ("${amount > 100}", False), ("off", False)])
    def test_a_condition_is_true_or_false(self, text: str, truth: bool) -> None:
        assert is_true(text, NAMES) is truth

    @pytest.mark.parametrize("text", ["amount", "0", "text", "null", "empty", "order", "'true'", "empty or 1"])
    def test_nothing_else_is_taken_for_true_or_false(self, text: str) -> None:
        with pytest.raises(ExpressionFailed, match="neither true nor false"):
            is_true(text, NAMES)

    def test_a_condition_that_is_no_expression_is_refused(self) -> None:
        with pytest.raises(ExpressionInvalid):
            is_true("amount >", NAMES)


class TestErrors:
    def test_an_error_says_the_expression_and_the_reason(self) -> None:
        with pytest.raises(ExpressionFailed) as caught:
            evaluate("order.total > limit", NAMES)

        assert caught.value.expression == "order.total > limit"
        assert caught.value.reason == "there is no 'limit'"
        assert str(caught.value) == "there is no 'limit' in `order.total > limit`"

    def test_a_refusal_says_what_is_not_in_the_language(self) -> None:
        with pytest.raises(ExpressionInvalid) as caught:
            check_expression("f'{x}'")

        assert str(caught.value) == "JoinedStr is not in the language in `f'{x}'`"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("1 / 0", "division by zero"),
            ("2.0 ** 5000", "Numerical result out of range"),
            ("text.x", "a text has no field 'x'"),
            ("order.x", "an object has no field 'x'"),
            ("order.note[0]", "null has no such element"),
            ("off['x']", "a boolean has no field 'x'"),
        ],
    )
    def test_a_failure_names_its_reason(self, text: str, reason: str) -> None:
        with pytest.raises(ExpressionFailed) as caught:
            evaluate(text, NAMES)

        assert caught.value.reason == reason


class TestVariables:
    @pytest.mark.parametrize("text", ["order.lines + [1]", "order.lines * 2", "{'a': order}", "max(order.lines[0:1])"])
    def test_an_evaluation_does_not_change_them(self, text: str) -> None:
        names = copy.deepcopy(NAMES)

        evaluate(text, names)

        assert names == NAMES

    def test_a_constant_comes_before_a_variable_of_its_name(self) -> None:
        assert evaluate("[true, false, null]", {"true": 1, "false": 2, "null": 3}) == [True, False, None]

    def test_a_variable_may_have_the_name_of_a_function(self) -> None:
        assert evaluate("len(len)", {"len": "four"}) == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)
"""JSON as Python reads it: with numbers that are none, and halves of surrogate pairs."""

PIECES = sorted(set(re.findall(r"\w+|\W", " ".join([*(text for text, _ in VALUES), *INVALID, *FAILING]))))
TEXTS = (
    st.text()
    | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)
    | st.lists(st.sampled_from(PIECES)).map("".join)
)


@given(TEXTS, st.dictionaries(st.sampled_from("abc"), JSON, max_size=3))
def test_any_text_has_a_json_value_or_ends_in_one_of_the_two_errors(text: str, names: Variables) -> None:
    before = copy.deepcopy(names)
    try:
        value = evaluate(text, names)
    except (ExpressionInvalid, ExpressionFailed) as error:
        str(error).encode()
    else:
        assert len(canonical_json(value)) <= 256 * 1024
        assert canonical_json(evaluate(text, names)) == canonical_json(value)
    assert repr(names) == repr(before)


@given(TEXTS, st.dictionaries(st.sampled_from("abc"), JSON, max_size=3))
def test_what_is_checked_is_never_invalid_later(text: str, names: Variables) -> None:
    try:
        check_expression(text)
    except ExpressionInvalid:
        return
    with suppress(ExpressionFailed):
        evaluate(text, names)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.sampled_from(["+", "-", "*", "<", "<=", "==", "!=", ">"]))
def test_whole_numbers_are_calculated_as_python_does(left: int, right: int, sign: str) -> None:
    assert evaluate(f"a {sign} b", {"a": left, "b": right}) == eval(f"{left} {sign} ({right})")
