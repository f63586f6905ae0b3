"""Who meets whom where runs and journals are not kept for ever (see encounters.py)."""

from tests.faults.beginnings import INPUT, STARTS, a_failed_run, restart_of
from tests.faults.encounters import Handlers, client, encounter, message_of, worker
from tests.faults.play import Message, Play
from tests.faults.retention_scenarios import FROM_FAILURE, and_the_next_one_for_ever, expire, for_ten_minutes
from tests.world import MINUTE


def ring_for_what_is_not_kept(play: Play) -> Message:
    expire(play)
    play.stage.clock.advance(3 * MINUTE)
    play.sweep()
    return message_of(play)


@encounter(for_ten_minutes)
def two_who_take_a_run_away(play: Play) -> Handlers:
    play.gone.add(play.given["source"])
    message = ring_for_what_is_not_kept(play)
    return {"a": worker(play, message), "b": worker(play, message)}


@encounter(and_the_next_one_for_ever)
def who_takes_a_run_away_and_who_takes_its_key(play: Play) -> Handlers:
    play.changed.add(play.given["source"])
    message = ring_for_what_is_not_kept(play)
    return {"a": worker(play, message), "b": client(play, "again", STARTS, INPUT, key="s")}


@encounter(and_the_next_one_for_ever)
def two_who_take_a_key_that_is_free(play: Play) -> Handlers:
    play.changed.add(play.given["source"])
    expire(play)
    return {name: client(play, f"again {name}", STARTS, INPUT, key="s") for name in ("a", "b")}


@encounter(a_failed_run)
def a_purge_and_a_restart_that_keeps_the_journal(play: Play) -> Handlers:
    source = play.given["source"]
    play.changed.add(source)
    return {
        "a": client(play, "purge", f"/ops/v1/runs/{source}/journal", method="DELETE"),
        "b": client(play, "restart", restart_of(play), FROM_FAILURE, key="k", unless="journal_gone"),
    }


@encounter(a_failed_run)
def two_purges_of_one_journal(play: Play) -> Handlers:
    source = play.given["source"]
    play.changed.add(source)
    path = f"/ops/v1/runs/{source}/journal"
    return {name: client(play, f"purge {name}", path, method="DELETE") for name in ("a", "b")}
