"""The calls of docs/deploy.md, made as they stand there."""

import json
import re
import shlex
from pathlib import Path

from chalice.test import Client

import app
from tests.backends import backend
from tests.dialects.client import Api
from tests.dialects.conftest import account, api, world
from tests.world import World

__all__ = ["account", "api", "backend", "world"]

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
CALL = re.compile(r"^(?:RUN=\$\()?call (.+?)(?: \| python3 .*)?$", re.MULTILINE)


def made(api: Api, line: str) -> str:
    """Make a call as `curl` would, and answer the id of the run in its answer."""
    method, path, *options = shlex.split(line)
    given = dict(zip(options[::2], options[1::2], strict=True))
    data = given.get("-d", "")
    body = (ROOT / data[1:]).read_bytes() if data.startswith("@") else data.encode()
    key = {"idempotency-key": given["-H"].partition(": ")[2]} if "-H" in given else {}
    reply = api(method, f"/ops/v1{path}", body, **key)
    assert reply.status < 300, (line, reply.body)
    return str(reply.json.get("id", ""))


def test_they_lead_to_a_restart(api: Api) -> None:
    run = ""
    for line in CALL.findall(GUIDE):
        answered = made(api, line.replace("$RUN", run))
        run = run or answered * ("/runs" in line)

    family = api.get(f"/ops/v1/runs/{run}/family").json
    assert answered != run
    assert {run, answered} <= {it["id"] for it in family["runs"]}


def test_a_sweep_can_be_made_by_hand(world: World) -> None:
    [payload] = re.findall(r"--payload '(\{.*?\})'", GUIDE)

    with Client(app.app) as client:
        assert "rung" in client.lambda_.invoke("sweep", json.loads(payload)).payload
