"""Who meets whom over dead letters, failure callbacks and slots (see encounters.py)."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.core.callbacks import Callback
from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.ids import derived_uuid
from chalicelib.stores.conversions import convert
from chalicelib.stores.packing import unpack
from tests.faults.beginnings import STARTS
from tests.faults.dead_letter_scenarios import (
    CALLBACK,
    DLQ,
    TWICE,
    URL,
    a_failed_run_of_which_nobody_could_be_told,
    a_workflow_at_a_url,
    a_workflow_of_one_call,
    flowing,
    letter_of,
    letters_of,
    three_failed_runs,
)
from tests.faults.encounters import Handlers, client, encounter, message_of, worker
from tests.faults.interleavings import Handler
from tests.faults.play import Message, Play
from tests.faults.stage import API
from tests.faults.strikes import Crash
from tests.graphs import Call, document, steps
from tests.world import ACME


def pages(play: Play, name: str, path: str, method: str = "POST") -> Handler:
    """A client that asks for page after page, of a process of its own."""
    by = play.stage.sandbox(API)
    return lambda: play.ask_for_pages(name, path, method=method, by=by)


def then(handler: Handler, look: Callable[[Play], None], play: Play) -> Handler:
    """Let a handler act, and look at what stands when it has."""

    def act() -> None:
        handler()
        look(play)

    return act


def messages_of(play: Play) -> list[Message]:
    """Take all messages that are there."""
    play.pull()
    messages, play.pending = play.pending, []
    return messages


# -- dead letters


def reborn_of(letter: str) -> str:
    """Answer the id of the run that a dead letter becomes."""
    return derived_uuid(ACME, "dead_letter", letter)


def letters_name_their_runs(play: Play) -> None:
    """Expect that a run which a letter became stands beside a tombstone that names it."""
    runs = {row["pk"]["S"] for row in play.rows("runs")}
    named = {row["pk"]["S"]: row.get("consumed_by", {}).get("S") for row in play.rows("dead-letters")}
    for row in play.before["dead-letters"]:
        key, run = row["pk"]["S"], reborn_of(row["dead_letter_id"]["S"])
        if row["account"]["S"] == ACME and f"{ACME}#{run}" in runs and named.get(key) != run:
            play.problems.append(f"LETTERS: {run} was born of {key}, which names {named.get(key)}")


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
    play.expect_reborn()
    source = play.given["source 1"]
    [its] = [row for row in play.before["dead-letters"] if (row["account"]["S"], row["run_id"]["S"]) == (ACME, source)]
    mine = f"expected {reborn_of(its['dead_letter_id']['S'])}"
    play.asked[mine] = replace(play.asked[mine], is_optional=True)
    return {
        "a": then(pages(play, "pages", f"{DLQ}/restart?count=3"), letters_name_their_runs, play),
        "b": client(play, "one", f"/ops/v1/runs/{source}/restart", key="k"),
    }


@encounter(three_failed_runs)
def one_who_restarts_and_one_who_removes(play: Play) -> Handlers:
    play.expect_reborn(is_optional=True)
    play.removed |= play.ended
    return {
        "a": pages(play, "restart", f"{DLQ}/restart?count=2"),
        "b": then(pages(play, "remove", f"{DLQ}?count=2", "DELETE"), letters_name_their_runs, play),
    }


# -- telling of a failure


def canceled_stays_canceled(play: Play) -> None:
    """Expect that nobody writes over a cancel that was granted."""
    asked, [run] = play.asked.get("cancel"), play.ended
    if asked is None or asked.refusal is not None:
        return
    [row] = [row for row in play.rows("runs") if row["pk"]["S"] == f"{ACME}#{run}"]
    state = convert(unpack(row["callback"]["B"]), Callback).state.value
    if state != "canceled":
        play.problems.append(f"CALLBACK: {run} was canceled, and is {state}")


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
    cancel = client(play, "cancel", path, method="DELETE", unless="callback_state")
    return {
        "a": then(worker(play, message_of(play)), canceled_stays_canceled, play),
        "b": then(cancel, canceled_stays_canceled, play),
    }


@encounter(a_failed_run_of_which_nobody_could_be_told)
def a_deletion_and_who_tells(play: Play) -> Handlers:
    [run] = play.ended
    play.ask("tell", f"{DLQ}/callback/{letter_of(play)}", ends="failed")
    play.gone.add(run)
    return {
        "a": worker(play, message_of(play)),
        "b": client(play, "delete", f"/ops/v1/runs/{run}", method="DELETE"),
    }


@encounter(a_workflow_at_a_url)
def two_workers_on_one_callback(play: Play) -> Handlers:
    play.outside.fail("charge")
    body = {**TWICE, "retries": 0, "failure_callback": CALLBACK}  # type: ignore[dict-item]
    play.ask("start", STARTS, body, key="k", ends="failed")
    play.hand_over(message_of(play))
    message = message_of(play)
    return {"a": worker(play, message), "b": worker(play, message)}


# -- flow control


def a_slot_is_held(play: Play) -> Callable[[HttpCall], Outcome]:
    """Expect of each call that the run's worker, while its lease lasts, holds a slot."""

    def answer(call: HttpCall) -> Outcome:
        now, run = play.stage.clock.ms, call.idempotency_key.partition("/")[0]
        [head] = [row for row in play.rows("runs") if row["pk"]["S"] == f"{ACME}#{run}"]
        slots = [row for row in play.rows("slots") if row["part"]["S"].startswith("slot#")]
        holders = {row["holder"]["S"] for row in slots if int(row["until"]["N"]) > now}
        if int(head["lease_until"]["N"]) > now and head["lease_owner"]["S"] not in holders:
            play.problems.append(f"SLOTS: {call.idempotency_key} was asked for without one")
        return play.outside.answer(call)

    return answer


