"""The whole story in one process: runs fail, are looked through, restarted in four ways, and all complete.

`make demo` exits 0 if everything is as it should be.
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from local.batch_story import restart_in_a_batch
from local.bulk_story import restart_in_bulk
from local.client import Client
from local.journal_story import restart_from_the_journal
from local.stack import DEV_KEY, EXAMPLE, ORDER, Stack

RUNS, HEALTHY = 60, 5
PATIENCE_S = 60.0
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("from the beginning", {"start": {"type": "beginning"}}),
    ("from the failure", {"start": {"type": "from_failure"}}),
    ("after entry 1", {"start": {"type": "after_entry", "index": 1}}),
    (
        "at activity reserve",
        {"start": {"type": "at", "places": [{"before_activity": "reserve"}]}, "data": "last_variables"},
    ),
]


class NotAsItShouldBe(Exception):
    """The demonstration saw something that it does not expect."""


@dataclass(frozen=True)
class Restarted:
    """What one way of restarting came to."""

    way: str
    made: list[dict[str, Any]]
    calls: Counter[str]


def check(what: str, seen: object, expected: object) -> None:
    if seen != expected:
        raise NotAsItShouldBe(f"{what}: {seen!r}, expected {expected!r}")


def until(what: str, look: Callable[[], object], expected: object) -> None:
    """Look again and again until what is seen is what is expected."""
    end = time.monotonic() + PATIENCE_S
    while (seen := look()) != expected:
        if time.monotonic() > end:
            raise NotAsItShouldBe(f"{what}: still {seen!r} after {PATIENCE_S:.0f} s, expected {expected!r}")
        time.sleep(0.1)


def statuses(client: Client) -> Counter[str]:
    return Counter(run["status"] for run in client.all("/ops/v1/runs", "runs"))


def publish(client: Client) -> None:
    client.call("PUT", f"/ops/v1/definitions/{ORDER}", EXAMPLE)
    made = client.call("POST", f"/ops/v1/definitions/{ORDER}/publish")
    print(f"published {made['key']} as version {made['version']} ({made['snapshot_id'][:17]}…)")


def start_runs(stack: Stack, client: Client) -> None:
    """Start all runs while `reserve` fails for all but a few orders, and wait until each has ended."""
    healthy = [f"order-{number:02d}" for number in range(HEALTHY)]
    stack.endpoint_call("/fail", {"step": "reserve", "except_orders": healthy, "status": 503})
    for number in range(RUNS):
        order = f"order-{number:02d}"
        variables = {"order": order, "amount": 10 + number, "endpoint": stack.endpoint.url}
        client.call("POST", f"/ops/v1/definitions/{ORDER}/runs", {"input": variables, "business_key": order})
    print(f"started {RUNS} runs; reserve answers 503 to all but {HEALTHY} of them")
    until("runs that ended", lambda: dict(statuses(client)), {"failed": RUNS - HEALTHY, "completed": HEALTHY})
    print(f"{RUNS - HEALTHY} failed after 3 attempts each, {HEALTHY} completed")


def show_dead_letters(client: Client) -> list[dict[str, Any]]:
    letters = client.all("/ops/v1/dead-letters", "dead_letters")
    check("dead letters", len(letters), RUNS - HEALTHY)
    print(f"\n{len(letters)} dead letters, newest first:")
    for letter in letters[:3]:
        failure = letter["failure"]
        print(f"  run {letter['run_id']}  {failure['element']}: {failure['code']}")
    print(f"  … and {len(letters) - 3} more")
    return letters


def restart(stack: Stack, client: Client, way: str, body: dict[str, Any], sources: Sequence[str]) -> Restarted:
    """Restart every source in one way, each under a key, and ask for one of them twice."""

    def once(source: str) -> dict[str, Any]:
        run: dict[str, Any] = client.call("POST", f"/ops/v1/runs/{source}/restart", body, key=f"demo-{source}")
        return run

    stack.request_calls.take()
    made = [once(source) for source in sources]
    calls = stack.request_calls.take()
    check("a repeated restart", once(sources[0])["id"], made[0]["id"])
    return Restarted(way, made, calls)


def restart_all(stack: Stack, client: Client, letters: Sequence[dict[str, Any]]) -> list[Restarted]:
    """Share the failed runs among the ways, and wait until every restart has completed."""
    preview = client.call("POST", f"/ops/v1/runs/{letters[0]['run_id']}/restart?dry_run=true", WAYS[1][1])["plan"]
    print(f"\na dry run says: from the failure, {preview['kept_entries']} journal entries are kept; nothing is written")
    check("runs after the dry run", sum(statuses(client).values()), RUNS)
    ways = [
        restart(stack, client, way, body, [letter["run_id"] for letter in letters[n :: len(WAYS)]])
        for n, (way, body) in enumerate(WAYS)
    ]
    done = {"failed": RUNS - HEALTHY, "completed": RUNS}
    until("restarts that completed", lambda: dict(statuses(client)), done)
    check("dead letters left", client.all("/ops/v1/dead-letters", "dead_letters"), [])
    return ways


def has_charged(client: Client, run: dict[str, Any]) -> bool:
    """Say whether a run charged by itself; an entry that it kept is older than it is."""
    entries = client.call("GET", f"/ops/v1/runs/{run['id']}/journal")["entries"]
    return any(entry.get("activity") == "charge" and entry["at"] >= run["created_at"] for entry in entries)


def report(client: Client, ways: Sequence[Restarted]) -> None:
    print("\nrestarted            runs  completed  charged again  AWS calls each")
    for way in ways:
        runs = [client.call("GET", f"/ops/v1/runs/{run['id']}") for run in way.made]
        completed = sum(run["status"] == "completed" for run in runs)
        charged = sum(has_charged(client, run) for run in runs)
        each = way.calls.total() / len(way.made)
        print(f"{way.way:<20} {len(runs):>4}  {completed:>9}  {charged:>13}  {each:>14.2f}")
        check(f"completed {way.way}", completed, len(way.made))
    print("\nlineage of one of each:")
    for way in ways:
        family = client.call("GET", f"/ops/v1/runs/{way.made[0]['id']}/family")
        line = " → ".join(f"{run['id'][:8]} ({run['status']}, attempt {run['attempt']})" for run in family["runs"])
        print(f"  {way.way:<20} {line}")


def restart_by_retab(client: Client, ways: Sequence[Restarted]) -> None:
    """Restart one of the restarts once more, as Retab's SDK would: twice under one command."""
    source = "run_" + ways[1].made[0]["id"].replace("-", "")
    path = f"/v1/workflows/runs/{source}/restart"
    made = [client.call("POST", path, {"command_id": "demo"}) for _ in range(2)]
    check("Retab's repeated command", made[1]["id"], made[0]["id"])
    run = f"/v1/workflows/runs/{made[0]['id']}"
    until("Retab's restart", lambda: client.call("GET", run)["lifecycle"]["kind"], "completed")
    shown = client.call("GET", run)
    print(f"\nby Retab's route: {shown['trigger']['parent_run_id'][:12]}… → {shown['id'][:12]}… ", end="")
    print(f"({shown['lifecycle']['kind']}; the same command again answers the same run)")


