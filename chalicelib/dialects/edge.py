"""The edge: all that is the same for every dialect between API Gateway and a handler.

    request ─► Chalice ─► middleware ─► view ─► handler ─► use case
                             │            └─ who is calling, and may they; a refusal becomes the dialect's error
                             └─ a request id and a log line for every answer;
                                Chalice's own 400, 404, 405, 415 and 500 become the dialect's errors too

A dialect is data: its paths, how it is told a key, how it says a refusal. Nothing is built before a request comes, and
a dialect is not even loaded before a request for one of its paths does.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import unquote

from chalice.app import Chalice, Request, Response

from chalicelib.core.access import ApiKey, Scope
from chalicelib.core.audit import Asked, read_reason
from chalicelib.core.causes import Cause
from chalicelib.core.errors import Busy, Invalid, NotFound, RestartError, TooLarge
from chalicelib.core.ids import AccountId
from chalicelib.dialects.paths import Place
from chalicelib.dialects.request_log import ANSWERED, JsonLines, Trace, tell
from chalicelib.service.access import Access
from chalicelib.service.audit import Audit
from chalicelib.service.defects import discreet
from chalicelib.service.metrics import Meter
from chalicelib.service.tallies import tallied

_TRACE = "reprise"  # where a request's trace stands in its context

PARAMETER = re.compile(r"[A-Za-z0-9_.\-\[\]()]{1,128}")
MAX_ANSWER = 3_000_000  # bytes; Lambda's 6 MB hold them even if every one must be escaped
RETRY_AFTER_S = 1

ANY_TYPE = ("*/*",)
JSON_TYPE = ("application/json",)


class Guard(Protocol):
    """What the edge itself asks for: keys, records, the time, ids. What handlers ask, see `services.py`."""

    @property
    def access(self) -> Access: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def now(self) -> Callable[[], int]: ...
    @property
    def new_id(self) -> Callable[[], str]: ...


# -- what goes in, and what comes out


@dataclass(frozen=True, slots=True)
class Call:
    """A request: path parameters decoded, header names in small letters, the body as it came, and from where (IP)."""

    params: Mapping[str, str]
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    address: str = ""
    caller: ApiKey | None = None

    @property
    def key(self) -> ApiKey:
        """The caller's key: every route with a scope has one."""
        assert self.caller is not None
        return self.caller

    @property
    def account(self) -> AccountId:
        """Name whose data this call is about: an environment of an account is a world of its own."""
        return self.key.realm

    def cause(self, dialect: str, command: str | None, reason: str = "") -> Cause:
        """Say of the runs that this call makes what brought them about, on a command with this key."""
        why = reason or self.reason or ""
        return Cause(dialect, self.key.id, why, command or "", self.address, request_id=self.request_id)

    @property
    def reason(self) -> str | None:
        """Answer why the caller asks, if that is told; raise `ReasonInvalid`."""
        return read_reason(self.headers.get("x-reason"))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a handler stands, and the scope that its caller needs; None: anybody may call it."""

    method: str
    path: str
    scope: Scope | None
    handler: Callable[[Any, Call], Answer]  # asks `Services`, which the edge only hands on
    content_types: tuple[str, ...] = ANY_TYPE
    free: frozenset[str] = frozenset()
    """The path parameters that the handler itself checks."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire: what is different from dialect to dialect, before and after its handlers."""

    name: str
    routes: tuple[Route, ...]
    read_secret: Callable[[Call], str | None]
    write_error: Callable[[RestartError], Answer]


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a dialect stands, which is known before it is loaded.

    Its paths begin with the segments of one of `prefixes`, or hold `mark` behind a prefix that the stage names.
    """

    load: Callable[[], Dialect]
    prefixes: tuple[str, ...]
    mark: str | None = None

    @classmethod
    def of(cls, folder: str, prefixes: str, mark: str | None = None) -> "Mount":
        """Mount what `routes.py` in a folder beside this file has as `DIALECT`; blanks part prefixes."""
        return cls(lambda: import_module(f"{__package__}.{folder}.routes").DIALECT, tuple(prefixes.split()), mark)

    def has(self, path: str) -> bool:
        begins = any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes)
        return begins or (self.mark is not None and self.mark in path)


# -- what is refused before any use case is asked


class RouteUnknown(NotFound):
    def __init__(self) -> None:
        super().__init__("No such route.")


class MethodUnknown(Invalid):
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__("This path has no such method.", allowed=allowed)
        self.allowed = allowed


class MediaTypeUnknown(Invalid):
    code = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("The body's media type is none that this path takes.")


class ParameterInvalid(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' must be 1 to 128 letters, digits, or of '_.-[]()'.", parameter=name)


class AnswerTooLarge(TooLarge):
    code = "answer_too_large"

    def __init__(self, size: int) -> None:
        super().__init__(f"The answer takes {size} bytes; {MAX_ANSWER} is the most.", size=size, most=MAX_ANSWER)


class Crashed(RestartError):
    """A defect of ours. What it was stands in the log, and nowhere else."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side.")


