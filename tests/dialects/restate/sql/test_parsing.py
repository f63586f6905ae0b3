import subprocess
import sys

import pytest

from chalicelib.dialects.restate.sql.parsing import parse
from chalicelib.dialects.restate.sql.queries import (
    Aggregate,
    All,
    AnyOf,
    Compare,
    Constant,
    IsNull,
    Like,
    Not,
    OneOf,
    Operator,
    Order,
    Query,
    Summary,
)
from chalicelib.dialects.restate.sql.refusals import (
    ColumnUnknown,
    NotSupported,
    QueryMeaningless,
    QueryRefused,
    QuerySyntax,
    TableUnknown,
)
from chalicelib.dialects.restate.sql.tables import INVOCATION, INVOCATION_STATUS, JOURNAL

AT = 1_795_219_200_000  # 2026-11-21T00:00:00Z
HOUR = 3_600_000
EQUAL = Operator.EQUAL


def where(condition: str) -> object:
    return parse(f"SELECT id FROM sys_invocation WHERE {condition}", AT).where


class TestWhatTheCliSends:
    """The contract of `restate invocations …` 1.7.12."""

    def test_one_by_its_id(self):
        text = "SELECT id, target FROM sys_invocation_status WHERE id = 'inv_1x' AND status = 'completed' LIMIT 500"

        assert parse(text, AT) == Query(
            INVOCATION_STATUS,
            {"id": "id", "target": "target"},
            All((Compare("id", EQUAL, "inv_1x"), Compare("status", EQUAL, "completed"))),
            limit=500,
        )

    def test_a_handler_of_a_service_or_of_an_object(self):
        text = (
            "SELECT id, target FROM sys_invocation_status WHERE ((target = 'S/h' AND target_service_ty = 'service')"
            " OR (target LIKE 'S/h/%' AND target_service_ty != 'service')) AND status != 'completed' LIMIT 1"
        )
        service = (Compare("target", EQUAL, "S/h"), Compare("target_service_ty", EQUAL, "service"))
        others = (Like("target", "S/h/%"), Compare("target_service_ty", Operator.NOT_EQUAL, "service"))

        assert parse(text, AT).where == All(
            (AnyOf((All(service), All(others))), Compare("status", Operator.NOT_EQUAL, "completed"))
        )

    def test_the_length_of_a_journal(self):
        text = "SELECT MAX(sj.index) AS max_index, COUNT(*) AS count FROM sys_journal sj WHERE sj.id = 'x'"

        assert parse(text, AT) == Query(
            JOURNAL,
            {"max_index": Aggregate(Summary.MAX, "index"), "count": Aggregate(Summary.COUNT)},
            Compare("id", EQUAL, "x"),
            (),
        )

    def test_how_many_wait_for_each_handler(self):
        text = """SELECT target_service_name as service, target_handler_name, COUNT(id) AS n FROM sys_invocation_status
            WHERE status == 'inboxed' AND target_service_name IN ('A','B')
            GROUP BY pinned_deployment_id, target_service_name, target_handler_name ORDER BY COUNT(id) DESC, service"""
        query = parse(text, AT)

        assert query.groups == ("pinned_deployment_id", "target_service_name", "target_handler_name")
        assert query.order == (
            Order(Aggregate(Summary.COUNT, "id"), is_descending=True, is_null_first=True),
            Order("target_service_name", is_descending=False, is_null_first=False),
        )


