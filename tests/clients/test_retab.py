"""Retab's own SDKs of three eras against the local stack, over HTTP, with only the base URL changed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.client import Client
from local.stack import DEV_KEY, OTHER_KEY
from tests.graphs import Ask, Compute, document
from tests.local.test_stack import serving

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / ".venv" / "clients"  # made by `make test`


@contextmanager
def stack(sdk: int) -> Iterator[Client]:
    """Serve a stage whose clients are of this version, with two workflows."""
    with serving(workers="on", retab_sdk=sdk) as url:
        client = Client(url, DEV_KEY)
        for key, block in (("wf_count", Compute("count")), ("wf_ask", Ask("approve"))):
            client.call("PUT", f"/ops/v1/definitions/{key}", document(block))
            client.call("POST", f"/v1/workflows/{key}/publish")
        yield client


def told_by(version: str, client: Client) -> Any:
    """Let an SDK tell its story."""
    path = os.pathsep.join([str(CLIENTS / f"retab-{version}"), str(CLIENTS / "retab-needs")])
    command = [sys.executable, str(ROOT / "tests" / "clients" / "retab_story.py"), client.url, DEV_KEY]
    done = subprocess.run(command, env={"PYTHONPATH": path}, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("version", ["0.0.137", "0.0.142", "0.0.160"])
def test_an_unmodified_sdk_creates_restarts_lists_cancels_and_reads_steps(version):
    patch = int(version.rsplit(".", 1)[1])
    with stack(patch) as client:
        told = told_by(version, client)

    created = told["created"]
    key = "kind" if patch < 140 else "status"
    assert told["shown"]["lifecycle"][key] == "completed"
    assert told["shown"]["inputs"]["json_data"] == {"start-json-1": {"a": 1}}
    assert told["finished"]["cancellation_status"] == "cancellation_failed"
    assert (told["canceled"]["cancellation_status"], told["canceled"]["run"]["lifecycle"][key]) == ("cancelled",) * 2
    assert told["waiting"]["lifecycle"][key] == ("awaiting_review" if patch >= 143 else "waiting_for_human")
    assert [step["block_id"] for step in told["steps"]] == ["count"]
    assert "NotFoundError" in told["refused"]
    listed = [run for page in told["pages"] for run in page]
    if patch >= 143:
        assert created["id"] in listed
        return
    first, again = told["commanded"]
    assert first == again != told["restarted"]["id"]
    assert told["restarted"]["trigger"]["parent_run_id"] == created["id"]
    assert sorted(listed) == sorted([created["id"], told["restarted"]["id"], first])
    assert told["step"]["handle_outputs"]["output-json-0"]["data"] == {"result": 1}


def test_a_restart_that_a_later_sdk_does_not_know_is_read_by_it():
    with stack(160) as client:
        source = client.call("POST", "/v1/workflows/wf_count/run", {"json_inputs": {}})["id"]
        restarted = client.call("POST", f"/v1/workflows/runs/{source}/restart", {})["id"]

        told = told_by("0.0.160", client)

    assert {source, restarted} <= {run for page in told["pages"] for run in page}


def test_twenty_restarts_at_once_under_one_command_make_one_run():
    with stack(142) as client:
        source = client.call("POST", "/v1/workflows/wf_count/run", {"json_inputs": {}})["id"]

        def restart(_number: int) -> Any:
            return client.call("POST", f"/v1/workflows/runs/{source}/restart", {"command_id": "c"})["id"]

        with ThreadPoolExecutor(20) as pool:
            made = set(pool.map(restart, range(20)))
        listed = client.call("GET", "/v1/workflows/runs?trigger_type=restart")["data"]
        foreign = Client(client.url, OTHER_KEY).call("GET", "/v1/workflows/runs")["data"]

    assert [run["id"] for run in listed] == [*made]
    assert foreign == []
