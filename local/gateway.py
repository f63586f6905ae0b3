"""API Gateway on this machine: Chalice's own local server, started from a program, and better mannered on the wire.

| a request                            | Chalice's local server             | here                               |
|--------------------------------------|------------------------------------|------------------------------------|
| to no route, with no such method     | 403, 405, 501 in three shapes      | answered by `unrouted`             |
| that is not HTTP                     | a page of HTML, or a dead thread   | answered by `unrouted`, and closed |
| in chunks                            | its body is the next request       | read                               |
| larger than API Gateway takes        | taken                              | answered by `unrouted`             |
| with a header twice                  | the first value                    | the last one, and all of them      |
| HEAD                                 | a body that is the next answer     | no body                            |
| on a connection that was used before | waits 40 ms for an acknowledgement | at once                            |
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from socket import SHUT_RD, socket
from threading import Condition, Thread
from typing import Any, TypeAlias

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import (
    ChaliceRequestHandler,
    LocalChalice,
    LocalDevServer,
    LocalGateway,
    RouteMatcher,
    ThreadedHTTPServer,
)

Unrouted: TypeAlias = Callable[[str, str, int], tuple[int, dict[str, str], str]]
"""Answers for what reaches no route (method, path, and 400, 404, 405 or 413) with a status, headers and a body."""

TIMEOUT_S = 29  # API Gateway waits no longer
MAX_BODY = 10 * 1024 * 1024  # bytes; API Gateway takes no more

_LEAVE_S = 5.0  # for what is being answered when a server stops
_LOOK_S = 0.05  # between looks whether to stop
_MAX_LINE = 65_536  # bytes, as http.server has it
_PIECE = 65_536  # bytes
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;.*)?\r?\n", re.DOTALL)
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


# -- a server on threads of its own


class HttpServer(ThreadedHTTPServer):
    """Serves on a thread of its own, and every connection on another, from `start` to `stop`."""

    request_queue_size = 128  # connections of a burst wait here; refused ones would try again after a second

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._open: set[socket] = set()
        self._is_closed = Condition()
        self._thread = Thread(target=self.serve_forever, args=(_LOOK_S,), name="http", daemon=True)
        super().__init__(address, handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Accept no more, answer what has been asked, and close every connection."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._is_closed:
            for connection in self._open:
                with suppress(OSError):  # it is being closed just now
                    connection.shutdown(SHUT_RD)
            self._is_closed.wait_for(lambda: not self._open, _LEAVE_S)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._is_closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._is_closed:
            self._open.discard(request)
            self._is_closed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of a defect, and not of a client that has left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


# -- request bodies


class Unframed(Exception):
    """Nobody knows where a request ends, nor where the next one begins."""


def read_body(headers: Message, stream: BufferedIOBase) -> bytes | None:
    """Read a request's body to its end; answer None for more than `MAX_BODY`, or raise `Unframed`."""
    body, size = bytearray(), 0
    for piece in _pieces(headers, stream):
        size += len(piece)
        if size <= MAX_BODY:
            body += piece
    return bytes(body) if size <= MAX_BODY else None


def _pieces(headers: Message, stream: BufferedIOBase) -> Iterator[bytes]:
    """Tell the two framings apart; both at once is how requests are smuggled (RFC 9112, 6.3)."""
    match headers.get_all("Transfer-Encoding", []), headers.get_all("Content-Length", []):
        case [], []:
            return
        case [], [length] if _LENGTH.fullmatch(length):
            yield from _exactly(int(length), stream)
        case [coding], [] if coding.lower() == "chunked":
            yield from _chunks(stream)
        case _:
            raise Unframed


def _exactly(size: int, stream: BufferedIOBase) -> Iterator[bytes]:
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            raise Unframed
        size -= len(piece)
        yield piece


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    """Read chunks up to the empty one, and past the trailers (RFC 9112, 7.1)."""
    while size := _chunk_size(stream):
        yield from _exactly(size, stream)
        _chunk_end(stream)
    while stream.readline(_MAX_LINE).rstrip(b"\r\n"):
        pass


def _chunk_size(stream: BufferedIOBase) -> int:
    found = _CHUNK_SIZE.fullmatch(stream.readline(_MAX_LINE))
    if found is None:
        raise Unframed
    return int(found[1], 16)


def _chunk_end(stream: BufferedIOBase) -> None:
    if stream.readline(2).rstrip(b"\r\n"):
        raise Unframed


