import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.expressions import ExpressionFailed, ExpressionInvalid
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.templates import check_template, render

NAMES: Variables = {"id": "A-1", "total": 12.5, "paid": True, "note": None, "lines": [{"sku": "pen", "n": 2}]}

RENDERED: list[tuple[Json, Json]] = [
    # without expressions
    (None, None),
    (3, 3),
    (True, True),
    ("", ""),
    ("text", "text"),
    ("a { b } $ c", "a { b } $ c"),
    ([], []),
    ({}, {}),
    # one expression: the value itself
    ("${total}", 12.5),
    ("${ paid }", True),
    ("${note}", None),
    ("${lines}", [{"sku": "pen", "n": 2}]),
    ("${lines[0].n + 1}", 3),
    # text around
    ("Order ${id}", "Order A-1"),
    (" ${id} ", " A-1 "),
    ("${id}${id}", "A-1A-1"),
    ("${total}/${paid}/${note}", "12.5/true/null"),
    ("lines=${lines}", 'lines=[{"n":2,"sku":"pen"}]'),
    ("${id}}", "A-1}"),
    # a literal `${`
    ("$${id}", "${id}"),
    ("$${", "${"),
    ("$$${id}", "$${id}"),
    ("${'$'}${total}", "$12.5"),
    ("$${id} is ${id}", "${id} is A-1"),
    ("$${id} is ${'${id}'}", "${id} is ${id}"),
    ("costs $5", "costs $5"),
    # braces and quotes in expressions
    ('${ {"a": 1}["a"] }', 1),
    ('${ {"a": {"b": 2}} }', {"a": {"b": 2}}),
    ('${"}"}', "}"),
    ("${'{'}", "{"),
    ("${'it' + \"'}\"}!", "it'}!"),
    (r"""${"\"}"}""", '"}'),
    (r"""${'\\'}${'\\'}""", "\\\\"),
    # inside lists and objects
    (["${id}", 1, ["x${id}"]], ["A-1", 1, ["xA-1"]]),
    ({"a": {"b": "${total}"}, "c": None}, {"a": {"b": 12.5}, "c": None}),
    ({"${id}": "${id}"}, {"${id}": "A-1"}),
]

INVALID: list[Json] = [
    "${",
    "${id",
    "a ${id} ${",
    "${'}",
    '${"a}',
    "${{id}",
    "${}",
    "${ }",
    "${id id}",
    "${_id}",
    "${id}${1 +}",
    ["fine", "${id}", {"a": "${lambda: 1}"}],
    "${" + "'" * 100_000,
    "${" + '"\\' * 50_000 + "}",
    "${" * 50_000,
    "${" + "{" * 50_000 + "}" * 50_001,
]


def nested(depth: int, value: Json) -> Json:
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(("template", "value"), RENDERED)
def test_a_template_becomes_what_the_table_says(template: Json, value: Json) -> None:
    check_template(template)

    rendered = render(template, NAMES)

    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize("template", INVALID, ids=range(len(INVALID)))
def test_what_is_no_template_is_refused_by_the_check_and_by_rendering(template: Json) -> None:
    with pytest.raises(ExpressionInvalid):
        check_template(template)
    with pytest.raises(ExpressionInvalid):
        render(template, NAMES)


def test_the_refusal_names_the_first_bad_expression() -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        check_template({"a": "${id}", "b": ["${1 +}", "${2 +}"]})

    assert caught.value.expression == "1 +"


def test_a_failing_expression_fails_the_template() -> None:
    with pytest.raises(ExpressionFailed) as caught:
        render({"a": ["Dear ${customer.name}"]}, NAMES)

    assert caught.value.expression == "customer.name"


def test_rendering_changes_neither_template_nor_variables() -> None:
    template: Json = {"a": ["${lines}", {"b": "${id}"}]}
    before, names = copy.deepcopy(template), copy.deepcopy(NAMES)

    render(template, names)

    assert (template, names) == (before, NAMES)


class TestLimits:
    def test_a_template_has_at_most_64_levels(self) -> None:
        deepest = nested(64, "${id}")

        check_template(deepest)

        assert render(deepest, NAMES) == nested(64, "A-1")
        with pytest.raises(ExpressionInvalid, match="more than 64 levels"):
            check_template(nested(65, "${id}"))
        with pytest.raises(ExpressionInvalid, match="more than 64 levels"):
            check_template(nested(50_000, "${id}"))

    @pytest.mark.parametrize(
        "template", [["${text}"] * 3, "${text}" * 3, {"a": "${text}", "b": "${[text]}", "c": "${text}"}]
    )
    def test_the_values_of_a_template_have_at_most_256_kilobytes_in_all(self, template: Json) -> None:
        check_template(template)

        render(template, {"text": "a" * 80_000})
        with pytest.raises(ExpressionFailed, match="more than 262144 bytes"):
            render(template, {"text": "a" * 90_000})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
PIECES = [
    "${",
    "$${",
    "$",
    "{",
    "}",
    "'",
    '"',
    "\\",
    " ",
    "a",
    "b.c",
    "1",
    "+",
    "*",
    "(",
    ")",
    "[",
    "]",
    "${a}",
    "'}'",
    "é",
]
TEMPLATES = st.recursive(
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.text() | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)


def is_plain(value: Any) -> bool:
    return "${" not in repr(value)


@given(JSON.filter(is_plain))
def test_a_template_without_expressions_is_its_own_value(template: Json) -> None:
    check_template(template)

    assert render(template, {}) == template


@given(JSON)
def test_a_single_expression_gives_the_value_unchanged(value: Json) -> None:
    assert render("${a}", {"a": value}) == value


@given(st.text())
def test_any_text_can_be_written_with_the_escape(text: str) -> None:
    template = text.replace("${", "$${")

    check_template(template)

    assert render(template, {}) == text


@given(st.text())
def test_any_text_can_stand_in_a_literal_of_an_expression(text: str) -> None:
    assert render("<${'" + _literal(text) + "'}>", {}) == f"<{text}>"


def _literal(text: str) -> str:
    escapes: dict[str, str | int | None] = {
        "\\": "\\\\",
        "'": "\\'",
        "\n": "\\n",
        "\r": "\\r",
        "\0": "\\u0000",
        "\f": "\\f",
    }
    return text.translate(str.maketrans(escapes))


@given(TEMPLATES, JSON)
def test_a_checked_template_renders_or_fails(template: Json, value: Json) -> None:
    try:
        check_template(template)
    except ExpressionInvalid as error:
        str(error).encode()
        return
    try:
        render(template, {"a": value, "b": {"c": value}})
    except ExpressionFailed as error:
        str(error).encode()
