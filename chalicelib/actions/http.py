"""Perform an HTTP call: one request to a checked address, one answer, bounded in time and size.

| answer                        | outcome                                                              |
|-------------------------------|----------------------------------------------------------------------|
| 2xx                           | Succeeded: status, a few headers, body (JSON if it says so and is)   |
| 408, 425, 429, 5xx            | Failed `http_<status>`, to be tried again, no sooner than it asks    |
| any other; redirects too      | Failed `http_<status>`, final: nobody checked where a redirect leads |
| none in time                  | Failed `timeout`, to be tried again                                  |
| none, cut short, or not HTTP  | Failed `connection`, to be tried again                               |
| a certificate of another name | Failed `certificate_refused`, final; nothing was sent                |
| more than a journal keeps     | Failed `answer_too_large`, final                                     |
| not asked at all              | Failed by the code of the error (`errors.py`), final             |
"""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from socket import socket
from string import punctuation
from typing import cast
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as BodyTimeoutError

from chalicelib.actions.addresses import AddressPolicy, Resolver, Target, read_target, resolve_target, system_resolver
from chalicelib.actions.errors import ActionError, AnswerInvalid, AnswerTooLarge, MethodRefused, PayloadRefused
from chalicelib.actions.headers import check_headers
from chalicelib.actions.payloads import MAX_ANSWER_BYTES, check_size, excerpt, read_answer, write_payload
from chalicelib.actions.wire import Deadline, Wire, dial
from chalicelib.core.effects import Answered, Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.json_values import Json

MAX_RETRY_AFTER_S = 24 * 3600.0  # a longer wish would park the run past all attention

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_KEPT_HEADERS = ("content-type", "location", "retry-after", "x-request-id")
_JSON = "application/json"
_QUOTED_BYTES = 2048  # enough of a failure's body for the message; the rest is not read


