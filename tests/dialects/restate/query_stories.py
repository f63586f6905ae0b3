"""What tests of Restate's queries and registry do again and again."""

from typing import Any

from tests.dialects.client import Api, Reply
from tests.graphs import Block, Call, document

WORK = Call("work")


def publish(api: Api, block: Block = WORK, *, key: str = "order", **fields: Any) -> None:
    assert api.put(f"/ops/v1/definitions/{key}", {**document(block), **fields}).status == 200
    assert api.post(f"/ops/v1/definitions/{key}/publish").status == 200


def start(api: Api, *, key: str = "order", **body: Any) -> str:
    reply = api.post(f"/ops/v1/definitions/{key}/runs", body)
    assert reply.status == 201, reply.json
    run: str = reply.json["id"]
    return run


def ask(api: Api, text: str, *, path: str = "/query") -> Reply:
    return api.post(path, {"query": text}, accept="application/json", content_type="application/json")


def rows(api: Api, text: str) -> list[dict[str, Any]]:
    reply = ask(api, text)
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"] == "application/json"
    found: list[dict[str, Any]] = reply.json["rows"]
    return found


def row(api: Api, text: str) -> dict[str, Any]:
    [found] = rows(api, text)
    return found


def told(reply: Reply) -> tuple[int, str]:
    """Answer a refusal's status and message."""
    return reply.status, reply.json["message"]
