"""What tests of the ingress do again and again: publish handlers, call them, and let things happen meanwhile."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.json_values import Json, Variables
from tests.dialects.client import Api, Reply
from tests.graphs import Block, Call, document, steps
from tests.world import Clock

INGRESS = "/ingress"
OURS = "/ingress/restate"
TWO_CALLS = steps(Call("charge"), Call("ship"))


@dataclass
class Pauses:
    """What stands for sleeping: the clock goes on, and what is to happen meanwhile happens, one thing a pause."""

    clock: Clock
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    slept_s: float = 0.0

    def __call__(self, seconds: float) -> None:
        self.slept_s += seconds
        self.clock.advance(round(seconds * 1000))
        if self.meanwhile:
            self.meanwhile.pop(0)()


def handlers(block: Block = TWO_CALLS, handler: str = "greet", also: Json = None, **more: Json) -> Variables:
    """Answer a definition with one handler, and others that lead to an activity of it (by handler)."""
    graph: Any = json.loads(json.dumps(document(block)).replace('"start1"', json.dumps(handler)))
    for other, activity in (also or {}).items():  # type: ignore[union-attr]
        event = {"id": other, "type": "start_event", "condition": "false"}
        graph["activities"].append({**event, **({"shared": True} if other == "look" else {})})
        graph["transitions"].append({"id": f"to_{other}", "from": other, "to": activity})
    return {**graph, **more}


def publish(api: Api, graph: Variables, name: str = "Greeter") -> None:
    assert api.put(f"/ops/v1/definitions/{name}", graph).status == 200
    assert api.post(f"/ops/v1/definitions/{name}/publish").status == 200


def call(api: Api, path: str, body: Any = None, **headers: str) -> Reply:
    """Call or send as clients do."""
    typed = {} if body is None else {"content_type": "application/json"}
    return api.post(INGRESS + path, body, **typed, **headers)


def id_in(reply: Reply) -> str:
    return reply.headers["x-restate-id"]


def error(reply: Reply) -> tuple[int, str]:
    """Read an error of the ingress's own."""
    assert (reply.json["source"], reply.headers["x-restate-error-source"]) == ("ingress", "ingress")
    assert (list(reply.json), reply.json["code"]) == (["code", "message", "source"], reply.status)
    return reply.status, reply.json["message"]


def failure(reply: Reply) -> tuple[int, str]:
    """Read with what an invocation ended."""
    assert (reply.json["source"], reply.headers["x-restate-error-source"]) == ("invocation", "invocation")
    assert reply.json["code"] == reply.status
    return reply.status, reply.json["message"]


def runs(api: Api) -> list[Any]:
    """List all runs, oldest first."""
    return list(reversed(api.get("/ops/v1/runs?limit=100").json["runs"]))
