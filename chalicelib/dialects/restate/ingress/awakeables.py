"""Awakeables: an open user task waits for somebody outside, who knows its id.

| id       | is                                                                                            |
|----------|-----------------------------------------------------------------------------------------------|
| `sign_1` | base64url of 8 bytes (the lineage root's hash), 16 (the run's UUID), and 4 (the opening entry) |
| `prom_1` | the same, read only: what restate-server made for services of older protocols                  |
"""

import base64
from typing import Any, Final
from uuid import UUID

import msgspec

from chalicelib.core.ids import RunId
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.restate.ids import partition_key
from chalicelib.dialects.restate.ingress.inputs import read_value
from chalicelib.dialects.restate.ingress.outputs import read_invocation_id
from chalicelib.dialects.restate.ingress.refusals import AwakeableIdInvalid, RejectUnsupported
from chalicelib.dialects.services import Services
from chalicelib.service.runs import RunEnded, TaskClosed

_PREFIXES: Final = frozenset({"sign", "prom"})
_VERSION: Final = "1"
_KEY, _RUN, _ENTRY = slice(0, 8), slice(8, 24), slice(24, 28)
_BYTES: Final = 28


class Awakeable(msgspec.Struct, frozen=True):
    """A user task that is open: `name` is its activity, `input` what a person would be shown."""

    id: str
    name: str
    input: dict[str, Any]


def write_awakeable_id(run: RunId, root: RunId, entry: int) -> str:
    number = partition_key(root).to_bytes(8, "big") + UUID(run).bytes + entry.to_bytes(4, "big")
    return f"sign_{_VERSION}{base64.urlsafe_b64encode(number).decode().rstrip('=')}"


def read_awakeable_id(text: str) -> tuple[RunId, int]:
    """Read which run is meant, and which entry opened the task; raise `AwakeableIdInvalid`."""
    prefix, _, rest = text.partition("_")
    if prefix not in _PREFIXES:
        raise AwakeableIdInvalid(text, "id doesn't match the expected type")
    if rest[:1] != _VERSION:
        raise AwakeableIdInvalid(text, "unrecognized codec version")
    number = _decoded(text, rest[1:].rstrip("="))
    if len(number) != _BYTES:
        raise AwakeableIdInvalid(text, "bad length")
    return RunId(str(UUID(bytes=number[_RUN]))), int.from_bytes(number[_ENTRY], "big")


def _decoded(text: str, characters: str) -> bytes:
    try:
        return base64.b64decode(characters + "=" * (-len(characters) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise AwakeableIdInvalid(text, "base62 decode error") from error  # the server has no other word for it


def resolve(services: Services, call: Call) -> Answer:
    """Complete a task with the body. One that is closed is left as it is, which a server does not tell either."""
    run_id, entry = read_awakeable_id(call.params["id"])
    try:
        services.runs.complete(call.account, run_id, entry, read_value(call))
    except (TaskClosed, RunEnded):
        return Answer(202)
    return Answer(202)


def reject(_services: Services, call: Call) -> Answer:
    read_awakeable_id(call.params["id"])
    raise RejectUnsupported


def list_open(services: Services, call: Call) -> Answer:
    """List what an invocation waits for (ours: in Restate the handler itself tells its awakeables' ids)."""
    run = services.runs.load(call.account, read_invocation_id(call.params["service"]))
    open_tasks = [wait for wait in services.runs.waits(run) if wait.due is None]
    ids = [write_awakeable_id(run.id, run.lineage.root, wait.entry) for wait in open_tasks]
    return answer([Awakeable(id_, wait.activity, wait.input) for id_, wait in zip(ids, open_tasks, strict=True)])
