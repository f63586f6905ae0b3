"""Times on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dialects.times import TimeInvalid, read_time, write_time

_MOMENTS = st.integers(0, 9_999_999_999_999)


def an_hour_after(text: str) -> str:
    return write_time(read_time(text, "time") + 3_600_000)


@given(_MOMENTS)
def test_what_is_written_reads_as_itself(at: int) -> None:
    assert read_time(write_time(at), "time") == at


@given(_MOMENTS)
def test_milliseconds_are_a_time_as_a_number_and_as_text(at: int) -> None:
    assert read_time(at, "time") == read_time(str(at), "time") == at


@given(_MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_any_offset_is_the_same_moment(at: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)

    assert read_time(moment.astimezone(zone).isoformat(), "time") == at


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert write_time(1_790_000_000_000) == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize(
    "given_",
    [
        *("", "now", "2026-09-21", "2026-09-21T14:13:20", "14:13:20Z", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-1", "1.5", "12345678901234", "²", -1, 10**13),
    ],
)
def test_what_is_no_time_or_out_of_bounds_is_refused_with_its_field(given_: int | str) -> None:
    with pytest.raises(TimeInvalid) as refused:
        read_time(given_, "expires_at")

    assert refused.value.details == {"field": "expires_at"}
