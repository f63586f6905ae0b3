"""What scenarios and encounters have in common: what is asked for, and what stands before they begin."""

import hashlib
from collections.abc import Callable

import boto3

from chalicelib.core.effects import HttpCall, Outcome, Succeeded
from chalicelib.core.json_values import Json
from local import aws
from tests.faults.engines import STAGE
from tests.faults.play import Play
from tests.graphs import Ask, Block, Call, Choice, Compute, Fork, Pause, Rounds, Sub, document, steps
from tests.world import ACME

Act = Callable[[Play], None]


# -- what is asked for

ORDER = "/ops/v1/definitions/order"
STARTS = f"{ORDER}/runs"
HANDLER = "/ingress/order/start1"
INPUT: Json = {"input": {"flag": True, "count": 0}}
THREE = steps(Call("charge"), Call("reserve"), Call("ship"))
FOUR = steps(Call("charge"), Call("reserve"), Call("ship"), Call("thank"))
LONG = steps(Rounds("poll", 100), Call("last"))
HEAVY = steps(Rounds("read", 9), Call("last"))
ASKING = steps(Call("charge"), Ask("approve"), Call("ship"))
EVERYTHING = steps(
    Choice(Call("card"), Call("invoice")),
    Sub(steps(Call("pick"), Compute("weigh"))),
    Fork((Call("label"), Ask("sign"), Pause("dry", 90))),
    Call("ship"),
)


def restart_of(play: Play, given: str = "source") -> str:
    return f"/ops/v1/runs/{play.given[given]}/restart"


def cancel_of(run: str) -> str:
    return f"/ops/v1/runs/{run}/cancel"


def pause_of(run: str) -> str:
    return f"/ops/v1/runs/{run}/pause"


def resume_of(run: str) -> str:
    return f"/ops/v1/runs/{run}/resume"


def variables_of(run: str) -> str:
    return f"/ops/v1/runs/{run}/variables"


def task_of(play: Play, run: str, activity: str) -> str:
    """Answer where the task that stands at an activity is completed."""
    opened = play.opened(run, activity)
    return f"/ops/v1/runs/{run}/tasks/{opened}/complete"


def draft(play: Play, block: Block) -> None:
    play.ask("draft", ORDER, document(block), method="PUT")


def publish(play: Play, block: Block) -> None:
    draft(play, block)
    play.ask("publish", f"{ORDER}/publish")


def delete(play: Play, run: str) -> None:
    """Let history clean-up take a run away."""
    client = boto3.client("dynamodb", region_name=aws.REGION)
    for table, sort in (("runs", None), ("journal", "index")):
        for row in play.rows(table):
            if row["pk"]["S"] == f"{ACME}#{run}":
                key = {name: row[name] for name in ("pk", sort) if name}
                client.delete_item(TableName=f"reprise-{table}-{STAGE}", Key=key)
    play.gone.add(run)


# -- what is given


def three_steps(play: Play) -> None:
    publish(play, THREE)


def a_failed_run(play: Play) -> None:
    publish(play, THREE)
    play.outside.fail("reserve")
    play.ask("source", STARTS, INPUT)
    play.settle()


def a_completed_run(play: Play) -> None:
    publish(play, THREE)
    play.ask("source", STARTS, INPUT)
    play.settle()


def a_completed_run_and_a_draft(play: Play) -> None:
    a_completed_run(play)
    draft(play, FOUR)


def a_long_run(play: Play) -> None:
    publish(play, LONG)
    play.ask("source", STARTS, INPUT)
    play.settle()


def a_heavy_run(play: Play) -> None:
    """A run whose journal fills several rows: each answer is 100 KB that cannot be compressed."""
    publish(play, HEAVY)
    play.outside.answers["read"] = _heavy
    play.ask("source", STARTS, INPUT)
    play.settle()


def _heavy(call: HttpCall) -> Outcome:
    numbers = (f"{call.idempotency_key}/{n}".encode() for n in range(1_600))
    text = "".join(hashlib.sha256(number).hexdigest() for number in numbers)
    return Succeeded({"status": 200, "body": text})


def a_run_that_asks(play: Play) -> None:
    publish(play, ASKING)
    play.ask("waiting", STARTS, INPUT, ends="waiting")
    play.settle()


def an_app_with_a_failed_run(play: Play) -> None:
    a_failed_run(play)
    play.ask("app", "/ops/v1/apps/ws/app", {}, method="PUT")


def an_app_with_a_run_that_asks(play: Play) -> None:
    a_run_that_asks(play)
    play.ask("app", "/ops/v1/apps/ws/app", {}, method="PUT")


def everything_at_once(play: Play) -> None:
    publish(play, EVERYTHING)


def nothing(_play: Play) -> None:
    pass


def two_thousand_runs_of_one_hour(play: Play) -> None:
    publish(play, Compute("count"))
    for number in range(2_000):
        play.ask(f"run {number}", STARTS, {**INPUT, "delay": 3_600}, ends="pending")  # type: ignore[dict-item]
