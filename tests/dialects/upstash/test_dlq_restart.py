"""Bulk restart from the dead letter queue, and its siblings: what Upstash's page and its SDKs ask for."""

import re

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.backends import on_both
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.upstash import stories
from tests.dialects.upstash.stories import RESTART, RESUME, failed, ids, letters, publish, refused, restart, restarted
from tests.world import World

RETRY = f"{stories.QSTASH_DLQ}/retry"
MANY = (RESTART, RESUME, RETRY)
ONE = (f"{RESTART}/{{}}", f"{RESUME}/{{}}")
NOBODY = "1752570296426-0"
ACCOUNT = AccountId("staged")
Stage = tuple[Api, str]


pytestmark = pytest.mark.usefixtures("well_again")


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    """Answer an account with one letter, which nobody may take up."""
    api = key_of(world, ACCOUNT)
    publish(api)
    [letter] = failed(world, api)
    return api, letter


class TestIsRefusedAndWritesNothing:
    @pytest.mark.parametrize("path", MANY)
    @pytest.mark.parametrize("query", [*stories.MEANINGLESS, "source=workflow", "trimBody=0", "messageId=msg_7"])
    def test_for_parameters_that_cannot_be_meant(self, world: World, stage: Stage, path: str, query: str) -> None:
        api, letter = stage
        assert refused(world, lambda: api.post(f"{path}?{query.format(letter=letter)}")).status == 400

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            *[(body, 400) for body in (b"{", b"\xff", b"[]", b'"dlqIds"', b"7", b"null")],
            *[(body, 400) for body in (b'{"labeel": "x"}', b'{"label": "x", "label": "y"}', b'{"label": null}')],
            *[(b'{"dlqIds": %s}' % ids_, 400) for ids_ in (b'""', b'[""]', b"[null]", b'{"id": "1-0"}', b'[["1-0"]]')],
            *[(b'{"count": %s}' % count, 400) for count in (b"1.5", b"true", b"0", b"[1, 2]", b"[]")],
            *[(body, 400) for body in (b'{"fromDate": "soon"}', b'{"failureFunctionState": ["FAILED"]}')],
            (b'{"label": "' + b"x" * 1_000_000 + b'"}', 413),
        ],
    )
    def test_for_a_body_that_cannot_be_meant(self, world: World, stage: Stage, body: bytes, status: int) -> None:
        assert refused(world, lambda: restart(stage[0], "", body, content_type="application/json")).status == status

    def test_for_more_than_fifty_ids(self, world: World, stage: Stage) -> None:
        query = "&".join(f"dlqIds={NOBODY}{n}" for n in range(51))

        assert refused(world, lambda: restart(stage[0], query)).status == 400
        assert refused(world, lambda: restart(stage[0], query.rpartition("&")[0])).status == 404

    def test_for_a_cursor_of_another_list(self, world: World, api: Api, stage: Stage) -> None:
        publish(api)
        failed(world, api, times=2, upstash_label="x")
        cursor = restart(api, "label=x&count=1").json["cursor"]

        assert refused(world, lambda: restart(api, f"label=y&cursor={cursor}")).status == 400
        assert refused(world, lambda: restart(api, f"cursor={cursor}")).status == 400
        assert refused(world, lambda: restart(api, f"label=x&cursor={cursor}A")).status == 400
        assert refused(world, lambda: restart(stage[0], f"label=x&cursor={cursor}")).status == 400

    def test_for_ids_of_which_one_is_unknown_whose_name_it_says(self, world: World, stage: Stage) -> None:
        api, letter = stage

        for path in (f"{RESTART}?dlqIds={letter},{NOBODY}", f"{RESTART}/{NOBODY}", f"{RESUME}/{NOBODY}"):
            reply = refused(world, lambda path=path: api.post(path))  # type: ignore[misc]
            assert (reply.status, reply.json["missing"], reply.json["became"]) == (404, [NOBODY], {})
            assert NOBODY in reply.json["error"]

    def test_for_ids_joined_in_a_path_and_for_parameters_of_one_letter(self, world: World, stage: Stage) -> None:
        api, letter = stage
        assert refused(world, lambda: api.post(f"{RESTART}/{letter},{letter}")).status == 400
        assert refused(world, lambda: api.post(f"{RESTART}/{letter}?count=1")).status == 400

    @pytest.mark.parametrize("path", [*ONE, *(f"{path}?dlqIds={{}}" for path in MANY)])
    def test_for_callers_that_may_not(self, world: World, stage: Stage, stranger: Api, path: str) -> None:
        letter = stage[1]
        reader, tester = key_of(world, ACCOUNT, Scope.READ, Scope.WRITE), key_of(world, ACCOUNT, environment="test")

        def ask(caller: Api) -> Reply:
            return refused(world, lambda: caller.post(path.format(letter)))

        assert [ask(Api(secret)).status for secret in (None, "", "unknown")] == [401] * 3
        assert ask(Api()).headers["WWW-Authenticate"] == "Bearer"
        assert ask(reader).status == 403
        assert [(reply.status, reply.json["missing"]) for reply in map(ask, (stranger, tester))] == [
            (404, [letter])
        ] * 2


