"""Triggers: runs begun at the URL of a workflow, with all that their headers wish for, once for each chosen id."""

from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.core.access import Scope
from tests.dialects.client import Api, Reply
from tests.dialects.upstash import stories
from tests.dialects.upstash.stories import URL, account, letters, publish, refused, state, trigger, work
from tests.graphs import Ask
from tests.world import World

BATCH, BATCH_TRIGGER = "/v2/batch", "/v2/batch/trigger"
NAMED = {"upstash_workflow_runid": "wfr_order-7.a_b"}


pytestmark = pytest.mark.usefixtures("well_again")


@pytest.fixture
def shop(api: Api) -> Api:
    publish(api)
    return api


def raw(api: Api, url: str = URL, body: Any = None, **headers: str) -> Reply:
    """Trigger a run as curl does: the URL is in the path, encoded, whatever follows it."""
    return api.post(f"/v2/trigger/{quote(url, safe='')}", body, **headers)


def inputs(api: Api) -> list[Any]:
    runs = api.get("/ops/v1/runs?limit=100").json["runs"]
    return [api.run(run["id"])["input"] for run in reversed(runs)]


def one(body: Any = None, url: str = URL, **headers: Any) -> dict[str, Any]:
    return {"destination": url, "headers": headers, "body": body}


class TestOneInThePath:
    def test_begins_a_run_of_the_definition_at_its_url(self, world: World, shop: Api) -> None:
        reply = raw(shop, body={"order": 7}, content_type="application/json")

        assert (reply.status, reply.json.keys()) == (200, {"workflowRunId", "workflowCreatedAt"})
        assert reply.json["workflowCreatedAt"] == world.clock.ms
        work(world)
        assert state(shop, reply.json["workflowRunId"]) == "RUN_SUCCESS"
        assert inputs(shop) == [{"order": 7}]

    def test_may_have_a_query_in_its_url(self, shop: Api) -> None:
        publish(shop, url=stories.WITH_COMMA, key="comma")

        run_id = raw(shop, stories.WITH_COMMA).json["workflowRunId"]

        [run] = shop.get(f"/v2/workflows/logs?workflowRunId={run_id}").json["runs"]
        assert run["workflowUrl"] == stories.WITH_COMMA

    @pytest.mark.parametrize(
        ("body", "begins_with"),
        [
            (None, {}),
            (b'{"order": 7}', {"order": 7}),
            (b"[1, 2]", {"payload": [1, 2]}),
            (b"7", {"payload": 7}),
            (b"null", {}),
            (b"hello", {"payload": "hello"}),
            (b"{broken", {"payload": "{broken"}),
            (b'"quoted"', {"payload": "quoted"}),
        ],
    )
    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream"])
    def test_takes_any_body_of_any_type(self, shop: Api, body: bytes | None, begins_with: Any, content_type: str):
        assert raw(shop, body=body, content_type=content_type).status == 200
        assert inputs(shop) == [begins_with]


class TestMany:
    @pytest.mark.parametrize(("path", "status"), [(BATCH, 200), (BATCH_TRIGGER, 201)])
    def test_are_begun_in_their_order_each_with_its_own_body(self, shop: Api, path: str, status: int) -> None:
        publish(shop, url=stories.LONGER, key="longer")

        reply = shop.post(path, [one({"n": 1}), one('{"n": 2}', stories.LONGER), one("text"), one([3])])

        assert reply.status == status
        names = [run["workflowRunId"] for run in reply.json]
        urls = {run["workflowRunId"]: run["workflowUrl"] for run in shop.get("/v2/workflows/logs").json["runs"]}
        assert [urls[name] for name in names] == [URL, stories.LONGER, URL, URL]
        assert sorted(map(str, inputs(shop))) == sorted(
            map(str, [{"n": 1}, {"n": 2}, {"payload": "text"}, {"payload": [3]}])
        )

    def test_are_told_of_with_a_message_id_where_the_sdk_reads_one(self, shop: Api) -> None:
        [told] = shop.post(BATCH, [one()]).json
        [raw_told] = shop.post(BATCH_TRIGGER, [one()]).json

        assert told["messageId"] == told["workflowRunId"].replace("wfr_", "msg_")
        assert "messageId" not in raw_told

    def test_are_none_if_one_of_them_is_refused(self, world: World, shop: Api) -> None:
        others: tuple[Any, ...] = (
            one(url="https://app.test/nobody"),
            one(**{"Upstash-Retries": "many"}),
            {"headers": {}},
            7,
        )
        for bad in others:
            reply = refused(world, partial(shop.post, BATCH, [one(), bad]))
            assert reply.status in {400, 404}

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"[null]", b'[{"destination": ""}]', b"["])
    def test_must_be_a_list_of_some(self, world: World, shop: Api, body: bytes) -> None:
        assert refused(world, lambda: shop.post(BATCH, body)).status == 400

    def test_may_be_a_hundred_and_no_more(self, world: World, shop: Api) -> None:
        assert refused(world, lambda: shop.post(BATCH, [one()] * 101)).status == 400
        assert len(shop.post(BATCH, [one()] * 100).json) == 100


