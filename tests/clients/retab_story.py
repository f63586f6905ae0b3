"""What a team does with Retab's SDK, told as JSON: run with one of its versions on the path, not by pytest.

    python tests/clients/retab_story.py URL KEY

Only the base URL is changed. Workflow `wf_count` completes by itself, `wf_ask` waits for a person.
"""

import json
import sys
from importlib.metadata import version
from typing import Any

from retab import Retab  # type: ignore[import-not-found]
from retab.exceptions import APIError  # type: ignore[import-not-found]

PATCH = int(version("retab").split(".")[2])
HAS_RESTART = PATCH < 143  # later SDKs create a run instead


def plain(model: Any) -> Any:
    return model.model_dump(mode="json")


def connect(url: str, key: str) -> Any:
    return Retab(api_key=key, base_url=f"{url}/v1" if HAS_RESTART else url)


def pages(client: Any) -> list[list[str]]:
    """Read the list of runs page by page, as this version's users do."""
    if not HAS_RESTART:
        return [[run.id for run in client.workflows.runs.list(workflow_id="wf_count", limit=1)]]
    read: list[list[str]] = []
    more: dict[str, str] = {}
    while True:
        page = client.workflows.runs.list(workflow_id="wf_count", limit=1, **more)
        read.append([run.id for run in page.data])
        after = page.list_metadata.after
        if after is None:
            return read
        more = {"after": after}


def steps_of(client: Any, run: str) -> list[Any]:
    if HAS_RESTART:
        listed = client.workflows.runs.steps.list(run)
        return [plain(step) for step in getattr(listed, "data", listed)]
    return [plain(step) for step in client.workflows.steps.list(run_id=run)]


def tell(client: Any) -> dict[str, Any]:
    runs = client.workflows.runs
    source = runs.create(workflow_id="wf_count", json_inputs={"start-json-1": {"a": 1}})
    told: dict[str, Any] = {"created": plain(source), "shown": plain(runs.get(source.id))}
    if HAS_RESTART:
        told["restarted"] = plain(runs.restart(source.id))
        told["commanded"] = [runs.restart(source.id, command_id="c").id for _ in range(2)]
    told["pages"] = pages(client)
    told["steps"] = steps_of(client, source.id)
    if HAS_RESTART:
        told["step"] = plain(runs.steps.get(source.id, "count"))
    waiting = runs.create(workflow_id="wf_ask", json_inputs={})
    told["waiting"] = plain(runs.get(waiting.id))
    told["canceled"] = plain(runs.cancel(waiting.id))
    told["finished"] = plain(runs.cancel(source.id))
    told["refused"] = refused(lambda: runs.get("run_" + "0" * 32))
    return told


def refused(ask: Any) -> str:
    try:
        ask()
    except APIError as error:
        return f"{type(error).__name__}: {error}"
    return "answered"


if __name__ == "__main__":
    print(json.dumps(tell(connect(*sys.argv[1:3]))))
