"""The dead letter queue: listed, shown, emptied, told of again, and kept for as long as an account has settled."""

import json
from typing import Any

import pytest

import app
from chalicelib.core.access import Scope
from chalicelib.core.effects import Failed, Outcome
from chalicelib.dialects.edge import MAX_ANSWER
from tests.dialects.client import Api, Reply
from tests.dialects.upstash import stories
from tests.dialects.upstash.stories import DLQ, QSTASH_DLQ, RESTART, Catalog, failed, ids, letters, publish, refused
from tests.world import World

PATHS = (DLQ, QSTASH_DLQ)
ONE = (f"{DLQ}/{{}}", f"{QSTASH_DLQ}/{{}}", f"{DLQ}/delete/{{}}")
CALLBACK = f"{DLQ}/callback"
SETTINGS = "/ops/v1/settings"
NOBODY = "1752570296426-0"
WEEK_S = 7 * 86_400


pytestmark = pytest.mark.usefixtures("well_again")


@pytest.fixture(scope="module")
def owner(world: World) -> Api:
    return stories.account(world, "catalogued")


@pytest.fixture(scope="module")
def known(world: World, owner: Api) -> Catalog:
    """Answer four letters, which nobody may change."""
    return stories.catalog(world, owner)


def ask(world: World, api: Api, method: str, path: str) -> tuple[int, bool]:
    """Ask for what is refused; answer how, and whether the run that a letter became is named."""
    reply = refused(world, lambda: api(method, path))
    return reply.status, bool(reply.json.get("became"))


class TestARecord:
    def test_tells_everything_that_the_sdks_read(self, world: World, api: Api) -> None:
        publish(api, stories.TWO)
        [letter] = failed(
            world, api, answer=stories.NO_STOCK, headers=stories.EVERYTHING, body={"b": [1, "ä"], "a": None}
        )
        [record] = letters(api)
        run, created = record["workflowRunId"], record["createdAt"]

        heard = {"responseStatus": 202, "responseBody": '{"ok":true}', "responseHeaders": {"x-request-id": ["8"]}}
        names = {"dlqId": letter, "messageId": run.replace("wfr_", "msg_"), "workflowRunId": run}
        sent = {"method": "POST", "header": {"tenant": ["Bürger"], "Upstash-Label": ["alpha,zeta"]}}
        sent |= {"body": '{"a":null,"b":[1,"ä"]}', "callerIP": "127.0.0.1"}
        answered = {"responseStatus": 503, "responseHeader": {"retry-after": ["9"]}, "responseBody": "no stöck"}
        told = {"failureCallback": stories.TOLD, "failureCallbackHeader": {"x": ["y"]}}
        told |= {
            "failureFunctionState": "CALLBACK_SUCCESS",
            "failureCallbackInfo": {"state": "CALLBACK_SUCCESS", **heard},
        }
        retries = {"maxRetries": 2, "retryDelayExpression": "1000 * (1 + retried)", "retried": 0, "attempt": 1}
        flow = {"flowControlKey": "k", "parallelism": 3, "rate": 10, "period": 86_400}
        assert record == {
            **names,
            **sent,
            **answered,
            **told,
            **retries,
            **flow,
            **dict.fromkeys(("url", "workflowUrl"), stories.URL),
            **dict.fromkeys(("notBefore", "createdAt", "workflowCreatedAt"), created),
            "label": "alpha",
            "labels": ["alpha", "zeta"],
            "failedStep": "work",
            "failedAt": created + 500,
        }
        assert letter.startswith(f"{created + 500}-")

    def test_leaves_out_what_the_run_has_not(self, world: World, api: Api) -> None:
        publish(api)
        failed(world, api)
        [record] = letters(api)

        absent = {"label", "labels", "flowControlKey", "parallelism", "rate", "period", "retryDelayExpression"}
        absent |= {"failureCallback", "failureCallbackInfo", "failureFunctionState", "restartedFrom"}
        assert not absent & record.keys()
        assert (record["responseStatus"], record["responseBody"], record["maxRetries"]) == (0, "unwell", 3)
        assert (record["header"], record["responseHeader"]) == ({}, {})

    @pytest.mark.parametrize(("limit", "value"), [("parallelism", 2), ("rate", 5)])
    def test_tells_of_flow_control_the_limits_that_were_given(
        self, world: World, api: Api, limit: str, value: int
    ) -> None:
        publish(api)
        failed(world, api, upstash_flow_control_key=limit, upstash_flow_control_value=f"{limit}={value}")
        [record] = letters(api)

        told = {name: record[name] for name in ("flowControlKey", "parallelism", "rate", "period") if name in record}
        assert told == {"flowControlKey": limit, limit: value, "period": 1}

    def test_names_the_first_label_that_was_given(self, world: World, api: Api) -> None:
        publish(api)
        failed(world, api, upstash_label="zeta,alpha")
        [record] = letters(api)

        assert (record["label"], record["labels"]) == ("zeta", ["zeta", "alpha"])

    @pytest.mark.parametrize("path", PATHS)
    def test_is_shown_as_it_is_listed(self, owner: Api, known: Catalog, path: str) -> None:
        for record in known.records.values():
            reply = owner.get(f"{path}/{record['dlqId']}")
            assert (reply.status, reply.json) == (200, record)

    @pytest.mark.parametrize("path", PATHS)
    def test_is_unknown_once_it_is_taken_up_and_to_others(
        self, world: World, api: Api, owner: Api, known: Catalog, path: str
    ) -> None:
        publish(api)
        [letter] = failed(world, api)
        stories.restart(api, f"dlqIds={letter}")

        assert ask(world, api, "GET", f"{path}/{letter}") == (404, True)
        assert ask(world, api, "GET", f"{path}/{NOBODY}") == (404, False)
        assert ask(world, api, "GET", f"{path}/{known.records['a']['dlqId']}") == (404, False)


