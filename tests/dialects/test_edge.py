"""The edge: whoever calls whatever, however wrongly, gets one kind of answer, and the log one line."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.local import LambdaContext

import app
from chalicelib.core.access import Scope
from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import AccountId
from chalicelib.dialects.edge import MAX_ANSWER, Answer, Call, Dialect, Edge, Mount, Route
from chalicelib.dialects.services import Services
from local.template import read_template
from tests.dialects.client import Api, key_of
from tests.dialects.conftest import Log
from tests.world import ACME, MINUTE, OTHER, World

RUNS = "/ops/v1/runs"
KEYS = "/ops/v1/keys"
OPS = app.MOUNTS[0]

# -- who is calling


class TestCredentials:
    @pytest.mark.parametrize(
        "shown",
        [
            {"authorization": "Bearer {}"},
            {"authorization": "bearer {}"},
            {"authorization": "BEARER  {} "},
            {"api_key": "{}"},
            {"authorization": "Basic Zm9v", "api_key": "{}"},
        ],
    )
    def test_a_key_may_be_shown_in_either_way(self, api: Api, shown: dict[str, str]) -> None:
        given = {name: value.format(api.secret) for name, value in shown.items()}

        assert Api().get(RUNS, **given).status == 200

    @pytest.mark.parametrize(
        "shown",
        [
            {},
            {"authorization": ""},
            {"authorization": "Bearer"},
            {"authorization": "Bearer "},
            {"authorization": "Bearer rsk_nobody_knows"},
            {"authorization": "Bearer " + "x" * 10_000},
            {"authorization": "Bearer é\ud800"},
            {"authorization": "Basic {}"},
            {"authorization": "{}"},
            {"authorization": "Bearer wrong", "api_key": "{}"},
            {"api_key": "x{}"},
            {"qstash_token": "{}"},
        ],
    )
    def test_without_a_key_that_we_know_nothing_is_told(self, api: Api, shown: dict[str, str]) -> None:
        given = {name: value.format(api.secret) for name, value in shown.items()}
        reply = Api().get(RUNS, **given)

        assert (reply.status, reply.refusal) == (401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"] == "Bearer"

    def test_a_key_expires(self, world: World) -> None:
        short = key_of(world, ACME, expires_at=world.clock() + MINUTE)
        assert short.get(RUNS).status == 200

        world.clock.advance(MINUTE)

        assert short.get(RUNS).refusal == "unauthenticated"

    def test_a_revoked_key_opens_nothing_any_more(self, api: Api) -> None:
        made = api.post(KEYS, {"name": "for a while", "scopes": ["read"]}).json
        other = Api(made["key"])
        assert other.get(RUNS).status == 200

        assert api.delete(f"{KEYS}/{made['id']}").status == 204

        assert other.get(RUNS).refusal == "unauthenticated"

    @pytest.mark.parametrize(
        "route", [route for route in OPS.load().routes if route.scope], ids=lambda r: r.method + r.path
    )
    def test_every_route_but_the_open_ones_needs_its_very_scope(self, world: World, route: Route) -> None:
        others = [scope for scope in Scope if scope is not route.scope]
        path = re.sub(r"\{\w+\}", "0", route.path)

        assert Api()(route.method, path).status == 401
        reply = key_of(world, ACME, *others)(route.method, path)
        assert (reply.status, reply.refusal) == (403, "scope_missing")
        assert route.scope is not None
        assert reply.json["error"]["details"] == {"scope": route.scope.value}

    @pytest.mark.parametrize("path", ["/health", "/ops/v1/health"])
    def test_health_needs_no_key(self, world: World, path: str) -> None:
        assert Api().get(path).json == {"status": "ok"}


# -- what reaches no handler


class TestChalicesOwnAnswers:
    @pytest.mark.parametrize(("method", "path"), [("PATCH", "/health"), ("DELETE", RUNS), ("HEAD", RUNS)])
    def test_a_method_that_a_path_lacks_is_refused_with_those_it_has(self, api: Api, method: str, path: str) -> None:
        reply = api(method, path)

        assert (reply.status, reply.refusal, reply.headers["Allow"]) == (405, "method_not_allowed", "GET")

    @pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/octet-stream", "image/png"])
    def test_a_body_of_another_type_is_refused(self, api: Api, media_type: str) -> None:
        reply = api.post(KEYS, b"{}", content_type=media_type)

        assert (reply.status, reply.refusal) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("media_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
    def test_json_is_known_by_any_of_its_names(self, api: Api, media_type: str) -> None:
        assert api.post(KEYS, {"name": "k", "scopes": ["read"]}, content_type=media_type).status == 201

    def test_a_read_may_come_with_any_type(self, api: Api) -> None:
        assert api.get(RUNS, content_type="text/plain").status == 200

    @pytest.mark.parametrize("path", ["/", "/ops", "/ops/v1", "/ops/v1/nothing", "/ops/v10/runs", "/else"])
    def test_a_path_that_is_nobodys_is_told_in_our_shape(self, world: World, path: str) -> None:
        status, headers, body = app.edge.unrouted("GET", path, 403)

        assert (status, json.loads(body)["error"]["code"]) == (404, "not_found")
        assert headers["x-request-id"]
        assert headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize(("kind", "status"), [("REQUEST_TOO_LARGE", 413), ("DEFAULT_5XX", 502)])
    def test_the_deployed_gateway_says_the_same_where_no_function_is_asked(
        self, world: World, kind: str, status: int
    ) -> None:
        definition = read_template()["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        told = definition["x-amazon-apigateway-gateway-responses"][kind]
        _, _, body = app.edge.unrouted("GET", "/nowhere", status)

        assert json.loads(told["responseTemplates"]["application/json"]) == json.loads(body)
        assert told["responseParameters"]["gatewayresponse.header.x-request-id"] == "context.requestId"

    @pytest.mark.parametrize(
        ("status", "code"), [(405, 405), (413, 413), (415, 415), (400, 400), (502, 500), (504, 500)]
    )
    def test_whatever_else_a_gateway_refuses_is_told_in_our_shape_too(
        self, world: World, status: int, code: int
    ) -> None:
        answered, _, body = app.edge.unrouted("GET", RUNS, status)

        assert answered == code
        assert json.loads(body)["error"].keys() == {"code", "message", "details"}

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            (RUNS, "GET"),
            (RUNS + "/", "GET"),
            (RUNS + "/x", "GET, DELETE"),
            (KEYS, "POST, GET"),
            ("/ops/v1/definitions/x", "PUT, GET"),
            ("/ops/v1/definitions/x/runs", "POST"),
            ("/ops/v1/definitions/x/y", ""),
        ],
    )
    def test_a_gateway_that_knows_a_path_and_not_the_method_is_told_those_it_has(
        self, world: World, path: str, allowed: str
    ) -> None:
        _, headers, body = app.edge.unrouted("TRACE", path, 405)

        assert headers["Allow"] == json.loads(body)["error"]["details"]["allowed"] == allowed


@pytest.mark.parametrize(
    "value", ["%20", "a%20b", "a%2Fb", "a%0Ab", "%00", "%ZZ", "%FF", "a%23b", "x" * 129, "%C3%A9", "a:b", "a+b"]
)
def test_an_id_that_nothing_can_have_is_refused_as_invalid(api: Api, value: str) -> None:
    reply = api.get(f"{RUNS}/{value}")

    assert (reply.status, reply.refusal, reply.json["error"]["details"]) == (400, "invalid", {"parameter": "id"})


def test_an_id_is_decoded_once(api: Api) -> None:
    assert api.get(f"{RUNS}/a%2Db").json["error"]["details"] == {"run_id": "a-b"}
    assert api.get(f"{RUNS}/a%252Db").refusal == "invalid"


# -- a dialect of its own, to see what the edge does by itself


def _write_error(error: RestartError) -> Answer:
    return Answer(418, json.dumps({"toy": error.code}), {"X-Toy": "yes"})


def _toy(handler: Callable[[Services, Call], Answer], scope: Scope | None = None) -> Dialect:
    return Dialect(
        name="toy",
        routes=(Route("POST", "/toy/{thing}", scope, handler),),
        read_secret=lambda call: call.headers.get("x-toy-key"),
        write_error=_write_error,
    )


def _mounted(handler: Callable[[Services, Call], Answer], scope: Scope | None = None) -> Mount:
    return Mount(lambda: _toy(handler, scope), ("/toy",))


def _served(handler: Callable[[Services, Call], Answer], services: Services, scope: Scope | None = None) -> Api:
    chalice = Chalice("toy", configure_logs=False)
    Edge(chalice, (OPS, _mounted(handler, scope)), lambda: services).register()
    return Api(served=chalice)


def _raise(error: Exception) -> Callable[[Services, Call], Answer]:
    def handler(_services: Services, _call: Call) -> Answer:
        raise error

    return handler


class TestAnyDialect:
    def test_a_handler_sees_the_request_as_it_was_meant(self, world: World) -> None:
        seen: list[Call] = []

        def handler(_services: Services, call: Call) -> Answer:
            seen.append(call)
            return Answer(202, "{}")

        toy = replace(_served(handler, world.services, Scope.READ), secret=None)
        secret = key_of(world, OTHER, Scope.READ).secret
        reply = toy.post("/toy/a%2Eb?x=1&x=2&y=&z=%C3%A9", b"\xff\x00", x_toy_key=secret or "", X_Mixed="Case")

        (call,) = seen
        assert call.params == {"thing": "a.b"}
        assert call.query == {"x": ("1", "2"), "y": ("",), "z": ("é",)}
        assert call.headers["x-mixed"] == "Case"
        assert call.body == b"\xff\x00"
        assert call.account == OTHER
        assert call.request_id == reply.headers["x-request-id"]
        assert reply.status == 202

    def test_a_refusal_is_told_in_the_dialects_own_words(self, world: World) -> None:
        reply = _served(_raise(RestartError("no")), world.services).post("/toy/x")

        assert (reply.status, reply.json, reply.headers["X-Toy"]) == (418, {"toy": "error"}, "yes")

    def test_chalices_own_answers_are_told_in_the_words_of_the_dialect_whose_path_it_is(self, world: World) -> None:
        reply = _served(_raise(RestartError("no")), world.services).get("/toy/x")

        assert (reply.json, reply.headers["Allow"]) == ({"toy": "method_not_allowed"}, "POST")

    def test_paths_that_are_nobodys_are_told_in_the_words_of_the_dialect_that_begins_so(self, world: World) -> None:
        edge = Edge(Chalice("toy", configure_logs=False), (OPS, _mounted(_raise(Busy()))), lambda: world.services)

        assert edge.unrouted("GET", "/toy/a/b/c", 403)[2] == '{"toy": "not_found"}'
        assert "error" in json.loads(edge.unrouted("GET", "/to", 403)[2])

    def test_who_may_try_again_is_told_when(self, world: World) -> None:
        reply = _served(_raise(Busy()), world.services).post("/toy/x")

        assert (reply.json, reply.headers["Retry-After"]) == ({"toy": "busy"}, "1")

    def test_an_answer_that_lambda_could_not_carry_is_refused(self, world: World) -> None:
        body = "é" * (MAX_ANSWER // 2 + 1)

        reply = _served(lambda _services, _call: Answer(200, body), world.services).post("/toy/x")

        assert reply.json == {"toy": "answer_too_large"}

    def test_nothing_that_we_answer_may_be_stored_on_the_way(self, world: World) -> None:
        reply = _served(lambda _services, _call: Answer(200, "{}"), world.services).post("/toy/x")

        assert reply.headers["Cache-Control"] == "no-store"


class TestDefectsOfOurs:
    def test_one_is_told_without_what_it_was(self, world: World) -> None:
        reply = _served(_raise(ValueError("s3cr3t")), world.services).post("/toy/x")

        assert (reply.status, reply.json) == (418, {"toy": "internal"})
        assert b"s3cr3t" not in reply.body

    def test_the_log_keeps_its_type_and_its_place_on_one_line_and_not_what_it_says(self, log: Log) -> None:
        """Serve our own app, whose log Chalice writes to, with services that cannot be built."""

        text = 'REPRISE_STAGE\n{"level": "INFO"}'

        def unbuilt() -> Services:
            raise KeyError(text) from LookupError(text)

        chalice = Chalice("reprise")
        Edge(chalice, (OPS,), unbuilt).register()
        reply = Api(served=chalice).get("/health")

        assert (reply.status, reply.refusal) == (500, "internal")
        crash, request = log.lines
        assert "LookupError\n" in crash["trace"]
        assert "KeyError\n" in crash["trace"]
        assert "test_edge.py" in crash["trace"]
        assert "REPRISE_STAGE" not in crash["trace"]
        assert (request["status"], request["refusal"]) == (500, "internal")


# -- what API Gateway sends


def _event(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": None,
        "multiValueHeaders": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": "gateway-1", "httpMethod": method, "resourcePath": path, "stage": "api"},
        "body": None,
        "isBase64Encoded": False,
        **more,
    }


class TestRequestsOfApiGateway:
    def test_the_request_is_named_as_the_gateway_names_it(self, world: World) -> None:
        event = _event("GET", "/health", headers={"x-request-id": "a client's"})

        answer = app.app(event, LambdaContext("api", 128))

        assert answer["headers"]["x-request-id"] == "gateway-1"
        assert answer["body"] == '{"status":"ok"}'

    def test_a_request_that_nobody_named_is_named_after_its_invocation(self, world: World) -> None:
        context = LambdaContext("api", 128)
        event = _event("GET", "/health")
        del event["requestContext"]["requestId"]

        assert app.app(event, context)["headers"]["x-request-id"] == context.aws_request_id

    @pytest.mark.parametrize("is_base64", [True, False])
    def test_a_body_may_come_as_text_or_in_base64(self, world: World, api: Api, is_base64: bool) -> None:
        text = json.dumps({"name": "é", "scopes": ["read"]}, ensure_ascii=False)
        body = base64.b64encode(text.encode()).decode() if is_base64 else text
        headers = {"Authorization": f"Bearer {api.secret}", "Content-Type": "application/json"}

        answer = app.app(
            _event("POST", KEYS, headers=headers, body=body, isBase64Encoded=is_base64), LambdaContext("api", 128)
        )

        assert (answer["statusCode"], json.loads(answer["body"])["name"]) == (201, "é")


# -- the log


class TestLog:
    def test_each_request_is_one_line_that_says_who_what_and_how_it_ended(
        self, api: Api, account: AccountId, log: Log
    ) -> None:
        reply = api.get(f"{RUNS}/none", x_request_id="mine")

        (line,) = log.requests
        assert line["request_id"] == reply.headers["x-request-id"] != "mine"
        assert (line["dialect"], line["method"], line["route"]) == ("ops", "GET", "/ops/v1/runs/{id}")
        assert (line["status"], line["refusal"], line["account"]) == (404, "run_not_found", account)
        assert line["key_id"]

    def test_no_secret_payload_or_header_gets_into_it(self, world: World, log: Log) -> None:
        api = key_of(world, ACME)
        api.post(f"{RUNS}/gone/cancel?x=s3cr3t-query", {"reason": "s3cr3t-body"}, x_any="s3cr3t-header")
        made = api.post(KEYS, {"name": "s3cr3t-name", "scopes": ["read"]}).json
        Api("s3cr3t-key").get(RUNS)

        written = log.written.getvalue()
        assert len(log.requests) == 3
        assert "s3cr3t" not in written
        assert made["key"] not in written
        assert api.secret is not None
        assert api.secret not in written

    def test_nobody_can_forge_a_line(self, api: Api, log: Log) -> None:
        forged = '\r\n{"level": "INFO", "account": "forged"}'

        api.get("/health", user_agent=forged)
        api("GET\r\nforged", "/health")
        app.edge.unrouted(f"GET{forged}", f"/ops/v1/{forged}", 403)

        assert len(log.lines) == 3
        assert all(line.get("account") is None for line in log.lines)

    def test_a_path_that_is_nobodys_is_logged_without_being_repeated(self, world: World, log: Log) -> None:
        app.edge.unrouted("GET", "/typed-s3cr3t", 403)

        assert (log.requests[0]["route"], log.requests[0]["status"]) == (None, 404)
        assert "s3cr3t" not in log.written.getvalue()
