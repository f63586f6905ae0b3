import ast
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import process_time

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from chalicelib.core.errors import Invalid
from chalicelib.core.retry_delays import MAX_DELAY_MS, MAX_RETRIES, RetryDelayInvalid, check_retry_delay, retry_delay_ms

DELAYS: list[tuple[str, int, int]] = [
    # numbers
    *(("1000", 0, 1000), ("1000", 19, 1000), ("1e3", 0, 1000), (".5 * 10", 0, 5), ("  7  ", 0, 7)),
    # the variable
    *(("retried", 0, 0), ("retried", 19, 19), ("1000 * (1 + retried)", 2, 3000)),
    *(("pow(2, retried) * 1000", 0, 1000), ("pow(2, retried) * 1000", 5, 32_000)),
    # operators bind as in arithmetic
    *(("1 + 2 * 3", 0, 7), ("(1 + 2) * 3", 0, 9), ("10 - 4 - 3", 0, 3), ("100 / 10 / 5", 0, 2)),
    *(("-3 + 10", 0, 7), ("2 * -3 + 10", 0, 4), ("--5", 0, 5), ("+5", 0, 5)),
    # functions
    *(("sqrt(16)", 0, 4), ("abs(retried - 10)", 3, 7), ("exp(0)", 0, 1), ("exp(retried)", 2, 7)),
    *(("floor(2.9)", 0, 2), ("ceil(2.1)", 0, 3), ("round(2.6)", 0, 3)),
    *(("min(10000, 100 * pow(2, retried))", 10, 10_000), ("max(500, 100 * retried)", 3, 500)),
    *(("min(5, 3, 4)", 0, 3), ("max(5, 3, 9, 4)", 0, 9)),
    # rounded, and kept between nothing and the most
    *(("2.4", 0, 2), ("2.6", 0, 3), ("-1", 0, 0), ("retried - 100", 0, 0), ("-1e300", 0, 0)),
    *((str(MAX_DELAY_MS - 1), 0, MAX_DELAY_MS - 1), (str(MAX_DELAY_MS + 1), 0, MAX_DELAY_MS)),
    ("1e300", 0, MAX_DELAY_MS),
]

WITHOUT_A_VALUE = [
    *("1 / 0", "1 / retried", "1 / (retried - 19)", "sqrt(-1)", "sqrt(10 - retried)", "pow(0, -1)"),
    *("pow(-8, 1 / 3)", "exp(1000)", "exp(40 * retried)", "1e999", "-1e999", "1e308 * 10", "-1e308 * 10"),
    *("1e999 - 1e999", "round(1e999)", "floor(1e999)", "ceil(1e999 - 1e999)", "9" * 400, "pow(10, 999999999)"),
    *("pow(9, pow(9, pow(9, 9)))", "pow(" * 20 + "9" + ", 9)" * 20, "exp(exp(exp(exp(9))))"),
]

WELL_FORMED_PYTHON = [
    # operators
    *("2 ** 3", "9**9**9**9", "7 // 2", "7 % 2", "1 << 2", "1 >> 2", "1 | 2", "1 & 2", "1 ^ 2", "~1", "1 @ 2"),
    *("not 1", "1 and 2", "0 or 1", "1 < 2", "1 == 1", "retried in (1, 2)", "retried is retried"),
    "1 if retried else 2",
    # other literals
    *("True", "None", "...", "1j", "0x10", "0b11", "0o17", "1_000", "'1'", "b'1'", "b'a' * 1000000000"),
    *("'a' * 1000000000", "f'{retried}'", "f'{retried:>999999999}'", "f'{().__class__}'", "()", "(1,)", "1, 2"),
    *("[1]", "[0] * 1000000000", "{1}", "{1: 2}"),
    # other names
    *("x", "Retried", "retried_", "__retried", "pow", "abs + 1", "math", "pi", "inf", "nan", "__builtins__"),
    # calls
    *("__import__('os')", "__import__('os').system('true')", "eval('1')", "exec('1')", "open('x')", "int('1')"),
    *("float(1)", "sum(1, 2)", "range(1000000000)", "sum(range(1000000000))", "factorial(100000)", "retried()"),
    *("1 .real()", "abs(1)(2)", "abs(abs)", "math.sqrt(4)", "(lambda: 1)()", "lambda: 1", "pow(2, 3, 5)"),
    *("pow(base=2, exp=3)", "round(2.5, ndigits=1)", "round(2.5, 1)", "max(1, 2, key=abs)"),
    *("min(1, 2, default=0)", "max(*(1, 2))", "max(*retried)", "max(1, **{})", "abs(x for x in (1,))"),
    # comprehensions and loops
    *("[x for x in (1, 2)]", "{x for x in (1, 2)}", "{x: x for x in (1, 2)}"),
    *("max(x for x in range(1000000000))", "[[x for x in range(99999)] for y in range(99999)]", "(x := 1)"),
    "(retried := 1)",
    # the way out
    *("retried.real", "1 .real", "1.0.real", "retried.__class__", "().__class__.__bases__[0].__subclasses__()"),
    *("(1).__class__", "abs.__self__", "abs.__globals__", "abs.__call__(1)", "retried[0]", "retried[0:1]"),
    *("(1, 2)[0]", "{}[0]"),
    # letters and digits that only look right
    "r\N{CYRILLIC SMALL LETTER IE}tried",
    "\N{FULLWIDTH LATIN SMALL LETTER R}etried",  # Python takes it for `retried`
    "\N{FULLWIDTH LATIN SMALL LETTER A}bs(1)",  # and this for `abs(1)`
    "gr\N{LATIN SMALL LETTER O WITH DIAERESIS}n",
    # spread and remarked
    *("1 # and a remark", "retried\n# and a remark"),
]