class TestAList:
    @pytest.mark.parametrize("path", [f"{DLQ}?", f"{QSTASH_DLQ}?source=workflow&"])
    @pytest.mark.parametrize(
        ("query", "names"),
        [
            *stories.CHOSEN,
            ("trimBody=true", "dcba"),
            ("trimBody=false&source=qstash", "dcba"),
            ("messageId={b_message}", "b"),
            ("messageId=msg_7", ""),
            ("queueName=q", ""),
            ("dlqIds={b}&dlqIds={d},{a}", "bda"),
        ],
    )
    def test_holds_what_is_asked_for_newest_first(
        self, owner: Api, known: Catalog, path: str, query: str, names: str
    ) -> None:
        told = owner.get(f"{path}{known.fill(query)}").json

        assert known.names([record["dlqId"] for record in told["messages"]]) == names
        assert ("cursor" in told) == ("count=1" in query.split("&") and len(names) == 1)

    @pytest.mark.parametrize("path", PATHS)
    def test_is_read_page_by_page_until_no_cursor_comes(self, owner: Api, known: Catalog, path: str) -> None:
        first = owner.get(f"{path}?count=3&source=workflow").json
        last = owner.get(f"{path}?count=3&source=workflow&cursor={first['cursor']}").json

        assert [*first["messages"], *last["messages"]] == [known.records[name] for name in "dcba"]
        assert last.keys() == {"messages"}

    @pytest.mark.parametrize(("trim", "most"), [("4", 4), ("0", 0), ("99", 99), ("true", 99)])
    def test_cuts_bodies_where_it_is_told_to(self, owner: Api, known: Catalog, trim: str, most: int) -> None:
        whole = known.records["a"]
        [record] = owner.get(f"{DLQ}?label=x&trimBody={trim}").json["messages"]

        cut = {name: whole[name][:most] for name in ("body", "responseBody")}
        assert record == {**whole, **cut}

    @pytest.mark.parametrize("character", ["y", '"', "\\"])
    def test_has_pages_that_can_be_answered_however_large_its_bodies_are(
        self, world: World, api: Api, character: str
    ) -> None:
        publish(api)
        size = 980_000 // (len(json.dumps(character)) - 2)
        chosen = [failed(world, api, body={"x": character * n})[0] for n in (size // 4, size, size * 3 // 4, size)]
        found, cursor = list[str](), ""
        while cursor is not None:
            page = api.get(f"{DLQ}?cursor={cursor}")
            assert page.status == 200, page.json
            assert len(page.body) <= MAX_ANSWER
            found += [record["dlqId"] for record in page.json["messages"]]
            cursor = page.json.get("cursor")

        assert found == chosen[::-1]

    def test_is_each_accounts_own_and_open_to_whoever_may_read(
        self, world: World, owner: Api, known: Catalog, stranger: Api
    ) -> None:
        reader, writer = (stories.account(world, "catalogued", scope) for scope in (Scope.READ, Scope.WRITE))
        for path in PATHS:
            assert stranger.get(path).json == {"messages": []}
            assert (
                reader.get(path).json == Api().get(f"{path}?qstash_token={owner.secret}").json == owner.get(path).json
            )
            assert reader.get(f"{path}/{known.records['a']['dlqId']}").status == 200
            assert ask(world, writer, "GET", path) == (403, False)
            assert ask(world, Api(), "GET", path) == (401, False)


class TestIsRefusedAndWritesNothing:
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("query", [*stories.MEANINGLESS, "trimBody=some", "trimBody=1&trimBody=2"])
    def test_what_cannot_be_meant(
        self, world: World, owner: Api, known: Catalog, method: str, path: str, query: str
    ) -> None:
        letter = known.records["a"]["dlqId"]
        assert ask(world, owner, method, f"{path}?{query.format(letter=letter)}") == (400, False)

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"labeel": 1}', b'{"dlqIds": [""]}', b'{"dlqIds": null}'])
    def test_a_removal_by_a_body_that_cannot_be_meant(self, world: World, owner: Api, body: bytes) -> None:
        assert refused(world, lambda: owner("DELETE", DLQ, body)).status == 400

    def test_a_removal_by_whoever_may_not(self, world: World, owner: Api, known: Catalog, stranger: Api) -> None:
        letter = known.records["a"]["dlqId"]
        reader, redoer = (stories.account(world, "catalogued", scope) for scope in (Scope.READ, Scope.RESTART))
        for path in [*(path.format(letter) for path in ONE), *(f"{path}?dlqIds={letter}" for path in PATHS)]:
            assert [ask(world, api, "DELETE", path)[0] for api in (Api(), reader, redoer)] == [401, 403, 403]
        assert [ask(world, stranger, "DELETE", path.format(letter))[0] for path in ONE] == [404] * 3
        assert stranger.delete(f"{DLQ}?dlqIds={letter}").json == {"deleted": 0}
        assert len(ids(owner)) == 4

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("PUT", DLQ, "GET, DELETE"),
            ("POST", QSTASH_DLQ, "GET, DELETE"),
            ("PATCH", f"{DLQ}/{NOBODY}", "GET, DELETE"),
            ("GET", f"{RESTART}/{NOBODY}", "POST"),
            ("PUT", f"{CALLBACK}/{NOBODY}", "POST, DELETE"),
        ],
    )
    def test_a_method_that_a_path_lacks(self, world: World, owner: Api, method: str, path: str, allowed: str) -> None:
        reply = refused(world, lambda: owner(method, path))
        assert (reply.status, reply.headers["Allow"]) == (405, allowed)

    @pytest.mark.parametrize("path", [f"{DLQ}/a/b/c", f"{DLQ}/", "/v2/workflows/else", f"{QSTASH_DLQ}/a/b"])
    def test_a_path_that_is_nobodys(self, world: World, path: str) -> None:
        status, headers, body = app.edge.unrouted("GET", path, 403)

        assert (status, headers["Content-Type"]) == (404, "application/json")
        assert isinstance(json.loads(body)["error"], str)


