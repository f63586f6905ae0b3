"""The functions of the app, invoked as Lambda does: each in a process of its own, which remembers until it dies.

A process is a set of services on shared connections: what one of them has read or remembered, no other knows.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chalice.local import LambdaEventConverter, RouteMatcher

from app import app
from chalicelib import wiring
from chalicelib.core.errors import Busy
from chalicelib.dialects.restate.ids import read_run_id as read_invocation_id
from chalicelib.dialects.restate.ingress.errors import ID_HEADER, NOT_READY
from chalicelib.dialects.upstash.ids import read_run_id
from local.aws import ACCOUNT, REGION
from local.event_sources import Function, FunctionError
from tests.faults.strikes import Crash, invoked
from tests.world import ACME

_NAMES = ("id", "uuid", "workflowRunId", "new_invocation_id")
FORM = 'multipart/form-data; boundary="limit"'  # as tests.dialects.camunda.models writes one
FUNCTION_S, API_S = 60.0, 29.0  # the timeouts in .chalice/config.json


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer over HTTP; no status: the process died, and API Gateway says 502."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """Say whether nothing was done; Restate's 470 tells of an invocation that goes on."""
        return self.status >= 400 and self.status != NOT_READY

    @property
    def is_unknown(self) -> bool:
        return self.status in {429, 502, 503, 504} or (self.status == 500 and not self.is_engines)

    @property
    def is_engines(self) -> bool:
        """Say whether it is a refusal that Camunda's engine answers with 500: `code` is its own."""
        return self.status == 500 and '"code":0' in self.body

    @property
    def run(self) -> str:
        """Name the run that an answer tells of, as we do, whatever the dialect; none: an empty text."""
        if ID_HEADER in self.headers:
            return read_invocation_id(self.headers[ID_HEADER])
        answered = json.loads(self.body or "{}")
        first = answered[0] if isinstance(answered, list) else answered
        [first, *_] = first.get("workflowRuns") or [first]
        told = str(next((first[name] for name in _NAMES if first.get(name)), ""))
        if told.startswith("inv_"):
            return read_invocation_id(told)
        if told.startswith("wfr_"):
            return read_run_id(ACME, told)
        return str(UUID(told.removeprefix("run_"))) if told.startswith("run_") else told

    @property
    def refusal(self) -> str:
        """Answer a refusal's code, or what the dialect says of it; if it says nothing that stays, the status."""
        told = json.loads(self.body or "{}")
        if "error" in told:
            return str(told["code"] if isinstance(told["error"], str) else told["error"]["code"])
        if "source" in told:
            return str(told["message"])
        if "errorKey" in told or "type" in told:
            return str(told.get("errorKey") or told["type"])
        detail = told.get("detail", f"{self.status}")
        return str(detail["code"] if isinstance(detail, dict) else detail)


class Died(Exception):
    """An invocation came to nothing: the process is gone, or its handler raised."""

    def __init__(self, defect: str | None = None) -> None:
        super().__init__(defect)
        self.defect = defect


@dataclass(slots=True)
class Sandbox:
    """One execution environment of one function."""

    function: Function
    boot: Callable[[], wiring.Services]
    _services: wiring.Services | None = None

    def invoke(self, event: Any) -> Any:
        """Invoke the function; raise `Died` if it raised, or if a fault took the process."""
        if self._services is None:
            self._services = self.boot()
        wiring.install(self._services)
        try:
            with invoked(self.function.name):
                return self.function.invoke(event)
        except Crash as crash:
            self._services = None
            raise Died from crash
        except FunctionError as error:
            raise Died(_defect(error.__cause__)) from error


def _defect(cause: BaseException | None) -> str | None:
    """Tell a defect from what a handler may raise: that AWS was unwell for too long."""
    return None if isinstance(cause, Busy) else repr(cause)


_TO_EVENT = LambdaEventConverter(RouteMatcher(list(app.routes)))


def request_event(method: str, path: str, body: Any, secret: str, key: str | None) -> Any:
    """Answer what API Gateway hands to the function; raises `ValueError` for a path that has no route.

    Bytes are a form; any other body is sent as JSON. `key`: the request's idempotency key.
    """
    is_form = isinstance(body, bytes)
    headers = {"authorization": f"Bearer {secret}", "content-type": FORM if is_form else "application/json"}
    if key is not None:
        headers["idempotency-key"] = key
    return raw_event(method, path, body.decode() if is_form else "" if body is None else json.dumps(body), headers)


def raw_event(method: str, path: str, body: str, headers: dict[str, str]) -> Any:
    """Do the same with a request as it is sent."""
    return {**_TO_EVENT.create_lambda_event(method=method, path=path, headers=headers), "body": body}


def schedule_event(at: int) -> Any:
    """Answer what EventBridge hands to a scheduled function (ms)."""
    return {
        "version": "0",
        "id": f"tick-{at}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(at // 1000, UTC).isoformat(),
        "region": REGION,
        "resources": [],
        "detail": {},
    }


def read_reply(answer: Any) -> Reply:
    return Reply(answer["statusCode"], answer["body"], answer["headers"])
