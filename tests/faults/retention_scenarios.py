"""What is tried with runs and journals that are not kept for ever (see scenarios.py).

Afterwards, nothing may be left of what is not kept any more: neither a row nor a wake-up.
"""

from collections.abc import Callable

from chalicelib.core.json_values import Json
from tests.faults.beginnings import INPUT, ORDER, STARTS, THREE, a_failed_run, restart_of
from tests.faults.play import Play
from tests.faults.scenarios import scenario
from tests.graphs import document
from tests.world import ACME

KEPT_MS = 600_000
SETTINGS = f"{ORDER}/settings"
FOR_EVER: Json = {"retention": {"completion_s": None, "journal_s": None}}
FROM_FAILURE: Json = {"start": {"type": "from_failure"}}


# -- what is given


def failed_run_kept(retention: Json, then: Callable[[Play], None] = lambda _play: None) -> Callable[[Play], None]:
    """Answer how a run comes about that has failed just now, and is kept so long."""

    def given(play: Play) -> None:
        play.ask("draft", ORDER, {**document(THREE), "retention": retention}, method="PUT")
        play.ask("publish", f"{ORDER}/publish")
        play.outside.fail("reserve", is_retryable=False)
        play.ask("source", STARTS, INPUT, key="s", ends="failed")
        while play.deliver():
            pass
        then(play)

    given.__qualname__ = f"failed_run_kept {retention} {then.__qualname__}"
    return given


def keep_for_ever(play: Play) -> None:
    play.ask("settings", SETTINGS, FOR_EVER, method="PATCH")


for_ten_minutes = failed_run_kept({"completion_s": KEPT_MS / 1000})
its_journal_for_five = failed_run_kept({"completion_s": KEPT_MS / 1000, "journal_s": 300})
without_journal = failed_run_kept({"journal_s": 0})
and_the_next_one_for_ever = failed_run_kept({"completion_s": KEPT_MS / 1000}, keep_for_ever)


# -- what must hold


def expect_nothing_of(play: Play, run: str, *tables: str) -> None:
    for table in tables:
        ours = [row for row in play.rows(table) if row["pk"]["S"].startswith(f"{ACME}#")]
        if any(run in (row["pk"]["S"].partition("#")[2], row.get("run_id", {}).get("S")) for row in ours):
            play.problems.append(f"KEPT: {run} is still in {table}")


def expire(play: Play) -> None:
    play.stage.clock.advance(KEPT_MS)


# -- what is taken away by itself


@scenario(for_ten_minutes)
def a_run_goes(play: Play) -> None:
    source = play.given["source"]
    play.gone.add(source)
    play.settle()
    expect_nothing_of(play, source, "runs", "journal", "dead-letters")


@scenario(its_journal_for_five)
def a_journal_goes_and_then_its_run(play: Play) -> None:
    source = play.given["source"]
    play.gone.add(source)
    play.settle()
    expect_nothing_of(play, source, "runs", "journal", "dead-letters")


@scenario(without_journal)
def a_journal_goes_alone(play: Play) -> None:
    source = play.given["source"]
    play.changed.add(source)
    play.settle()
    expect_nothing_of(play, source, "journal")


@scenario(for_ten_minutes)
def a_source_goes_before_its_restart_is_repeated(play: Play) -> None:
    source = play.given["source"]
    play.gone.add(source)
    new = play.ask("restart", restart_of(play), key="k", meanwhile=lambda: expire(play), unless="run_not_found")
    heads = [row for row in play.rows("runs") if row["pk"]["S"].startswith(f"{ACME}#")]
    ours = [row["run_id"]["S"] for row in heads if row.get("source_id", {}).get("S") == source]
    if {*ours} - {new}:
        play.problems.append(f"LOST: {ours} was made, and its client was answered with {new or 'a refusal'}")
    del play.asked["restart"]  # it goes too, and cannot be asked for again
    play.gone.update(ours)
    play.settle()
    for run in (source, *ours):
        expect_nothing_of(play, run, "runs", "journal", "dead-letters")


# -- keys


@scenario(and_the_next_one_for_ever)
def a_key_is_used_again(play: Play) -> None:
    source = play.given["source"]
    play.changed.add(source)
    expire(play)
    new = play.ask("again", STARTS, INPUT, key="s")
    if new != source:
        play.problems.append(f"KEY: {new} has another id than {source}")
    play.settle()


@scenario(and_the_next_one_for_ever)
def a_key_is_used_again_while_its_run_is_taken_away(play: Play) -> None:
    play.changed.add(play.given["source"])
    expire(play)
    play.stage.clock.advance(180_000)
    play.sweep()

    def deliver() -> None:
        play.deliver()

    play.ask("again", STARTS, INPUT, key="s", meanwhile=deliver)
    play.settle()


# -- journals that somebody takes away


@scenario(a_failed_run)
def purge_a_journal(play: Play) -> None:
    source = play.given["source"]
    play.changed.add(source)
    play.ask("purge", f"/ops/v1/runs/{source}/journal", method="DELETE")
    play.ask("restart", restart_of(play), FROM_FAILURE, key="k1", refused="journal_gone")
    play.ask("again", restart_of(play), key="k2")
    play.settle()
    expect_nothing_of(play, source, "journal")


@scenario(a_failed_run)
def purge_a_journal_while_restarting(play: Play) -> None:
    source = play.given["source"]
    play.changed.add(source)

    def purge() -> None:
        play.ask("purge", f"/ops/v1/runs/{source}/journal", method="DELETE")

    play.ask("restart", restart_of(play), FROM_FAILURE, key="k", meanwhile=purge, unless="journal_gone")
    play.settle()
