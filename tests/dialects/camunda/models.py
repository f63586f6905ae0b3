"""BPMN as modelers write it, forms as clients send them, and what is done with both over the wire."""

from collections.abc import Sequence
from typing import Any

from tests.dialects.client import Api, Reply

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n'
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"'
    ' xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" targetNamespace="http://bpmn.io/schema/bpmn">'
)
FLOWS = (("begin", "start", "review"), ("reviewed", "review", "approve"), ("approved", "approve", "end"))
FORKED = (*FLOWS, ("shortened", "review", "end"))


def bpmn(*keys: str, attributes: str = "", flows: Sequence[tuple[str, str, str]] = FLOWS) -> bytes:
    """Write processes of two user tasks in a row."""
    body = "".join(_process(key, attributes, flows) for key in keys or ("order",))
    return f"{_HEAD}{body}</bpmn:definitions>\r\n".encode()


def _process(key: str, attributes: str, flows: Sequence[tuple[str, str, str]]) -> str:
    told = "".join(f'<bpmn:sequenceFlow id="{id_}" sourceRef="{of}" targetRef="{to}"/>' for id_, of, to in flows)
    tasks = "".join(f'<bpmn:userTask id="{task}" name="{task}"/>' for task in ("review", "approve"))
    return (
        f'<bpmn:process id="{key}" isExecutable="true" {attributes}>'
        f'<bpmn:startEvent id="start"/>{tasks}<bpmn:endEvent id="end"/>{told}</bpmn:process>'
    )


def form(*parts: tuple[str, bytes | str, str | None]) -> bytes:
    """Write a form of (name, content, file name): what has a file name is a file."""
    written = b""
    for name, content, filename in parts:
        file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        written += f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        written += (content if isinstance(content, bytes) else content.encode()) + b"\r\n"
    return written + b"--limit--\r\n"


def send(api: Api, body: bytes, **headers: str) -> Reply:
    kind = 'multipart/form-data; boundary="limit"'
    return api("POST", "/deployment/create", body, **{"content_type": kind, **headers})


def deploy(api: Api, *files: tuple[str, bytes], **fields: Any) -> Reply:
    """Deploy files, with fields whose names are written with underscores; `headers` are no field."""
    headers = fields.pop("headers", {})
    given = [(name.replace("_", "-"), value, None) for name, value in fields.items()]
    named = [(f"file-{number}", content, name) for number, (name, content) in enumerate(files)]
    return send(api, form(*given, *named), **headers)


def deployed(api: Api, *keys: str, **fields: Any) -> Any:
    """Deploy one file with these processes, and answer the only definition that came of it."""
    reply = deploy(api, ("order.bpmn", bpmn(*keys)), **fields)
    assert reply.status == 200, reply.body
    definitions = [*reply.json["deployedProcessDefinitions"].values()]
    return definitions[0]


def definitions(api: Api, query: str = "") -> list[tuple[str, int]]:
    return [(row["key"], row["version"]) for row in api.get(f"/process-definition{query}").json]


def refusal(reply: Reply) -> tuple[int, str, str, int | None]:
    told = reply.json
    return reply.status, told["type"], told["message"], told["code"]


BAD = "InvalidRequestException"
