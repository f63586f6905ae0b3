import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.durations import read_duration, write_duration

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MOST = 999_999_999  # nine digits
LONGEST_S = MOST * 86_400 + 86_399  # the last whose days have nine digits

MEANT = [
    ("0s", 0),
    ("1s", 1),
    ("10s", 10),
    ("1m", 60),
    ("1h", 3_600),
    ("1d", 86_400),
    ("90s", 90),
    ("007m", 420),
    ("1d10h30m", 124_200),
    ("30m10h1d", 124_200),
    ("1s1s1s", 3),
    ("5m1h5m", 4_200),
    ("0d0h0m0s", 0),
    ("999999999s", MOST),
    ("999999999d23h59m59s", LONGEST_S),
]

MEANINGLESS = [
    "",
    " ",
    "s",
    "10",
    "10s5",
    "s10",
    "10ss",
    "1w",
    "1y",
    "1ms",
    "10S",
    "1D",
    "-1s",
    "+1s",
    "1.5h",
    "1,5h",
    "1e3s",
    "1_0s",
    "0x1s",
    " 10s",
    "10s ",
    "10 s",
    "1h 30m",
    "10s\n",
    "\n10s",
    "10s\0",
    "PT10S",
    "1000000000s",
    "0000000001s",
    "1h1000000000s",
    "\N{ARABIC-INDIC DIGIT ONE}s",
    "\N{FULLWIDTH DIGIT ONE}s",
    "\N{SUPERSCRIPT TWO}s",
    "1\N{FULLWIDTH LATIN SMALL LETTER S}",
    "1\N{LATIN SMALL LETTER LONG S}",  # a match for `s` when case is ignored
    "\ud800s",
]

WRITTEN = [
    (0, "0s"),
    (1, "1s"),
    (59, "59s"),
    (60, "1m"),
    (90, "1m30s"),
    (3_600, "1h"),
    (3_601, "1h1s"),
    (86_399, "23h59m59s"),
    (86_400, "1d"),
    (124_200, "1d10h30m"),
    (31_536_000, "365d"),
]


@pytest.mark.parametrize(("text", "seconds"), MEANT)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", MEANINGLESS)
def test_anything_else_is_no_duration(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize(("seconds", "text"), WRITTEN)
def test_a_duration_is_written_from_the_largest_unit_down(seconds: int, text: str) -> None:
    assert write_duration(seconds) == text


@given(st.lists(st.tuples(st.integers(0, MOST), st.sampled_from("smhd")), min_size=1, max_size=8))
def test_parts_may_come_in_any_order_and_repeat(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)

    assert read_duration(text) == sum(number * SECONDS[unit] for number, unit in parts)


@given(st.integers(0, LONGEST_S))
def test_what_is_written_reads_back(seconds: int) -> None:
    assert read_duration(write_duration(seconds)) == seconds


@given(st.integers(0, LONGEST_S))
def test_each_unit_is_written_at_most_once_and_never_as_nothing(seconds: int) -> None:
    text = write_duration(seconds)

    assert text == "0s" or re.fullmatch(
        r"([1-9]\d*d)?(([1-9]|1\d|2[0-3])h)?([1-5]?[1-9]m|[1-5]0m)?([1-5]?[1-9]s|[1-5]0s)?", text
    )


def naive(text: str) -> int | None:
    """Read a duration one character at a time."""
    total, digits = 0, ""
    for character in text:
        if character in "0123456789":
            digits += character
        elif character in SECONDS and 1 <= len(digits) <= 9:
            total, digits = total + int(digits) * SECONDS[character], ""
        else:
            return None
    return total if text and not digits else None


@given(
    st.text("0159smhdwS\N{ARABIC-INDIC DIGIT THREE} .-\n", max_size=16)
    | st.from_regex(r"([0-9]{1,11}[smhd ]){1,4}[0-9]?", fullmatch=True)
)
def test_any_text_is_read_as_a_slow_reader_would(text: str) -> None:
    assert read_duration(text) == naive(text)
