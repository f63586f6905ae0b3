"""What is tried over our own API apart from runs and restarts (see scenarios.py): what runs come from, who may ask."""

from chalicelib.core.json_values import Json
from tests.faults.beginnings import (
    FOUR,
    INPUT,
    ORDER,
    STARTS,
    THREE,
    a_completed_run,
    a_run_that_asks,
    nothing,
    pause_of,
    publish,
    resume_of,
    task_of,
    three_steps,
    variables_of,
)
from tests.faults.play import Play
from tests.faults.scenarios import use_case

APP = "/ops/v1/apps/ws/app"
KEYS = "/ops/v1/keys"
SETTINGS = "/ops/v1/settings"
KEPT_S = 3_600


# -- a run that goes on


@use_case(a_run_that_asks)
def pause_and_resume(play: Play) -> None:
    run = play.given["waiting"]
    play.ask("pause", pause_of(run), {"reason": "look"})
    play.ask("early", task_of(play, run, "approve"), {"variables": {}}, refused="run_paused")
    play.ask("resume", resume_of(run))
    play.ask("complete", task_of(play, run, "approve"), {"variables": {"by": "me"}})
    play.settle()
    play.expect_entries(run, "Signal", 2)


@use_case(a_run_that_asks)
def change_variables(play: Play) -> None:
    run = play.given["waiting"]
    play.ask("change", variables_of(run), {"set": {"amount": 7}, "remove": ["flag"]})
    play.ask("complete", task_of(play, run, "approve"), {"variables": {"by": "me"}})
    play.settle()
    play.expect_entries(run, "Changed", 1)
    expect_variables(play, run, amount=7, flag=None, by="me")


def expect_variables(play: Play, run: str, **wanted: Json) -> None:
    """Expect that a run has these variables; None: it has not."""
    held = play.shown(f"/ops/v1/runs/{run}")["variables"]
    found = {name: held.get(name) for name in wanted}
    if found != wanted:
        play.problems.append(f"VARIABLES: {run} has {found} instead of {wanted}")


# -- definitions


@use_case(nothing)
def save_and_publish(play: Play) -> None:
    for block in (THREE, THREE, FOUR):
        publish(play, block)
    play.change("PUT", ORDER, {"activities": []}, refused="definition_invalid")
    play.ask("start", STARTS, INPUT, key="k")
    play.settle()
    expect_published(play, 2)


@use_case(three_steps)
def settle_how_long_runs_are_kept(play: Play) -> None:
    play.change("PATCH", f"{ORDER}/settings", {"retention": {"completion_s": KEPT_S}})
    play.change("PATCH", f"{ORDER}/settings", {"retention": {"completion_s": -1}}, refused="invalid_field")
    publish(play, FOUR)  # which it outlives
    if play.shown(f"{ORDER}/settings")["retention"]["completion_s"] != KEPT_S:
        play.problems.append("SETTINGS: how long runs are kept was forgotten")


def expect_published(play: Play, number: int) -> None:
    found = play.shown(ORDER)["version"]
    if found != number:
        play.problems.append(f"VERSIONS: version {found} is published instead of {number}")


# -- apps and their builds


@use_case(a_completed_run)
def make_a_build_and_fix_it(play: Play) -> None:
    """A repeat makes another build: nobody is told of the first, and no app names it."""
    play.unlike.add("apps")
    play.change("PUT", APP, {})
    build = play.change("POST", f"{APP}/builds", {"definitions": ["order"]})
    play.change("PUT", APP, {"active_build": build["id"]})
    play.change("PUT", APP, {"active_build": "another"}, refused="build_not_found")
    publish(play, FOUR)
    start = "/api/runtime/wks/ws/app/app/process-name/order/start"
    run = play.ask("start", start, {"flag": True, "count": 0}, key="k")
    play.settle()
    active, of_run = play.shown(APP)["active_build"], play.shown(f"/ops/v1/runs/{run}")["snapshot_id"]
    if (active, of_run) != (build["id"], build["definitions"]["order"]):
        play.problems.append(f"BUILD: {active} is active, and runs {of_run} instead of {build}")


# -- who may ask


@use_case(nothing)
def create_a_key_and_revoke_it(play: Play) -> None:
    """A repeat makes another key, whose secret nobody was told."""
    play.unlike.add("keys")
    wanted: Json = {"name": "robot", "scopes": ["read"]}
    kept, revoked = (play.change("POST", KEYS, wanted) for _ in range(2))
    play.change("DELETE", f"{KEYS}/{revoked['id']}")
    play.change("DELETE", f"{KEYS}/nobody", refused="key_not_found")
    disabled = {key["id"] for key in play.shown(KEYS)["keys"] if key["is_disabled"]}
    ours = {key["id"] for key in play.shown(KEYS)["keys"] if key["name"] == "robot"}
    if disabled != {revoked["id"]} or not {kept["id"], revoked["id"]} <= ours:
        play.problems.append(f"KEYS: {disabled} of {ours} are revoked")
    for key, status in ((kept, 200), (revoked, 401)):
        expect_opens(play, key["key"], status)


def expect_opens(play: Play, secret: str, status: int) -> None:
    """Expect what the list of runs says to whoever shows this key."""
    ours, play.stage.secret = play.stage.secret, secret
    reply = play.insist("GET", "/ops/v1/runs")
    play.stage.secret = ours
    if reply is None or reply.status != status:
        play.problems.append(f"KEYS: a key was answered with {reply} instead of {status}")


@use_case(three_steps)
def settle_how_long_letters_are_kept(play: Play) -> None:
    play.most_tries = 4
    play.change("PUT", SETTINGS, {"dead_letter_retention": KEPT_S})
    play.change("PUT", SETTINGS, {"dead_letter_retention": 0}, refused="invalid_field")
    play.outside.fail("reserve")
    play.ask("start", STARTS, INPUT, key="k", ends="failed")
    play.settle()
    for row in play.rows("dead-letters"):
        if int(row["expires_at"]["N"]) - int(row["at"]["N"]) // 1000 != KEPT_S:
            play.problems.append(f"SETTINGS: the letter at {row['at']['N']} goes at {row['expires_at']['N']}")