class TestARemoval:
    @pytest.mark.parametrize("path", ONE)
    def test_of_one_letter_has_nothing_to_say_and_leaves_the_run(self, world: World, api: Api, path: str) -> None:
        publish(api)
        [letter, other] = failed(world, api, times=2)
        run = api.get(f"{DLQ}/{letter}").json["workflowRunId"]

        reply = api.delete(path.format(letter))

        assert (reply.status, reply.body) == (200, b"")
        assert (ids(api), stories.state(api, run)) == ([other], "RUN_FAILED")
        stories.restart(api, f"dlqIds={other}")
        assert [ask(world, api, "DELETE", path.format(gone))[0] for gone in (letter, other)] == [404] * 2

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        ("query", "body", "left"),
        [
            ("dlqIds={d}&dlqIds={a},{b}&dlqIds={a}", "", "c"),
            ("dlqIds={a},1752570296426-0&label=z&count=1&cursor=x", "", "dcb"),
            ("dlqIds=1752570296426-0", "", "dcba"),
            ("count=100", "", ""),
            ("", "", ""),
            ("count=2", "", "ba"),
            ("label=y&toDate={b_before}", "", "dcb"),
            ("", '{"dlqIds": ["{d}", "{d}", "1752570296426-0"]}', "cba"),
            ("", '{"dlqIds": []}', "dcba"),
            ("", '{"responseStatus": [503, 404], "count": 1}', "dca"),
        ],
    )
    def test_of_many_letters_counts_those_that_were_there(
        self, world: World, api: Api, path: str, query: str, body: str, left: str
    ) -> None:
        known = stories.catalog(world, api)

        reply = api("DELETE", f"{path}?{known.fill(query)}", known.fill(body).encode())

        assert (reply.status, reply.json["deleted"]) == (200, 4 - len(left))
        assert known.names(ids(api)) == left

    def test_and_a_list_have_pages_of_a_hundred(self, world: World, api: Api) -> None:
        publish(api)
        chosen = sorted(failed(world, api, times=100) + failed(world, api, times=2), reverse=True)
        for query in ("", "count=100", "count=1000"):
            assert ids(api, query) == chosen[:100]
        cursor = api.get(DLQ).json["cursor"]
        assert ids(api, f"cursor={cursor}") == chosen[100:]

        first = api.delete(f"{DLQ}?count=1000").json
        assert (first["deleted"], first.keys(), ids(api)) == (100, {"deleted", "cursor"}, chosen[100:])
        assert api.delete(f"{DLQ}?cursor={first['cursor']}").json == {"deleted": 2}
        assert ids(api) == []


