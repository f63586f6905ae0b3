"""Who meets whom: handlers that share a row, each in a process of its own, stepped through every order.

@encounter(given=a_failed_run)
def two_restarts_under_one_key(play: Play) -> Handlers:
    path = restart_of(play)
    return {"a": client(play, "first", path, key="k"), "b": client(play, "second", path, key="k")}
"""

from collections.abc import Callable, Mapping
from typing import Any

from tests.faults.beginnings import (
    HANDLER,
    INPUT,
    ORDER,
    STARTS,
    Act,
    a_completed_run,
    a_completed_run_and_a_draft,
    a_failed_run,
    a_run_that_asks,
    cancel_of,
    draft,
    publish,
    restart_of,
    task_of,
    three_steps,
)
from tests.faults.interleavings import Encounter, Handler
from tests.faults.play import Message, Play
from tests.faults.stage import API, SWEEP
from tests.graphs import Ask, Call, Fork, document, steps
from tests.world import MINUTE

Handlers = Mapping[str, Handler]

ENCOUNTERS: dict[str, Encounter] = {}


def encounter(given: Act) -> Callable[[Callable[[Play], Handlers]], Callable[[Play], Handlers]]:
    """Register an encounter under its function's name."""

    def register(meet: Callable[[Play], Handlers]) -> Callable[[Play], Handlers]:
        ENCOUNTERS[meet.__name__] = Encounter(given, meet)
        return meet

    return register


# -- who there is


def client(play: Play, name: str, path: str, body: Any = None, **more: Any) -> Handler:
    """A request to a process of its own, repeated until it is answered."""
    by = play.stage.sandbox(API)
    return lambda: play.ask(name, path, body, by=by, **more)


def worker(play: Play, message: Message) -> Handler:
    """A worker with a message; several may have the same one."""
    to = play.stage.sandbox(message.function)
    mine = Message(message.function, message.body, message.visible_at)
    return lambda: play.hand_over(mine, to)


def sweeper(play: Play) -> Handler:
    by = play.stage.sandbox(SWEEP)
    return lambda: play.sweep(by)


def message_of(play: Play) -> Message:
    """Take the one message that is there."""
    play.pull()
    [message] = play.pending
    play.pending = []
    return message


def started(play: Play, ends: str = "completed") -> tuple[str, Message]:
    """Start a run, and take the ring for it."""
    run = play.ask("start", STARTS, INPUT, key="start", ends=ends)
    return run, message_of(play)


# -- what is given


def a_task_beside_a_call(play: Play) -> None:
    publish(play, steps(Fork((Ask("approve"), Call("charge"))), Call("ship")))


def an_object(play: Play) -> None:
    play.ask("draft", ORDER, {**document(steps(Call("charge"), Call("ship"))), "type": "object"}, method="PUT")
    play.ask("publish", f"{ORDER}/publish")


# -- clients


@encounter(a_failed_run)
def two_restarts_under_one_key(play: Play) -> Handlers:
    path = restart_of(play)
    return {"a": client(play, "first", path, key="k"), "b": client(play, "second", path, key="k")}


@encounter(a_failed_run)
def two_restarts_with_a_prefix_under_one_key(play: Play) -> Handlers:
    path, body = restart_of(play), {"start": {"type": "from_failure"}}
    return {
        "a": client(play, "first", path, body, key="k", kept=2),
        "b": client(play, "second", path, body, key="k", kept=2),
    }


@encounter(a_completed_run)
def two_requests_under_one_key(play: Play) -> Handlers:
    path, unless = restart_of(play), "idempotency_key_reused"
    return {
        "a": client(play, "first", path, {"overlay": {"amount": 1}}, key="k", unless=unless),
        "b": client(play, "second", path, {"overlay": {"amount": 2}}, key="k", unless=unless),
    }


@encounter(a_failed_run)
def two_restarts_under_two_keys(play: Play) -> Handlers:
    path = restart_of(play)
    return {"a": client(play, "first", path, key="k1"), "b": client(play, "second", path, key="k2")}


@encounter(three_steps)
def two_starts_under_one_key(play: Play) -> Handlers:
    return {
        "a": client(play, "first", STARTS, INPUT, key="k"),
        "b": client(play, "second", STARTS, INPUT, key="k"),
    }


@encounter(three_steps)
def two_sends_of_a_handler_under_one_key(play: Play) -> Handlers:
    return {
        "a": client(play, "first", f"{HANDLER}/send", {"amount": 1}, key="k"),
        "b": client(play, "second", f"{HANDLER}/send", {"amount": 2}, key="k"),
    }


@encounter(a_failed_run)
def a_restart_and_a_deletion(play: Play) -> Handlers:
    source = play.given["source"]
    play.gone.add(source)
    return {
        "a": client(play, "restart", restart_of(play), key="k", unless="run_not_found"),
        "b": client(play, "delete", f"/ops/v1/runs/{source}", method="DELETE"),
    }


@encounter(a_run_that_asks)
def two_completions(play: Play) -> Handlers:
    task = task_of(play, play.given["waiting"], "approve")
    return {
        "a": client(play, "first", task, {"variables": {"by": "a"}}, unless="task_closed"),
        "b": client(play, "second", task, {"variables": {"by": "b"}}, unless="task_closed"),
    }