NOT_PYTHON = [
    *("", " ", "\n", "+", "1 +", "* 1", "1 2", "1..2", "01", "1e", "(1", "1)", "abs(1", "abs(,)", "1; 2"),
    *("import os", "x = 1", "retried = 1", "retried += 1", "del retried", "while 1: 1", "for x in 1: 1"),
    *("def f(): 1", "return 1", "x := 1", "${retried}", "{{retried}}", "`1`", "$", "?", "!", "\\", "'", '"""'),
    *("f'{'", "\N{FULLWIDTH DIGIT ONE}", "\N{ARABIC-INDIC DIGIT ONE}\N{ARABIC-INDIC DIGIT TWO}"),
    *("1\N{FULLWIDTH DIGIT ZERO}", "\N{SUPERSCRIPT TWO}", "2\N{SUPERSCRIPT TWO}", "1 \N{MINUS SIGN} 1"),
    *("2 \N{MULTIPLICATION SIGN} 3", "1\u00a0+ 1", "1\u200b", "\ufeff\ufeff1", "\0", "1\0", "1 + \0 1"),
    *("\ud800", "1 + \udfff", "\x1b[31m1"),
]

TOO_LARGE = [
    *("(" * 10_000, ")" * 10_000, "(" * 10_000 + "1" + ")" * 10_000, "-" * 10_000, "-" * 10_000 + "1"),
    *("+" * 10_000 + "1", "abs(" * 10_000 + "1" + ")" * 10_000, "1" * 10_000, "1" * 5_000_000),
    *("+".join("1" * 10_000), "pow(2," * 10_000, "max(" + ",".join("1" * 10_000) + ")", "retried " * 10_000),
    *(" " * 10_000 + "1", "1" + " " * 10_000, "[" * 10_000),
    # deep, though not long
    *("(" * 499, "(" * 249 + "1" + ")" * 249, "[" * 249 + "]" * 249, "-" * 499 + "1", "+-" * 249 + "1"),
    *("abs(" * 99 + "1" + ")" * 99, "max(1," * 70 + "1" + ")" * 70, "(1+" * 120 + "1" + ")" * 120),
    *("not " * 120 + "1", "lambda:" * 70 + "1"),
]

HOSTILE = [*WITHOUT_A_VALUE, *WELL_FORMED_PYTHON, *NOT_PYTHON, *TOO_LARGE]


@pytest.mark.parametrize(("text", "retried", "delay_ms"), DELAYS)
def test_a_delay_is_what_the_arithmetic_says(text: str, retried: int, delay_ms: int) -> None:
    check_retry_delay(text)

    found = retry_delay_ms(text, retried)

    assert found == delay_ms
    assert type(found) is int


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_refused_soon_and_shortly(text: str) -> None:
    begin = process_time()

    with pytest.raises(RetryDelayInvalid) as caught:
        check_retry_delay(text)

    assert process_time() - begin < 10  # a text that is evaluated as it stands takes for ever
    assert len(caught.value.message) < 1000  # the most that 100 letters take that cannot be written down, and a reason
    caught.value.message.encode()


@pytest.mark.parametrize(
    "text", [*WELL_FORMED_PYTHON, *NOT_PYTHON, *TOO_LARGE], ids=lambda text: ascii(text[:20]).strip("'")
)
def test_a_text_outside_the_language_has_no_delay_either(text: str) -> None:
    with pytest.raises(RetryDelayInvalid):
        retry_delay_ms(text, 1)


@pytest.mark.parametrize("text", WELL_FORMED_PYTHON)
def test_what_is_refused_as_python_is_python(text: str) -> None:
    ast.parse(text, mode="eval")  # a slip of the pen in the table would be refused for the wrong reason


