"""The second act of the demonstration: a workflow fails for many, and its dead letters are restarted page by page."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from local.client import Client
from local.stack import EXAMPLE, Stack

FAILED, PAGE = 55, 50
_DLQ = "/v2/workflows/dlq"

Check = Callable[[str, object, object], None]
Until = Callable[[str, Callable[[], object], object], None]


def trigger(stack: Stack, client: Client) -> None:
    """Trigger runs as Upstash's SDK does, while `reserve` fails for all of them; each is tried once."""
    stack.endpoint_call("/fail", {"step": "reserve", "status": 503})
    headers = {"upstash-workflow-init": "true", "upstash-retries": "0", "upstash-label": "bulk"}
    wishes = {"destination": EXAMPLE["url"], "headers": headers}
    client.call("POST", "/v2/batch", [{**wishes, "body": _body(stack, number)} for number in range(FAILED)])


def _body(stack: Stack, number: int) -> dict[str, Any]:
    return {"order": f"bulk-{number:02d}", "amount": number, "endpoint": stack.endpoint.url}


def letters(client: Client) -> int:
    return len(client.call("GET", f"{_DLQ}?label=bulk&count=100")["messages"])


def states(client: Client) -> dict[str, int]:
    runs = client.all("/ops/v1/runs", "runs")
    return dict(Counter(run["status"] for run in runs if "bulk" in run["labels"]))


def restart_in_bulk(stack: Stack, client: Client, check: Check, until: Until) -> None:
    """Let runs fail, heal what they call, and restart all of them: a cursor loop of two pages."""
    trigger(stack, client)
    until("dead letters of triggered runs", lambda: letters(client), FAILED)
    stack.endpoint_call("/heal", {})
    print(f"\ntriggered {FAILED} runs by Upstash's route; all failed, and their dead letters are restarted in bulk:")
    cursor, pages = "", list[int]()
    while not pages or cursor:
        stack.request_calls.take()
        page = client.call("POST", f"{_DLQ}/restart?label=bulk&cursor={cursor}")
        calls = stack.request_calls.take().total()
        cursor = page["cursor"]
        pages.append(len(page["workflowRuns"]))
        first = page["workflowRuns"][0]
        told = f"{first['dlqId'][:13]}… → {first['workflowRunId'][:12]}…"
        print(f"  page {len(pages)}: {pages[-1]:>2} runs with {calls} AWS calls, the first: {told}")
    check("pages", pages, [PAGE, FAILED - PAGE])
    until("runs restarted in bulk", lambda: states(client), {"failed": FAILED, "completed": FAILED})
    check("dead letters left of them", letters(client), 0)
    print(f"  all {FAILED} have completed, none twice")
