"""Who meets whom over dead letters, failure callbacks and slots (see encounters.py)."""

from tests.faults.beginnings import STARTS
from tests.faults.dead_letter_scenarios import (
    CALLBACK,
    DLQ,
    TWICE,
    URL,
    a_failed_run_of_which_nobody_could_be_told,
    a_workflow_at_a_url,
    flowing,
    letter_of,
    letters_of,
    three_failed_runs,
)
from tests.faults.encounters import Handlers, client, encounter, message_of, worker
from tests.faults.interleavings import Handler
from tests.faults.play import Message, Play
from tests.faults.stage import API
from tests.graphs import Call, document, steps


def pages(play: Play, name: str, path: str, method: str = "POST") -> Handler:
    """A client that asks for page after page, of a process of its own."""
    by = play.stage.sandbox(API)
    return lambda: play.ask_for_pages(name, path, method=method, by=by)


def messages_of(play: Play) -> list[Message]:
    """Take all messages that are there."""
    play.pull()
    messages, play.pending = play.pending, []
    return messages


# -- dead letters


@encounter(three_failed_runs)
def two_who_restart_page_by_page(play: Play) -> Handlers:
    play.expect_reborn()
    path = f"{DLQ}/restart?count=2"
    return {"a": pages(play, "first", path), "b": pages(play, "second", path)}


@encounter(three_failed_runs)
def one_by_page_and_one_by_ids(play: Play) -> Handlers:
    play.expect_reborn()
    by_ids = f"{DLQ}/restart?{letters_of(play)}"
    return {
        "a": pages(play, "pages", f"{DLQ}/restart?count=2"),
        "b": client(play, "ids", by_ids, unless="dead_letters_gone"),
    }


@encounter(three_failed_runs)
def two_by_ids_under_one_key(play: Play) -> Handlers:
    play.expect_reborn()
    path = f"{DLQ}/restart?{letters_of(play)}"
    return {"a": client(play, "first", path, key="k"), "b": client(play, "second", path, key="k")}


@encounter(three_failed_runs)
def a_page_and_a_restart_of_one_run(play: Play) -> Handlers:
    play.expect_reborn(is_optional=True)
    source = play.given["source 1"]
    return {
        "a": pages(play, "pages", f"{DLQ}/restart?count=3"),
        "b": client(play, "one", f"/ops/v1/runs/{source}/restart", key="k"),
    }


@encounter(three_failed_runs)
def one_who_restarts_and_one_who_removes(play: Play) -> Handlers:
    play.expect_reborn(is_optional=True)
    play.removed |= play.ended
    return {
        "a": pages(play, "restart", f"{DLQ}/restart?count=2"),
        "b": pages(play, "remove", f"{DLQ}?count=2", "DELETE"),
    }


# -- telling of a failure


@encounter(a_failed_run_of_which_nobody_could_be_told)
def two_who_tell_again(play: Play) -> Handlers:
    play.told |= play.ended
    path = f"{DLQ}/callback/{letter_of(play)}"
    return {
        "a": client(play, "first", path, unless="callback_state", ends="failed"),
        "b": client(play, "second", path, unless="callback_state", ends="failed"),
    }


@encounter(a_failed_run_of_which_nobody_could_be_told)
def one_who_tells_and_one_who_says_no(play: Play) -> Handlers:
    play.told |= play.ended
    path = f"{DLQ}/callback/{letter_of(play)}"
    play.ask("tell", path, ends="failed")
    return {
        "a": worker(play, message_of(play)),
        "b": client(play, "cancel", path, method="DELETE", unless="callback_state"),
    }


@encounter(a_workflow_at_a_url)
def two_workers_on_one_callback(play: Play) -> Handlers:
    play.most_tries = 4
    play.outside.fail("charge")
    body = {**TWICE, "retries": 0, "failure_callback": CALLBACK}  # type: ignore[dict-item]
    play.ask("start", STARTS, body, key="k", ends="failed")
    play.hand_over(message_of(play))
    message = message_of(play)
    return {"a": worker(play, message), "b": worker(play, message)}


# -- flow control


@encounter(a_workflow_at_a_url)
def two_runs_for_one_slot(play: Play) -> Handlers:
    for number in range(2):
        play.ask(f"start {number}", STARTS, flowing(parallelism=1), key=f"k{number}")
    first, second = messages_of(play)
    return {"a": worker(play, first), "b": worker(play, second)}


@encounter(a_workflow_at_a_url)
def two_publishers_of_one_url(play: Play) -> Handlers:
    path = "/ops/v1/definitions/other"
    for name in ("other", "third"):
        body = {**document(steps(Call("charge"))), "url": f"{URL}/new"}
        play.ask(f"draft {name}", f"/ops/v1/definitions/{name}", body, method="PUT")
    return {
        "a": client(play, "first", f"{path}/publish", unless="url_taken"),
        "b": client(play, "second", "/ops/v1/definitions/third/publish", unless="url_taken"),
    }


@encounter(a_workflow_at_a_url)
def two_triggers_under_one_id(play: Play) -> Handlers:
    headers = {"upstash-workflow-runid": "wfr_mine"}
    body = [{"destination": URL, "headers": headers, "body": '{"flag": true}'}]
    return {
        "a": client(play, "first", "/v2/batch", body, key="wfr_mine"),
        "b": client(play, "second", "/v2/batch", body, key="wfr_mine"),
    }