_REFUSALS: Mapping[int, Callable[[], RestartError]] = {
    400: lambda: Invalid("The request cannot be read."),
    403: RouteUnknown,  # what API Gateway says of a path or method that it does not know
    404: RouteUnknown,
    413: lambda: TooLarge("The request is too large."),
    415: MediaTypeUnknown,
}


# -- the way of a request


@dataclass(frozen=True, slots=True)
class Edge:
    """All dialects of an app, each opened by the first path that may be its own.

    The first mount that has a path says what is refused there; the very first, if none has it.
    """

    app: Chalice
    mounts: tuple[Mount, ...]
    services: Callable[[], Guard]
    meter: Meter | None = None
    _opened: dict[Mount, tuple[Dialect, Place]] = field(default_factory=dict)

    def register(self, *, is_whole: bool = True) -> None:
        """Stand between an app and its handlers; give it every route now, if it is to be whole at once."""
        for handler in self.app.log.handlers:
            handler.setFormatter(JsonLines(self.meter))
        self.app.log.setLevel(logging.INFO)  # Chalice would keep errors alone
        self.app.register_middleware(self._middleware, "http")
        for source in ("sqs", "scheduled"):
            self.app.register_middleware(discreet, source)
        if is_whole:
            self.dialects()

    def dialects(self) -> tuple[Dialect, ...]:
        return tuple(self._open(mount)[0] for mount in self.mounts)

    def route_of(self, path: str) -> str | None:
        """Answer the route that a path means, which the app has by then."""
        found = (self._open(mount)[1].route_of(path) for mount in self.mounts if mount.has(path))
        return next(filter(None, found), None)

    def _open(self, mount: Mount) -> tuple[Dialect, Place]:
        """Load a mount's dialect and give the app its routes, if it is the first time; nothing is called yet."""
        if mount not in self._opened:
            dialect = mount.load()
            for route in dialect.routes:
                self._declare(dialect, route)
            self._opened[mount] = dialect, Place.of(route.path for route in dialect.routes)
        return self._opened[mount]

    def _declare(self, dialect: Dialect, route: Route) -> None:
        register = self.app.route(
            route.path,
            methods=[route.method],
            name=f"{route.method} {route.path}",
            content_types=list(route.content_types),
        )
        register(self._view(dialect, route))

    def unrouted(
        self, method: str, path: str, status: int, request_id: str | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Answer what never reaches Chalice, in the shape of the dialect whose path it would be."""
        dialect, trace = self._dialect_of(path), Trace(request_id or self.services().new_id())
        answer = _refused(dialect, _refusal(status, self._allowed(path)), trace)
        tell(trace, dialect.name, method, None, answer.status)
        return answer.status, _headers(answer, trace), answer.body

    def _allowed(self, path: str) -> str:
        """List the methods that a path has, as the header Allow does."""
        routes = (route for mount in self.mounts if mount.has(path) for route in self._open(mount)[0].routes)
        return ", ".join(route.method for route in routes if _fits(route.path, path))

    def _dialect_of(self, path: str) -> Dialect:
        return self._open(next((mount for mount in self.mounts if mount.has(path)), self.mounts[0]))[0]

    def _middleware(self, request: Request, get_response: Callable[[Request], Response]) -> Response:
        with tallied() as tally:
            trace = Trace(_request_id(request), tally=tally)
            request.context[_TRACE] = trace
            token = ANSWERED.set(trace.request_id)
            try:
                return self._respond(request, get_response, trace)
            finally:
                ANSWERED.reset(token)

    def _respond(self, request: Request, get_response: Callable[[Request], Response], trace: Trace) -> Response:
        dialect, response = self._dialect_of(request.path), get_response(request)
        if not isinstance(response.body, str):  # ours are written already: this one is Chalice's own
            error = _refusal(response.status_code, str(response.headers.get("Allow", "")))
            response = _response(_refused(dialect, error, trace), trace)
        tell(trace, dialect.name, request.method, request.path, response.status_code)
        return response

    def _view(self, dialect: Dialect, route: Route) -> Callable[..., Response]:
        def view(**params: str) -> Response:
            request = self.app.current_request
            assert request is not None
            trace: Trace = request.context[_TRACE]
            try:
                answer = self._answer(dialect, route, _read_call(request, params, trace), trace)
            except RestartError as error:
                answer = _refused(dialect, error, trace)
            return _response(answer, trace)

        return view

    def _answer(self, dialect: Dialect, route: Route, call: Call, trace: Trace) -> Answer:
        """Let a route's handler answer, if this caller may call it and the path can be meant."""
        services = self.services()
        if route.scope is None:
            answer = _handled(services, route, call)
        else:
            key = services.access.authorize(dialect.read_secret(call), route.scope)
            trace.account, trace.key_id = key.realm, key.id
            call = replace(call, caller=key)
            with services.audit.recorded(_asked(dialect, route, call, services.now())):
                answer = _handled(services, route, call)
        size = len(answer.body.encode())
        if size > MAX_ANSWER:
            raise AnswerTooLarge(size)
        return answer


def _handled(services: Guard, route: Route, call: Call) -> Answer:
    """Let a route's handler answer if the path can be meant."""
    for name, value in call.params.items():
        if name not in route.free and not PARAMETER.fullmatch(value):
            raise ParameterInvalid(name)
    return route.handler(services, call)


def _asked(dialect: Dialect, route: Route, call: Call, at: int) -> Asked:
    """Say for the audit who asks for what, and why; raise `ReasonInvalid`."""
    return Asked(
        id=call.request_id,
        at=at,
        account=call.account,
        key_id=call.key.id,
        dialect=dialect.name,
        operation=f"{route.method} {route.path}",
        target=call.params,
        reason=call.reason,
        address=call.address,
    )


def _request_id(request: Request) -> str:
    """Answer our own name for a request: API Gateway's, or Lambda's where there is none; never the client's."""
    given: str | None = request.context.get("requestId")
    context: Any = request.lambda_context
    return given or str(context.aws_request_id)


def _read_call(request: Request, params: Mapping[str, str], trace: Trace) -> Call:
    body, query = request.raw_body, request.query_params
    return Call(
        params={name: unquote(value) for name, value in params.items()},
        query={name: tuple(query.getlist(name)) for name in query} if query else {},
        headers=dict(request.headers),
        body=body if isinstance(body, bytes) else body.encode(),
        request_id=trace.request_id,
        address=str(request.context.get("identity", {}).get("sourceIp") or ""),
    )


def _refusal(status: int, allowed: str) -> RestartError:
    """Say as a refusal what Chalice or a gateway answers by itself."""
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodUnknown(allowed)
    return _REFUSALS.get(status, Crashed)()


def _fits(template: str, path: str) -> bool:
    """Tell whether a path is one of a route's."""
    wanted, given = template.split("/"), path.rstrip("/").split("/")
    if len(wanted) != len(given):
        return False
    return all(want.startswith("{") or want == one for want, one in zip(wanted, given, strict=True))


def _refused(dialect: Dialect, error: RestartError, trace: Trace) -> Answer:
    """Say a refusal in a dialect's words, with the headers that HTTP asks for whatever the dialect."""
    trace.refusal = error.code
    answer = dialect.write_error(error)
    headers: dict[str, str] = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if isinstance(error, MethodUnknown):
        headers["Allow"] = error.allowed
    return replace(answer, headers={**answer.headers, **headers})


def _headers(answer: Answer, trace: Trace) -> dict[str, str]:
    typed = {"Content-Type": "application/json"} if answer.body else {}
    return {**typed, "Cache-Control": "no-store", **answer.headers, "x-request-id": trace.request_id}


def _response(answer: Answer, trace: Trace) -> Response:
    headers: dict[str, Any] = {**_headers(answer, trace)}
    return Response(answer.body, headers=headers, status_code=answer.status)