ARITIES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("sqrt", "abs", "exp", "floor", "ceil", "round"), (1,)),
    "pow": (2,),
    **dict.fromkeys(("min", "max"), (2, 3, 4)),
}


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("name", ARITIES)
def test_a_function_takes_its_number_of_arguments_and_no_other(name: str, count: int) -> None:
    text = f"{name}({', '.join('4' * count)})"

    if count in ARITIES[name]:
        check_retry_delay(text)
    else:
        with pytest.raises(RetryDelayInvalid):
            check_retry_delay(text)


class TestRetries:
    def test_there_are_at_most_19(self) -> None:
        assert MAX_RETRIES == 19

    @pytest.mark.parametrize("hole", range(20))
    def test_a_text_needs_a_value_for_each(self, hole: int) -> None:
        text = f"10 / ({hole} - retried)"

        with pytest.raises(RetryDelayInvalid):
            check_retry_delay(text)
        with pytest.raises(RetryDelayInvalid):
            retry_delay_ms(text, hole)
        assert retry_delay_ms(text, hole - 1) == 10

    @pytest.mark.parametrize("hole", [-1, 20])
    def test_a_text_needs_no_value_for_more(self, hole: int) -> None:
        check_retry_delay(f"10 / ({hole} - retried)")


class TestLimits:
    def test_a_delay_is_at_most_a_week(self) -> None:
        assert MAX_DELAY_MS == 604_800_000

    def test_a_text_has_at_most_500_characters(self) -> None:
        longest = "1." + "0" * 498

        assert retry_delay_ms(longest, 0) == 1
        with pytest.raises(RetryDelayInvalid):
            check_retry_delay(longest + "0")


class TestRefusal:
    def test_it_is_about_the_request(self) -> None:
        assert issubclass(RetryDelayInvalid, Invalid)
        assert RetryDelayInvalid.code == "invalid_retry_delay"

    @pytest.mark.parametrize("length", [201, 499, 501, 100_000])
    def test_it_repeats_little_of_the_text(self, length: int) -> None:
        with pytest.raises(RetryDelayInvalid) as caught:
            check_retry_delay("Q" * length)

        assert caught.value.message.count("Q") <= 200

    def test_it_says_what_is_wrong(self) -> None:
        def refusal(text: str) -> str:
            with pytest.raises(RetryDelayInvalid) as caught:
                check_retry_delay(text)
            return caught.value.message.replace(text[:100], "")

        assert len({refusal("1 / 0"), refusal("1 +"), refusal("x"), refusal("1" * 501)}) == 4


@dataclass(frozen=True, slots=True)
class Tree:
    """An expression: a number or `retried` without operands, or what combines them."""

    symbol: str
    operands: tuple["Tree", ...] = ()


BINARY: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}
UNARY: Mapping[str, Callable[[float], float]] = {"-": lambda value: -value, "+": lambda value: value}
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "pow": math.pow,
    "sqrt": math.sqrt,
    "abs": abs,
    "exp": math.exp,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "min": min,
    "max": max,
}
SUM, PRODUCT, SIGNED, ATOM = range(4)  # how closely a tree holds together


def kind_of(tree: Tree) -> str:
    """Name a tree so that a sign and a difference are two things."""
    return f"{tree.symbol}{len(tree.operands)}" if tree.symbol in BINARY else tree.symbol


def binding(tree: Tree) -> int:
    if tree.symbol not in BINARY:
        return ATOM
    if len(tree.operands) == 1:
        return SIGNED
    return SUM if tree.symbol in "+-" else PRODUCT


def written(tree: Tree, gap: str, least: int = SUM) -> str:
    """Write a tree with no more parentheses than it needs."""
    own = binding(tree)
    match tree.operands:
        case ():
            return tree.symbol
        case (operand,) if own == SIGNED:
            text = tree.symbol + written(operand, gap, SIGNED)
        case (left, right) if own in {SUM, PRODUCT}:
            text = f"{written(left, gap, own)}{gap}{tree.symbol}{gap}{written(right, gap, own + 1)}"
        case operands:
            text = f"{tree.symbol}({f',{gap}'.join(written(operand, gap) for operand in operands)})"
    return text if own >= least else f"({text})"


def value_of(tree: Tree, retried: int) -> float:
    """Calculate a tree as it stands; whatever Python raises comes out."""
    values = [value_of(operand, retried) for operand in tree.operands]
    if tree.symbol == "retried":
        return float(retried)
    if tree.symbol in FUNCTIONS:
        return float(FUNCTIONS[tree.symbol](*values))
    if tree.symbol in BINARY:
        return BINARY[tree.symbol](*values) if len(values) == 2 else UNARY[tree.symbol](*values)
    return float(tree.symbol)


