from functools import partial
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.restart_requests import AfterEntry, Beginning
from chalicelib.dialects.restate.query_strings import (
    Wish,
    pairs_of,
    read_deployment_wish,
    read_wish,
)
from chalicelib.dialects.restate.refusals import QueryUndecodable

pairs_in = partial(parse_qsl, keep_blank_values=True, errors="replace")  # as the server splits what is sent

DIGIT = "from: invalid digit found in string"
EMPTY = "from: cannot parse integer from empty string"
LARGE = "from: number too large to fit in target type"


class TestRestart:
    @pytest.mark.parametrize(
        ("query", "wish"),
        [
            ("", Wish()),
            ("from=0", Wish()),
            ("from=01", Wish(1)),
            ("from=%2B1", Wish(1)),
            ("from=" + 5_000 * "0" + "7", Wish(7)),
            ("from=4294967295", Wish(4294967295)),
            ("deployment=keep", Wish(deployment="keep")),
            ("deployment=", Wish(deployment="")),
            ("deployment=a+b%20c%2Bd", Wish(deployment="a b c+d")),
            ("deployment=%FF", Wish(deployment="\ufffd")),
            ("&&from=2&", Wish(2)),
            ("%66rom=2", Wish(2)),
            ("From=x&foo&foo=1&deployment[Id]=dp", Wish()),
            ("dry_run=true", Wish(is_dry_run=True)),
            ("dry_run=false&from=3", Wish(3)),
        ],
    )
    def test_what_is_asked_is_read(self, query, wish):
        assert read_wish(pairs_in(query)) == wish

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("from=-1", DIGIT),
            ("from=1.5", DIGIT),
            ("from=abc", DIGIT),
            ("from=%201", DIGIT),
            ("from=+1", DIGIT),
            ("from=%2B", DIGIT),
            ("from=%2B%2B1", DIGIT),
            ("from=%D9%A1", DIGIT),
            ("from=42949672x", DIGIT),
            ("from=", EMPTY),
            ("from", EMPTY),
            ("from=4294967296", LARGE),
            ("from=4294967296x", LARGE),
            ("from=" + 10_000 * "9", LARGE),
            ("from=1&from=1", "duplicate field `from`"),
            ("from=1&from=x", "duplicate field `from`"),
            ("from=x&from=1", DIGIT),
            ("deployment=a&deployment=a", "duplicate field `deployment`"),
            ("deployment=a&deployment=a&from=x", "duplicate field `deployment`"),
            ("from=x&deployment=a&deployment=a", DIGIT),
            ("dry_run=1", "dry_run: provided string was not `true` or `false`"),
            ("dry_run", "dry_run: provided string was not `true` or `false`"),
        ],
    )
    def test_the_first_fault_is_told(self, query, problem):
        with pytest.raises(QueryUndecodable) as refused:
            read_wish(pairs_in(query))

        assert refused.value.message == f"Failed to deserialize query string: {problem}"

    def test_an_entry_is_kept_and_none_is_the_beginning(self):
        assert Wish().start == Beginning()
        assert Wish(3).start == AfterEntry(3)

    @given(st.integers(0, 2**32 - 1))
    def test_every_u32_is_read(self, number):
        assert read_wish(pairs_in(f"from={number}")) == Wish(number)

    def test_a_gateways_query_is_read_as_well(self):
        assert read_wish(pairs_of({"from": ("1",), "deployment": ("keep",)})) == Wish(1, "keep")
        with pytest.raises(QueryUndecodable, match="duplicate"):
            read_wish(pairs_of({"from": ("1", "2")}))


class TestResume:
    def test_only_the_deployment_is_read(self):
        assert read_deployment_wish(pairs_in("from=x&deployment=latest&dry_run=x")) == "latest"
        assert read_deployment_wish(pairs_in("")) is None