class TestACallback:
    def letter(self, world: World, api: Api, told: Outcome) -> Any:
        publish(api)
        failed(world, api, told=told, upstash_failure_callback=stories.TOLD)
        return letters(api)[0]

    def test_that_failed_is_called_again_and_the_old_run_named(self, world: World, api: Api) -> None:
        letter = self.letter(world, api, stories.DEAF)
        run, path = letter["workflowRunId"], f"{CALLBACK}/{letter['dlqId']}"
        assert letter["failureFunctionState"] == "CALLBACK_FAIL"
        assert letter["failureCallbackInfo"]["responseStatus"] == 500

        reply = api.post(path)

        assert (reply.status, reply.json) == (200, {"workflowRunId": run, "workflowCreatedAt": letter["createdAt"]})
        assert letters(api)[0]["failureCallbackInfo"]["state"] == "CALLBACK_INPROGRESS"
        assert ask(world, api, "POST", path) == (400, False)
        stories.work(world)
        assert letters(api)[0]["failureCallbackInfo"]["state"] == "CALLBACK_SUCCESS"
        assert [ask(world, api, method, path) for method in ("POST", "DELETE")] == [(400, False)] * 2

    def test_in_progress_is_canceled_for_good(self, world: World, api: Api) -> None:
        letter = self.letter(world, api, Failed("http_500", "oops", is_retryable=True))
        path = f"{CALLBACK}/{letter['dlqId']}"
        assert ask(world, api, "POST", path) == (400, False)

        reply = api.delete(path)
        called = stories.calls_of(world, "failed")
        stories.later(world, 5)

        assert (reply.status, reply.body, called) == (302, b"", [])
        assert letters(api)[0]["failureFunctionState"] == "CALLBACK_CANCELED"
        assert [ask(world, api, method, path) for method in ("POST", "DELETE")] == [(400, False)] * 2

    def test_that_nobody_has_use_for_has_no_state(self, world: World, api: Api) -> None:
        letter = self.letter(world, api, stories.UNCARING)

        assert letter["failureCallback"] == stories.TOLD
        assert not {"failureCallbackInfo", "failureFunctionState"} & letter.keys()
        path = f"{CALLBACK}/{letter['dlqId']}"
        assert [ask(world, api, method, path) for method in ("POST", "DELETE")] == [(400, False)] * 2

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_of_an_unknown_letter_and_for_whoever_may_not_is_refused(
        self, world: World, owner: Api, known: Catalog, stranger: Api, method: str
    ) -> None:
        path = f"{CALLBACK}/{known.records['d']['dlqId']}"
        reader = stories.account(world, "catalogued", Scope.READ)

        assert [ask(world, api, method, path)[0] for api in (Api(), reader, stranger)] == [401, 403, 404]
        assert ask(world, owner, method, f"{CALLBACK}/{NOBODY}") == (404, False)
        assert ask(world, owner, method, f"{path}?count=1") == (400, False)


