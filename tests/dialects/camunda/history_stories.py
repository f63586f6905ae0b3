"""One account's history, which tests of queries only read: a run of every state, and restarts of both kinds."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from chalicelib.core.ids import ActivityId, DefinitionKey, RunId
from chalicelib.core.restart_requests import At
from chalicelib.core.runs import Run
from chalicelib.core.state import BeforeActivity
from tests.dialects.client import Api, Reply, key_of
from tests.graphs import Ask, Call, Pause, document, steps
from tests.world import ACME, CAUSE, World

INSTANCES = "/history/process-instance"
ACTIVITIES, VARIABLES, DETAILS = "/history/activity-instance", "/history/variable-instance", "/history/detail"
WORK, ASKING, OF_TENANT = DefinitionKey("work"), DefinitionKey("ask"), DefinitionKey("work(blue)")
TYPED = {"day": "2026-11-21T00:17:29.230+0000", "camunda.types": {"day": {"type": "Date", "valueInfo": {}}}}


@dataclass
class History:
    """The runs by what became of them."""

    world: World
    api: Api
    runs: dict[str, Run]

    def names(self, rows: list[dict[str, Any]]) -> set[str]:
        known = {run.id: name for name, run in self.runs.items()}
        return {known[row["id"]] for row in rows}

    def found(self, **query: Any) -> set[str]:
        """Ask by a body, and name what is found; the count must be the same."""
        rows = self.ok(self.api.post(INSTANCES, query, content_type="application/json"))
        count = self.ok(self.api.post(f"{INSTANCES}/count", query, content_type="application/json"))
        assert count == {"count": len(rows)}
        return self.names(rows)

    def got(self, **query: Any) -> set[str]:
        """Ask by an address, and name what is found; the count must be the same."""
        asked = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        rows = self.ok(self.api.get(f"{INSTANCES}?{asked}"))
        assert self.ok(self.api.get(f"{INSTANCES}/count?{asked}")) == {"count": len(rows)}
        return self.names(rows)

    def refused(self, **query: Any) -> tuple[int, dict[str, Any]]:
        """Ask by a body, and answer the refusal; counting is refused alike."""
        reply = self.api.post(INSTANCES, query, content_type="application/json")
        counting = self.api.post(f"{INSTANCES}/count", query, content_type="application/json")
        assert reply.json == counting.json
        return reply.status, reply.json

    def row(self, name: str) -> dict[str, Any]:
        row: dict[str, Any] = self.ok(self.api.get(f"{INSTANCES}/{self.runs[name].id}"))
        return row

    @staticmethod
    def ok(reply: Reply) -> Any:
        assert reply.status == 200, reply.body
        return reply.json

    @property
    def all(self) -> set[str]:
        return set(self.runs)


def tell(world: World) -> History:
    """Let a history happen, one minute between two starts."""
    world.publish({**document(steps(Call("first"), Call("second"))), "name": "The work"}, WORK)
    world.publish(document(steps(Ask("approve"), Call("first"))), ASKING)
    world.publish(document(Pause("pause", 36_000)), OF_TENANT)
    ids: dict[str, RunId] = {}

    def start(name: str, definition: DefinitionKey, **variables: Any) -> RunId:
        ids[name] = world.start(variables, definition=definition, business_key=f"key_{name}").id
        while world.deliver():
            pass
        world.clock.advance(60_000)
        return ids[name]

    def restart(name: str, source: str, **fields: Any) -> None:
        ids[name] = world.restart(ids[source], **fields).id
        while world.deliver():
            pass
        world.clock.advance(60_000)

    start("completed", WORK, amount=3, word="Apple", flag=True, nothing=None, **TYPED)
    world.outside.fail("second", is_retryable=False)
    start("failed", WORK, amount=4.5, word="apricot", list=[1])
    world.outside.fail("first", retry_after_s=86_400)
    start("retrying", WORK, amount=5)
    world.outside.heal("first")
    world.outside.heal("second")
    start("waiting", ASKING, amount="3")
    start("canceled", ASKING, flag=False)
    world.services.runs.cancel(ACME, ids["canceled"], "not wanted")
    world.clock.advance(60_000)
    start("tenants", OF_TENANT)
    restart("restarted", "failed", start=At((BeforeActivity(ActivityId("second")),)))
    restart("batched", "completed", cause=replace(CAUSE, batch="batch-1"))
    return History(world, key_of(world, ACME), {name: world.run(id_) for name, id_ in ids.items()})


def rows(history: History, path: str, name: str, **query: Any) -> list[dict[str, Any]]:
    """Ask what happened in a run by address and by body, with the same answer, and the same count."""
    asked = {"processInstanceId": history.runs[name].id, **query}
    text = "&".join(f"{key}={'true' if value is True else quote(str(value))}" for key, value in asked.items())
    found: list[dict[str, Any]] = history.ok(history.api.get(f"{path}?{text}"))
    assert history.ok(history.api.get(f"{path}/count?{text}")) == {"count": len(found)}
    body = {key: value.split(",") if key.endswith("In") else value for key, value in asked.items()}
    assert history.ok(history.api.post(path, body, content_type="application/json")) == found
    assert history.ok(history.api.post(f"{path}/count", body, content_type="application/json")) == {"count": len(found)}
    return found
