"""What is tried with dead letters, failure callbacks, flow control and triggers (see scenarios.py)."""

from collections import defaultdict

from chalicelib.core.effects import Failed, HttpCall, Outcome
from chalicelib.core.json_values import Json
from tests.faults.beginnings import INPUT, STARTS, THREE, publish
from tests.faults.play import Play
from tests.faults.scenarios import scenario
from tests.faults.strikes import Crash
from tests.graphs import Call, document
from tests.world import MINUTE

DLQ = "/v2/workflows/dlq"
URL = "https://shop.example/orders"
CALLBACK: Json = {"url": "https://shop.example/failed"}
TWICE: Json = {**INPUT, "retries": 1, "retry_delay": 1}  # type: ignore[dict-item]


# -- what is given


def three_failed_runs(play: Play) -> None:
    publish(play, THREE)
    play.outside.fail("reserve")
    for number in range(3):
        play.ask(f"source {number}", STARTS, INPUT)
    play.settle()


def a_failed_run_of_which_nobody_could_be_told(play: Play) -> None:
    publish(play, Call("charge"))
    play.outside.fail("charge")
    play.outside.fail("failed")
    play.ask("source", STARTS, {**TWICE, "retries": 2, "failure_callback": CALLBACK})  # type: ignore[dict-item]
    play.settle()


def a_workflow_at_a_url(play: Play) -> None:
    play.ask("draft", "/ops/v1/definitions/order", {**document(THREE), "url": URL}, method="PUT")
    play.ask("publish", "/ops/v1/definitions/order/publish")


def a_workflow_of_one_call(play: Play) -> None:
    publish(play, Call("charge"))


def letters_of(play: Play) -> str:
    """Name the dead letters that stand, as a query does."""
    return "&".join(f"dlqIds={row['dead_letter_id']['S']}" for row in play.before["dead-letters"] if _is_ours(row))


def letter_of(play: Play) -> str:
    [letter] = [row["dead_letter_id"]["S"] for row in play.before["dead-letters"] if _is_ours(row)]
    return str(letter)


def _is_ours(row: dict[str, dict[str, str]]) -> bool:
    return row["account"]["S"] == "acme"


# -- dead letters


@scenario(three_failed_runs)
def restart_dead_letters_page_by_page(play: Play) -> None:
    play.ask_for_pages("restart", f"{DLQ}/restart?count=2")
    play.settle()
    play.expect_reborn()


@scenario(three_failed_runs)
def restart_dead_letters_that_fail_again(play: Play) -> None:
    play.most_tries = 4
    play.outside.fail("charge")
    play.ask_for_pages("restart", f"{DLQ}/restart?count=2")
    play.settle()
    play.expect_reborn(ends="failed")


@scenario(three_failed_runs)
def resume_dead_letters_page_by_page(play: Play) -> None:
    play.ask_for_pages("resume", f"{DLQ}/resume?count=2")
    play.settle()
    play.expect_reborn(kept=2)


@scenario(three_failed_runs)
def restart_dead_letters_by_their_ids(play: Play) -> None:
    play.ask("restart", f"{DLQ}/restart?{letters_of(play)}", unless="dead_letters_gone")
    play.settle()
    play.expect_reborn()


@scenario(three_failed_runs)
def restart_dead_letters_by_their_ids_under_a_key(play: Play) -> None:
    play.ask("restart", f"{DLQ}/restart?{letters_of(play)}", key="k")
    play.settle()
    play.ask("again", f"{DLQ}/restart?{letters_of(play)}", key="k")
    play.expect_reborn()


@scenario(three_failed_runs)
def remove_dead_letters_page_by_page(play: Play) -> None:
    play.removed |= play.ended
    play.ask_for_pages("remove", f"{DLQ}?count=2", method="DELETE")
    play.settle()
    if any("live_shard" in row and _is_ours(row) for row in play.rows("dead-letters")):
        play.problems.append("LETTERS: one was not removed")


# -- telling of a failure


@scenario(a_workflow_at_a_url)
def tell_of_a_failure(play: Play) -> None:
    play.most_tries = 2
    play.outside.fail("charge")
    run = play.ask("start", STARTS, {**TWICE, "failure_callback": CALLBACK}, key="k", ends="failed")  # type: ignore[dict-item]
    play.settle()
    play.expect_callback(run, "succeeded")


@scenario(a_workflow_at_a_url)
def tell_of_a_failure_in_vain(play: Play) -> None:
    play.most_tries = 2
    play.outside.fail("charge")
    play.outside.fail("failed")
    run = play.ask("start", STARTS, {**TWICE, "failure_callback": CALLBACK}, key="k", ends="failed")  # type: ignore[dict-item]
    play.settle()
    play.expect_callback(run, "failed")