class TestRetention:
    def settle(self, api: Api, retention_s: Any) -> Reply:
        return api.put(SETTINGS, {"dead_letter_retention": retention_s}, content_type="application/json")

    def test_ends_a_letter_at_once_for_everybody(self, world: World, api: Api) -> None:
        publish(api)
        [kept] = failed(world, api)
        assert self.settle(api, 60).status == 200
        [letter] = failed(world, api)

        world.clock.advance(58_000)
        assert ids(api) == [letter, kept]
        world.clock.advance(2_000)

        assert ids(api) == [kept]
        assert [ask(world, api, "GET", f"{path}/{letter}") for path in PATHS] == [(404, False)] * 2
        for path in (f"{RESTART}?dlqIds={kept},{letter}", f"{RESTART}/{letter}"):
            assert ask(world, api, "POST", path) == (404, False)
        assert stories.restarted(stories.restart(api)) == [kept]

    def test_leaves_nothing_to_remove(self, world: World, api: Api) -> None:
        publish(api)
        self.settle(api, 60)
        letters_ = failed(world, api, times=4)
        world.clock.advance(60_000)

        removals = [api.delete(path.format(letter)).status for path, letter in zip(ONE, letters_, strict=False)]
        assert api.delete(f"{DLQ}?dlqIds={letters_[3]}").json == {"deleted": 0}
        assert removals == [404] * 3

    def test_is_a_week_unless_an_account_settles_otherwise(self, world: World, api: Api, stranger: Api) -> None:
        assert api.get(SETTINGS).json == {"dead_letter_retention": WEEK_S}
        for seconds in (60, 366 * 86_400):
            reply = self.settle(api, seconds)
            assert (reply.status, reply.json) == (200, {"dead_letter_retention": seconds})
            assert api.get(SETTINGS).json == {"dead_letter_retention": seconds}
        assert stranger.get(SETTINGS).json == {"dead_letter_retention": WEEK_S}

    @pytest.mark.parametrize("seconds", ["59", "0", "-1", "31622401", '"60"', "60.5", "null", "true", "[60]", "60, 1"])
    @pytest.mark.parametrize("body", ['{"dead_letter_retention": %s}', '{"dead_letter_retention": 60, "more": %s}'])
    def test_beyond_its_bounds_or_with_anything_else_is_refused(
        self, world: World, api: Api, body: str, seconds: str
    ) -> None:
        before = world.rows("accounts")

        for refused_ in (body % seconds, "", "{}"):
            assert api.put(SETTINGS, refused_.encode(), content_type="application/json").status == 400
        assert world.rows("accounts") == before

    def test_is_an_administrators(self, world: World) -> None:
        scoped = {scope: stories.account(world, "settled", scope) for scope in Scope}

        assert {scope for scope, api in scoped.items() if api.get(SETTINGS).status == 200} == {Scope.READ}
        assert {scope for scope, api in scoped.items() if self.settle(api, 60).status == 200} == {Scope.ADMIN}
        assert Api().get(SETTINGS).status == self.settle(Api(), 60).status == 401
