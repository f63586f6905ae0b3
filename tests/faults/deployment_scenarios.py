"""What is tried with what runs come from, over the vendors' routes: deployments, versions, settings of services."""

from typing import Any

from tests.dialects.camunda.models import FORKED, bpmn, form
from tests.faults.beginnings import FOUR, ORDER, a_run_that_asks, draft, three_steps
from tests.faults.ops_scenarios import expect_published
from tests.faults.play import Play
from tests.faults.scenarios import use_case

REST = "/engine-rest"
CREATE = f"{REST}/deployment/create"
BY_KEY = f"{REST}/process-definition/key/order"
VERSION_1 = "order:1"
START: dict[str, Any] = {"variables": {}}


def files(*keys: str, flows: Any = None, filtering: bool = False) -> bytes:
    """Write a form with one file of these processes, and one that is only kept."""
    content = bpmn(*keys, **({"flows": flows} if flows else {}))
    fields = [("enable-duplicate-filtering", "true", None)] if filtering else []
    return form(("deployment-name", "shop", None), *fields, ("a", content, "a.bpmn"), ("b", "{}", "b.json"))


# -- what is given


def a_deployment(play: Play) -> None:
    play.change("POST", CREATE, files("order"), key="given")


def a_deployment_with_a_run(play: Play) -> None:
    a_deployment(play)
    play.ask("waiting", f"{BY_KEY}/start", START, ends="waiting")
    play.settle()


def deployment_of(play: Play) -> str:
    [row] = [row for row in play.before["deployments"] if row["part"]["S"].startswith("head#") and _is_ours(row)]
    return f"{REST}/deployment/{row['part']['S'].removeprefix('head#')}"


def _is_ours(row: Any) -> bool:
    return bool(row["pk"]["S"] == "acme")


def id_of_version(play: Play, number: int) -> str:
    """Answer the id of a version of `order`, as Camunda's clients name it."""
    shown = play.shown(f"{REST}/process-definition?key=order&version={number}")
    return str(shown[0]["id"])


# -- deployments


def expect_versions(play: Play, *numbers: int) -> None:
    """Expect that these versions of `order` are seen, and no other one."""
    found = sorted(row["version"] for row in play.shown(f"{REST}/process-definition?key=order"))
    if found != [*numbers]:
        play.problems.append(f"VERSIONS: seen are {found} instead of {[*numbers]}")


@use_case(a_deployment)
def deploy_again_and_another(play: Play) -> None:
    play.change("POST", CREATE, files("order", "other", flows=FORKED), key="k")
    play.change("POST", CREATE, files("order", "other", flows=FORKED), key="k")
    play.change("POST", CREATE, files("another"), key="k", refused="RestException")
    play.change("POST", CREATE, files("order", "order"), refused="ProcessEngineException")
    expect_versions(play, 1, 2)


@use_case(a_deployment)
def deploy_what_is_new_without_a_key(play: Play) -> None:
    """What is interrupted leaves a version of which no deployment tells: nobody sees it, and its number is gone."""
    play.unlike |= {"definitions", "deployments"}
    for flows in (None, FORKED):
        play.change("POST", CREATE, files("order", flows=flows, filtering=True))
    deployments = play.shown(f"{REST}/deployment/count")["count"]
    versions = play.shown(f"{REST}/process-definition?key=order&sortBy=version&sortOrder=asc")
    if deployments != 2 or len(versions) != 2 or versions[0]["version"] != 1:
        play.problems.append(f"DEPLOYMENTS: there are {deployments}, with the versions {versions}")


@use_case(a_deployment_with_a_run)
def delete_a_deployment(play: Play) -> None:
    play.change("DELETE", deployment_of(play), unless="InvalidRequestException")
    play.change("POST", f"{BY_KEY}/start", START, refused="RestException")
    play.settle()
    play.expect(play.given["waiting"], ends="waiting")
    expect_versions(play)


@use_case(a_deployment_with_a_run)
def delete_a_deployment_and_its_runs(play: Play) -> None:
    play.gone.add(play.given["waiting"])
    play.change("DELETE", f"{deployment_of(play)}?cascade=true", unless="InvalidRequestException")
    play.settle()
    expect_versions(play)


# -- versions on which no run starts


def suspend_and_activate(play: Play, path: str, **named: str) -> None:
    """Let no run start, and then one; what waits goes on all the while."""
    for is_suspended in (True, False):
        play.change("PUT", path, {**named, "suspended": is_suspended})
        refused = "RestException" if is_suspended else None
        play.ask(f"{is_suspended}", f"{BY_KEY}/start", START, key="k", ends="waiting", refused=refused)
    play.settle()


@use_case(a_deployment)
def suspend_a_version(play: Play) -> None:
    suspend_and_activate(play, f"{REST}/process-definition/{id_of_version(play, 1)}/suspended")


@use_case(a_deployment)
def suspend_a_key(play: Play) -> None:
    suspend_and_activate(play, f"{BY_KEY}/suspended")


@use_case(a_deployment)
def suspend_all_versions_of_a_key(play: Play) -> None:
    play.change("POST", CREATE, files("order", flows=FORKED), key="second")
    suspend_and_activate(play, f"{REST}/process-definition/suspended", processDefinitionKey="order")


# -- other dialects


@use_case(three_steps)
def publish_over_retab(play: Play) -> None:
    path = "/v1/workflows/order/publish"
    play.change("POST", path, {"description": "the same"})
    draft(play, FOUR)
    told = play.change("POST", path, {"description": "another"})
    if told["published"]["version"] != 2:
        play.problems.append(f"VERSIONS: {told} was published")
    expect_published(play, 2)


@use_case(a_run_that_asks)
def settle_how_long_a_services_runs_are_kept(play: Play) -> None:
    play.change("PATCH", "/services/order", {"idempotency_retention": "PT1H", "journal_retention": "PT10M"})
    play.change("PATCH", "/services/order", {"public": False}, refused="501")
    kept = play.shown(f"{ORDER}/settings")["retention"]
    if kept != {"completion_s": 3600.0, "journal_s": 600.0}:
        play.problems.append(f"SETTINGS: runs are kept for {kept}")
