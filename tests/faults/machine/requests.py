"""How clients ask for the same in every dialect: for a run, for another one from it, for a change. Requests as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.core.ids import RunId, derived_uuid
from chalicelib.dialects.restate.ids import write_run_id
from tests.faults.beginnings import STARTS as OPS_STARTS
from tests.faults.beginnings import cancel_of, pause_of, resume_of, variables_of

ORDER, CART = "order", "cart"
"""A service, whose runs ask a person, and an object, whose runs stand in line."""

URL = "https://shop.example/orders"
RETAB = "/v1/workflows/runs"
UPSTASH = "/v2/workflows"
DLQ = f"{UPSTASH}/dlq"
REST = "/engine-rest"
FLOWX = f"/api/runtime/wks/ws/app/app/process-name/{ORDER}/start"
MANY = "/internal/invocations_batch_operations/restart-as-new"
APPROVED_BY_RETAB: Any = {"block_id": "approve", "approved": True}


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for; `is_strict`: whether its key may not be used for another body."""

    method: str
    path: str
    body: Any = None
    key: str | None = None
    is_strict: bool = True

    @property
    def command(self) -> tuple[str, str]:
        """Answer what makes two requests one, if they say the same."""
        return self.path.partition("?")[0], self.key or ""

    def about(self, task: int) -> "Request":
        """Name the task that a path leaves open."""
        return replace(self, path=self.path.format(task=task))

    def contradicts(self, other: "Request") -> bool:
        """Say whether it asks for something else than another one of its command."""
        return self.is_strict and (self.path, self.body) != (other.path, other.body)


def invocation(run: str) -> str:
    return write_run_id(RunId(run), RunId(run))


def retab(run: str) -> str:
    return f"{RETAB}/run_{run.replace('-', '')}"


def upstash(run: str) -> str:
    return f"wfr_{run.replace('-', '')}"


def chosen(key: str) -> str:
    """Answer the id that a client chooses for a run: it is the same in every account."""
    return upstash(derived_uuid("chosen", key))


# -- runs


def _triggered(key: str, amount: int) -> Request:
    one = {"destination": URL, "headers": {"upstash-workflow-runid": chosen(key)}, "body": {"amount": amount}}
    return Request("POST", "/v2/batch", [one], chosen(key), is_strict=False)


STARTS: Mapping[str, Callable[[str, int], Request]] = {
    "ops": lambda key, n: Request("POST", OPS_STARTS, {"input": {"amount": n}}, key),
    "retab": lambda key, n: Request("POST", RETAB, {"workflow_id": ORDER, "json_inputs": {"start1": n}}, key),
    "upstash": _triggered,
    "camunda": lambda key, n: Request(
        "POST", f"{REST}/process-definition/key/{ORDER}/start", {"variables": {"amount": {"value": n}}}, key
    ),
    "restate": lambda key, n: Request("POST", f"/ingress/{ORDER}/start1/send", {"amount": n}, key, is_strict=False),
    "object": lambda key, n: Request("POST", f"/ingress/{CART}/k/start1/send", {"amount": n}, key, is_strict=False),
    "flowx": lambda key, n: Request("POST", FLOWX, {"amount": n}, key),
}

FROM_FAILURE: Any = {"start": {"type": "from_failure"}}
AT_SHIP: Any = {"start": {"type": "at", "places": [{"before_activity": "ship"}]}, "data": "last_variables"}


def restart_after(run: str, entry: int, key: str) -> Request:
    return Request("PATCH", f"/invocations/{invocation(run)}/restart-as-new?from={entry}", None, key)


