"""Restate's own CLI against the local stack, with only URL and token given."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.client import Client, fetch
from local.example_endpoint import ExampleEndpoint
from local.stack import DEV_KEY, EXAMPLE, OTHER_KEY
from tests.clients.test_upstash import endpoint
from tests.local.test_stack import ROOT, serving

CLI = ROOT / ".venv" / "clients" / "restate" / "node_modules" / ".bin" / "restate"  # made by `make test`
APPROVAL: dict[str, Any] = json.loads((ROOT / "examples" / "approval.json").read_text())
PATIENCE_S = 30.0
_INVOCATION = re.compile(r"inv_1[0-9A-Za-z]{33}")
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not CLI.exists(), reason="Node and npm are not here: Restate's CLI cannot run"
)


class Desk:
    """A stack with two services, and somebody who has Restate's CLI."""

    def __init__(self, url: str, shop: ExampleEndpoint, home: Path) -> None:
        self.client, self.shop, self.home = Client(url, DEV_KEY), shop, home
        for name, definition in (("order", EXAMPLE), ("approval", APPROVAL)):
            self.client.call("PUT", f"/ops/v1/definitions/{name}", definition)
            self.client.call("POST", f"/ops/v1/definitions/{name}/publish")

    def cli(self, *arguments: str, token: str | None = DEV_KEY) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "HOME": str(self.home),
            "RESTATE_CLI_CONFIG_HOME": str(self.home),
            "RESTATE_ADMIN_URL": self.client.url,
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
        }
        if token is not None:
            environment["RESTATE_AUTH_TOKEN"] = token
        return subprocess.run(
            [str(CLI), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def done(self, *arguments: str) -> str:
        """Let the CLI do something for which nobody is asked, and answer what it prints."""
        done = self.cli("invocations", *arguments, "-y")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, definition: str, number: int, **variables: Any) -> list[str]:
        path = f"/ops/v1/definitions/{definition}/runs"
        body = {"input": {"amount": 1, "endpoint": self.shop.url, "order": "7", **variables}}
        started: list[str] = [self.client.call("POST", path, body)["id"] for _ in range(number)]
        return started

    def completed(self, number: int) -> list[str]:
        """Start orders, and wait for their end."""
        runs = self.start("order", number)
        self.until(lambda: self.statuses(runs), ["completed"] * number)
        return runs

    def waiting(self, number: int) -> list[str]:
        """Start runs that wait for a person."""
        runs = self.start("approval", number)
        self.until(lambda: self.statuses(runs), ["waiting"] * number)
        return runs

    def statuses(self, runs: list[str]) -> list[str]:
        return [self.client.call("GET", f"/ops/v1/runs/{run}")["status"] for run in runs]

    def until(self, look: Callable[[], Any], expected: Any) -> None:
        end = time.monotonic() + PATIENCE_S
        while (seen := look()) != expected:
            assert time.monotonic() < end, f"still {seen!r}, expected {expected!r}"
            time.sleep(0.05)

    def query(self, text: str) -> list[dict[str, Any]]:
        headers = {
            "Authorization": f"Bearer {DEV_KEY}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        rows: list[dict[str, Any]] = fetch("POST", f"{self.client.url}/v4/query", {"query": text}, headers)["rows"]
        return rows

    def invocations(self, where: str) -> list[str]:
        return [row["id"] for row in self.query(f"SELECT id FROM sys_invocation WHERE {where} ORDER BY created_at, id")]

    def restarted(self) -> list[dict[str, Any]]:
        return self.query("SELECT id, restarted_from FROM sys_invocation WHERE invoked_by = 'restart_as_new'")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with endpoint() as shop, serving(workers="on") as url:
        yield Desk(url, shop, tmp_path)


def test_the_cli_finds_what_it_would_restart_and_asks(desk: Desk):
    desk.completed(2)
    desk.waiting(1)
    found = desk.invocations("target_service_name = 'order'")

    for query in ("order", "order/ordered", found[0]):
        asked = desk.cli("invocations", "restart-as-new", query)  # nobody is there to say yes

        told = set(_INVOCATION.findall(asked.stdout + asked.stderr))
        assert told == ({query} if query == found[0] else set(found)), asked.stdout + asked.stderr
        assert asked.returncode != 0
    assert desk.restarted() == []


@pytest.mark.parametrize("token", [None, "nobody's", OTHER_KEY])
def test_the_cli_finds_nothing_without_the_accounts_token(desk: Desk, token: str | None):
    desk.completed(1)

    asked = desk.cli("invocations", "restart-as-new", "order", "-y", token=token)

    assert asked.returncode == 1
    assert not _INVOCATION.findall(asked.stdout)
    assert desk.restarted() == []


def test_the_cli_restarts_by_service_by_handler_and_by_id(desk: Desk):
    desk.completed(2)
    [first, _] = desk.invocations("status = 'completed'")

    for query in ("order", "order/ordered", first):
        sources = {first} if query == first else set(desk.invocations("status = 'completed'"))
        known = [row["id"] for row in desk.restarted()]
        desk.done("restart-as-new", query)

        assert {row["restarted_from"] for row in desk.restarted() if row["id"] not in known} == sources
        desk.until(lambda: desk.invocations("status != 'completed'"), [])


@pytest.mark.parametrize("command", ["cancel", "kill"])
def test_the_cli_cancels_and_kills(desk: Desk, command: str):
    runs = desk.waiting(2)
    first, second = desk.invocations("status = 'suspended'")

    desk.done(command, first)
    assert sorted(desk.statuses(runs)) == ["canceled", "waiting"]
    desk.done(command, "approval")
    assert desk.statuses(runs) == ["canceled", "canceled"]

    [row] = desk.query(f"SELECT * FROM sys_invocation WHERE id = '{second}'")
    assert (row["status"], row["completion_result"]) == ("completed", "failure")
    assert row["completion_failure"].startswith("[409] ")


def test_the_cli_pauses_and_resumes(desk: Desk):
    runs = desk.waiting(2)
    first, _ = desk.invocations("status = 'suspended'")

    desk.done("pause", first)
    assert sorted(desk.statuses(runs)) == ["paused", "waiting"]
    desk.done("resume", first)
    assert desk.statuses(runs) == ["waiting", "waiting"]
    desk.done("pause", "approval/start")
    assert desk.statuses(runs) == ["paused", "paused"]
    desk.done("resume", "approval")
    assert desk.statuses(runs) == ["waiting", "waiting"]


def test_the_cli_purges_what_has_completed(desk: Desk):
    desk.completed(3)
    desk.waiting(1)
    first, second, third = desk.invocations("status = 'completed'")

    desk.done("purge", first)
    assert desk.invocations("status = 'completed'") == [second, third]
    desk.done("purge", "order")

    assert desk.invocations("target_service_name = 'order'") == []
    assert len(desk.invocations("status = 'suspended'")) == 1
