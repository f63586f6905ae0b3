"""Whatever is wrong with a request, it is refused in one shape, and every table stays byte for byte as it was."""

import base64
import random
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from chalicelib.dialects.ops.requests import Restart
from tests.dialects.client import Api, key_of
from tests.dialects.ops.conftest import APPROVED, CHARGED, failed, publish, start
from tests.graphs import document
from tests.world import World

STARTS = "/ops/v1/definitions/order/runs"
RUNS = "/ops/v1/runs"
KEYS = "/ops/v1/keys"
NOBODY = "99999999-0000-4000-8000-000000000000"
NOISE = base64.b64encode(random.Random(7).randbytes(400_000)).decode()  # 533 KB that do not compress to 350


@dataclass(frozen=True)
class Stage:
    """An account with something of everything: nothing that is asked here may change it."""

    api: Api
    failed: str
    waiting: str
    key_id: str

    def path(self, path: str) -> str:
        return path.format(failed=self.failed, waiting=self.waiting, key=self.key_id)


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    api = key_of(world, AccountId("staged"))
    publish(api, CHARGED)
    publish(api, APPROVED, "asking")
    waiting = start(api, "asking")
    run_id = failed(world, api)
    key_id = api.post(KEYS, {"name": "k", "scopes": ["read"]}).json["id"]
    return Stage(api, run_id, waiting, key_id)


def _refused(stage: Stage, world: World, request: tuple[Any, ...], **headers: str) -> tuple[int, str]:
    """Ask, see that nothing was written, and answer how it was refused."""
    method, path, *body = request
    before, rung = world.everything(), world.messages()
    reply = stage.api(method, stage.path(path), *body, **headers)

    assert reply.json["error"].keys() == {"code", "message", "details"}
    assert reply.headers["Content-Type"] == "application/json"
    assert world.everything() == before
    assert not rung
    assert not world.messages()
    return reply.status, reply.refusal


_BODIES = (b"{", b"[]", b"null", b"\xff", b'{"a": NaN}', b'{"input": {"a": 1, "a": 2}}', b"[" * 100_000)