@encounter(a_run_that_asks)
def a_completion_and_a_cancel(play: Play) -> Handlers:
    run, ends = play.given["waiting"], "completed canceled"
    return {
        "a": client(play, "complete", task_of(play, run, "approve"), {"variables": {}}, unless="run_ended", ends=ends),
        "b": client(play, "cancel", cancel_of(run), ends=ends),
    }


@encounter(a_completed_run_and_a_draft)
def two_publishers(play: Play) -> Handlers:
    path, unless = f"{ORDER}/publish", "published_meanwhile"
    return {"a": client(play, "first", path, unless=unless), "b": client(play, "second", path, unless=unless)}


@encounter(a_completed_run_and_a_draft)
def a_restart_and_a_publisher(play: Play) -> Handlers:
    return {
        "a": client(play, "restart", restart_of(play), {"version": "published"}, key="k"),
        "b": client(play, "publish", f"{ORDER}/publish"),
    }


@encounter(a_completed_run_and_a_draft)
def a_restart_on_the_draft_and_an_editor(play: Play) -> Handlers:
    return {
        "a": client(play, "restart", restart_of(play), {"version": "draft"}, key="k"),
        "b": lambda: draft(play, Call("another")),
    }


# -- workers


@encounter(three_steps)
def two_workers_on_one_message(play: Play) -> Handlers:
    _, message = started(play)
    return {"a": worker(play, message), "b": worker(play, message)}


@encounter(three_steps)
def a_worker_and_a_cancel(play: Play) -> Handlers:
    run, message = started(play, ends="completed canceled")
    return {
        "a": worker(play, message),
        "b": client(play, "cancel", cancel_of(run), unless="run_ended", ends="completed canceled"),
    }


@encounter(three_steps)
def a_worker_that_must_try_again_and_a_cancel(play: Play) -> Handlers:
    play.most_tries = 4
    play.outside.fail("charge")
    run, message = started(play, ends="failed canceled")
    return {
        "a": worker(play, message),
        "b": client(play, "cancel", cancel_of(run), unless="run_ended", ends="failed canceled"),
    }


@encounter(a_task_beside_a_call)
def a_worker_and_a_completion(play: Play) -> Handlers:
    run, message = started(play)
    task = task_of(play, run, "approve")
    return {"a": worker(play, message), "b": client(play, "complete", task, {"variables": {"by": "me"}})}


@encounter(a_failed_run)
def a_worker_and_a_late_restart_under_its_key(play: Play) -> Handlers:
    play.ask("first", restart_of(play), key="k")
    message = message_of(play)
    return {"a": worker(play, message), "b": client(play, "second", restart_of(play), key="k")}


@encounter(three_steps)
def two_workers_and_a_cancel(play: Play) -> Handlers:
    run, message = started(play, ends="completed canceled")
    return {
        "a": worker(play, message),
        "b": worker(play, message),
        "c": client(play, "cancel", cancel_of(run), unless="run_ended", ends="completed canceled"),
    }


# -- lines


def two_in_line(play: Play, *ends: str) -> tuple[list[str], list[Message]]:
    """Start two runs of an object's key, and take the rings for them."""
    body = {**INPUT, "business_key": "k"}  # type: ignore[dict-item]
    runs = [play.ask(f"start {n}", STARTS, body, key=f"k{n}", ends=it) for n, it in enumerate(ends)]
    play.pull()
    messages, play.pending = play.pending, []
    return runs, messages


@encounter(an_object)
def two_workers_on_one_line(play: Play) -> Handlers:
    _, [first, second] = two_in_line(play, "completed", "completed")
    return {"a": worker(play, first), "b": worker(play, second)}


@encounter(an_object)
def a_worker_and_a_cancel_of_the_next(play: Play) -> Handlers:
    runs, [first, _] = two_in_line(play, "completed", "completed canceled")
    cancel = client(play, "cancel", cancel_of(runs[1]), unless="run_ended", ends="completed canceled")
    return {"a": worker(play, first), "b": cancel}


@encounter(an_object)
def a_worker_and_a_newcomer(play: Play) -> Handlers:
    _, [first, _] = two_in_line(play, "completed", "completed")
    body = {**INPUT, "business_key": "k"}  # type: ignore[dict-item]
    return {"a": worker(play, first), "b": client(play, "third", STARTS, body, key="k3")}


# -- the sweep


@encounter(three_steps)
def two_sweeps(play: Play) -> Handlers:
    started(play)
    play.stage.clock.advance(2 * MINUTE)
    return {"a": sweeper(play), "b": sweeper(play)}


@encounter(three_steps)
def a_sweep_and_a_worker(play: Play) -> Handlers:
    _, message = started(play)
    play.stage.clock.advance(2 * MINUTE)
    return {"a": worker(play, message), "b": sweeper(play)}


@encounter(a_failed_run)
def a_restart_and_two_sweeps(play: Play) -> Handlers:
    return {"a": client(play, "restart", restart_of(play), key="k"), "b": sweeper(play), "c": sweeper(play)}
