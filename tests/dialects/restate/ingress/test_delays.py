"""Delays as jiff reads them (https://docs.rs/jiff, fmt::friendly and fmt::temporal)."""

import pytest

from chalicelib.dialects.restate.durations import MAX_S
from chalicelib.dialects.restate.ingress.delays import read_delay
from chalicelib.dialects.restate.ingress.refusals import DelayInvalid


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("PT60S", 60),
        ("pt1m30s", 90),
        ("P1DT12H", 129_600),
        ("P2W", 1_209_600),
        ("PT0S", 0),
        ("PT1.5S", 1.5),
        ("PT1,5S", 1.5),
        ("60 sec", 60),
        ("60sec", 60),
        ("60ms", 0.06),
        ("60000ms", 60),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        ("1 hour, 30 minutes", 5_400),
        ("1.5h", 5_400),
        ("2 days", 172_800),
        ("1w 1d", 691_200),
        ("1500us", 0.0015),
        ("10 µs", 0.00001),
        ("36500d", MAX_S),
    ],
)
def test_a_delay_is_read(given: str, seconds: float) -> None:
    assert read_delay({"delay": (given,)}) == pytest.approx(seconds)


def test_the_name_may_be_in_capitals_and_the_first_one_counts() -> None:
    assert read_delay({"x": ("1h",), "Delay": ("1s", "2s")}) == 1
    assert read_delay({}) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "expected a duration"),
        ("P", "expected a duration"),
        ("PT", "expected a duration"),
        ("P1DT", "expected a duration"),
        ("10", "expected a duration"),
        ("-1s", "expected a duration"),
        ("-PT1S", "expected a duration"),
        ("1s ago", "expected a duration"),
        ("soon", "expected a duration"),
        ("\N{FULLWIDTH DIGIT ONE}s", "expected a duration"),
        ("1H", "expected a duration"),
        ("1 fortnight", "'fortnight' is no unit"),
        ("1y", "Please use units of days or smaller"),
        ("1 month", "Please use units of days or smaller"),
        ("P1Y", "Please use units of days or smaller"),
        ("P1M", "Please use units of days or smaller"),
        ("1m 1h", "units must stand from large to small, each once"),
        ("PT1S1M", "units must stand from large to small, each once"),
        ("1h 1hr", "units must stand from large to small, each once"),
        ("1.5h 3m", "only the last unit can have a fraction"),
        ("1.5d", "only the last unit can have a fraction"),
        ("P1.5D", "only the last unit can have a fraction"),
        ("36501d", "a hundred years is the most"),
    ],
)
def test_what_is_no_delay_is_refused(given: str, problem: str) -> None:
    with pytest.raises(DelayInvalid) as refused:
        read_delay({"delay": (given,)})

    assert refused.value.message.startswith(f"bad delay query parameter, must be a ISO8601 duration: {problem}")