def naive_delay(tree: Tree, retried: int) -> int | None:
    """Answer what the delay must be, None where there is none."""
    try:
        value = value_of(tree, retried)
    except (ArithmeticError, ValueError):
        return None
    return min(max(round(value), 0), MAX_DELAY_MS) if math.isfinite(value) else None


def parts_of(tree: Tree) -> Iterator[Tree]:
    yield tree
    for operand in tree.operands:
        yield from parts_of(operand)


LEAVES = (
    st.just("retried")
    | st.integers(0, 20_000).map(str)
    | st.sampled_from(["0.5", "1.5", ".25", "3.", "1e3", "2E2", "1e-2", "1e+2", "1e155", "1e308"])
)


def combined(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Draw one more operation around what there is."""

    def of(symbols: list[str], least: int, most: int) -> st.SearchStrategy[Tree]:
        operands = st.lists(inner, min_size=least, max_size=most).map(tuple)
        return st.builds(Tree, st.sampled_from(symbols), operands)

    return (
        of(list(BINARY), 2, 2)
        | of(list(UNARY), 1, 1)
        | of([name for name, counts in ARITIES.items() if counts == (1,)], 1, 1)
        | of(["pow"], 2, 2)
        | of(["min", "max"], 2, 4)
    )


TREES: st.SearchStrategy[Tree] = st.recursive(st.builds(Tree, LEAVES), combined, max_leaves=12)
RETRIED = st.integers(0, MAX_RETRIES)
GAPS = st.sampled_from(["", " ", "  "])
KINDS = ["retried", *FUNCTIONS, *(f"{sign}2" for sign in BINARY), *(f"{sign}1" for sign in UNARY)]


@given(TREES, RETRIED, GAPS)
def test_a_delay_is_what_a_naive_evaluation_gives(tree: Tree, retried: int, gap: str) -> None:
    expected = naive_delay(tree, retried)
    text = written(tree, gap)

    if expected is None:
        with pytest.raises(RetryDelayInvalid):
            retry_delay_ms(text, retried)
    else:
        assert retry_delay_ms(text, retried) == expected


@given(TREES, GAPS)
def test_a_text_is_accepted_when_every_retry_has_a_delay(tree: Tree, gap: str) -> None:
    text = written(tree, gap)

    if any(naive_delay(tree, retried) is None for retried in range(MAX_RETRIES + 1)):
        with pytest.raises(RetryDelayInvalid):
            check_retry_delay(text)
    else:
        check_retry_delay(text)


class TestTheseLaws:
    """Without these, the laws above could hold for nothing but refusals, zeros and the most."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_speak_of_every_construct_in_a_delay_that_is_not_cut(self, kind: str) -> None:
        def is_telling(tree: Tree) -> bool:
            has_kind = any(kind_of(part) == kind for part in parts_of(tree))
            return has_kind and 0 < (naive_delay(tree, 1) or 0) < MAX_DELAY_MS

        tree = find(TREES, is_telling)

        assert retry_delay_ms(written(tree, " "), 1) == naive_delay(tree, 1)

    @pytest.mark.parametrize("outcome", [None, 0, MAX_DELAY_MS])
    def test_speak_of_delays_that_are_missing_or_cut(self, outcome: int | None) -> None:
        tree = find(TREES, lambda tree: bool(tree.operands) and naive_delay(tree, 1) == outcome)

        assert naive_delay(tree, 1) == outcome


SCRAPS = [*FUNCTIONS, *BINARY, "(", "(", ")", ")", ",", ",", "retried", "1", "2.5", "1e3", "e", ".", " ", "**", "//"]
ODD_SCRAPS = [
    "\n",
    "\0",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "\N{FULLWIDTH DIGIT ONE}",
    "[",
    "]",
    "'",
    ":",
    "=",
    "if",
    "or",
    "lambda",
    "_",
    "*",
    "{",
    "\ud800",
]


@given(st.lists(st.sampled_from(SCRAPS) | st.sampled_from(ODD_SCRAPS), max_size=12).map("".join) | st.text(), RETRIED)
def test_any_text_has_a_delay_or_is_refused(text: str, retried: int) -> None:
    try:
        delay_ms = retry_delay_ms(text, retried)
    except RetryDelayInvalid as refusal:
        refusal.message.encode()
    else:
        assert 0 <= delay_ms <= MAX_DELAY_MS


@given(st.sampled_from(list(FUNCTIONS)), st.lists(st.builds(written, TREES, GAPS), max_size=4), RETRIED)
def test_any_call_has_a_delay_or_is_refused(name: str, arguments: list[str], retried: int) -> None:
    try:
        delay_ms = retry_delay_ms(f"{name}({', '.join(arguments)})", retried)
    except RetryDelayInvalid as refusal:
        refusal.message.encode()
    else:
        assert len(arguments) in ARITIES[name]
        assert 0 <= delay_ms <= MAX_DELAY_MS