@cache
def default_tls() -> ssl.SSLContext:
    """Trust whom this machine trusts; reading that costs 30 ms, so it waits for the first call."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class _Request:
    target: Target
    method: str
    headers: urllib3.HTTPHeaderDict
    body: bytes | None
    keeps: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.target.host}"  # path and query may hold secrets


@dataclass(frozen=True, slots=True)
class HttpCaller:
    """Calls what `policy` allows. `monotonic` and `now` are in seconds; `tls` says whom to trust."""

    policy: AddressPolicy
    monotonic: Callable[[], float]
    now: Callable[[], float]
    resolve: Resolver = system_resolver
    tls: Callable[[], ssl.SSLContext] = default_tls

    def call(self, call: HttpCall) -> Outcome:
        """Send one request and read its answer; whatever the other side does, it is an outcome."""
        deadline = Deadline(self.monotonic() + call.timeout_s, self.monotonic)
        try:
            return self._perform(_read_request(call, self.policy), deadline)
        except ActionError as error:
            return Failed(error.code, str(error), is_retryable=error.is_retryable)

    def _perform(self, request: _Request, deadline: Deadline) -> Outcome:
        try:
            return self._exchange(request, deadline)
        except (TimeoutError, BodyTimeoutError):
            return Failed("timeout", f"{request} did not answer in time.", is_retryable=True)
        except ssl.SSLCertVerificationError as error:
            return Failed("certificate_refused", f"{request}: {error.verify_message}", is_retryable=False)
        except (OSError, HTTPException, HTTPError, ValueError) as error:  # ValueError: a chunk of -2 bytes
            return Failed("connection", f"{request}: {excerpt(str(error))}", is_retryable=True)

    def _exchange(self, request: _Request, deadline: Deadline) -> Outcome:
        addresses = resolve_target(request.target, self.policy, self.resolve)
        with (
            dial(addresses, request.target.port, deadline) as plain,
            self._secured(plain, request.target, deadline) as connected,
        ):
            response = _send(request, Wire(connected, deadline))
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return Succeeded(_read_result(response, request.keeps))
            return self._failure(request, response)

    def _secured(self, plain: socket, target: Target, deadline: Deadline) -> socket:
        """Put TLS over the socket: it leads to an address, the certificate must bear the name."""
        if target.scheme == "http":
            return plain
        plain.settimeout(deadline.left())
        return self.tls().wrap_socket(plain, server_hostname=target.host)

    def _failure(self, request: _Request, response: urllib3.HTTPResponse) -> Failed:
        text = response.read(_QUOTED_BYTES).decode(errors="replace")
        is_retryable = response.status in _PASSING or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return Failed(
            code=f"http_{response.status}",
            message=f"{request} answered {response.status}: {excerpt(text)}",
            is_retryable=is_retryable,
            retry_after_s=read_retry_after(response.headers.get("retry-after"), self.now()) if is_retryable else None,
            answer=Answered(response.status, _kept_headers(response, request.keeps), text),
        )


def read_retry_after(text: str | None, now: float) -> float | None:
    """Read a Retry-After header, seconds or a date, as seconds from now, a day at most; nonsense is no wish."""
    if text is None:
        return None
    if re.fullmatch("[0-9]+", text):
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _read_request(call: HttpCall, policy: AddressPolicy) -> _Request:
    """Make the request to be sent, or raise ActionError: all that can be refused without a connection."""
    if call.method not in _METHODS:
        raise MethodRefused(call.method)
    target = read_target(call.url, policy)
    check_headers(call.headers)
    headers = urllib3.HTTPHeaderDict({"User-Agent": "reprise"})
    if call.request_id:
        headers["X-Request-Id"] = call.request_id
    if call.body is not None:
        headers["Content-Type"] = _JSON
    for name, value in call.headers.items():
        headers[name] = value
    headers["Host"] = target.authority
    headers["Connection"] = "close"
    headers["Accept-Encoding"] = "gzip"
    headers["Idempotency-Key"] = quote(call.idempotency_key, safe=punctuation, errors="backslashreplace")
    body = _write_body(call.body, headers.get("content-type", ""))
    return _Request(target, call.method, headers, body, (*_KEPT_HEADERS, *call.keeps))


def _write_body(body: Json, content_type: str) -> bytes | None:
    if body is None:
        return None
    if not isinstance(body, str) or _is_json(content_type):
        return write_payload(body)
    try:
        return body.encode()
    except UnicodeEncodeError as error:
        raise PayloadRefused from error


def _send(request: _Request, wire: Wire) -> urllib3.HTTPResponse:
    """Send a request and wait for the answer's head; the body is decoded as it is read."""
    connection = HTTPConnection(request.target.host, request.target.port)
    connection.auto_open = 0  # never let it resolve the name again
    connection.sock = cast("socket", wire)  # it asks for sendall, makefile and close alone
    connection.request(request.method, request.target.resource, request.body, request.headers)
    raw = connection.getresponse()
    if wire.has_ended:  # http.client takes a head that breaks off for a complete one
        raise ConnectionResetError("The answer breaks off in its head.")
    return urllib3.HTTPResponse(
        body=raw,
        headers=urllib3.HTTPHeaderDict(raw.getheaders()),
        status=raw.status,
        preload_content=False,
        request_method=request.method,
    )


def _kept_headers(response: urllib3.HTTPResponse, names: tuple[str, ...]) -> dict[str, str]:
    return {name: response.headers[name] for name in names if name in response.headers}


def _read_result(response: urllib3.HTTPResponse, keeps: tuple[str, ...]) -> Json:
    data = response.read(MAX_ANSWER_BYTES + 1)
    if len(data) > MAX_ANSWER_BYTES:
        raise AnswerTooLarge(MAX_ANSWER_BYTES)
    result: Json = {
        "status": response.status,
        "headers": dict[str, Json](_kept_headers(response, keeps)),
        "body": _read_body(data, response.headers.get("content-type", "")),
    }
    check_size(result)
    return result


def _read_body(data: bytes, content_type: str) -> Json:
    """Read a body as what it says it is; what is not what it says is text."""
    if _is_json(content_type):
        try:
            return read_answer(data)
        except AnswerInvalid:
            pass
    return data.decode(errors="replace")


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))
