"""What is tried with process instances over Camunda's routes (see scenarios.py); batches stand beside it."""

from typing import Any

from chalicelib.core.ids import derived_uuid
from tests.faults.batch_scenarios import canceled_runs, expect_end, sources_of, three_that_wait, wish
from tests.faults.batch_scenarios import expect_reborn as expect_batch_reborn
from tests.faults.beginnings import INPUT, STARTS, a_failed_run, a_run_that_asks, cancel_of, three_steps
from tests.faults.deployment_scenarios import id_of_version
from tests.faults.ops_scenarios import expect_variables
from tests.faults.play import Play
from tests.faults.scenarios import use_case
from tests.world import ACME

REST = "/engine-rest"
GIVEN: dict[str, Any] = {"variables": {"flag": {"value": True}, "count": {"value": 0}}, "businessKey": "b"}


def instance(run: str) -> str:
    return f"{REST}/process-instance/{run}"


def definition(play: Play) -> str:
    return f"{REST}/process-definition/{id_of_version(play, 1)}"


def complete(play: Play, run: str, **variables: Any) -> None:
    """Complete the task at which a run waits; the engine does not find one that is completed."""
    typed = {name: {"value": value} for name, value in variables.items()}
    path = f"{REST}/task/{run}.{play.opened(run, 'approve')}/complete"
    play.change("POST", path, {"variables": typed}, unless="RestException")


# -- start


@use_case(three_steps)
def start_an_instance_by_key(play: Play) -> None:
    path = f"{REST}/process-definition/key/order/start"
    play.ask("start", path, GIVEN, key="k")
    play.ask("another", path, {**GIVEN, "businessKey": "c"}, key="k", refused="RestException")
    play.settle()


@use_case(three_steps)
def start_an_instance_by_id(play: Play) -> None:
    play.ask("start", f"{definition(play)}/start", GIVEN, key="k")
    play.settle()


# -- one that goes on


@use_case(a_run_that_asks)
def complete_a_task_over_camunda(play: Play) -> None:
    run = play.given["waiting"]
    complete(play, run, by="me")
    play.settle()
    play.expect(run)
    play.expect_entries(run, "Closed", 1)
    expect_variables(play, run, by="me")


@use_case(a_run_that_asks)
def suspend_an_instance_and_activate_it(play: Play) -> None:
    run = play.given["waiting"]
    play.change("PUT", f"{instance(run)}/suspended", {"suspended": True})
    task = f"{REST}/task/{run}.{play.opened(run, 'approve')}/complete"
    play.change("POST", task, {}, refused="RestException")
    play.change("PUT", f"{instance(run)}/suspended", {"suspended": False})
    complete(play, run, by="me")
    play.settle()
    play.expect(run)
    play.expect_entries(run, "Signal", 2)


@use_case(a_run_that_asks)
def change_variables_over_camunda(play: Play) -> None:
    run = play.given["waiting"]
    variables = f"{instance(run)}/variables"
    play.change("POST", variables, {"modifications": {"amount": {"value": 7}}, "deletions": ["flag"]})
    play.change("PUT", f"{variables}/note", {"value": "urgent"})
    play.change("DELETE", f"{variables}/count")
    complete(play, run, by="me")
    play.settle()
    play.expect(run)
    play.expect_entries(run, "Changed", 3)
    expect_variables(play, run, amount=7, note="urgent", flag=None, count=None, by="me")


@use_case(a_run_that_asks)
def delete_an_instance_and_its_history(play: Play) -> None:
    run = play.given["waiting"]
    play.gone.add(run)
    play.change("DELETE", f"{REST}/history/process-instance/{run}", refused="InvalidRequestException")
    play.change("DELETE", instance(run), unless="InvalidRequestException")
    play.change("DELETE", f"{REST}/history/process-instance/{run}", unless="InvalidRequestException")
    play.ask("cancel", cancel_of(run), refused="run_not_found")
    play.settle()


# -- restart


@use_case(canceled_runs)
def restart_together_by_id(play: Play) -> None:
    play.change("POST", f"{definition(play)}/restart", wish(sources_of(play)), key="k")
    play.settle()
    for source in sources_of(play):
        play.expect(derived_uuid(ACME, "camunda", "restart", "k", source), ends="waiting")


@use_case(canceled_runs)
def restart_as_a_batch_by_id(play: Play) -> None:
    batch = play.change("POST", f"{definition(play)}/restart-async", wish(sources_of(play)), key="k")["id"]
    play.settle()
    expect_batch_reborn(play, batch, sources_of(play))
    expect_end(play, batch)


@use_case(a_failed_run)
def restart_a_failed_instance_together_with_nobody(play: Play) -> None:
    """One that is not there spoils it for all."""
    start: Any = {"type": "startBeforeActivity", "activityId": "reserve"}
    body = {"processInstanceIds": [play.given["source"], ACME], "instructions": [start]}
    play.change("POST", f"{definition(play)}/restart", body, refused="InvalidRequestException")
    play.ask("start", STARTS, INPUT, key="k")
    play.settle()


# -- many


@use_case(three_that_wait)
def delete_by_a_historic_query(play: Play) -> None:
    wanted = {"historicProcessInstanceQuery": {"processDefinitionKey": "order", "unfinished": True}}
    path = f"{REST}/process-instance/delete-historic-query-based"
    batch = play.change("POST", path, wanted, key="k")["id"]
    play.settle()
    for source in sources_of(play):
        play.expect(source, ends="canceled")
    expect_end(play, batch)