@on_both
class TestAKey:
    """Idempotency-Key: one command, however often it comes."""

    def test_with_ids_answers_the_same_runs_again(self, world: World, api: Api) -> None:
        publish(api)
        chosen = failed(world, api, times=2)
        query = f"dlqIds={chosen[1]}&dlqIds={chosen[0]}"
        first = restart(api, query, idempotency_key="key", upstash_retries="0")
        stories.later(world)
        before = world.everything()

        for again in ({"query": query}, {"query": "", "body": {"dlqIds": chosen[::-1]}}):
            reply = restart(api, **again, idempotency_key="key", upstash_retries="0")
            assert (reply.status, reply.json) == (200, first.json)
        assert world.everything() == before

    @pytest.mark.parametrize("path", ONE)
    def test_of_one_letter_answers_the_same_run_again(self, world: World, api: Api, path: str) -> None:
        publish(api)
        [letter] = failed(world, api)

        first, again = (api.post(path.format(letter), idempotency_key="key") for _ in range(2))

        assert (again.status, again.json) == (200, first.json)

    @pytest.mark.parametrize(
        ("query", "headers"),
        [("dlqIds={a}", {"upstash_retries": "1"}), ("dlqIds={a}", {"upstash_delay": "1s"}), ("dlqIds={a},{b}", {})],
    )
    def test_of_another_request_is_refused(self, world: World, api: Api, query: str, headers: dict[str, str]) -> None:
        publish(api)
        [a, b] = failed(world, api, times=2)
        restart(api, f"dlqIds={a}", idempotency_key="key")

        reply = refused(world, lambda: restart(api, query.format(a=a, b=b), idempotency_key="key", **headers))

        assert (reply.status, reply.json["code"]) == (409, "idempotency_key_reused")

    @pytest.mark.parametrize("key", ["", "two words", "k" * 256])
    def test_that_is_none_is_refused(self, world: World, stage: Stage, key: str) -> None:
        reply = refused(world, lambda: restart(stage[0], f"dlqIds={stage[1]}", idempotency_key=key))

        assert (reply.status, reply.json["code"]) == (400, "invalid_idempotency_key")

    def test_does_not_go_with_a_filter(self, world: World, stage: Stage) -> None:
        for query in ("", "count=1", "label=x"):
            reply = refused(world, lambda query=query: restart(stage[0], query, idempotency_key="key"))  # type: ignore[misc]
            assert reply.status == 400