class TestWhatPeoplePaste:
    """docs.restate.dev, operate/introspection."""

    @pytest.mark.parametrize(
        "text",
        [
            "select * from sys_invocation;",
            "select target_service_name, target_handler_name, status from sys_invocation where id = 'inv_1';",
            "select * from sys_journal where id = 'inv_1' order by index;",
            "select * from sys_invocation where retry_count > 1;",
            "select modified_at from sys_invocation where id = 'inv_1'; -- when?",
            "select invoked_by, invoked_by_service_name, invoked_by_id from sys_invocation where id = 'inv_1';",
            "select * from sys_invocation where pinned_deployment_id = 'dp_1';",
            "SELECT count(*) AS n FROM public.sys_invocation WHERE status <> 'completed'",
            "select status, count(*) as count from sys_invocation where target_service_name='S' group by status",
            "SELECT inv.* FROM sys_invocation AS inv ORDER BY inv.created_at DESC, inv.id LIMIT 5 OFFSET 10",
            'SELECT "id", Target FROM SYS_INVOCATION',
        ],
    )
    def test_it_is_read(self, text):
        assert parse(text, AT).outputs

    def test_what_has_not_moved_for_an_hour(self):
        assert where("to_timestamp(modified_at) <= now() - interval '1' hour") == Compare(
            "modified_at", Operator.LESS_OR_EQUAL, AT - HOUR
        )


