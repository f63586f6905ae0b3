"""The outside world of the example: an endpoint that takes the steps of an order, and fails when it is told to.

| call                               | what it does                                                       |
|------------------------------------|--------------------------------------------------------------------|
| POST /charge, /reserve, /ship      | answers an id made from the body's `order`: same order, same id    |
| POST /fail `{"step", "status", …}` | lets a step fail, but not for the orders in `except_orders`        |
| POST /heal                         | lets all steps succeed again                                       |
| GET /calls                         | counts each step's calls, and the idempotency keys that came twice |
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any, TypeAlias

from chalicelib.core.json_values import Json
from local.gateway import HttpServer, Unframed, read_body

STEPS = {"charge": "charge_id", "reserve": "reservation_id", "ship": "shipment_id"}

Answer: TypeAlias = tuple[int, Json]

_LAST_STATUS = 599


class Unreadable(Exception):
    """A request asks for nothing that can be done."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a step fails, and for whom it does not."""

    status: int
    except_orders: frozenset[str]


@dataclass(slots=True)
class Shop:
    """What the endpoint has been asked and told; any thread may ask."""

    _failures: dict[str, Failure] = field(default_factory=dict)
    _calls: Counter[tuple[str, bool]] = field(default_factory=Counter)
    _keys: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def answer(self, method: str, path: str, body: bytes, key: str | None) -> Answer:
        """Do what a request asks for; `key` is its Idempotency-Key."""
        step = path.removeprefix("/")
        with self._lock:
            match method, path:
                case "GET", "/calls":
                    return HTTPStatus.OK, self._counts()
                case "POST", "/heal":
                    self._failures.clear()
                case "POST", "/fail":
                    asked = _read_object(body)
                    self._failures[_read_step(asked)] = _read_failure(asked)
                case "POST", _ if step in STEPS:
                    return self._perform(step, _read_order(_read_object(body)), key)
                case _:
                    return HTTPStatus.NOT_FOUND, {"error": f"There is no {method} {path}."}
        return HTTPStatus.OK, {}

    def _perform(self, step: str, order: str, key: str | None) -> Answer:
        failure = self._failures.get(step)
        has_failed = failure is not None and order not in failure.except_orders
        self._calls[step, has_failed] += 1
        if key is not None:
            self._keys[key] += 1
        if failure is not None and has_failed:
            return failure.status, {"error": f"{step} fails, as it was told."}
        return HTTPStatus.OK, {STEPS[step]: f"{step}-{order}"}

    def _counts(self) -> Json:
        steps: Json = {
            step: {"succeeded": self._calls[step, False], "failed": self._calls[step, True]} for step in STEPS
        }
        return {"steps": steps, "repeated_keys": sum(count > 1 for count in self._keys.values())}


def _read_object(body: bytes) -> Mapping[str, Json]:
    try:
        read: Json = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The body is not JSON.") from error
    if not isinstance(read, dict):
        raise Unreadable("The body is not an object.")
    return read


def _read_order(asked: Mapping[str, Json]) -> str:
    match asked.get("order"):
        case str() | int() as order:
            return str(order)
        case _:
            raise Unreadable("'order' must be a text or a number.")


def _read_step(asked: Mapping[str, Json]) -> str:
    match asked.get("step"):
        case str(step) if step in STEPS:
            return step
        case _:
            raise Unreadable(f"'step' must be one of {', '.join(STEPS)}.")


def _read_failure(asked: Mapping[str, Json]) -> Failure:
    match asked.get("status", HTTPStatus.SERVICE_UNAVAILABLE.value), asked.get("except_orders", []):
        case int(status), list(orders) if HTTPStatus.BAD_REQUEST <= status <= _LAST_STATUS:
            return Failure(status, frozenset(map(str, orders)))
        case _:
            raise Unreadable(f"'status' must be 400 to {_LAST_STATUS}, 'except_orders' a list.")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: "ExampleEndpoint"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        key = self.headers.get("Idempotency-Key")
        try:
            body = read_body(self.headers, self.rfile) or b""
            status, answer = self.server.shop.answer(self.command, self.path, body, key)
        except Unreadable as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        except Unframed:
            self.close_connection = True
            status, answer = HTTPStatus.BAD_REQUEST, {"error": "Nobody knows where the body ends."}
        self._send(status, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing: `GET /calls` tells."""


class ExampleEndpoint(HttpServer):
    """The endpoint on a host and port (0: any free one); `url` says where, `start` and `stop` when."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Handler)
        self.shop = Shop()