# -- the gateway


class _Gateway(LocalGateway):
    """Chalice's gateway, that leaves what it cannot route to `unrouted`, and tells every value of a header."""

    def __init__(self, app: Chalice, config: Config, unrouted: Unrouted) -> None:
        super().__init__(app, config)
        self._matcher = RouteMatcher(list(app.routes))
        self._unrouted = unrouted

    def handle_request(self, method: str, path: str, headers: dict[str, Any], body: bytes | None) -> dict[str, Any]:
        methods = self._methods(path)
        if methods is None:
            return self.refuse(method, path, HTTPStatus.NOT_FOUND)
        if method not in methods:
            return self.refuse(method, path, HTTPStatus.METHOD_NOT_ALLOWED, Allow=", ".join(methods))
        return super().handle_request(method, path, headers, body)

    def refuse(self, method: str, path: str, why: int, **headers: str) -> dict[str, Any]:
        status, usual, body = self._unrouted(method, path.partition("?")[0], why)
        named = {name.title(): value for name, value in usual.items()}
        return {"statusCode": status, "headers": named | headers, "multiValueHeaders": {}, "body": body}

    def _methods(self, path: str) -> list[str] | None:
        """Answer what may be done at a path, preflight requests included; None where there is nothing."""
        try:
            entries = self._app_object.routes[self._matcher.match_route(path).route]
        except ValueError:
            return None
        is_shared = any(entry.cors for entry in entries.values())
        return list(dict.fromkeys([*entries, *(["OPTIONS"] if is_shared else [])]))

    def _generate_lambda_event(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        last = {name: values[-1] for name, values in headers.items()}
        event = super()._generate_lambda_event(method, path, last, body)
        return {**event, "multiValueHeaders": headers}


class _Handler(ChaliceRequestHandler):
    """One connection."""

    default_request_version = "HTTP/1.1"  # a request line that is none is answered with a status line too
    disable_nagle_algorithm = True

    def __init__(self, *connection: Any, gateway: _Gateway, **_chalice: Any) -> None:
        self.local_gateway: _Gateway = gateway
        self._body: bytes = b""
        BaseHTTPRequestHandler.__init__(self, *connection)  # Chalice's would make a plain gateway

    def parse_request(self) -> bool:
        """Read a whole request; where there is none to be routed, answer it and say no."""
        if not super().parse_request():
            return False
        try:
            body = read_body(self.headers, self.rfile)
        except Unframed:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        if body is None:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return False
        self._body = body
        setattr(self, f"do_{self.command}", self._generic_handle)  # whatever it is, the gateway answers
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - http.server's signature
        """Answer what is not HTTP, and end the connection: what comes next on it is anybody's guess."""
        self._refuse(HTTPStatus.BAD_REQUEST, Connection="close")

    def _refuse(self, why: int, **headers: str) -> None:
        path = self.path if self.command else "/"
        answer = self.local_gateway.refuse(self.command or "", path, why, **headers)
        self._send_http_response(answer["statusCode"], answer["headers"], answer["body"])

    def _parse_payload(self) -> tuple[dict[str, Any], bytes | None]:
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        return headers, self._body or None

    def _send_http_response(self, code: int, headers: dict[str, Any], body: str | bytes | None) -> None:
        """Send an answer, so that nothing of it can be taken for the next one."""
        content = body.encode() if isinstance(body, str) else body or b""
        if code in _WITHOUT_BODY:
            content = b""
        named = {name.title(): value for name, value in headers.items()}
        self.send_response(code)
        typed = {"Content-Type": "application/json"} if content else {}
        self._send_headers({**typed, **named, "Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Say nothing: the app logs its requests."""


class Server(LocalDevServer):
    """An app at a host and port (0: any free one); `timeout_s` is what its views are told they have.

    The app is changed: from now on each thread has its own `current_request`.
    """

    server: HttpServer

    def __init__(self, app: Chalice, host: str, port: int, unrouted: Unrouted, *, timeout_s: int = TIMEOUT_S) -> None:
        if not isinstance(app, LocalChalice):
            app.__class__ = type("ThreadedChalice", (LocalChalice, type(app)), {})
        config = Config.create(lambda_timeout=timeout_s)
        handler = partial(_Handler, gateway=_Gateway(app, config, unrouted))
        super().__init__(app, config, host, port, handler_cls=handler, server_cls=HttpServer)

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        """Accept no more, answer what has been asked, and close every connection."""
        self.server.stop()