class TestConditions:
    @pytest.mark.parametrize(
        ("text", "condition"),
        [
            ("'x' < id", Compare("id", Operator.GREATER, "x")),
            ("3 >= retry_count", Compare("retry_count", Operator.LESS_OR_EQUAL, 3)),
            ("retry_count = '3'", Compare("retry_count", EQUAL, 3)),
            ("retry_count > -1.5", Compare("retry_count", Operator.GREATER, -1.5)),
            ("id = 5", Compare("id", EQUAL, "5")),
            ("id = -5", Compare("id", EQUAL, "-5")),
            ("id = 'it''s'", Compare("id", EQUAL, "it's")),
            ("id = NULL", Compare("id", EQUAL, None)),
            ("id NOT LIKE 'a%'", Not(Like("id", "a%"))),
            ("id ILIKE 'a%'", Like("id", "a%", is_case_sensitive=False)),
            ("id IS NULL", IsNull("id")),
            ("id IS NOT NULL", Not(IsNull("id"))),
            ("id IN ('a', NULL)", OneOf("id", frozenset({"a", None}))),
            ("id NOT IN ('a')", Not(OneOf("id", frozenset({"a"})))),
            (
                "retry_count BETWEEN 1 AND 2",
                All(
                    (
                        Compare("retry_count", Operator.GREATER_OR_EQUAL, 1),
                        Compare("retry_count", Operator.LESS_OR_EQUAL, 2),
                    )
                ),
            ),
            ("TRUE", Constant(truth=True)),
            ("NULL", Constant(None)),
            ("1 = 1", Constant(truth=True)),
            ("'1' = 2", Constant(truth=False)),
            ("'a' <> 'a'", Constant(truth=False)),
            ("NOT (id = 'a')", Not(Compare("id", EQUAL, "a"))),
        ],
    )
    def test_it_is_read(self, text, condition):
        assert where(text) == condition

    @pytest.mark.parametrize(
        ("text", "truth"),
        [("completed", True), ("completed = false", False), ("completed = TRUE", True)],
    )
    def test_a_boolean_is_a_condition(self, text, truth):
        assert parse(f"SELECT id FROM sys_journal WHERE {text}", AT).where == Compare("completed", EQUAL, truth)

    def test_is_true_is_never_unknown(self):
        assert parse("SELECT id FROM sys_journal WHERE completed IS NOT TRUE", AT).where == Not(
            All((Not(IsNull("completed")), Compare("completed", EQUAL, value=True)))
        )

    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ("'2026-11-21T00:00:00Z'", AT),
            ("'2026-11-21T01:00:00.0019+01:00'", AT + 1),
            ("'2026-11-21 00:00:00'", AT),
            ("'2026-11-21'", AT),
            ("TIMESTAMP '2026-11-21 01:00'", AT + HOUR),
            ("CAST('2026-11-21T00:00:00Z' AS TIMESTAMP)", AT),
            ("'2026-11-21'::timestamptz", AT),
            ("DATE '2026-11-21'", AT),
            ("to_timestamp('2026-11-21T00:00:00Z')", AT),
            ("now()", AT),
            ("current_timestamp - interval '2 days'", AT - 48 * HOUR),
            ("now() + interval '1' minute - interval '30 seconds'", AT + 30_000),
            ("now() - interval '1 week'", AT - 168 * HOUR),
        ],
    )
    def test_a_time_is_milliseconds(self, text, at):
        assert where(f"created_at < {text}") == Compare("created_at", Operator.LESS, at)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "SQL error: the query is empty"),
            ("SELECT id FROM sys_invocation WHERE", "SQL error: something is missing at line 1, column 35"),
            ("SELECT id FROM sys_invocation WHERE id = 'x", "SQL error: a quoted text or a comment has no end"),
            (
                "SELECT TOP 5 id FROM sys_invocation",
                "SQL error: Invalid expression / Unexpected token at line 1, column 12",
            ),
            ("SELECT (id FROM sys_invocation", "SQL error: Expecting ) at line 1, column 15"),
        ],
    )
    def test_what_is_no_sql_is_told_with_its_place(self, text, message):
        with pytest.raises(QuerySyntax) as refused:
            parse(text, AT)

        assert refused.value.message == message

    @pytest.mark.parametrize("table", ["mytable", "sys_deployment", "other.sys_invocation", '"SYS_INVOCATION"'])
    def test_an_unknown_table_is_not_found(self, table):
        with pytest.raises(TableUnknown, match="not found"):
            parse(f"SELECT id FROM {table}", AT)

    @pytest.mark.parametrize(
        "text",
        [
            "SELECT nope FROM sys_invocation",
            'SELECT "ID" FROM sys_invocation',
            "SELECT sys_invocation.id FROM sys_invocation inv",
            "SELECT id FROM sys_invocation WHERE other.id = 'x'",
            "SELECT id FROM sys_invocation ORDER BY nope",
            "SELECT index FROM sys_invocation",
        ],
    )
    def test_an_unknown_column_is_no_field(self, text):
        with pytest.raises(ColumnUnknown, match="No field named"):
            parse(text, AT)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("SELECT id, id FROM sys_invocation", "two columns of the result are named id"),
            ("SELECT id, count(*) FROM sys_invocation", "column id must appear in the GROUP BY"),
            ("SELECT id FROM sys_invocation GROUP BY status", "column id must appear in the GROUP BY"),
            ("SELECT count(*) AS n FROM sys_invocation GROUP BY n", "GROUP BY takes columns"),
            ("SELECT id FROM sys_invocation ORDER BY count(*)", "cannot be sorted by"),
            ("SELECT count(*) FROM sys_invocation ORDER BY id", "cannot be sorted by"),
            ("SELECT id FROM sys_invocation ORDER BY 2", "the result has no column 2"),
            ("SELECT id FROM sys_invocation WHERE retry_count = 'x'", "'x' is no number"),
            ("SELECT id FROM sys_invocation WHERE retry_count = '5x'", "'5x' is no number"),
            ("SELECT id FROM sys_invocation WHERE created_at > 'x'", "'x' is no time"),
            ("SELECT id FROM sys_invocation WHERE status", "no column of this kind: boolean"),
            ("SELECT id FROM sys_invocation WHERE created_at LIKE '2026%'", "no column of this kind: text"),
        ],
    )
    def test_what_means_nothing_is_told(self, text, problem):
        with pytest.raises(QueryMeaningless) as refused:
            parse(text, AT)

        assert problem in refused.value.message

    @pytest.mark.parametrize(
        "text",
        [
            "SHOW TABLES",
            "DESCRIBE sys_invocation",
            "EXPLAIN SELECT id FROM sys_invocation",
            "DELETE FROM sys_invocation",
            "(SELECT id FROM sys_invocation)",
            "WITH x AS (SELECT id FROM sys_invocation) SELECT id FROM x",
            "SELECT id FROM sys_invocation; SELECT id FROM sys_invocation",
            "SELECT id FROM sys_invocation UNION SELECT id FROM sys_invocation",
            "SELECT 1",
            "SELECT 'x' AS x FROM sys_invocation",
            "SELECT id FROM sys_invocation, sys_journal",
            "SELECT i.id FROM sys_invocation i JOIN sys_journal j ON i.id = j.id",
            "SELECT id FROM (SELECT id FROM sys_invocation)",
            "SELECT id FROM sys_invocation TABLESAMPLE (10)",
            "SELECT id FROM ONLY sys_invocation",
            "SELECT id FROM generate_series(1, 9)",
            "SELECT id FROM sys_invocation s (x)",
            "SELECT id FROM sys_invocation FOR UPDATE",
            "SELECT id INTO x FROM sys_invocation",
            "SELECT id FROM sys_invocation GROUP BY id HAVING count(*) > 1",
            "SELECT id FROM sys_invocation GROUP BY ROLLUP (id)",
            "SELECT id FROM sys_invocation GROUP BY ALL",
            "SELECT DISTINCT ON (id) id FROM sys_invocation",
            "SELECT DISTINCT count(*) FROM sys_invocation",
            "SELECT DISTINCT id FROM sys_invocation GROUP BY id",
            "SELECT DISTINCT * FROM sys_journal",
            "SELECT id FROM sys_journal ORDER BY raw",
            "SELECT max(raw) FROM sys_journal",
            "SELECT * EXCEPT (id) FROM sys_invocation",
            "SELECT count(*) OVER () FROM sys_invocation",
            "SELECT count(DISTINCT id) FROM sys_invocation",
            "SELECT count(*) FILTER (WHERE id = 'x') FROM sys_invocation",
            "SELECT sum(retry_count) FROM sys_invocation",
            "SELECT first_value(id ORDER BY created_at) FROM sys_invocation",
            "SELECT id FROM sys_invocation LIMIT -1",
            "SELECT id FROM sys_invocation LIMIT 1.5",
            "SELECT id FROM sys_invocation LIMIT ALL",
            "SELECT id FROM sys_invocation LIMIT 99999999999999999999",
            "SELECT id FROM sys_invocation FETCH FIRST 5 ROWS ONLY",
            "SELECT id FROM sys_invocation LIMIT 3 WITH TIES",
            "SELECT id FROM sys_invocation WHERE id IN (SELECT id FROM sys_journal)",
            "SELECT id FROM sys_invocation WHERE (id, status) IN (('a', 'b'))",
            "SELECT id FROM sys_invocation WHERE lower(id) = 'x'",
            "SELECT id FROM sys_invocation WHERE id = target",
            "SELECT id FROM sys_invocation WHERE id = true",
            "SELECT id FROM sys_invocation WHERE id = $1",
            "SELECT id FROM sys_invocation WHERE id = E'x'",
            "SELECT id FROM sys_invocation WHERE id = 'x' COLLATE \"C\"",
            "SELECT id FROM sys_invocation WHERE id = ALL ('x')",
            "SELECT id FROM sys_invocation WHERE id LIKE ANY ('a')",
            "SELECT id FROM sys_invocation WHERE id LIKE target",
            "SELECT id FROM sys_invocation WHERE id LIKE 'x' ESCAPE '!'",
            "SELECT id FROM sys_invocation WHERE id ~ 'x'",
            "SELECT id FROM sys_invocation WHERE id IS DISTINCT FROM 'x'",
            "SELECT id FROM sys_invocation WHERE id BETWEEN SYMMETRIC 'b' AND 'a'",
            "SELECT id FROM sys_invocation WHERE CAST(id AS INT) = 5",
            "SELECT id FROM sys_invocation WHERE to_timestamp(id) < now()",
            "SELECT id FROM sys_invocation WHERE created_at > 5",
            "SELECT id FROM sys_invocation WHERE created_at > interval '1 day'",
            "SELECT id FROM sys_invocation WHERE created_at > now() - interval '1 year'",
            "SELECT id FROM sys_invocation WHERE created_at > now() - interval '1.5 days'",
            "SELECT id FROM sys_invocation WHERE completion_retention > 5",
            "SELECT id FROM sys_journal WHERE completed = 1",
            "SELECT id FROM sys_invocation WHERE retry_count + 1 = 2",
        ],
    )
    def test_what_is_not_done_is_refused_and_never_passed_over(self, text):
        with pytest.raises(NotSupported, match="This feature is not implemented: "):
            parse(text, AT)

    @pytest.mark.parametrize(
        "condition",
        [
            "(" * 33 + "id = 'a'" + ")" * 33,
            "(" * 3_000,
            "NOT " * 4_000 + "true",
            "id = " + "- " * 4_000 + "1",
            "id = 1" + " - 1" * 2_000,
            "created_at > now()" + " - interval '1 day'" * 1_200,
            "CASE WHEN " * 2_000,
            " OR ".join(["id = 'a'"] * 2_000),
            f"id LIKE '{'a' * 1_001}'",
            f"id = '{'a' * 70_000}'",
            "retry_count = " + "9" * 60_000,
        ],
    )
    def test_what_is_too_much_is_refused_early(self, condition):
        with pytest.raises(QueryRefused):
            where(condition)

    def test_a_thousand_ids_are_not_too_many(self):
        ids = [f"inv_1{number:033d}" for number in range(1_000)]

        assert where("id IN ({})".format(", ".join(f"'{one}'" for one in ids))) == OneOf("id", frozenset(ids))

    def test_a_long_chain_of_conditions_is_not_too_deep(self):
        assert where(" OR ".join(["id = 'a'"] * 1_000)) == AnyOf((Compare("id", EQUAL, "a"),) * 1_000)


