"""What nobody in good faith sends, to every route of every dialect: nothing is written, told, or forged in the log."""

from typing import Any

from chalicelib.core.effects import Failed
from chalicelib.dialects.edge import Dialect, Route
from tests.aws_calls import Calls
from tests.dialects.client import Api, Reply
from tests.dialects.conftest import Log
from tests.dialects.test_every_route import ONCE, ask, bodies, named
from tests.dialects.things import ACCOUNT, Things
from tests.graphs import Call, document
from tests.world import World

CANARY = "canary-5f3a"
FORGED = f'\n{{"level": "INFO", "message": "{CANARY}"}}'
HOSTILE_IDS = (
    f"x#batch#{ACCOUNT}",
    f"{ACCOUNT}#run",
    "..",
    "../../health",
    "a/b",
    "%00",
    "\x00",
    "a\r\nSet-Cookie: b=c",
    "\u202e",
    "\ud800",
    "#",
    "?a=b",
    "${jndi:ldap://x}",
    "' OR 1=1 --",
    "x" * 2049,
)
TRAPS = (
    b"[" * 5000,
    b'{"a":' * 5000,
    b'{"a": NaN}',
    b'{"a": 1e400}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": 1, "a": 2}',
    b'{"a": "\\ud800"}',
    '{"a": 1}'.encode("utf-16"),
    b"\xff\xfe",
    b"null",
    b"[null]",
    b'"text"',
)
PARAMETRIZED = [(dialect, route) for dialect, route in ONCE if "{" in route.path]


def is_defect(reply: Reply) -> bool:
    """Say whether an answer tells of a mistake of ours: Camunda's engine answers 500 to some of others'."""
    is_engines = b'"code":0' in reply.body or b"NullPointerException" in reply.body
    return reply.status >= 500 and reply.status != 501 and not is_engines


@named(PARAMETRIZED)
def test_an_id_that_is_none_is_told_so_and_changes_nothing(known: Things, dialect: Dialect, route: Route) -> None:
    before = known.standing()

    for hostile in HOSTILE_IDS:
        reply = ask(known.api, route, hostile, {})
        assert not is_defect(reply), (hostile, reply.body)
        if reply.status >= 400:
            assert known.standing() == before, hostile
        else:
            before = known.standing()
        assert "set-cookie" not in {name.lower() for name in reply.headers}


@named([(dialect, route) for dialect, route in ONCE if route.method != "GET"])
def test_ids_in_a_body_that_are_none_are_no_defect_of_ours(known: Things, dialect: Dialect, route: Route) -> None:
    for hostile in ("x" * 2049, "a#b", ""):
        for body in bodies(hostile):
            reply = ask(known.api, route, known.ids[0], body)
            assert not is_defect(reply), (hostile, reply.body)


@named([(dialect, route) for dialect, route in ONCE if route.method not in {"GET", "DELETE"}])
def test_json_that_is_a_trap_is_no_defect_of_ours(known: Things, dialect: Dialect, route: Route) -> None:
    for trap in TRAPS:
        before = known.standing()
        reply = ask(known.api, route, known.ids[0], trap)
        assert not is_defect(reply), (trap[:20], reply.body)
        assert reply.status < 400 or known.standing() == before


@named(ONCE)
def test_what_is_secret_is_neither_logged_nor_told(known: Things, log: Log, dialect: Dialect, route: Route) -> None:
    body: Any = {"secret": CANARY, "variables": {"card": {"value": CANARY}}, "url": f"https://{CANARY}@example.test"}
    given = {"cookie": CANARY, "x_api_key": CANARY, "authorization": f"Bearer {CANARY}", "idempotency_key": CANARY}

    replies = [
        _send(Api(), route, body, given),
        _send(known.api, route, body, {name: text for name, text in given.items() if name != "authorization"}),
    ]

    written = log.written.getvalue()
    assert CANARY not in written
    assert str(known.api.secret) not in written
    for reply in replies:
        assert str(known.api.secret) not in reply.body.decode()
        if reply.status == 401:
            assert CANARY not in reply.body.decode()


def _send(api: Api, route: Route, body: Any, headers: dict[str, str]) -> Reply:
    path = route.path.replace("{", "").replace("}", "")
    taken = route.content_types[0].replace("*/*", "application/json")
    return api(route.method, path, None if route.method == "GET" else body, content_type=taken, **headers)


def test_what_a_worker_works_on_is_neither_logged_nor_sent_to_a_queue(
    world: World, api: Api, log: Log, calls: Calls
) -> None:
    """Let a run with secrets wherever there is room for one fail, and its failure be told in vain."""
    headers: dict[str, Any] = {"Authorization": CANARY, "X-Key": "${key}"}
    url = f"https://api.example.test/work?key={CANARY}"
    call = Call("work", {"action": {"type": "http", "url": url, "headers": headers, "body": "${card}"}})
    assert api.put("/ops/v1/definitions/secretive", document(call)).status == 200
    api.post("/ops/v1/definitions/secretive/publish")
    world.outside.answers["work?key=" + CANARY] = lambda _call: Failed("http_500", f"said: {CANARY}", is_retryable=True)
    world.outside.answers[CANARY] = lambda _call: Failed("connection", CANARY, is_retryable=True)

    told = {"url": f"https://told.example.test/{CANARY}", "headers": {"X-Key": CANARY}}
    body = {"input": {"key": CANARY, "card": CANARY}, "failure_callback": told}
    run = api.post("/ops/v1/definitions/secretive/runs", body).json["id"]
    calls.made.clear()
    calls.requests.clear()
    world.settle()

    assert api.run(run)["status"] == "failed"
    assert len(log.lines) > 3
    assert CANARY not in log.written.getvalue()
    assert CANARY not in str([it for name, it in zip(calls.made, calls.requests, strict=True) if name[:3] == "sqs"])


def test_no_text_of_a_request_makes_a_line_of_the_log(known: Things, log: Log) -> None:
    for header in ("user_agent", "x_request_id", "x_reason", "referer"):
        known.api.get("/ops/v1/runs", **{header: FORGED.replace("\n", " ")})
    known.api.get("/ops/v1/runs/x%0A%7B%22level%22%3A1%7D")
    known.api.get(f"/ops/v1/runs?status={FORGED.strip()}")

    assert len(log.requests) == 6
    assert CANARY not in log.written.getvalue()
