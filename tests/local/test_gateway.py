import json
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from io import BytesIO
from threading import Barrier, Event, Timer
from types import MappingProxyType
from typing import Any
from urllib.request import urlopen

import pytest
from chalice.app import Chalice, Response
from hypothesis import given
from hypothesis import strategies as st

from local.gateway import MAX_BODY, Server, Unframed, read_body

HOST = "127.0.0.1"
PATIENCE_S = 10.0
ORDERS = "/orders/7"


def unrouted(method: str, path: str, status: int) -> tuple[int, dict[str, str], str]:
    """Answer with what we were told."""
    headers = {"Content-Type": "application/problem+json", "allow": "", "X-Shape": "ours"}
    return status, headers, json.dumps([method, path, status])


def echo(app: Chalice) -> Any:
    request = app.current_request
    assert request is not None
    return request.to_original_event()


@pytest.fixture
def app() -> Chalice:
    app = Chalice("shop", configure_logs=False, env={})

    @app.route("/orders/{order}", methods=["GET", "PUT"], content_types=["*/*"])
    def orders(order: str) -> Any:
        event = echo(app)
        body = (event["body"] or b"").decode()
        return {"order": order, "body": body, "headers": event["headers"], "all": event["multiValueHeaders"]}

    @app.route("/shared", cors=True)
    def shared() -> str:
        return "shared"

    @app.route("/head", methods=["HEAD", "DELETE"], content_types=["*/*"])
    def head() -> Response:
        status = 200 if echo(app)["requestContext"]["httpMethod"] == "HEAD" else 204
        return Response(
            "a body", headers={"content-type": "text/plain", "Set-Cookie": ["a=1", "b=2"]}, status_code=status
        )

    return app


@pytest.fixture
def server(app: Chalice) -> Iterator[Server]:
    server = Server(app, HOST, 0, unrouted)
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection(HTTPConnection):
    """One connection that is kept: a request that is not understood spoils the next."""

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Ask, and read the whole answer; a body that is not bytes goes in chunks."""
        self.request(method, path, body, headers)
        response = self.getresponse()
        return Answer(response.status, response.headers, response.read().decode())


@pytest.fixture
def client(server: Server) -> Iterator[Connection]:
    connection = Connection(HOST, server.server.server_port, timeout=PATIENCE_S)
    yield connection
    connection.close()


def talk(server: Server, request: bytes) -> bytes:
    """Send bytes, and answer all that comes until the server ends the connection."""
    with socket.create_connection((HOST, server.server.server_port), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        answer = b""
        with suppress(ConnectionResetError):  # the end, where not all of the request was read
            while data := connection.recv(65_536):
                answer += data
    return answer


def read_raw(answer: bytes) -> tuple[bytes, Any]:
    """Read the status line and the JSON body of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], json.loads(body)


class TestRouting:
    def test_a_view_answers(self, client: Connection) -> None:
        answer = client.ask("PUT", ORDERS, b"a body")

        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert (answer.json["order"], answer.json["body"]) == ("7", "a body")

    def test_a_server_says_where_it_is(self, server: Server) -> None:
        with urlopen(server.url + "/shared") as answer:
            assert answer.read() == b"shared"

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer key"}])
    def test_an_unknown_route_is_answered_by_unrouted(self, client: Connection, headers: dict[str, str]) -> None:
        answer = client.ask("GET", "/nowhere/at/all?q=1", headers=headers)

        assert answer.json == ["GET", "/nowhere/at/all", 404]
        assert answer.status == 404
        assert answer.headers.get_all("Content-Type") == ["application/problem+json"]
        assert answer.headers["X-Shape"] == "ours"

    @pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
    def test_a_wrong_method_is_answered_by_unrouted_and_told_the_right_ones(
        self, client: Connection, method: str
    ) -> None:
        answer = client.ask(method, ORDERS + "?q=1")

        assert answer.status == 405
        assert answer.headers.get_all("Allow") == ["GET, PUT"]
        assert method == "HEAD" or answer.json == [method, ORDERS, 405]

    def test_a_preflight_request_is_answered_by_chalice(self, client: Connection) -> None:
        answer = client.ask("OPTIONS", "/shared")

        assert (answer.status, answer.body) == (200, "")
        assert answer.headers["Access-Control-Allow-Methods"] == "GET,OPTIONS"
        assert client.ask("POST", "/shared").headers["Allow"] == "GET, OPTIONS"

    def test_a_repeated_header_has_its_last_value_and_all_of_them(self, server: Server) -> None:
        request = f"GET {ORDERS} HTTP/1.1\r\nX-Tag: a\r\nx-tag: b\r\nConnection: close\r\n\r\n"

        _, seen = read_raw(talk(server, request.encode()))

        assert seen["headers"]["x-tag"] == "b"
        assert seen["all"]["x-tag"] == ["a", "b"]

    def test_a_view_is_told_how_long_it_has(self, app: Chalice) -> None:
        @app.route("/time")
        def left() -> Any:
            return app.lambda_context.get_remaining_time_in_millis()

        server = Server(app, HOST, 0, unrouted, timeout_s=7)
        server.start()
        client = Connection(HOST, server.server.server_port)
        left_ms = client.ask("GET", "/time").json
        client.close()
        server.stop()

        assert 0 < left_ms <= 7_000

    def test_requests_at_the_same_time_have_each_their_own_current_request(self, app: Chalice, server: Server) -> None:
        together = Barrier(2)

        @app.route("/both/{name}")
        def both(name: str) -> Any:
            together.wait(PATIENCE_S)
            return echo(app)["pathParameters"]["name"]

        late = Server(app, HOST, 0, unrouted)  # it knows this route
        late.start()

        def ask(name: str) -> str:
            client = Connection(HOST, late.server.server_port)
            answer = client.ask("GET", f"/both/{name}").body
            client.close()
            return answer

        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(ask, ["a", "b"]))
        late.stop()

        assert answers == ["a", "b"]


