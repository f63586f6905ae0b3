"""What is tried with Restate's invocations, one and many, over its admin API and its ingress (see scenarios.py)."""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.core.ids import RunId
from chalicelib.dialects.restate.ingress.awakeables import write_awakeable_id
from tests.faults.batch_scenarios import sources_of, three_that_wait
from tests.faults.beginnings import a_failed_run, a_run_that_asks, three_steps
from tests.faults.dead_letter_scenarios import three_failed_runs
from tests.faults.lambdas import Reply
from tests.faults.ops_scenarios import expect_variables
from tests.faults.play import Play
from tests.faults.restate_scenarios import invocation
from tests.faults.retention_scenarios import expect_nothing_of
from tests.faults.scenarios import use_case

MANY = "/internal/invocations_batch_operations"
OVER = "409"
"""It has ended already; so a repeat is told whose first attempt was heard."""


def one(run: str, operation: str = "") -> str:
    return f"/invocations/{invocation(run)}{operation}"


def resolve(play: Play, run: str, activity: str = "approve", **variables: Any) -> None:
    """Resolve the awakeable at which an invocation waits."""
    id_ = write_awakeable_id(RunId(run), RunId(run), play.opened(run, activity))
    play.change("POST", f"/ingress/restate/awakeables/{id_}/resolve", variables)


# -- one


@use_case(a_run_that_asks)
def resolve_an_awakeable(play: Play) -> None:
    run = play.given["waiting"]
    resolve(play, run, by="me")
    resolve(play, run, by="you")  # which nobody is told is too late
    play.settle()
    play.expect(run)
    play.expect_entries(run, "Closed", 1)
    expect_variables(play, run, by="me")


@use_case(a_run_that_asks)
def pause_and_resume_an_invocation(play: Play) -> None:
    run = play.given["waiting"]
    play.change("PATCH", one(run, "/pause"))
    play.change("PATCH", one(run, "/resume?deployment=dp_nobody"), refused="400")
    play.change("PATCH", one(run, "/resume"))
    resolve(play, run)
    play.settle()
    play.expect(run)
    play.expect_entries(run, "Signal", 2)


@use_case(a_run_that_asks)
def kill_an_invocation(play: Play) -> None:
    end(play, "PATCH", "/kill")


@use_case(a_run_that_asks)
def cancel_an_invocation(play: Play) -> None:
    end(play, "PATCH", "/cancel")


@use_case(a_run_that_asks)
def delete_an_invocation(play: Play) -> None:
    end(play, "DELETE", "?mode=kill")


def end(play: Play, method: str, operation: str) -> None:
    run = play.given["waiting"]
    play.change(method, one(run, operation), unless=OVER)
    play.settle()
    play.expect(run, ends="canceled")
    play.expect_entries(run, "Signal", 1)


@use_case(a_failed_run)
def purge_an_invocation_after_its_journal(play: Play) -> None:
    run = play.given["source"]
    play.gone.add(run)
    play.change("PATCH", one(run, "/purge-journal"))
    play.settle()
    expect_nothing_of(play, run, "journal")
    play.change("PATCH", one(run, "/purge"), unless="404")
    play.settle()
    play.change("PATCH", one(run, "/purge"), refused="404")
    expect_nothing_of(play, run, "runs", "journal", "dead-letters")


# -- many


def do_to_many(play: Play, operation: str, runs: Sequence[str]) -> None:
    """Ask until nothing is left to do: to some it may have been done before."""
    body = {"invocation_ids": [invocation(run) for run in runs]}
    reply = play.insist("POST", f"{MANY}/{operation}", body, is_answered=_are_done)
    if reply is not None and reply.is_refused:
        play.problems.append(f"ANSWER: {operation} was refused: {reply.body}")


def _are_done(reply: Reply) -> bool:
    if reply.is_unknown or reply.is_refused:
        return not reply.is_unknown
    return not any(_is_unwell(one["error"]) for one in json.loads(reply.body)["failed"])


def _is_unwell(error: str) -> bool:
    return not any(known in error for known in ("completed", "not found", "already"))


def end_many(play: Play, operation: str) -> None:
    do_to_many(play, operation, sources_of(play))
    play.settle()
    for run in sources_of(play):
        play.expect(run, ends="canceled")
        play.expect_entries(run, "Signal", 1)


@use_case(three_that_wait)
def kill_many(play: Play) -> None:
    end_many(play, "kill")


@use_case(three_that_wait)
def cancel_many(play: Play) -> None:
    end_many(play, "cancel")


@use_case(three_that_wait)
def pause_and_resume_many(play: Play) -> None:
    do_to_many(play, "pause", sources_of(play))
    do_to_many(play, "resume", sources_of(play))
    play.settle()
    for run in sources_of(play):
        play.expect(run, ends="waiting")
        play.expect_entries(run, "Signal", 2)


@use_case(three_failed_runs)
def purge_many_after_their_journals(play: Play) -> None:
    runs = sources_of(play)
    play.gone |= {*runs}
    do_to_many(play, "purge-journal", runs)
    do_to_many(play, "purge", runs)
    play.settle()
    for run in runs:
        expect_nothing_of(play, run, "runs", "journal", "dead-letters")


# -- the ingress


@use_case(three_steps)
def call_a_handler_by_its_verb(play: Play) -> None:
    path = "/ingress/restate/call/order/start1"
    play.ask("call", path, {"flag": True}, key="k")
    play.settle()


@use_case(three_steps)
def send_to_a_handler_by_its_verb(play: Play) -> None:
    path = "/ingress/restate/send/order/start1?delay=PT5M"
    play.ask("send", path, {"flag": True}, key="k")
    play.ask("again", path, {"flag": False}, key="k")
    play.settle()