@scenario(a_workflow_at_a_url, every=1_000)
def a_callback_that_kills_its_worker(play: Play) -> None:
    def kill(_call: HttpCall) -> Outcome:
        raise Crash("failed")

    play.most_tries = 99
    play.outside.fail("charge")
    play.outside.answers["failed"] = kill
    run = play.ask("start", STARTS, {**TWICE, "failure_callback": CALLBACK}, key="k", ends="failed")  # type: ignore[dict-item]
    play.settle()
    play.expect_callback(run, "failed")


@scenario(a_failed_run_of_which_nobody_could_be_told)
def tell_again_of_a_failure(play: Play) -> None:
    run = play.given["source"]
    play.told.add(run)
    play.ask("tell", f"{DLQ}/callback/{letter_of(play)}", unless="callback_state", ends="failed")
    play.settle()
    play.expect_callback(run, "succeeded")


@scenario(a_failed_run_of_which_nobody_could_be_told)
def restart_while_somebody_is_told(play: Play) -> None:
    run = play.given["source"]
    play.told.add(run)
    play.ask("tell", f"{DLQ}/callback/{letter_of(play)}", unless="callback_state", ends="failed")
    play.ask_for_pages("restart", f"{DLQ}/restart?count=2")
    play.settle()
    play.expect_reborn()
    play.expect_callback(run, "succeeded")


# -- flow control


def flowing(**limits: int) -> Json:
    return {**INPUT, "flow_control": {"key": "shop", **limits}}  # type: ignore[dict-item]


@scenario(a_workflow_of_one_call)
def one_at_a_time(play: Play) -> None:
    for number in range(3):
        play.ask(f"start {number}", STARTS, flowing(parallelism=1), key=f"k{number}")
    play.settle()


@scenario(a_workflow_at_a_url, every=2)
def two_in_a_minute(play: Play) -> None:
    begun: defaultdict[int, set[str]] = defaultdict(set)  # the network may repeat one call under its key

    def count(call: HttpCall) -> Outcome:
        begun[play.stage.clock.ms // MINUTE].add(call.idempotency_key)
        return play.outside.answer(call)

    play.outside.answers |= dict.fromkeys(("charge", "reserve", "ship"), count)
    for number in range(3):
        play.ask(f"start {number}", STARTS, flowing(rate=2, period=60), key=f"k{number}")
    play.settle()
    if most := [keys for keys in begun.values() if len(keys) > 2]:
        play.problems.append(f"RATE: {most[0]} began in one minute")


@scenario(a_workflow_at_a_url)
def one_at_a_time_that_fails_once(play: Play) -> None:
    play.most_tries = 2
    failed: set[str] = set()

    def once(call: HttpCall) -> Outcome:
        if call.idempotency_key in failed:
            return play.outside.answer(call)
        failed.add(call.idempotency_key)
        return Failed("http_503", "unwell", is_retryable=True)

    play.outside.answers["charge"] = once
    for number in range(2):
        play.ask(f"start {number}", STARTS, flowing(parallelism=1), key=f"k{number}")
    play.settle()


# -- triggers


@scenario(a_workflow_at_a_url)
def trigger_twice_under_one_id(play: Play) -> None:
    headers: Json = {"upstash-workflow-init": "true", "upstash-workflow-runid": "wfr_mine"}
    body: Json = [{"destination": URL, "headers": headers, "body": '{"flag": true, "count": 0}'}]
    play.ask("trigger", "/v2/batch", body, key="wfr_mine")
    play.ask("again", "/v2/batch", body, key="wfr_mine")
    play.settle()


@scenario(a_workflow_at_a_url)
def cancel_what_was_triggered(play: Play) -> None:
    run = play.ask("start", STARTS, {**INPUT, "delay": 600}, key="k", ends="canceled")  # type: ignore[dict-item]
    play.ask("cancel", "/v2/workflows/runs?count=100", method="DELETE")
    play.settle()
    play.expect_entries(run, "Signal", 1)


@scenario(a_workflow_at_a_url)
def publish_under_another_url(play: Play) -> None:
    play.ask("draft", "/ops/v1/definitions/order", {**document(THREE), "url": f"{URL}/new"}, method="PUT")
    play.ask("publish", "/ops/v1/definitions/order/publish")
    headers: Json = {"upstash-workflow-runid": "wfr_new"}
    play.ask("old", "/v2/batch", [{"destination": URL, "headers": headers}], refused="url_unknown")
    body: Json = [{"destination": f"{URL}/new", "headers": headers, "body": '{"flag": true}'}]
    play.ask("new", "/v2/batch", body, key="wfr_new")
    play.settle()