class TestConnections:
    @pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("DELETE", 204)])
    def test_an_answer_without_body_leaves_the_connection_usable(
        self, client: Connection, method: str, status: int
    ) -> None:
        answer = client.ask(method, "/head")

        assert (answer.status, answer.body) == (status, "")
        assert answer.headers.get_all("Content-Type") == ["text/plain"]
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert client.ask("GET", "/shared").body == "shared"

    def test_a_body_in_chunks_is_read(self, client: Connection) -> None:
        answer = client.ask("PUT", ORDERS, iter([b"in ", b"chunks" * 20_000]))

        assert answer.json["body"] == "in " + "chunks" * 20_000
        assert client.ask("GET", ORDERS).json["body"] == ""

    def test_a_client_that_asks_before_it_sends_is_told_to(self, server: Server) -> None:
        head = f"PUT {ORDERS} HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"

        answer = talk(server, head.encode() + b"ok")

        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")

    @pytest.mark.parametrize("is_chunked", [False, True])
    def test_a_body_that_api_gateway_would_not_take_is_refused_and_the_connection_goes_on(
        self, client: Connection, is_chunked: bool
    ) -> None:
        body = b"x" * (MAX_BODY + 1)

        answer = client.ask("PUT", ORDERS, iter([body]) if is_chunked else body)

        assert (answer.status, answer.json) == (413, ["PUT", ORDERS, 413])
        assert client.ask("GET", "/shared").status == 200

    @pytest.mark.parametrize(
        "headers",
        [
            b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: +1\r\n\r\na",
            b"Content-Length: ten\r\n\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n\r\n",
        ],
    )
    def test_a_body_whose_end_nobody_knows_is_refused_and_nothing_more_is_read(
        self, server: Server, headers: bytes
    ) -> None:
        answer = talk(server, b"PUT /orders/7 HTTP/1.1\r\n" + headers + b"GET /shared HTTP/1.1\r\n\r\n")

        assert read_raw(answer) == (b"HTTP/1.1 400 Bad Request", ["PUT", ORDERS, 400])
        assert b"Connection: close" in answer

    @pytest.mark.parametrize(
        ("request_bytes", "told"),
        [
            (b"no request at all, but a long line\r\n\r\n", ["", "/", 400]),
            (b"GET / HTTP/x\r\n\r\n", ["", "/", 400]),
            (b"GET / HTTP/2.0\r\n\r\n", ["", "/", 400]),
            (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", ["", "/", 400]),
            (b"GET /orders/7 HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", ["GET", ORDERS, 400]),
        ],
        ids=["garbage", "no version", "another version", "a long path", "many headers"],
    )
    def test_what_is_not_http_is_answered_by_unrouted(self, server: Server, request_bytes: bytes, told: Any) -> None:
        assert read_raw(talk(server, request_bytes)) == (b"HTTP/1.1 400 Bad Request", told)

    def test_a_kept_connection_waits_for_no_acknowledgement(self, client: Connection) -> None:
        took = []
        for _ in range(15):
            begun = time.perf_counter()
            client.ask("PUT", ORDERS, b"a body")
            took.append(time.perf_counter() - begun)

        assert sorted(took)[len(took) // 2] < 0.03  # seconds; a delayed acknowledgement comes after 0.04

    def test_nothing_is_printed_not_even_for_a_client_that_left(
        self, server: Server, client: Connection, capfd: pytest.CaptureFixture[str]
    ) -> None:
        client.ask("GET", "/shared")
        client.ask("GET", "/nowhere")
        with socket.create_connection((HOST, server.server.server_port)) as leaving:
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            leaving.sendall(b"PUT /orders/7 HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        server.stop()

        assert capfd.readouterr() == ("", "")

    def test_a_defect_is_printed(self, app: Chalice, capfd: pytest.CaptureFixture[str]) -> None:
        def broken(*_: object) -> Any:
            raise RuntimeError("out of paper")

        server = Server(app, HOST, 0, broken)
        server.start()
        assert talk(server, b"GET /nowhere HTTP/1.1\r\n\r\n") == b""
        server.stop()

        assert "RuntimeError: out of paper" in capfd.readouterr().err


class TestStop:
    def test_idle_connections_are_closed(self, server: Server, client: Connection) -> None:
        client.ask("GET", "/shared")

        server.stop()

        assert client.sock.recv(1) == b""

    def test_a_request_that_was_asked_is_answered(self, app: Chalice) -> None:
        asked, go_on = Event(), Event()

        @app.route("/slow")
        def slow() -> str:
            asked.set()
            assert go_on.wait(PATIENCE_S)
            return "answered"

        server = Server(app, HOST, 0, unrouted)
        server.start()
        client = Connection(HOST, server.server.server_port)
        client.request("GET", "/slow")
        assert asked.wait(PATIENCE_S)
        Timer(0.05, go_on.set).start()
        server.stop()

        assert go_on.is_set()
        assert client.getresponse().read() == b"answered"
        client.close()

    def test_a_server_that_never_started_can_be_stopped(self, app: Chalice) -> None:
        server = Server(app, HOST, 0, unrouted)

        server.stop()

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, server.server.server_port))

    def test_a_port_that_is_taken_is_said_so(self, app: Chalice, server: Server) -> None:
        with pytest.raises(OSError, match="in use"):
            Server(app, HOST, server.server.server_port, unrouted)


def headers_of(*named: tuple[str, str]) -> Message:
    headers = Message()
    for name, value in named:
        headers[name] = value
    return headers


class TestReadBody:
    @given(st.lists(st.binary(min_size=1)), st.binary(), st.sampled_from(["chunked", "Chunked"]))
    def test_a_body_in_any_chunks_is_read_to_its_end_and_no_further(
        self, chunks: list[bytes], rest: bytes, coding: str
    ) -> None:
        framed = b"".join(b"%x;name=value\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        stream = BytesIO(framed + b"0\r\nTrailer: value\r\n\r\n" + rest)

        assert read_body(headers_of(("Transfer-Encoding", coding)), stream) == b"".join(chunks)
        assert stream.read() == rest

    @given(st.binary(), st.binary())
    def test_a_body_of_a_known_length_is_read_to_its_end_and_no_further(self, body: bytes, rest: bytes) -> None:
        stream = BytesIO(body + rest)

        assert read_body(headers_of(("Content-Length", str(len(body)))), stream) == body
        assert stream.read() == rest

    @pytest.mark.parametrize(
        ("framing", "sent"),
        [
            (("Content-Length", "3"), b"ab"),
            (("Transfer-Encoding", "chunked"), b"3\r\nab"),
            (("Transfer-Encoding", "chunked"), b"2\r\nab\r\n"),
        ],
    )
    def test_a_body_that_stops_short_is_no_body(self, framing: tuple[str, str], sent: bytes) -> None:
        with pytest.raises(Unframed):
            read_body(headers_of(framing), BytesIO(sent))

    def test_the_largest_body_is_read_and_a_larger_one_is_none(self) -> None:
        def read(size: int) -> bytes | None:
            return read_body(headers_of(("Content-Length", str(size))), BytesIO(b"x" * size))

        assert read(MAX_BODY) == b"x" * MAX_BODY
        assert read(MAX_BODY + 1) is None