class TestResults:
    @pytest.mark.parametrize(
        ("shown", "names"),
        [
            ("count(*)", ["count(*)"]),
            ("COUNT(1)", ["count(Int64(1))"]),
            ('count(id), max(created_at) AS "Last"', ["count(inv.id)", "Last"]),
        ],
    )
    def test_an_aggregate_without_a_name_is_named_as_datafusion_does(self, shown, names):
        assert list(parse(f"SELECT {shown} FROM sys_invocation inv", AT).outputs) == names

    def test_distinct_merges_by_what_is_shown(self):
        assert parse("SELECT DISTINCT status, target FROM sys_invocation", AT).groups == ("status", "target")

    def test_a_group_is_named_by_alias_or_number(self):
        text = "SELECT status AS s, target, count(*) FROM sys_invocation GROUP BY s, 2"
        assert parse(text, AT).groups == ("status", "target")

    @pytest.mark.parametrize(
        ("end", "enough"),
        [
            ("LIMIT 5", 5),
            ("LIMIT 5 OFFSET 2", 7),
            ("LIMIT 0", 0),
            ("OFFSET 2", None),
            ("ORDER BY id LIMIT 5", None),
            ("GROUP BY id LIMIT 5", None),
        ],
    )
    def test_a_limit_without_an_order_says_how_many_rows_are_enough(self, end, enough):
        assert parse(f"SELECT id FROM sys_invocation {end}", AT).enough == enough

    def test_every_column_of_a_table_is_shown_by_a_star(self):
        assert list(parse("SELECT * FROM sys_invocation", AT).outputs) == list(INVOCATION.columns)


def test_sqlglot_is_not_imported_before_a_query_arrives():
    code = (
        "import sys, app\n"
        "from chalicelib.dialects.restate import errors\n"
        "from chalicelib.dialects.restate.sql import bodies, conditions, hints, parsing, results\n"
        "sys.exit('sqlglot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
