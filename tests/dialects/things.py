"""Things that exist, and the names that routes know them by."""

from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import AccountId
from tests.dialects.camunda.models import deployed
from tests.dialects.client import Api, key_of
from tests.graphs import Ask, Call, document
from tests.world import TABLES, World

ACCOUNT = AccountId("whoever-is-asked-for")
_ALWAYS = {
    "engine": ("default", "other"),
    "prefix": ("rtm",),
    "entry": ("1", "2"),
    "tenant": ("none",),
    "name": ("n", "amount"),
    "build": ("latest", "1"),
    "workspace": ("shop",),
    "app": ("web",),
    "process": ("order", "asked"),
    "block_id": ("work", "decide"),
    "service": ("order", "asked"),
    "handler": ("start",),
}


@dataclass(frozen=True)
class Things:
    """`api` may do all there is; `ids` are of runs, letters, batches, jobs, tasks, definitions and deployments."""

    world: World
    api: Api
    ids: tuple[str, ...]

    def standing(self) -> dict[str, Any]:
        """Answer every row that there is."""
        return {table: self.world.rows(table) for table in TABLES}

    def names(self, parameter: str) -> tuple[str, ...]:
        """Answer what a path's parameter may be called."""
        return _ALWAYS.get(parameter, self.ids)


def things(world: World, account: AccountId) -> Things:
    """Make a little of everything: runs that failed, wait and were deleted, a dead letter, a batch, an app."""
    api = key_of(world, account)
    definition = deployed(api, "checked")
    for key, block in (("order", Call("work")), ("asked", Ask("decide"))):
        api.put(f"/ops/v1/definitions/{key}", document(block))
        api.post(f"/ops/v1/definitions/{key}/publish")
    world.outside.fail("work")
    failed, waiting = (api.post(f"/ops/v1/definitions/{key}/runs").json["id"] for key in ("order", "asked"))
    checked = api.post("/engine-rest/process-definition/key/checked/start", {}, content_type="application/json").json
    world.settle()
    api.delete(f"/engine-rest/process-instance/{checked['id']}")
    places = [{"type": "startBeforeActivity", "activityId": "review"}]
    body = {"processInstanceIds": [checked["id"]], "instructions": places}
    path = f"/engine-rest/process-definition/{definition['id']}/restart-async"
    batch = api.post(path, body, content_type="application/json").json
    assert api.put("/ops/v1/apps/shop/web", {}).status == 200
    letters = tuple(row["dead_letter_id"]["S"] for row in world.rows("dead-letters") if account in str(row))
    runs = (failed, waiting, checked["id"])
    made = (batch["id"], batch["seedJobDefinitionId"], f"{batch['id']}.0", f"{waiting}.1")
    known = (definition["id"], definition["deploymentId"], "order", "asked", "checked")
    retab = tuple(f"run_{run.replace('-', '')}" for run in runs)
    return Things(world, api, (*runs, *letters, *made, *known, *retab, *(f"wfr_{run}" for run in runs)))
