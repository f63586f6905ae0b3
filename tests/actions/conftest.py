"""Servers a step may meet: one that behaves, and any that does not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.actions.addresses import AddressPolicy
from chalicelib.actions.http import HttpCaller
from chalicelib.core.effects import HttpCall

NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
LAPTOP = AddressPolicy(is_private_allowed=True)
DEPLOYED = AddressPolicy()

Script = Callable[[socket.socket], None]


def http_call(url: str, **changes: Any) -> HttpCall:
    standard: dict[str, Any] = {
        "method": "POST",
        "headers": {},
        "body": None,
        "timeout_s": 5.0,
        "idempotency_key": "run-1/ship/3",
    }
    return HttpCall(url=url, **(standard | changes))


@dataclass
class Names:
    """A DNS with these names, that remembers what it was asked."""

    addresses: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.addresses[host]


@dataclass(frozen=True)
class Seen:
    method: str
    resource: str
    headers: dict[str, str]
    body: bytes


class StepServer(ThreadingHTTPServer):
    """Answers every request alike, and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _StepHandler)
        self.seen: list[Seen] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _StepHandler(BaseHTTPRequestHandler):
    server: StepServer
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        if is_readable := super().parse_request():
            setattr(self, f"do_{self.command}", self.answer)
        return is_readable

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        self.send_response(self.server.status)
        for name, value in ({"Content-Length": str(len(self.server.body))} | self.server.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with suppress(OSError):  # the caller has read enough, and left
                self.wfile.write(self.server.body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def step() -> Iterator[StepServer]:
    with StepServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def raw_server(script: Script, *, hears_requests: bool = True) -> Iterator[str]:
    """Let a script speak on every connection once it has heard a request; yield the server's URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the listener is shut
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):  # the caller has left
                    if hears_requests:
                        hear_head(connection)
                    script(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def hear_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
        head += data
    return head


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every address a socket goes to; none goes beyond this machine."""
    opened: list[object] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: Any) -> None:
        opened.append(address)
        if address[0] not in {"127.0.0.1", "::1"}:
            raise ConnectionRefusedError("The test leaves no machine but this.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", counted)
    return opened


@pytest.fixture(scope="session")
def laptop() -> HttpCaller:
    return HttpCaller(LAPTOP, monotonic=time.monotonic, now=lambda: NOW)
