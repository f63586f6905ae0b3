"""What is tried over Restate's admin API: a restart with a prefix, and many restarts at once (see scenarios.py)."""

import json
from collections import Counter
from collections.abc import Sequence

from chalicelib.core.ids import RunId, derived_uuid
from chalicelib.dialects.restate.ids import write_run_id
from tests.faults.beginnings import a_completed_run, a_failed_run, a_heavy_run
from tests.faults.dead_letter_scenarios import three_failed_runs
from tests.faults.lambdas import Reply
from tests.faults.line_scenarios import an_objects_three_failed_runs, expect_order
from tests.faults.play import Play
from tests.faults.scenarios import scenario
from tests.world import ACME

MANY = "/internal/invocations_batch_operations/restart-as-new"


def invocation(run: str) -> str:
    return write_run_id(RunId(run), RunId(run))


def restart_as_new(play: Play, query: str = "") -> str:
    return f"/invocations/{invocation(play.given['source'])}/restart-as-new{query}"


def restart_many(play: Play, sources: Sequence[str]) -> list[str]:
    """Ask for restarts under a key until each source has one; answer the new runs in order, which are expected."""
    body = {"invocation_ids": [invocation(source) for source in sources]}

    def are_all_made(reply: Reply) -> bool:
        return reply.status == 200 and not json.loads(reply.body)["failed"]

    play.insist("POST", MANY, body, key="k", is_answered=are_all_made)
    seen: Counter[str] = Counter()
    runs: list[str] = []
    for source in sources:
        runs.append(derived_uuid(ACME, "restate", "batch/restart-as-new", source, f"k/{seen[source]}"))
        seen[source] += 1
    for run in runs:
        play.expect(run)
    return runs


@scenario(a_completed_run)
def restart_as_new_with_a_prefix(play: Play) -> None:
    path = restart_as_new(play, "?from=2")
    play.ask("restart", path, method="PATCH", key="k", kept=3)
    play.ask("again", path, method="PATCH", key="k", kept=3)
    play.settle()


@scenario(a_heavy_run, every=2)
def restart_as_new_with_a_heavy_prefix(play: Play) -> None:
    play.ask("restart", restart_as_new(play, "?from=8&deployment=keep"), method="PATCH", key="k", kept=9)
    play.settle()


@scenario(a_failed_run)
def restart_as_new_from_the_beginning(play: Play) -> None:
    play.ask("restart", restart_as_new(play), method="PATCH", key="k")
    play.settle()


@scenario(three_failed_runs)
def restart_many_at_once(play: Play) -> None:
    restart_many(play, [*play.given.values()])
    play.settle()


@scenario(three_failed_runs)
def restart_many_at_once_and_one_of_them_twice(play: Play) -> None:
    sources = [*play.given.values()]
    restart_many(play, [*sources, sources[0]])
    play.settle()


@scenario(an_objects_three_failed_runs)
def restart_many_of_one_key_at_once(play: Play) -> None:
    runs = restart_many(play, [*play.given.values()])
    play.settle()
    expect_order(play, runs)
