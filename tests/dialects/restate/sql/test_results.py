import time

import pytest

from chalicelib.dialects.restate.sql.conditions import is_like, matches
from chalicelib.dialects.restate.sql.hints import Hints, hints
from chalicelib.dialects.restate.sql.parsing import parse
from chalicelib.dialects.restate.sql.queries import Like
from chalicelib.dialects.restate.sql.results import shown, write_duration
from chalicelib.dialects.restate.sql.tables import INVOCATION, Row

AT = 1_795_219_200_000
ROWS: list[Row] = [
    {"id": "inv_2", "status": "completed", "created_at": AT + 49_898, "completion_retention": 86_400_000},
    {"id": "inv_1", "status": "completed", "created_at": AT, "suspended_waiting_for_signals": [1, 2]},
    {"id": "inv_3", "status": "running"},
]


def asked(text):
    query = parse(text, AT)
    return shown(query, [row for row in ROWS if matches(query, row)])


class TestShown:
    def test_null_is_left_out_and_times_are_written(self):
        assert asked("SELECT * FROM sys_invocation ORDER BY created_at") == [
            {
                "id": "inv_1",
                "created_at": "2026-11-21T00:00:00.000Z",
                "suspended_waiting_for_signals": [1, 2],
                "status": "completed",
            },
            {
                "id": "inv_2",
                "created_at": "2026-11-21T00:00:49.898Z",
                "completion_retention": "PT86400S",
                "status": "completed",
            },
            {"id": "inv_3", "status": "running"},
        ]

    def test_what_is_newest_first_shows_null_first(self):
        newest = asked("SELECT id FROM sys_invocation ORDER BY created_at DESC LIMIT 2")
        assert newest == [{"id": "inv_3"}, {"id": "inv_2"}]

    def test_names_are_the_callers(self):
        assert asked("SELECT id AS \"Name\" FROM sys_invocation WHERE status = 'running'") == [{"Name": "inv_3"}]

    def test_nothing_is_counted_as_none(self):
        text = "SELECT count(*) AS n, max(created_at) AS latest FROM sys_invocation WHERE id = 'nobody'"
        assert asked(text) == [{"n": 0}]

    def test_groups_of_nothing_are_none(self):
        assert asked("SELECT status, count(*) FROM sys_invocation WHERE id = 'nobody' GROUP BY status") == []

    def test_groups_are_counted(self):
        assert asked("SELECT status, count(1) AS n, max(created_at) AS latest FROM sys_invocation GROUP BY status") == [
            {"status": "completed", "n": 2, "latest": "2026-11-21T00:00:49.898Z"},
            {"status": "running", "n": 1},
        ]

    def test_distinct_values_are_shown_once(self):
        assert asked("SELECT DISTINCT status FROM sys_invocation") == [{"status": "completed"}, {"status": "running"}]

    @pytest.mark.parametrize(
        ("milliseconds", "text"),
        [(0, "P0D"), (1, "PT0.001S"), (1_500, "PT1.5S"), (60_000, "PT60S"), (86_400_000, "PT86400S")],
    )
    def test_a_duration_is_seconds(self, milliseconds, text):
        assert write_duration(milliseconds) == text


class TestLike:
    @pytest.mark.parametrize(
        ("pattern", "text", "is_alike"),
        [
            ("", "", True),
            ("", "a", False),
            ("%", "", True),
            ("%%", "a\nb", True),
            ("a%a", "a", False),
            ("a%b%", "axxbxx", True),
            ("%ab", "aab", True),
            ("_", "\n", True),
            ("a_c", "abc", True),
            ("a_c", "ac", False),
            ("S/%", "S/h", True),
            ("S/%", "s/h", False),
            (r"100\%", "100%", True),
            (r"100\%", "1000", False),
            (r"a\b", r"a\b", True),
            ("a\\", "a\\", True),
            ("é%", "éa", True),
        ],
    )
    def test_a_text_is_like_a_pattern(self, pattern, text, is_alike):
        assert is_like(text, Like("id", pattern)) is is_alike

    def test_small_and_capital_letters_are_one_if_wanted(self):
        assert is_like("Ab/CD", Like("id", "aB/%d", is_case_sensitive=False))

    def test_no_pattern_takes_long(self):
        begin = time.perf_counter()
        is_like("a" * 10_000, Like("id", "%a" * 400 + "%b"))
        is_like("a" * 10_000, Like("id", "%" + "_a" * 400 + "b%"))

        assert time.perf_counter() - begin < 1


class TestHints:
    @pytest.mark.parametrize(
        ("condition", "hint"),
        [
            ("true", Hints()),
            ("false", Hints(ids=frozenset())),
            ("id = 'a'", Hints(ids=frozenset("a"))),
            ("id = NULL", Hints(ids=frozenset())),
            ("id IN ('a', 'b') AND id <> 'c'", Hints(ids=frozenset("ab"))),
            ("id IN ('a', 'b') AND id IN ('b', 'c')", Hints(ids=frozenset("b"))),
            ("id = 'a' OR id = 'b'", Hints(ids=frozenset("ab"))),
            ("id = 'a' OR status = 'running'", Hints()),
            ("id = 'a' OR false", Hints(ids=frozenset("a"))),
            ("false OR id = 'a'", Hints(ids=frozenset("a"))),
            ("NOT id = 'a'", Hints()),
            ("target_service_name = 'S'", Hints(services=frozenset("S"))),
            ("target LIKE 'S/%'", Hints(services=frozenset("S"))),
            ("target LIKE 'S/k/%' OR target = 'T/h'", Hints(services=frozenset("ST"))),
            (r"target LIKE 'a\_b/%'", Hints(services=frozenset({"a_b"}))),
            ("target LIKE 'a_b/%'", Hints()),
            ("target LIKE 'S%'", Hints()),
            ("target ILIKE 'S/%'", Hints()),
            ("target_service_ty = 'service'", Hints()),
            ("target_service_ty = NULL", Hints(ids=frozenset())),
            ("status = 'running'", Hints(statuses=frozenset({"running"}))),
            ("status <> 'completed'", Hints(statuses=INVOCATION.statuses - {"completed"})),
            ("NOT status = 'completed'", Hints(statuses=INVOCATION.statuses - {"completed"})),
            ("status NOT IN ('completed', 'paused')", Hints(statuses=INVOCATION.statuses - {"completed", "paused"})),
            ("created_at > now()", Hints(created_from=AT + 1)),
            ("created_at BETWEEN '2026-11-21' AND now()", Hints(created_from=AT, created_to=AT)),
            ("created_at < now() AND id = 'a'", Hints(ids=frozenset("a"), created_to=AT - 1)),
            ("created_at > '2026-11-20' AND created_at >= now()", Hints(created_from=AT)),
            ("target LIKE 'a/b/c'", Hints(services=frozenset("a"))),
            ("created_at = now()", Hints(created_from=AT, created_to=AT)),
            ("created_at IN (now(), '2026-11-22')", Hints(created_from=AT, created_to=AT + 86_400_000)),
            ("created_at <> now()", Hints()),
            ("created_at > now() OR created_at < '2026-11-20'", Hints()),
        ],
    )
    def test_they_follow_from_the_condition(self, condition, hint):
        assert hints(parse(f"SELECT id FROM sys_invocation WHERE {condition}", AT)) == hint

    def test_what_has_never_been_created_has_no_bounds(self):
        assert hints(parse("SELECT id FROM sys_invocation WHERE created_at IN (NULL)", AT)) == Hints(ids=frozenset())