@on_both
class TestANewRun:
    def test_is_told_with_its_letter_and_the_time_in_milliseconds(self, world: World, api: Api) -> None:
        publish(api)
        [letter] = failed(world, api)
        world.clock.advance(7)
        reply = restart(api, f"dlqIds={letter}")
        [run] = reply.json["workflowRuns"]

        assert reply.json.keys() == {"cursor", "workflowRuns"}
        assert run == {"workflowRunId": run["workflowRunId"], "workflowCreatedAt": world.clock.ms, "dlqId": letter}
        assert re.fullmatch(r"wfr_[0-9a-f]{32}", run["workflowRunId"])
        assert type(run["workflowCreatedAt"]) is int

    @pytest.mark.parametrize("path", ONE)
    def test_of_one_letter_is_told_alone(self, world: World, api: Api, path: str) -> None:
        publish(api)
        [letter] = failed(world, api)

        run = api.post(path.format(letter)).json

        assert run == {**run, "workflowCreatedAt": world.clock.ms, "dlqId": letter}
        assert run.keys() == {"workflowRunId", "workflowCreatedAt", "dlqId"}
        assert ids(api) == []

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            (f"{RESTART}?dlqIds={{}}", {"first": 1, "work": 1}),
            (f"{RESTART}/{{}}", {"first": 1, "work": 1}),
            (f"{RESUME}?dlqIds={{}}", {"work": 1}),
            (f"{RESUME}/{{}}", {"work": 1}),
            (f"{RESUME}?count=1", {"work": 1}),
        ],
    )
    def test_does_every_step_after_a_restart_and_only_what_is_left_after_a_resume(
        self, world: World, api: Api, path: str, asked: dict[str, int]
    ) -> None:
        publish(api, stories.TWO)
        [letter] = failed(world, api)
        source = letters(api)[0]["workflowRunId"]

        reply = api.post(path.format(letter)).json
        stories.later(world)

        run = reply.get("workflowRuns", [reply])[0]["workflowRunId"]
        assert stories.asked(world, run) == asked
        assert (stories.state(api, run), stories.state(api, source)) == ("RUN_SUCCESS", "RUN_FAILED")

    def test_takes_its_letter_which_is_answered_by_the_runs_name_from_then_on(self, world: World, api: Api) -> None:
        publish(api)
        [taken, other] = failed(world, api, times=2)
        run = api.post(f"{RESTART}/{taken}").json["workflowRunId"]
        stories.later(world)

        for path in [*(path.format(taken) for path in ONE), *(f"{path}?dlqIds={other},{taken}" for path in MANY)]:
            reply = refused(world, lambda path=path: api.post(path))  # type: ignore[misc]
            assert (reply.status, reply.json["became"]) == (404, {taken: run})
            assert taken in reply.json["error"]
        assert ids(api) == [other]


class TestPages:
    def test_end_with_an_empty_cursor_also_when_nothing_matches(self, world: World, api: Api) -> None:
        assert restart(api).json == {"cursor": "", "workflowRuns": []}

        publish(api)
        failed(world, api, upstash_label="x")

        assert restart(api, "label=y").json == {"cursor": "", "workflowRuns": []}
        assert restart(api, "label=x&cursor=").json["cursor"] == ""

    @pytest.mark.parametrize("path", [RESTART, RESUME])
    def test_come_to_an_end_though_every_run_fails_again(self, world: World, api: Api, path: str) -> None:
        publish(api)
        chosen = [letter for _ in range(3) for letter in failed(world, api)]
        cursor, done = "", list[str]()
        for _ in range(3):
            page = api.post(f"{path}?count=1&cursor={cursor}")
            done, cursor = done + restarted(page), page.json["cursor"]
            stories.fail_again(world, api)

        assert (done, cursor) == (chosen[::-1], "")
        assert [letter["attempt"] for letter in letters(api)] == [2, 2, 2]

    def test_go_on_though_somebody_else_has_taken_the_letters_in_between(self, world: World, api: Api) -> None:
        publish(api)
        [a, b, c, d] = sorted(failed(world, api, times=4))
        page = restart(api, "count=1")
        assert api.delete(f"{stories.DLQ}/{c}").status == 200

        rest = restart(api, f"cursor={page.json['cursor']}")

        assert [*restarted(page), *restarted(rest)] == [d, b, a]
        assert rest.json["cursor"] == ""


