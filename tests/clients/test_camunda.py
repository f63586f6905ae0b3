"""Camunda's two clients for Python, unmodified, against the local stack: only base URL and credentials are ours."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.stack import DEV_KEY
from tests.local.test_stack import serving

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / ".venv" / "clients" / "camunda"  # made by `make test`
STORIES = ROOT / "tests" / "clients"


@pytest.fixture
def url() -> Iterator[str]:
    with serving(workers="on") as served:
        yield f"{served}/engine-rest"


def tell(client: str, url: str) -> dict[str, Any]:
    """Let a client do its story, and answer what it told."""
    done = subprocess.run(
        [sys.executable, str(STORIES / "camunda_story.py"), client, url, DEV_KEY, str(STORIES / "camunda.bpmn")],
        env={"PYTHONPATH": str(CLIENTS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_generated_client_deploys_restarts_and_watches_a_batch(url: str) -> None:
    assert tell("generic", url) == {
        "definition": ["review", 1, False],
        "together": None,
        "batch": ["instance-restart", 5, 0],
        "batches": [1, True],
        "incident": ["failedJob", "Historic process instance cannot be found: historicProcessInstanceId is null"],
        "job": [0, True],
        "suspended": [True],
        "left": 0,
        "history": [6, 6],
        "tasks": ["decide"],
        "tree": ["decide"],
        "refused": [500, "ENGINE-13040"],
        "held": [True],
        "variables": [8, "x"],
        "active": False,
        "deletion": ["instance-deletion", 6],
        "alive": 0,
        "log": [6, True],
    }


def test_pycamunda_deploys_restarts_and_completes(url: str) -> None:
    assert tell("pycamunda", url) == {
        "deployment": "story",
        "batch": ["instance-restart", 3],
        "tasks": 3,
        "refused": "NotFound",
    }