RESTARTS: Mapping[str, Callable[[str, str], Request]] = {
    "ops": lambda run, key: Request("POST", f"/ops/v1/runs/{run}/restart", {}, key),
    "from_failure": lambda run, key: Request("POST", f"/ops/v1/runs/{run}/restart", FROM_FAILURE, key),
    "at_ship": lambda run, key: Request("POST", f"/ops/v1/runs/{run}/restart", AT_SHIP, key),
    "retab": lambda run, key: Request("POST", f"{retab(run)}/restart", {"command_id": key}, key, is_strict=False),
    "restate": lambda run, key: Request("PATCH", f"/invocations/{invocation(run)}/restart-as-new", None, key),
    "prefix": lambda run, key: restart_after(run, 1, key),
    "flowx": lambda run, key: Request("POST", f"{FLOWX}/copyDataFrom/{run}", {"again": True}, key),
}


def many(sources: list[str], key: str) -> Request:
    return Request("POST", MANY, {"invocation_ids": [invocation(source) for source in sources]}, key)


def instances(verb: str, definition: str, sources: list[str], place: str, key: str) -> Request:
    """Ask Camunda to restart instances: together (`restart`), or as a batch (`restart-async`)."""
    start = {"type": "startBeforeActivity", "activityId": place}
    body = {"processInstanceIds": sources, "instructions": [start]}
    return Request("POST", f"{REST}/process-definition/key/{definition}/{verb}", body, key)


def deletion(sources: list[str], key: str) -> Request:
    return Request("POST", f"{REST}/process-instance/delete", {"processInstanceIds": sources}, key)


def letters(verb: str, ids: list[str], key: str) -> Request:
    return Request("POST", f"{DLQ}/{verb}?{'&'.join(f'dlqIds={id_}' for id_ in ids)}", None, key)


def page(verb: str, count: int) -> Request:
    return Request("POST", f"{DLQ}/{verb}?count={count}")


# -- changes


def _note(run: str, value: str) -> Request:
    return Request("POST", variables_of(run), {"set": {"note": value}})


def note_in(asked: Request) -> set[str]:
    """Answer the value that a request gives a run's variable, if it does."""
    return {asked.body["set"]["note"]} if asked.path.endswith("/variables") else set()


CHANGES: Mapping[str, Mapping[str, Callable[[str], Request]]] = {
    "cancel": {
        "ops": lambda run: Request("POST", cancel_of(run), {}),
        "retab": lambda run: Request("POST", f"{retab(run)}/cancel", {}),
        "upstash": lambda run: Request("DELETE", f"{UPSTASH}/runs/{upstash(run)}"),
        "camunda": lambda run: Request("DELETE", f"{REST}/process-instance/{run}"),
        "restate": lambda run: Request("PATCH", f"/invocations/{invocation(run)}/cancel"),
        "kill": lambda run: Request("PATCH", f"/invocations/{invocation(run)}/kill"),
    },
    "pause": {
        "ops": lambda run: Request("POST", pause_of(run), {}),
        "camunda": lambda run: Request("PUT", f"{REST}/process-instance/{run}/suspended", {"suspended": True}),
        "restate": lambda run: Request("PATCH", f"/invocations/{invocation(run)}/pause"),
    },
    "resume": {
        "ops": lambda run: Request("POST", resume_of(run), {}),
        "camunda": lambda run: Request("PUT", f"{REST}/process-instance/{run}/suspended", {"suspended": False}),
        "restate": lambda run: Request("PATCH", f"/invocations/{invocation(run)}/resume"),
    },
    "complete": {
        "me": lambda run: Request("POST", f"/ops/v1/runs/{run}/tasks/{{task}}/complete", {"variables": {"by": "me"}}),
        "you": lambda run: Request("POST", f"/ops/v1/runs/{run}/tasks/{{task}}/complete", {"variables": {"by": "you"}}),
        "retab": lambda run: Request("POST", f"{retab(run)}/hil-decisions", APPROVED_BY_RETAB),
    },
    "note": {
        "a": lambda run: _note(run, "a"),
        "b": lambda run: _note(run, "b"),
    },
    "delete": {
        "ops": lambda run: Request("DELETE", f"/ops/v1/runs/{run}"),
        "retab": lambda run: Request("DELETE", retab(run)),
        "restate": lambda run: Request("PATCH", f"/invocations/{invocation(run)}/purge"),
    },
}
"""What is done to a run, and in which ways."""