class TestAUrlThatNobodyKnows:
    @pytest.mark.parametrize("url", ["https://app.test/nobody", f"{URL}/", f"{URL}?x=1", "reprise:nobody", "order"])
    def test_begins_nothing_and_the_answer_says_so(self, world: World, shop: Api, url: str) -> None:
        for ask in (lambda: shop.post(BATCH, [one(url=url)]), lambda: raw(shop, url)):
            reply = refused(world, ask)
            assert reply.status == 404
            assert url.removeprefix("reprise:") in reply.json["error"]

    def test_may_be_one_of_another_account(self, world: World, shop: Api, stranger: Api) -> None:
        assert refused(world, lambda: raw(stranger)).status == 404
        assert raw(shop).status == 200

    def test_may_be_one_of_a_definition_that_has_left_it(self, world: World, shop: Api) -> None:
        publish(shop, url=stories.LONGER)

        assert refused(world, lambda: raw(shop)).status == 404
        assert raw(shop, stories.LONGER).status == 200

    def test_is_not_needed_for_a_definition_without_a_url(self, world: World, shop: Api) -> None:
        publish(shop, url="", key="plain")

        run_id = raw(shop, "reprise:plain").json["workflowRunId"]

        work(world)
        assert state(shop, run_id) == "RUN_SUCCESS"


class TestAChosenId:
    def test_is_the_runs_name_wherever_it_is_told_of(self, world: World, shop: Api) -> None:
        [name] = trigger(shop, headers=NAMED)

        work(world)
        assert name == "wfr_order-7.a_b"
        assert state(shop, name) == "RUN_SUCCESS"

    def test_that_is_taken_is_answered_with_its_run_whatever_is_asked_for(self, world: World, shop: Api) -> None:
        [first] = shop.post(BATCH, [one({"n": 1}, **{"upstash-workflow-runid": "wfr_mine"})]).json
        [again] = shop.post(BATCH, [one({"n": 1}, **{"upstash-workflow-runid": "wfr_mine"})]).json
        [other] = shop.post(BATCH, [one({"n": 2}, **{"upstash-workflow-runid": "wfr_mine"})]).json

        assert again == other == {**first, "deduplicated": True}
        assert inputs(shop) == [{"n": 1}]

    def test_is_each_accounts_own(self, shop: Api, stranger: Api) -> None:
        publish(stranger)
        for api in (shop, stranger):
            trigger(api, headers=NAMED)

        assert [len(inputs(api)) for api in (shop, stranger)] == [1, 1]

    @pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "é", "x" * 129])
    def test_that_cannot_be_one_is_refused(self, world: World, shop: Api, name: str) -> None:
        headers = {"Upstash-Workflow-RunId": name}
        assert refused(world, lambda: shop.post(BATCH, [one(**headers)])).status == 400

    def test_of_ours_is_a_name_too(self, world: World, shop: Api) -> None:
        name = f"wfr_{7:032x}"
        [run] = trigger(shop, upstash_workflow_runid=name)

        work(world)
        assert (run, state(shop, name)) == (name, "RUN_SUCCESS")