@pytest.mark.parametrize("raw", _BODIES, ids=lambda raw: repr(raw[:20]))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/ops/v1/definitions/order"),
        ("POST", STARTS),
        ("POST", RUNS + "/{failed}/restart"),
        ("POST", RUNS + "/{failed}/restart?dry_run=true"),
        ("POST", RUNS + "/{waiting}/cancel"),
        ("POST", RUNS + "/{waiting}/tasks/2/complete"),
        ("POST", KEYS),
    ],
)
def test_a_body_that_cannot_be_read_changes_nothing(
    world: World, stage: Stage, method: str, path: str, raw: bytes
) -> None:
    status, refusal = _refused(stage, world, (method, path, raw))

    assert (status, refusal in {"invalid_json", "invalid_field", "definition_invalid"}) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", STARTS, {"retries": 20}),
        ("POST", STARTS, {"retries": -1}),
        ("POST", STARTS, {"retries": 1.5}),
        ("POST", STARTS, {"retry_delay": -0.1}),
        ("POST", STARTS, {"delay": 365 * 86400 + 1}),
        ("POST", STARTS, {"delay": "1"}),
        ("POST", STARTS, {"labels": "x"}),
        ("POST", STARTS, {"labels": [""]}),
        ("POST", STARTS, {"labels": ["x" * 129]}),
        ("POST", STARTS, {"labels": ["x"] * 51}),
        ("POST", STARTS, {"business_key": ""}),
        ("POST", STARTS, {"business_key": "x" * 256}),
        ("POST", STARTS, {"input": [1]}),
        ("POST", STARTS, {"inputs": {}}),
        ("POST", STARTS, {"version": None}),
        ("POST", STARTS, {"version": 1.0}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "end"}}),
        ("POST", RUNS + "/{failed}/restart", {"start": {}}),
        ("POST", RUNS + "/{failed}/restart", {"start": "beginning"}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "beginning", "index": 1}}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "after_entry"}}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "after_entry", "index": True}}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "at"}}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "at", "places": []}}),
        ("POST", RUNS + "/{failed}/restart", {"start": {"type": "at", "places": [{"before_activity": "ship"}] * 101}}),
        ("POST", RUNS + "/{failed}/restart", {"data": "all"}),
        ("POST", RUNS + "/{failed}/restart", {"overlay": 1}),
        ("POST", RUNS + "/{failed}/restart", {"keep_business_key": "yes"}),
        ("POST", RUNS + "/{failed}/restart", {"allowed_statuses": []}),
        ("POST", RUNS + "/{failed}/restart", {"allowed_statuses": ["running"]}),
        ("POST", RUNS + "/{failed}/restart", {"reason": "x" * 1001}),
        ("POST", RUNS + "/{failed}/restart", {"from": 1}),
        ("POST", RUNS + "/{waiting}/cancel", {"reason": 1}),
        ("POST", RUNS + "/{waiting}/cancel", {"why": "x"}),
        ("POST", RUNS + "/{waiting}/tasks/2/complete", {"variables": []}),
        ("POST", RUNS + "/{waiting}/tasks/2/complete", {"variable": {}}),
        ("POST", KEYS, {"name": "k"}),
        ("POST", KEYS, {"name": "", "scopes": ["read"]}),
        ("POST", KEYS, {"name": "k", "scopes": []}),
        ("POST", KEYS, {"name": "k", "scopes": ["everything"]}),
        ("POST", KEYS, {"name": "k", "scopes": ["read"], "environment": "moon"}),
        ("POST", KEYS, {"name": "k", "scopes": ["read"], "expires_at": True}),
    ],
)
def test_a_field_that_does_not_fit_changes_nothing(
    world: World, stage: Stage, method: str, path: str, body: Any
) -> None:
    assert _refused(stage, world, (method, path, body)) == (400, "invalid_field")


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (("POST", STARTS, {"version": 0}), (400, "invalid_version")),
        (("POST", STARTS, {"version": "same"}), (400, "invalid_version")),
        (("POST", STARTS, {"version": "1"}), (400, "invalid_version")),
        (("POST", STARTS, {"version": 9}), (404, "version_not_found")),
        (("POST", STARTS, {"flow_control": {}}), (400, "flow_control_incomplete")),
        (("POST", STARTS, {"flow_control": {"key": "k"}}), (400, "flow_control_incomplete")),
        (("POST", STARTS, {"flow_control": {"key": "k", "rate": 0}}), (400, "invalid_field")),
        (("POST", STARTS, {"failure_callback": {}}), (400, "invalid_field")),
        (("POST", STARTS, {"failure_callback": {"url": "http://127.0.0.1/"}}), (400, "failure_callback_refused")),
        (("POST", STARTS, {"retry_delay_expression": "retried.real"}), (400, "invalid_retry_delay")),
        (("POST", STARTS, {"input": {"a": NOISE}}), (413, "data_too_large")),
        (("POST", STARTS, {"input": {"a": "a" * 1_000_000}}), (413, "too_large")),
        (("POST", RUNS + "/{failed}/restart", {"overlay": {"a": NOISE}}), (413, "data_too_large")),
        (("POST", RUNS + "/{waiting}/tasks/2/complete", {"variables": {"a": NOISE}}), (413, "data_too_large")),
        (("PUT", "/ops/v1/definitions/order", {**document(CHARGED), "name": NOISE}), (413, "data_too_large")),
        (("PUT", "/ops/v1/definitions/order"), (400, "invalid_json")),
        (("POST", KEYS), (400, "invalid_json")),
        (("POST", "/ops/v1/definitions/none/runs"), (404, "definition_not_found")),
        (("POST", "/ops/v1/definitions/none/publish"), (404, "definition_not_found")),
        (("POST", "/ops/v1/definitions/order/publish", {"version": 7}), (400, "invalid_field")),
        (("GET", "/ops/v1/definitions/none"), (404, "definition_not_found")),
        (("POST", RUNS + "/{failed}/restart", {"version": "newest"}), (400, "invalid_version")),
        (("POST", RUNS + "/{failed}/restart", {"start": {"type": "at", "places": [{}]}}), (400, "invalid_place")),
        (("POST", RUNS + "/{failed}/restart?dry_run=maybe"), (400, "invalid_field")),
        (("POST", RUNS + "/{failed}/restart?dryrun=true"), (400, "invalid_field")),
        (("POST", RUNS + "/{failed}/restart?dry_run=true&dry_run=false"), (400, "given_twice")),
        (("POST", RUNS + "/{failed}/cancel"), (409, "run_ended")),
        (("GET", RUNS + "?colour=red"), (400, "invalid_field")),
        (("GET", RUNS + "?status=odd"), (400, "invalid_field")),
        (("GET", RUNS + "?status="), (400, "invalid_field")),
        (("GET", RUNS + "?limit=0"), (400, "invalid_field")),
        (("GET", RUNS + "?limit=201"), (400, "invalid_field")),
        (("GET", RUNS + "?limit=x"), (400, "invalid_field")),
        (("GET", RUNS + "?limit=1&limit=2"), (400, "given_twice")),
        (("GET", RUNS + "?cursor=nonsense"), (400, "cursor_invalid")),
        (("GET", RUNS + "?definition=a%23b"), (400, "invalid_field")),
        (("GET", RUNS + "?created_from=yesterday"), (400, "invalid_time")),
        (("GET", RUNS + "?created_from=2&created_to=1"), (400, "invalid_time")),
        (("GET", RUNS + "/{failed}?data=all"), (400, "invalid_field")),
        (("GET", RUNS + "/{failed}/journal?from=-1"), (400, "invalid_field")),
        (("GET", RUNS + "/{failed}/journal?limit=1001"), (400, "invalid_field")),
        (("GET", KEYS + "?limit=1"), (400, "invalid_field")),
        (("DELETE", KEYS + "/{key}?force=true"), (400, "invalid_field")),
        (("DELETE", KEYS + "/none"), (404, "key_not_found")),
    ],
    ids=lambda value: repr(value)[:80],
)
def test_what_cannot_be_done_changes_nothing(
    world: World, stage: Stage, request_: tuple[Any, ...], refused: tuple[int, str]
) -> None:
    assert _refused(stage, world, request_) == refused


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\x7f", "x" * 256])
@pytest.mark.parametrize("path", [STARTS, RUNS + "/{failed}/restart"])
def test_an_idempotency_key_that_is_none_changes_nothing(world: World, stage: Stage, path: str, key: str) -> None:
    refused = _refused(stage, world, ("POST", path), idempotency_key=key)

    assert refused == (400, "invalid_idempotency_key")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RUNS + "/{}"),
        ("GET", RUNS + "/{}/journal"),
        ("GET", RUNS + "/{}/family"),
        ("POST", RUNS + "/{}/cancel"),
        ("POST", RUNS + "/{}/tasks/2/complete"),
        ("POST", RUNS + "/{}/restart"),
        ("POST", RUNS + "/{}/restart?dry_run=true"),
    ],
)
def test_a_run_of_others_and_one_that_there_is_not_are_the_same_answer(
    world: World, stage: Stage, stranger: Api, method: str, path: str
) -> None:
    before = world.everything()
    for run_id in (stage.failed, stage.waiting):
        foreign, unknown = stranger(method, path.format(run_id)), stranger(method, path.format(NOBODY))
        assert (foreign.status, foreign.refusal) == (404, "run_not_found")
        assert foreign.body.replace(run_id.encode(), NOBODY.encode()) == unknown.body
        assert foreign.headers.keys() == unknown.headers.keys()
    assert world.everything() == before


