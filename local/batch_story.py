"""The third act of the demonstration: BPMN is deployed, instances are canceled, and a batch restarts them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from local.client import Client
from local.stack import DEV_KEY, Stack

CANCELED = 25
REVIEW = Path(__file__).parent.parent / "examples" / "review.bpmn"
_REST = "/engine-rest"
_BOUNDARY = "reprise-demonstration"

Check = Callable[[str, object, object], None]
Until = Callable[[str, Callable[[], object], object], None]


def deploy(client: Client) -> None:
    """Deploy the example as a form, as Camunda's modeler does."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="deployment-name"\r\n\r\nreviews\r\n'.encode(),
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{REVIEW.name}"\r\n\r\n'.encode(),
        REVIEW.read_bytes(),
        f"\r\n--{_BOUNDARY}--\r\n".encode(),
    ]
    headers = {
        "Authorization": f"Bearer {DEV_KEY}",
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
    }
    url = f"{client.url}{_REST}/deployment/create"
    with urlopen(Request(url, data=b"".join(parts), headers=headers), timeout=30):  # noqa: S310 - our own server's URL
        return


def canceled(client: Client) -> list[str]:
    """Start instances that wait for a person, and delete them."""
    path = f"{_REST}/process-definition/key/review/start"
    variables = {"amount": {"value": 10, "type": "Long"}, "asked": {"value": 0}}
    made = [client.call("POST", path, {"variables": variables})["id"] for _ in range(CANCELED)]
    for instance in made:
        client.call("DELETE", f"{_REST}/process-instance/{instance}")
    return made


def statistics(client: Client, batch: dict[str, Any]) -> tuple[int, int]:
    """Answer how many jobs of a batch are done, and left; a batch that has ended has none."""
    found = client.call("GET", f"{_REST}/batch/statistics?batchId={batch['id']}")
    return (found[0]["completedJobs"], found[0]["remainingJobs"]) if found else (batch["totalJobs"], 0)


def restart_in_a_batch(stack: Stack, client: Client, check: Check, until: Until) -> None:
    """Restart what was canceled, where it stood, by one request; watch the batch to its end."""
    deploy(client)
    sources = canceled(client)
    print(
        f"\ndeployed {REVIEW.name}; {CANCELED} instances were started, deleted, and are restarted by Camunda's route:"
    )
    wish = {
        "processInstanceIds": sources,
        "instructions": [{"type": "startBeforeActivity", "activityId": "decide"}],
    }
    stack.request_calls.take()
    batch = client.call("POST", f"{_REST}/process-definition/key/review/restart-async", wish)
    calls = stack.request_calls.take().total()
    print(f"  batch {batch['id'][:8]}… of {batch['totalJobs']} jobs, written with {calls} AWS calls")
    until("the batch", lambda: statistics(client, batch), (CANCELED, 0))
    history = f"{_REST}/history/process-instance"
    active = client.call("POST", history, {"active": True, "processDefinitionKey": "review"})
    came_from = sorted(instance["restartedProcessInstanceId"] for instance in active)
    check("sources of the new instances", came_from, sorted(sources))
    task = client.call("GET", f"{_REST}/task?processInstanceId={active[0]['id']}")[0]
    client.call("POST", f"{_REST}/task/{task['id']}/complete", {"variables": {"approved": {"value": True}}})
    ended = f"{_REST}/history/process-instance/{active[0]['id']}"
    until("one of the new instances", lambda: client.call("GET", ended)["state"], "COMPLETED")
    print(f"  all {CANCELED} wait where they stood, none twice; one of them was decided, and has completed")
