import copy
from time import process_time

import pytest

from chalicelib.core.expressions import ExpressionFailed, ExpressionInvalid, check_expression, evaluate, is_true
from chalicelib.core.json_values import Json, Variables


def nested(depth: int) -> Json:
    value: Json = 0
    for _ in range(depth):
        value = [value]
    return value


NUMBERS: Json = [1] * 100_000
HOSTILE_NAMES: Variables = {
    "x": 1,
    "text": "a" * 250_000,
    "digits": "9" * 250_000,
    "numbers": NUMBERS,
    "same": copy.copy(NUMBERS),
    "huge": 10**4000,
    "nan": float("nan"),
    "half": "\ud800",
    "deep": nested(100),
    "deeper": nested(50_000),
    "deepest": nested(50_000),
}

HOSTILE = [
    # numbers that grow
    "9**9**9",
    "9**9**9**9",
    "(-9)**9**9",
    "huge**126",
    "huge*huge*huge",
    "10**38*10**38",
    "round(5, -10**9)",
    "round(5, -(10**30))",
    "int(digits)",
    "float(digits)",
    "1" * 900,
    "0x" + "f" * 900,
    # texts and lists that grow
    '"a"*10**9',
    "10**9*'a'",
    "[0]*10**8",
    "[[[1]*1000]*1000]*1000",
    "[[[[text]*9]*9]*9]*9",
    "[numbers,numbers,numbers,numbers,numbers,numbers]",
    "text+text",
    "text+text+text+text+text+text",
    '{"a": text, "b": text}',
    "[numbers]*1000",
    "text[0:] + text[0:] + text[0:]",
    "str(numbers) + str(numbers)",
    " or ".join(["numbers != same"] * 60),
    " or ".join(["sum(numbers) < 0"] * 40),
    " or ".join(["'b' in text"] * 60),
    # formatting
    '"%999999999d" % 1',
    '"%s" % x',
    '"{:>999999999}".format(1)',
    "f'{x:>999999999}'",
    # the way out
    "().__class__",
    "x.__class__",
    '"".join',
    '"".join(text)',
    "[].append(1)",
    "x.real",
    "text.format",
    "len.__self__",
    "str.mro()",
    "__builtins__",
    # parsers
    "(" * 5000 + ")" * 5000,
    "[" * 5000 + "]" * 5000,
    "(" * 400 + "1" + ")" * 400,
    "[" * 190 + "]" * 190,
    "{" * 400,
    "-" * 999 + "1",
    "not " * 249 + "1",
    "x" + ".a" * 499,
    "+".join("1" * 500),
    "[" + ",".join("1" * 499) + "]",
    ".1" * 500,
    '"' * 999,
    "\\" * 999,
    "x" * 100_000,
    "'" + "x" * 100_000 + "'",
    "x\0",
    "\0",
    "\ud800",
    "'\ud800'",
    "x.\udfff",
    # values that cannot be kept
    "half",
    "nan",
    "nan + 1",
    "deeper",
    "[deep]",
    "deeper == deepest",
    "[deeper]",
    "{'a': text + text}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_expression_ends_soon_in_one_of_the_two_errors(text: str) -> None:
    begin = process_time()

    with pytest.raises((ExpressionInvalid, ExpressionFailed)) as caught:
        evaluate(text, HOSTILE_NAMES)

    assert process_time() - begin < 1
    assert len(str(caught.value)) < 500
    str(caught.value).encode()  # whoever keeps the message can write it down


class TestLimits:
    def test_a_text_has_at_most_1000_characters(self) -> None:
        longest = "'" + "a" * 998 + "'"

        assert evaluate(longest, {}) == "a" * 998
        with pytest.raises(ExpressionInvalid, match="more than 1000 characters"):
            check_expression(longest + "+")

    def test_an_expression_has_at_most_200_parts(self) -> None:
        assert evaluate("[" + ",".join("1" * 199) + "]", {}) == [1] * 199
        with pytest.raises(ExpressionInvalid, match="more than 200 parts"):
            check_expression("[" + ",".join("1" * 200) + "]")

    def test_operations_stand_at_most_32_in_one_another(self) -> None:
        assert evaluate("-" * 31 + "1", {}) == -1
        with pytest.raises(ExpressionInvalid, match="32 in one another"):
            check_expression("-" * 32 + "1")

    def test_a_value_has_at_most_256_kilobytes_of_json(self) -> None:
        largest = "a" * (256 * 1024 - 2)

        assert evaluate("text", {"text": largest}) == largest
        with pytest.raises(ExpressionFailed, match="more than 262144 bytes"):
            evaluate("text", {"text": largest + "a"})

    def test_a_value_has_at_most_100_levels(self) -> None:
        assert evaluate("deep", {"deep": nested(100)}) == nested(100)
        with pytest.raises(ExpressionFailed, match="more than 100 levels"):
            evaluate("deep", {"deep": nested(101)})

    def test_what_looks_at_no_content_is_free(self) -> None:
        text = " and ".join(["len(numbers) > 1"] * 30) + " and not not numbers"

        assert is_true(text, HOSTILE_NAMES)

    def test_a_path_through_large_values_is_free(self) -> None:
        text = " and ".join(["all.numbers[0] == 1"] * 20)

        assert is_true(text, {"all": {"numbers": NUMBERS}})
