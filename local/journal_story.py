"""The fourth act of the demonstration: a handler is called, and restarted from an entry of its journal."""

from collections.abc import Callable
from typing import Any

from local.client import Client
from local.stack import Stack

SERVICE = "order"

Check = Callable[[str, object, object], None]
Until = Callable[[str, Callable[[], object], object], None]


def _row(client: Client, invocation: str) -> dict[str, Any]:
    query = f"SELECT status, restarted_from, completion_result FROM sys_invocation WHERE id = '{invocation}'"  # noqa: S608 - a demonstration of it
    [row] = client.call("POST", "/v4/query", {"query": query})["rows"]
    return dict(row)


def restart_from_the_journal(stack: Stack, client: Client, check: Check, until: Until) -> None:
    """Call a handler by Restate's ingress, and restart it as new from wherever its journal allows."""
    handler = client.call("GET", f"/services/{SERVICE}/handlers")["handlers"][0]["name"]
    body = {"order": "journal-1", "amount": 5, "endpoint": stack.endpoint.url}
    sent = client.call("POST", f"/ingress/{SERVICE}/{handler}/send", body, key="journal-1")["invocationId"]
    until("the handler's end", lambda: _row(client, sent)["status"], "completed")
    points = client.call("GET", f"/invocations/{sent}/restart-points")["points"]
    last = points[-2]["from"]
    print(f"\ncalled {SERVICE}/{handler} by Restate's ingress: {sent[:16]}…")
    print(f"  it can be restarted from each of {len(points)} journal entries")
    stack.request_calls.take()
    path = f"/invocations/{sent}/restart-as-new?deployment=keep&from={last}"
    new = client.call("PATCH", path)["new_invocation_id"]
    calls = stack.request_calls.take().total()
    until("the restarted invocation's end", lambda: _row(client, new)["status"], "completed")
    check("what it was restarted from", _row(client, new)["restarted_from"], sent)
    print(f"  from entry {last}: {new[:16]}…{new[-4:]}, with {calls} AWS calls; what was done before is not done again")
