"""What is tried over the routes of Retab, Upstash and FlowX: starts, restarts, ends (see scenarios.py)."""

from urllib.parse import quote

from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Json
from chalicelib.dialects.retab.ids import write_run_id
from tests.faults.batch_scenarios import three_that_wait
from tests.faults.beginnings import (
    FOUR,
    a_failed_run,
    a_run_that_asks,
    an_app_with_a_failed_run,
    publish,
    three_steps,
)
from tests.faults.dead_letter_scenarios import (
    DLQ,
    URL,
    a_failed_run_of_which_nobody_could_be_told,
    a_workflow_at_a_url,
    letter_of,
    letters_of,
    three_failed_runs,
)
from tests.faults.ops_scenarios import APP, expect_variables
from tests.faults.play import Play
from tests.faults.scenarios import use_case

RUNS = "/v1/workflows/runs"
FLOWX = "/api/runtime/wks/ws/app/app"
PROCESS = "process-name/order/start"
DATA: Json = {"flag": True, "count": 0}
GONE = "dead_letters_gone"


# -- Retab


def run_of(run: str, operation: str = "") -> str:
    return f"{RUNS}/{write_run_id(RunId(run))}{operation}"


@use_case(three_steps)
def create_a_run_over_retab(play: Play) -> None:
    inputs: Json = {"json_inputs": {"start": {"amount": 1}}}
    play.ask("by path", "/v1/workflows/order/run", inputs, key="k1")
    play.ask("by body", RUNS, {"workflow_id": "order", **inputs}, key="k2")  # type: ignore[dict-item]
    play.ask("another", RUNS, {"workflow_id": "order"}, key="k2", refused="idempotency_key_reused")
    play.settle()


@use_case(a_failed_run)
def restart_a_run_as_retabs_cli_does(play: Play) -> None:
    parent = write_run_id(RunId(play.given["source"]))
    body: Json = {"workflow_id": "order", "trigger_type": "restart", "parent_run_id": parent}
    play.ask("restart", RUNS, body, key="k")
    play.settle()


@use_case(a_run_that_asks)
def decide_over_retab(play: Play) -> None:
    run = play.given["waiting"]
    for approved in (True, True):
        play.change("POST", run_of(run, "/hil-decisions"), {"block_id": "approve", "approved": approved})
    play.settle()
    play.expect(run)
    play.expect_entries(run, "Closed", 1)
    expect_variables(play, run, approved=True)


@use_case(a_run_that_asks)
def cancel_and_delete_over_retab(play: Play) -> None:
    run = play.given["waiting"]
    play.gone.add(run)
    for _ in range(2):
        told = play.change("POST", run_of(run, "/cancel"), {"command_id": "c"})
        if told["cancellation_status"] != "cancelled":
            play.problems.append(f"ANSWER: {told}")
    play.change("DELETE", run_of(run), unless="Workflow run not found")
    play.settle()


# -- Upstash


@use_case(a_workflow_at_a_url)
def trigger_over_both_routes(play: Play) -> None:
    play.ask("one", f"/v2/trigger/{quote(URL, safe='')}", DATA, key="k1")
    play.ask("many", "/v2/batch/trigger", [{"destination": URL, "body": DATA}], key="k2")
    play.settle()


@use_case(a_failed_run)
def restart_one_dead_letter(play: Play) -> None:
    play.ask("restart", f"{DLQ}/restart/{letter_of(play)}", unless=GONE)
    play.settle()
    play.expect_reborn()


@use_case(a_failed_run)
def resume_one_dead_letter(play: Play) -> None:
    play.ask("resume", f"{DLQ}/resume/{letter_of(play)}", key="k", kept=2)
    play.settle()
    play.expect_reborn(kept=2)


@use_case(three_failed_runs)
def retry_dead_letters_as_qstash_does(play: Play) -> None:
    play.change("POST", f"/v2/dlq/retry?{letters_of(play)}", key="k")
    play.settle()
    play.expect_reborn(kept=2)


@use_case(a_failed_run)
def remove_one_dead_letter(play: Play) -> None:
    play.removed |= play.ended
    play.change("DELETE", f"{DLQ}/{letter_of(play)}", unless=GONE)
    play.ask("restart", f"{DLQ}/restart/{letter_of(play)}", refused=GONE)
    play.settle()


@use_case(three_that_wait)
def cancel_one_run_over_upstash(play: Play) -> None:
    first = play.given["source 0"]
    play.change("DELETE", f"/v2/workflows/runs/wfr_{first.replace('-', '')}")
    play.settle()
    play.expect(first, ends="canceled")
    play.expect_entries(first, "Signal", 1)


@use_case(a_failed_run_of_which_nobody_could_be_told)
def cancel_a_callback_that_is_told_again(play: Play) -> None:
    run = play.given["source"]
    play.told.add(run)
    play.outside.fail("failed")
    path = f"{DLQ}/callback/{letter_of(play)}"
    play.ask("tell", path, unless="callback_state", ends="failed")
    play.change("DELETE", path, unless="callback_state")
    play.settle()
    play.expect_callback(run, "canceled")


# -- FlowX


@use_case(an_app_with_a_failed_run)
def start_and_inherit_over_flowx(play: Play) -> None:
    play.ask("start", f"{FLOWX}/{PROCESS}", DATA, key="k1")
    path = f"{FLOWX}/{PROCESS}/inherit-from/{play.given['source']}"
    wanted: Json = {"paramsToInherit": {"paramsToCopy": ["flag", "count"]}, "more": 1}
    run = play.ask("inherit", path, wanted, key="k2")
    play.settle()
    expect_variables(play, run, flag=True, more=1)


def a_build_and_what_followed_it(play: Play) -> None:
    three_steps(play)
    play.change("PUT", APP, {})
    play.change("POST", f"{APP}/builds", {"definitions": ["order"]})
    publish(play, FOUR)


@use_case(a_build_and_what_followed_it)
def start_on_one_build_over_flowx(play: Play) -> None:
    [build] = [row["part"]["S"] for row in play.before["apps"] if _is_build(row)]
    path = f"{FLOWX}/build/{build.removeprefix('build#')}/{PROCESS}"
    play.ask("start", path, DATA, key="k")
    play.ask("nobody", f"{FLOWX}/build/nobody/{PROCESS}", DATA, refused="error.validation.build.not_found")
    play.settle()
    if any("/thank/" in key for key in play.outside.keys):
        play.problems.append("BUILD: the run is on what was published later")


def _is_build(row: dict[str, dict[str, str]]) -> bool:
    return row["part"]["S"].startswith("build#") and row["pk"]["S"].startswith("acme#")
