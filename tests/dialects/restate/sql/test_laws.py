"""What a condition means is what SQLite says; what it says to an index leaves no row out that matches."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chalicelib.dialects.restate.sql.conditions import matches
from chalicelib.dialects.restate.sql.hints import hints
from chalicelib.dialects.restate.sql.parsing import parse
from chalicelib.dialects.restate.sql.queries import Query
from chalicelib.dialects.restate.sql.refusals import QueryRefused
from chalicelib.dialects.restate.sql.results import shown
from chalicelib.dialects.restate.sql.tables import INVOCATION
from chalicelib.dialects.times import write_time
from tests.dialects.restate.sql.oracle import AT, COLUMNS, Judge, conditions, rows, write

tables = st.lists(rows(), max_size=8)


@pytest.fixture(scope="module")
def judge():
    judge = Judge()
    yield judge
    judge.close()


class TestConditions:
    @given(rows(), conditions)
    def test_a_row_matches_if_sqlite_says_so(self, judge, row, condition):
        judge.fill([row])
        query = parse(f"SELECT * FROM sys_invocation WHERE {write(condition, is_sqlite=False)}", AT)

        found = judge.ask(f"SELECT * FROM sys_invocation WHERE {write(condition, is_sqlite=True)}")
        assert matches(query, row) is bool(found)

    @given(conditions, rows())
    def test_what_was_written_and_read_again_means_the_same(self, condition, row):
        written = parse(f"SELECT * FROM sys_invocation WHERE {write(condition, is_sqlite=False)}", AT)

        assert matches(written, row) is matches(Query(INVOCATION, {}, condition), row)


TEXT = """
    SELECT * id status created_at retry_count count( max( ) ( , . ; FROM sys_invocation sys_journal WHERE AND OR NOT
    = <> < IN LIKE ILIKE BETWEEN IS NULL TRUE 'a' '%' '2026-11-21' 1 -1 1.5 1e9 now() - + interval day CAST( AS
    TIMESTAMP :: to_timestamp( GROUP BY ORDER DESC NULLS FIRST LIMIT OFFSET DISTINCT ALL CASE WHEN THEN END "id" $1 ?
    -- /* [ ] { } @ JOIN ON UNION HAVING OVER EXISTS ANY ARRAY VALUES WITH x
"""
WORDS = st.sampled_from(TEXT.split())


class TestAnyText:
    @given(st.lists(WORDS, max_size=12))
    def test_words_in_any_order_are_a_query_or_refused(self, words):
        _parse_or_refuse("SELECT " + " ".join(words))
        _parse_or_refuse("SELECT id FROM sys_invocation WHERE " + " ".join(words))
        _parse_or_refuse("SELECT id FROM sys_invocation " + " ".join(words))

    @given(st.text(max_size=40))
    def test_any_text_is_a_query_or_refused(self, text):
        _parse_or_refuse(text)
        _parse_or_refuse(f"SELECT id FROM sys_invocation WHERE {text}")


def _parse_or_refuse(text):
    with suppress(QueryRefused):
        assert isinstance(parse(text, AT), Query)


class TestHints:
    @settings(suppress_health_check=[HealthCheck.filter_too_much])  # few rows match a condition that chance writes
    @given(rows(), conditions)
    def test_a_row_that_matches_is_within_them(self, row, condition):
        query = Query(INVOCATION, {}, condition)
        assume(matches(query, row))
        hint = hints(query)

        assert hint.ids is None or row.get("id") in hint.ids
        assert hint.services is None or row["target_service_name"] in hint.services
        assert hint.statuses is None or row["status"] in hint.statuses
        assert hint.created_from is None or hint.created_from <= row["created_at"]
        assert hint.created_to is None or row["created_at"] <= hint.created_to


class TestResults:
    @given(
        tables,
        st.sampled_from(COLUMNS),
        st.sampled_from(COLUMNS),
        st.sampled_from(["ASC", "DESC"]),
        st.sampled_from(["FIRST", "LAST"]),
        st.integers(0, 9),
        st.integers(0, 9),
    )
    def test_they_are_sorted_and_cut_as_sqlite_does(self, judge, held, first, second, way, nulls, limit, offset):
        others = ", ".join(f"{name} ASC NULLS LAST" for name in COLUMNS)
        text = (
            f"SELECT {', '.join(COLUMNS)} FROM sys_invocation"
            f" ORDER BY {first} {way} NULLS {nulls}, {second} DESC NULLS FIRST, {others} LIMIT {limit} OFFSET {offset}"
        )
        judge.fill(held)

        assert shown(parse(text, AT), held) == _as_json(judge.ask(text), COLUMNS)

    @given(tables, st.sampled_from(COLUMNS), st.sampled_from(COLUMNS))
    def test_they_are_grouped_and_counted_as_sqlite_does(self, judge, held, group, counted):
        names = (group, "n", "least", "known", "most")
        others = f"min({counted}) AS least, count({counted}) AS known, max({counted}) AS most"
        text = (
            f"SELECT {group}, count(*) AS n, {others} FROM sys_invocation GROUP BY {group}"
            f" ORDER BY count(*) DESC, {group} ASC NULLS LAST"
        )
        judge.fill(held)
        times = {group, *({"least", "most"} if counted == "created_at" else ())} - (
            set() if group == "created_at" else {group}
        )

        assert shown(parse(text, AT), held) == _as_json(judge.ask(text), names, times)


def _as_json(found, names, times=frozenset({"created_at"})):
    return [
        {
            name: write_time(value) if name in times else value
            for name, value in zip(names, row, strict=True)
            if value is not None
        }
        for row in found
    ]