class TestAKey:
    def test_makes_a_trigger_that_is_sent_again_the_same_run(self, shop: Api) -> None:
        first, again = (raw(shop, body={"n": 1}, idempotency_key="k").json for _ in range(2))

        assert again == {**first, "deduplicated": True}

    def test_of_another_trigger_is_refused(self, world: World, shop: Api) -> None:
        raw(shop, body={"n": 1}, idempotency_key="k")

        assert refused(world, lambda: raw(shop, body={"n": 2}, idempotency_key="k")).status == 409


class TestWishes:
    def test_are_what_the_dead_letter_of_the_run_tells_of(self, world: World, shop: Api) -> None:
        stories.failed(world, shop, headers=stories.EVERYTHING)

        [letter] = letters(shop)
        assert (letter["labels"], letter["maxRetries"], letter["flowControlKey"]) == (["alpha", "zeta"], 2, "k")
        assert (letter["parallelism"], letter["rate"], letter["period"]) == (3, 10, 86_400)
        assert (letter["failureCallback"], letter["failureCallbackHeader"]) == (stories.TOLD, {"x": ["y"]})
        assert letter["header"] == {"tenant": ["Bürger"], "Upstash-Label": ["alpha,zeta"]}

    def test_of_a_time_are_kept_to_the_second(self, world: World, shop: Api) -> None:
        at_s = world.clock.ms // 1000 + 90
        run_id = raw(shop, upstash_not_before=str(at_s), upstash_delay="1h").json["workflowRunId"]

        world.clock.advance(89_000)
        work(world)
        assert state(shop, run_id) == "RUN_STARTED"
        assert not world.outside.keys or run_id.removeprefix("wfr_") not in world.outside.keys[-1].replace("-", "")
        stories.later(world)
        assert state(shop, run_id) == "RUN_SUCCESS"

    def test_of_a_time_that_is_over_are_for_now(self, world: World, shop: Api) -> None:
        run_id = raw(shop, upstash_not_before="1").json["workflowRunId"]

        work(world)
        assert state(shop, run_id) == "RUN_SUCCESS"

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"upstash_not_before": "soon"}, 400),
            ({"upstash_not_before": "-1"}, 400),
            ({"upstash_not_before": "999999999999"}, 400),
            ({"upstash_not_before": "99999999999"}, 412),
            ({"upstash_flow_control_key": "k"}, 400),
            ({"upstash_flow_control_value": "rate=1"}, 400),
            ({"upstash_failure_callback": "nonsense"}, 400),
            ({"upstash_failure_callback": "http://169.254.169.254/latest"}, 400),
            ({"upstash_workflow_init": "false"}, 400),
            ({"upstash_workflow_calltype": "fromCallback"}, 400),
        ],
    )
    def test_that_cannot_be_kept_are_refused(self, world: World, shop: Api, headers: dict[str, str], status: int):
        assert refused(world, lambda: raw(shop, **headers)).status == status

    def test_of_a_failure_callback_to_the_workflow_itself_are_none(self, world: World, shop: Api) -> None:
        stories.failed(world, shop, upstash_failure_callback=URL)

        [letter] = letters(shop)
        assert "failureCallback" not in letter


def test_triggers_are_for_keys_that_may_write(world: World, shop: Api) -> None:
    reader = account(world, "readers", Scope.READ, Scope.RESTART)

    assert refused(world, lambda: raw(reader)).status == 403
    assert refused(world, lambda: raw(Api("nonsense"))).status == 401
    assert refused(world, lambda: raw(Api())).status == 401


def test_a_key_may_come_in_the_query(world: World, shop: Api) -> None:
    publish(shop, Ask("decide"), url=stories.LONGER, key="longer")
    bare = Api()
    reply = bare.post(f"/v2/trigger/{quote(stories.LONGER, safe='')}?qstash_token={shop.secret}")

    work(world)
    assert state(shop, reply.json["workflowRunId"]) == "RUN_STARTED"
