"""What is tried with objects and workflows, whose runs share a business key (see scenarios.py).

After every call of every schedule no two runs of one line may be at work. Afterwards, runs must have been at work
one after the other in order of arrival, and nobody may be left in a line.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from chalicelib.core.ids import derived_uuid
from chalicelib.core.json_values import Json
from tests.faults.batch_scenarios import ORDER as REST_ORDER
from tests.faults.batch_scenarios import ask_for_batch, expect_end
from tests.faults.beginnings import INPUT, ORDER, STARTS, cancel_of, restart_of
from tests.faults.play import ENDED, Asked, Play
from tests.faults.scenarios import scenario
from tests.graphs import Block, Call, Pause, document, steps
from tests.world import ACME

DLQ = "/v2/workflows/dlq"
TURNS = steps(Call("charge"), Pause("dry", 90), Call("ship"))
KEYED: Json = {**INPUT, "business_key": "k"}  # type: ignore[dict-item]


# -- what is given


def publish(play: Play, type_: str, block: Block) -> None:
    play.ask("draft", ORDER, {**document(block), "type": type_}, method="PUT")
    play.ask("publish", f"{ORDER}/publish")


def an_object(play: Play) -> None:
    publish(play, "object", TURNS)


def an_objects_failed_run(play: Play) -> None:
    publish(play, "object", TURNS)
    play.outside.fail("ship", is_retryable=False)
    play.ask("source", STARTS, KEYED)
    play.settle()


def an_objects_three_failed_runs(play: Play) -> None:
    publish(play, "object", TURNS)
    play.outside.fail("ship", is_retryable=False)
    for number in range(3):
        play.ask(f"source {number}", STARTS, KEYED)
    play.settle()


def an_objects_canceled_runs(play: Play) -> None:
    publish(play, "object", Call("charge"))
    runs = [play.ask(f"source {number}", STARTS, KEYED) for number in range(3)]
    for run in runs:
        play.ask(f"cancel {run}", cancel_of(run))
    play.settle()


def a_workflow(play: Play) -> None:
    publish(play, "workflow", TURNS)


# -- what must hold


def take_turns(play: Play) -> None:
    """Look, at every call from here on, whether more than one run of a line is at work."""
    play.guards.append(_at_once)


def _at_once(play: Play) -> Iterator[str]:
    heads = [row for row in play.rows("runs") if row.get("line", {}).get("S") == "at_work"]
    live = [row for row in heads if row["status"]["S"] not in ENDED and row["account"]["S"] == ACME]
    lines = Counter((row["definition_key"]["S"], row["business_key"]["S"]) for row in live)
    yield from (f"TURNS: {number} runs of {line} are at work at once" for line, number in lines.items() if number > 1)


def expect_order(play: Play, runs: Iterable[str]) -> None:
    """Expect that these runs were at work one after the other, in this order."""
    worked = [run for run, _ in groupby(key.split("/")[0] for key in play.outside.keys)]
    if worked != [*runs]:
        play.problems.append(f"TURNS: at work were {worked} instead of {[*runs]}")


# -- objects


@scenario(an_object)
def three_runs_of_one_key(play: Play) -> None:
    take_turns(play)
    runs = [play.ask(f"start {number}", STARTS, KEYED, key=f"k{number}") for number in range(3)]
    play.settle()
    expect_order(play, runs)


@scenario(an_object)
def a_delayed_run_arrives_late(play: Play) -> None:
    take_turns(play)
    late = play.ask("late", STARTS, {**KEYED, "delay": 1_800}, key="k0")  # type: ignore[dict-item]
    soon = play.ask("soon", STARTS, KEYED, key="k1")
    play.settle()
    expect_order(play, [soon, late])


@scenario(an_object)
def cancel_an_inboxed_run(play: Play) -> None:
    take_turns(play)
    ends = ("completed", "canceled", "completed")
    runs = [play.ask(f"start {n}", STARTS, KEYED, key=f"k{n}", ends=ends[n]) for n in range(3)]
    play.ask("cancel", cancel_of(runs[1]), ends="canceled")
    play.settle()
    expect_order(play, [runs[0], runs[2]])


@scenario(an_object)
def cancel_whoever_is_at_work(play: Play) -> None:
    take_turns(play)
    ends = ("canceled", "completed")
    runs = [play.ask(f"start {n}", STARTS, KEYED, key=f"k{n}", ends=ends[n]) for n in range(2)]
    play.deliver()
    play.ask("cancel", cancel_of(runs[0]), ends="canceled")
    play.settle()
    if runs[1] not in play.outside.keys[-1]:
        play.problems.append("TURNS: the second has not followed the first")


@scenario(an_object, every=2)
def a_run_that_fails_hands_over(play: Play) -> None:
    play.most_tries = 4
    take_turns(play)
    first = play.ask("start", STARTS, KEYED, key="k0", ends="failed")
    play.outside.fail("ship", run=first)
    second = play.ask("another", STARTS, KEYED, key="k1")
    play.settle()
    expect_order(play, [first, second])


@scenario(an_objects_failed_run)
def restart_an_objects_run_while_others_stand_in_line(play: Play) -> None:
    take_turns(play)
    before = play.ask("before", STARTS, KEYED, key="k0")
    new = play.ask("restart", restart_of(play), {"start": {"type": "from_failure"}}, key="k1", kept=4)
    behind = play.ask("behind", STARTS, KEYED, key="k2")
    play.settle()
    expect_order(play, [before, new, behind])


@scenario(an_objects_three_failed_runs)
def restart_dead_letters_of_one_key(play: Play) -> None:
    take_turns(play)
    play.ask_for_pages("restart", f"{DLQ}/restart?count=2")
    play.settle()
    play.expect_reborn()
    letters = [row["dead_letter_id"]["S"] for row in play.before["dead-letters"] if row["account"]["S"] == ACME]
    newest_first = sorted(letters, reverse=True)
    expect_order(play, [derived_uuid(ACME, "dead_letter", letter) for letter in newest_first])


@scenario(an_objects_canceled_runs)
def restart_an_objects_runs_as_a_batch(play: Play) -> None:
    take_turns(play)
    batch = ask_for_batch(play, _wish(play))
    play.settle()
    _expect_reborn(play, "batch", batch)
    expect_end(play, batch)


@scenario(an_objects_canceled_runs)
def restart_an_objects_runs_together(play: Play) -> None:
    take_turns(play)
    play.insist("restart", lambda: play.request("POST", f"{REST_ORDER}/restart", _wish(play), "k"))
    play.settle()
    _expect_reborn(play, "camunda", "restart", "k")
    expect_order(play, [derived_uuid(ACME, "camunda", "restart", "k", run) for run in sorted({*play.given.values()})])


def _wish(play: Play) -> object:
    start = {"type": "startBeforeActivity", "activityId": "charge"}
    return {"processInstanceIds": sorted({*play.given.values()}), "instructions": [start]}


def _expect_reborn(play: Play, *names: str) -> None:
    for source in {*play.given.values()}:
        run = derived_uuid(ACME, *names, source)
        play.asked[f"reborn {run}"] = Asked("", None, None, run=run)


# -- workflows


@scenario(a_workflow)
def start_a_workflow_twice(play: Play) -> None:
    first = play.ask("first", STARTS, KEYED, key="k0")
    play.ask("second", STARTS, KEYED, key="k1", refused="workflow_run_exists")
    play.settle()
    play.ask("restart", f"/ops/v1/runs/{first}/restart", key="k2")
    play.settle()


@scenario(a_workflow)
def start_a_workflow_again_when_its_run_is_deleted(play: Play) -> None:
    first = play.ask("first", STARTS, KEYED, key="k0")
    play.settle()
    del play.asked["first"]  # it cannot be asked for again
    play.gone.add(first)
    play.ask("delete", f"/ops/v1/runs/{first}", method="DELETE", unless="run_not_found")
    play.ask("again", STARTS, KEYED, key="k")
    play.settle()