class TestTheChoice:
    @pytest.mark.parametrize(("query", "names"), stories.CHOSEN)
    def test_is_every_letter_of_which_all_that_is_asked_holds_newest_first(
        self, world: World, api: Api, query: str, names: str
    ) -> None:
        known = stories.catalog(world, api)

        reply = restart(api, known.fill(query))

        assert known.names(restarted(reply)) == names
        assert known.names(ids(api)) == "".join(name for name in "dcba" if name not in names)

    @pytest.mark.parametrize(
        ("query", "body", "names"),
        [
            ("dlqIds={c}&dlqIds={a},{b}&dlqIds={c}", "", "cab"),
            ("dlqIds={a}%2C{d},{a}", "", "ad"),
            ("dlqIds={a}&label=nobodys&responseStatus=7&count=1&cursor=nonsense", "", "a"),
            ("dlqIds={a}&dlqIds={b}&count=0&fromDate=99", "", "ab"),
            ("", '{"dlqIds": ["{c}", "{a}", "{c}"]}', "ca"),
            ("", '{"dlqIds": "{c},{a}"}', "ca"),
            ("", '{"dlqIds": ["{b}"], "label": "x", "count": 7}', "b"),
            ("dlqIds={d}", '{"dlqIds": ["{a}"]}', "da"),
            ("", '{"label": ["x", "p q"]}', "ca"),
            ("", '{"label": "y", "count": 1, "cursor": ""}', "b"),
            ("label=y", '{"responseStatus": 503}', "a"),
            ("", '{"responseStatus": [503, 404], "callerIp": "127.0.0.1"}', "a"),
            ("", '{"workflowUrl": "https://app.test/orders?of=a,b", "fromDate": {b_failed}}', "b"),
            ("", '{"dlqIds": []}', ""),
            ("", '{"label": []}', ""),
            ("", "{}", "dcba"),
            ("count=100", " ", "dcba"),
        ],
    )
    def test_may_be_ids_in_their_order_or_a_body_of_any_type(
        self, world: World, api: Api, query: str, body: str, names: str
    ) -> None:
        known = stories.catalog(world, api)

        reply = restart(api, known.fill(query), known.fill(body).encode(), content_type="text/plain")

        assert known.names(restarted(reply)) == names
        assert len({run["workflowRunId"] for run in reply.json["workflowRuns"]}) == len(names)
        assert len(ids(api)) == 4 - len(names)

    def test_may_be_fifty_ids_in_one_list(self, world: World, api: Api) -> None:
        publish(api)
        chosen = failed(world, api, times=50)

        assert restarted(restart(api, f"dlqIds={','.join(chosen)}")) == chosen

    def test_may_be_a_workflow_whose_url_ends_with_a_comma(self, world: World, api: Api) -> None:
        publish(api, url=f"{stories.URL}?of=a,")
        chosen = failed(world, api, url=f"{stories.URL}?of=a,")

        assert restarted(restart(api, f"workflowUrl={stories.URL}?of=a,")) == chosen

    def test_is_fifty_letters_at_most_whatever_is_asked(self, world: World, api: Api) -> None:
        publish(api)
        chosen = failed(world, api, times=52) + failed(world, api, times=50)
        expected = sorted(chosen, reverse=True)

        first = restart(api, "count=100")
        second = restart(api, f"cursor={first.json['cursor']}")
        third = restart(api, f"count=51&cursor={second.json['cursor']}")

        assert restarted(first) == expected[:50]
        assert restarted(second) == expected[50:100]
        assert restarted(third) == expected[100:]
        assert third.json["cursor"] == ""
        assert ids(api) == []


def test_a_key_may_be_shown_in_the_query(world: World, api: Api) -> None:
    publish(api)
    chosen = failed(world, api)

    reply = Api().post(f"{RESTART}?count=1&qstash_token={api.secret}")

    assert restarted(reply) == chosen


def test_qstashs_retry_resumes_and_answers_messages(world: World, api: Api) -> None:
    publish(api, stories.TWO)
    [a, b] = failed(world, api, times=2)

    reply = api.post(f"{RETRY}?dlqIds={b}&dlqIds={a}")
    stories.later(world)

    assert (reply.status, reply.json.keys()) == (201, {"cursor", "responses"})
    runs = [one["messageId"].replace("msg_", "wfr_") for one in reply.json["responses"]]
    assert [stories.asked(world, run) for run in runs] == [{"work": 1}] * 2
    assert [stories.state(api, run) for run in runs] == ["RUN_SUCCESS"] * 2
    assert (reply.json["cursor"], ids(api)) == ("", [])
    assert api.post(f"{RETRY}?count=1").json == {"cursor": "", "responses": []}