@encounter(a_workflow_of_one_call)
def two_runs_for_one_slot(play: Play) -> Handlers:
    for number in range(2):
        play.ask(f"start {number}", STARTS, flowing(parallelism=1), key=f"k{number}")
    first, second = messages_of(play)
    play.outside.answers["charge"] = a_slot_is_held(play)
    return {"a": worker(play, first), "b": worker(play, second)}


@encounter(a_workflow_of_one_call)
def one_who_dies_with_the_slot_and_one_who_waits(play: Play) -> Handlers:
    play.most_tries = 2

    def die(_call: HttpCall) -> Outcome:
        play.outside.heal("charge")
        raise Crash("charge")

    play.outside.answers["charge"] = die
    for number in range(2):
        play.ask(f"start {number}", STARTS, flowing(parallelism=1), key=f"k{number}")
    first, second = messages_of(play)
    return {"a": worker(play, first), "b": worker(play, second)}


def one_has_the_url(play: Play) -> None:
    """Expect that of two publishers one was refused."""
    both = [asked for name in ("first", "second") if (asked := play.asked.get(name))]
    if len(both) == 2 and [asked.refusal for asked in both].count(None) != 1:
        play.problems.append(f"URL: two publishers were told {[asked.refusal for asked in both]}")


@encounter(a_workflow_at_a_url)
def two_publishers_of_one_url(play: Play) -> Handlers:
    path, third = "/ops/v1/definitions/other", "/ops/v1/definitions/third"
    for name in ("other", "third"):
        body = {**document(steps(Call("charge"))), "url": f"{URL}/new"}
        play.ask(f"draft {name}", f"/ops/v1/definitions/{name}", body, method="PUT")
    return {
        "a": then(client(play, "first", f"{path}/publish", unless="url_taken"), one_has_the_url, play),
        "b": then(client(play, "second", f"{third}/publish", unless="url_taken"), one_has_the_url, play),
    }


@encounter(a_workflow_at_a_url)
def two_triggers_under_one_id(play: Play) -> Handlers:
    headers = {"upstash-workflow-runid": "wfr_mine"}
    body = [{"destination": URL, "headers": headers, "body": '{"flag": true}'}]
    return {
        "a": client(play, "first", "/v2/batch", body, key="wfr_mine"),
        "b": client(play, "second", "/v2/batch", body, key="wfr_mine"),
    }
