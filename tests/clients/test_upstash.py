"""Upstash's own SDKs, for Node and for Python, against the local stack, with only URL and token changed."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.client import Client, fetch
from local.example_endpoint import ExampleEndpoint
from local.stack import DEV_KEY, EXAMPLE
from tests.local.test_stack import serving

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / ".venv" / "clients"  # made by `make test`
STORIES = ROOT / "tests" / "clients"
URL = EXAMPLE["url"]
PATIENCE_S = 30.0
NEEDS_NODE = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "upstash" / "node_modules").exists(),
    reason="Node and npm are not here: the SDKs for Node cannot run",
)


class Shop:
    """A stack with a workflow at a URL, and the endpoint that its steps call."""

    def __init__(self, url: str, endpoint: ExampleEndpoint) -> None:
        self.client, self.endpoint = Client(url, DEV_KEY), endpoint
        self.client.call("PUT", "/ops/v1/definitions/order", EXAMPLE)
        self.client.call("POST", "/ops/v1/definitions/order/publish")

    def tell(self, path: str, body: Any) -> None:
        fetch("POST", self.endpoint.url + path, body, {})

    def payload(self, order: str) -> dict[str, Any]:
        return {"order": order, "amount": 1, "endpoint": self.endpoint.url}

    def node(self, *commands: list[Any]) -> list[Any]:
        """Let the SDKs for Node do these, and answer what each said."""
        done = subprocess.run(
            ["node", "--input-type=module", "-", json.dumps(commands)],
            input=(STORIES / "upstash" / "story.mjs").read_text(),
            env={"REPRISE_URL": self.client.url, "REPRISE_TOKEN": DEV_KEY, "PATH": "/usr/bin:/bin:/usr/local/bin"},
            cwd=CLIENTS / "upstash",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-3_000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    def letters(self) -> list[dict[str, Any]]:
        """List the dead letters, newest first."""
        messages: list[dict[str, Any]] = self.client.call("GET", "/v2/workflows/dlq")["messages"]
        return messages

    def until(self, look: Callable[[], Any], expected: Any) -> None:
        """Look again and again until what is seen is what is expected."""
        end = time.monotonic() + PATIENCE_S
        while (seen := look()) != expected:
            assert time.monotonic() < end, f"still {seen!r}, expected {expected!r}"
            time.sleep(0.05)

    def states(self) -> dict[str, int]:
        runs = self.client.call("GET", "/v2/workflows/logs?count=100")["runs"]
        states = [run["workflowState"] for run in runs]
        return {state: states.count(state) for state in sorted(set(states))}

    def fail(self, number: int, **headers: str) -> None:
        """Let so many triggered runs fail."""
        self.tell("/fail", {"step": "reserve", "status": 503})
        elements = [
            {
                "destination": URL,
                "headers": {"upstash-retries": "0", "upstash-label": "blue" if n % 2 else "red", **headers},
                "body": self.payload(f"order-{n}"),
            }
            for n in range(number)
        ]
        before = len(self.letters())
        self.client.call("POST", "/v2/batch", elements)
        self.until(lambda: len(self.letters()), before + number)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with endpoint() as shop_endpoint, serving(workers="on") as url:
        yield Shop(url, shop_endpoint)


@contextmanager
def endpoint() -> Iterator[ExampleEndpoint]:
    made = ExampleEndpoint()
    made.start()
    try:
        yield made
    finally:
        made.stop()


def oks(answers: list[Any]) -> list[Any]:
    assert all("ok" in answer for answer in answers), answers
    return [answer["ok"] for answer in answers]


@NEEDS_NODE
def test_the_workflow_sdk_restarts_one_many_by_filter_and_all(shop: Shop):
    shop.fail(8)
    letters = shop.letters()
    ids = [letter["dlqId"] for letter in letters]
    blue = [letter["dlqId"] for letter in letters if letter["label"] == "blue"]
    chosen = next(id_ for id_ in blue if id_ not in ids[:4])
    shop.tell("/heal", {})

    [listed, page, old_form, one, many, by_filter, every, empty] = oks(
        shop.node(
            ["list", {"filter": {"label": "blue"}}],
            ["list", {"count": 3}],
            ["restart", {"dlqId": ids[0]}],
            ["restart", ids[1], {"retries": 0, "flowControl": {"key": "k", "rate": 10, "period": "1m"}}],
            ["restart", ids[2:4]],
            ["restart", {"filter": {"label": ["blue"], "workflowUrl": URL}, "count": 1}],
            ["restart_all", {"count": 2}],
            ["restart", {"all": True}],
        )
    )

    assert [letter["dlqId"] for letter in listed["messages"]] == blue
    assert [letter["dlqId"] for letter in page["messages"]] == ids[:3]
    assert page["cursor"]
    assert old_form["dlqId"] == ids[0]
    assert [run["dlqId"] for run in one["workflowRuns"]] == [ids[1]]
    assert [run["dlqId"] for run in many["workflowRuns"]] == ids[2:4]
    assert [run["dlqId"] for run in by_filter["workflowRuns"]] == [chosen]
    assert [run["dlqId"] for run in every] == [id_ for id_ in ids[4:] if id_ != chosen]
    assert empty == {"workflowRuns": []}
    shop.until(shop.states, {"RUN_FAILED": 8, "RUN_SUCCESS": 8})


@NEEDS_NODE
def test_the_workflow_sdk_triggers_reads_logs_cancels_resumes_and_deletes(shop: Shop):
    shop.tell("/fail", {"step": "reserve", "status": 503})
    wishes = {"retries": 0, "label": ["a", "b"], "headers": {"X-My": "v"}}
    later = [{"url": URL, "body": shop.payload(name), **wishes, "delay": "1h"} for name in ("two", "three")]
    [first, both] = oks(
        shop.node(
            ["trigger", {"url": URL, "body": shop.payload("one"), "workflowRunId": "mine", **wishes}],
            ["trigger", later],
        )
    )
    shop.until(lambda: len(shop.letters()), 1)
    [letter] = shop.letters()
    shop.tell("/heal", {})

    told = shop.node(
        ["logs", {"filter": {"workflowRunId": "wfr_mine"}}],
        ["cancel", both[0]["workflowRunId"]],
        ["cancel", {"filter": {"workflowUrlStartingWith": URL}}],
        ["retryFailureFunction", {"dlqId": letter["dlqId"]}],
        ["resume", [letter["dlqId"]], {"retries": 1}],
        ["restart", letter["dlqId"]],
        ["delete", letter["dlqId"]],
    )

    assert first == {"workflowRunId": "wfr_mine"}
    assert (letter["workflowRunId"], letter["labels"]) == ("wfr_mine", ["a", "b"])
    assert letter["header"] == {"x-my": ["v"], "Upstash-Label": ["a,b"]}
    [logs, one, rest] = oks(told[:3])
    assert (logs["runs"][0]["workflowState"], logs["runs"][0]["dlqId"]) == ("RUN_FAILED", letter["dlqId"])
    failed = logs["runs"][0]["steps"][-1]
    assert (failed["type"], failed["steps"][0]["state"]) == ("next", "STEP_FAILED")
    assert failed["steps"][0]["errors"][0]["status"] == 503
    assert (one, rest) == ({"cancelled": 1}, {"cancelled": 1})
    assert (told[3]["error"]["status"], told[5]["error"]["status"]) == (400, 404)
    [resumed] = told[4]["ok"]["workflowRuns"]
    assert resumed["workflowRunId"] in told[5]["error"]["message"]
    assert told[6] == {"ok": {"deleted": 0}}
    shop.until(shop.states, {"RUN_CANCELED": 2, "RUN_FAILED": 1, "RUN_SUCCESS": 1})
    charged = fetch("GET", f"{shop.endpoint.url}/calls", None, {})["steps"]["charge"]["succeeded"]
    assert charged == 1  # what had succeeded was kept


@NEEDS_NODE
def test_the_qstash_sdk_lists_and_deletes(shop: Shop):
    shop.fail(3)
    ids = [letter["dlqId"] for letter in shop.letters()]

    [listed, _, deleted] = oks(
        shop.node(
            ["qstash.dlq.list", {"count": 2}], ["qstash.dlq.delete", ids[0]], ["qstash.dlq.deleteMany", {"dlqIds": ids}]
        )
    )

    assert [letter["dlqId"] for letter in listed["messages"]] == ids[:2]
    assert deleted == {"deleted": 2}
    assert shop.letters() == []


def test_the_python_sdk_lists_filters_shows_and_deletes(shop: Shop):
    shop.fail(5)
    letters = shop.letters()
    ids = [letter["dlqId"] for letter in letters]
    command = [sys.executable, str(STORIES / "qstash_story.py"), shop.client.url, DEV_KEY]
    environment = {"PYTHONPATH": str(CLIENTS / "qstash")}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr[-3_000:]
    told = json.loads(done.stdout)
    assert told["pages"] == [ids[:2], ids[2:4], ids[4:]]
    assert told["blue"] == [letter["dlqId"] for letter in letters if letter["label"] == "blue"]
    assert (told["first"]["response_status"], told["first"]["max_retries"]) == (503, 0)
    assert told["first"]["url"] == URL
    assert "404" in told["refused"]
    assert (told["none removed"], told["removed"], told["left"]) == (0, 1, ids[2:])