def copy_by_flowx(client: Client, ways: Sequence[Restarted]) -> None:
    """Start the process once more with the data of a run that is long done, and other words for one of them."""
    client.call("PUT", "/ops/v1/apps/demo/orders")
    source = ways[0].made[0]["id"]
    path = f"/rtm/api/runtime/wks/demo/app/orders/process-name/{ORDER}/start/copyDataFrom/{source}"
    started = client.call("POST", path, {"reason": "manual-rerun"})
    status = f"/api/runtime/process/{started['uuid']}/status"
    until("FlowX's copy", lambda: client.call("GET", status)["state"], "FINISHED")
    data = client.call("GET", f"/api/runtime/process/{started['uuid']}/data")
    told = f"data of order {data['order']} with reason {data['reason']}"
    print(f"by FlowX's route: {source[:8]} → {started['uuid'][:8]} ({told})")


def check_outside(stack: Stack) -> None:
    """Nobody is charged twice who was not restarted from the beginning."""
    calls = cast("dict[str, Any]", stack.endpoint_call("/calls"))
    first = -(-(RUNS - HEALTHY) // len(WAYS))
    check("calls of charge", calls["steps"]["charge"]["succeeded"], RUNS + first)


def main() -> int:
    stack = Stack(port=0)
    stack.start()
    logging.getLogger("reprise").setLevel(logging.WARNING)  # the story, not its requests
    try:
        print(f"Reprise at {stack.url}, its example endpoint at {stack.endpoint.url}\n")
        client = Client(stack.url, DEV_KEY)
        publish(client)
        start_runs(stack, client)
        letters = show_dead_letters(client)
        stack.endpoint_call("/heal", {})
        ways = restart_all(stack, client, letters)
        report(client, ways)
        check_outside(stack)
        restart_by_retab(client, ways)
        copy_by_flowx(client, ways)
        restart_in_bulk(stack, client, check, until)
        restart_in_a_batch(stack, client, check, until)
        restart_from_the_journal(stack, client, check, until)
    except NotAsItShouldBe as problem:
        print(f"\nNOT AS IT SHOULD BE: {problem}")
        return 1
    finally:
        stack.stop()
    print(f"\nAll {RUNS} orders are completed; no run was lost, none was made twice.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