@pytest.mark.parametrize("path", ["", "/publish", "/runs"])
def test_a_definition_of_others_and_one_that_there_is_not_are_the_same_answer(
    stage: Stage, stranger: Api, path: str
) -> None:
    method = "POST" if path else "GET"
    foreign = stranger(method, f"/ops/v1/definitions/order{path}")
    unknown = stranger(method, f"/ops/v1/definitions/never{path}")

    assert foreign.refusal == "definition_not_found"
    assert foreign.body.replace(b"order", b"never") == unknown.body


def test_who_may_only_read_changes_nothing(world: World, stage: Stage) -> None:
    reader = key_of(world, AccountId("staged"), Scope.READ)
    before = world.everything()
    for method, path in (
        ("PUT", "/ops/v1/definitions/order"),
        ("POST", "/ops/v1/definitions/asking/publish"),
        ("POST", STARTS),
        ("POST", RUNS + "/{waiting}/cancel"),
        ("POST", RUNS + "/{waiting}/tasks/2/complete"),
        ("POST", RUNS + "/{failed}/restart"),
        ("POST", KEYS),
        ("GET", KEYS),
        ("DELETE", KEYS + "/{key}"),
    ):
        reply = reader(method, stage.path(path), document(APPROVED))
        assert (reply.status, reply.refusal) == (403, "scope_missing")
    assert world.everything() == before


_NAMES = st.sampled_from(sorted(set(Restart.__struct_fields__) | {"type", "index", "places", "before_activity"}))
_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 30)
    | st.floats(-1, 4e7)
    | st.sampled_from(["at", "after_entry", "draft", "x"])
)
_ASKED: st.SearchStrategy[Any] = st.recursive(
    _VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=8
)


@given(asked=st.dictionaries(_NAMES, _ASKED, max_size=4))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_planned_or_refused_and_changes_nothing(world: World, stage: Stage, asked: Any) -> None:
    before = world.everything()
    reply = stage.api.post(stage.path(RUNS + "/{failed}/restart?dry_run=true"), asked)

    assert reply.status in {200, 400, 404, 409, 413}
    assert world.everything() == before
