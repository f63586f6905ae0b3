"""The laptop's stack as a person meets it: over HTTP, in processes of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from local.client import Client, Refused
from local.stack import DEV_KEY, OTHER_KEY, READ_KEY

ROOT = Path(__file__).parent.parent.parent
INPUT = {"order": "1", "amount": 2}


@contextmanager
def serving(workers: str, retab_sdk: int = 142) -> Iterator[str]:
    """Serve a stack in a process of its own, and answer its URL."""
    command = [sys.executable, "-m", "local.serve", "--port", "0", "--workers", workers]
    command += ["--retab-sdk", str(retab_sdk)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        guide = _guide(process.stdout)
        Thread(target=process.stdout.read, daemon=True).start()  # or its log fills the pipe, and it waits for a reader
        yield re.findall(r"http://127\.0\.0\.1:\d+", guide)[0]
        process.terminate()


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with serving("on") as url:
        yield url


@pytest.fixture(scope="module")
def unattended() -> Iterator[str]:
    """A stack without workers."""
    with serving("off") as url:
        yield url


def _guide(stream) -> str:
    """Read what is printed, up to the last of the example calls."""
    read = ""
    while "from_failure" not in read:
        line = stream.readline()
        assert line, read
        read += line
    return read


def test_the_demonstration_ends_well():
    done = subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},  # noqa: TID251
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no run was lost, none was made twice" in done.stdout


def test_the_three_keys_open_what_they_should(served):
    dev, read, other = (Client(served, key) for key in (DEV_KEY, READ_KEY, OTHER_KEY))

    assert dev.call("GET", "/ops/v1/definitions")["definitions"][0]["key"] == "order"
    assert other.call("GET", "/ops/v1/definitions")["definitions"] == []
    assert read.call("GET", "/ops/v1/runs") == dev.call("GET", "/ops/v1/runs")
    with pytest.raises(Refused, match="scope_missing"):
        read.call("POST", "/ops/v1/definitions/order/publish")
    with pytest.raises(Refused, match="unauthenticated"):
        Client(served, "nobody").call("GET", "/ops/v1/runs")


def test_without_workers_a_run_is_accepted_and_stays_pending(unattended):
    client = Client(unattended, DEV_KEY)

    body = {"input": {**INPUT, "endpoint": unattended}}
    run = client.call("POST", "/ops/v1/definitions/order/runs", body)

    assert run["status"] == "pending"
    assert client.call("GET", f"/ops/v1/runs/{run['id']}")["status"] == "pending"


def test_unknown_routes_are_answered_in_our_own_shape(served):
    with pytest.raises(Refused, match=r'404 \{"error":\{"code":"not_found"'):
        Client(served, DEV_KEY).call("GET", "/nowhere")
