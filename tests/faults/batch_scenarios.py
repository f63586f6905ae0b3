"""Batches of restarts and deletions, as Camunda's clients ask for them; they stand beside `scenarios.py`."""

from collections import Counter

from chalicelib.core.ids import derived_uuid
from tests.faults.beginnings import INPUT, STARTS, publish, task_of
from tests.faults.engines import Row
from tests.faults.play import Play
from tests.faults.scenarios import scenario
from tests.graphs import Ask, Call, steps
from tests.world import ACME

REST = "/engine-rest"
ORDER = f"{REST}/process-definition/key/order"
NOBODY = "00000000-0000-4000-8000-0000000000ff"
BAD_USER_REQUEST = "BadUserRequestException"
SOURCES = 3


def waiting_runs(play: Play) -> list[str]:
    """Let three runs wait for a person."""
    publish(play, steps(Call("charge"), Ask("decide")))
    runs = [play.ask(f"source {number}", STARTS, INPUT) for number in range(SOURCES)]
    play.settle()
    return runs


def canceled_runs(play: Play) -> None:
    """Let three runs wait for a person, and be canceled."""
    for run in waiting_runs(play):
        play.change("DELETE", f"{REST}/process-instance/{run}")
    play.settle()


def sources_of(play: Play) -> list[str]:
    return sorted(play.given.values())


def ask_for_batch(play: Play, body: object, path: str = f"{ORDER}/restart-async") -> str:
    """Ask for a batch under a key until there is an answer, and answer its id."""
    batch = play.change("POST", path, body, key="k")
    return str(batch["id"]) if batch else ""


def wish(sources: list[str], activity: str = "decide") -> object:
    return {"processInstanceIds": sources, "instructions": [{"type": "startBeforeActivity", "activityId": activity}]}


def expect_reborn(play: Play, batch: str, sources: list[str], *, is_optional: bool = False) -> None:
    """Expect that each source became the one run whose id follows from it and the batch."""
    for source in sources:
        play.expect(derived_uuid(ACME, "batch", batch, source), ends="waiting", is_optional=is_optional)


def expect_end(play: Play, batch: str, *, jobs_left: int = 0) -> None:
    """Expect that a batch has ended, or waits with so many jobs that nobody can do."""
    rows = [row for row in play.rows("batches") if row["pk"]["S"] == f"{ACME}#{batch}"]
    jobs = [row for row in rows if row["part"]["S"].startswith("job#")]
    [head] = [row for row in rows if row["part"]["S"] == "head"]
    is_ended, retries = "ended_at" in head, {row["retries"]["N"] for row in jobs}
    if is_ended != (not jobs_left) or len(jobs) != jobs_left or retries - {"0"}:
        play.problems.append(f"BATCH: {batch} has {len(jobs)} jobs, and ended: {is_ended}")
    expect_log(play, batch, head, jobs)


def expect_log(play: Play, batch: str, head: Row, jobs: list[Row]) -> None:
    """Expect that the log tells of each job: its failures one by one, and once how it ended unless it waits."""
    parts = [row["part"]["S"] for row in play.rows("batches") if row["pk"]["S"] == f"{play.account}#{batch}"]
    logged = Counter(part.split("#")[1] for part in parts if part.startswith("log#"))
    ended = {part.split("#")[1] for part in parts if part.startswith("log#") and part.endswith("#end")}
    waiting = {row["part"]["S"].split("#")[1]: int(row["failures"]["N"]) for row in jobs}
    created = {f"{index:08d}" for index in range(int(head["jobs_created"]["N"]))}
    if ended | waiting.keys() != created or ended & waiting.keys():
        play.problems.append(f"LOG: of {sorted(created)} ended {sorted(ended)} and wait {sorted(waiting)}")
    if any(logged[index] != failures for index, failures in waiting.items()):
        play.problems.append(f"LOG: {dict(logged)} of those that failed {waiting} times")


@scenario(canceled_runs)
def restart_as_a_batch(play: Play) -> None:
    batch = ask_for_batch(play, wish(sources_of(play)))
    play.settle()
    expect_reborn(play, batch, sources_of(play))
    expect_end(play, batch)


@scenario(canceled_runs)
def restart_as_a_batch_from_the_work_on(play: Play) -> None:
    batch = ask_for_batch(play, wish(sources_of(play), "charge"))
    play.settle()
    expect_reborn(play, batch, sources_of(play))
    expect_end(play, batch)


@scenario(canceled_runs)
def restart_as_a_batch_with_one_that_cannot_be(play: Play) -> None:
    batch = ask_for_batch(play, wish([*sources_of(play), NOBODY]))
    play.settle()
    expect_reborn(play, batch, sources_of(play))
    expect_end(play, batch, jobs_left=1)


@scenario(canceled_runs)
def hold_a_batch_and_let_it_go_on(play: Play) -> None:
    batch = ask_for_batch(play, wish(sources_of(play)))
    for is_suspended in (True, False):
        play.change("PUT", f"{REST}/batch/{batch}/suspended", {"suspended": is_suspended})
    play.settle()
    expect_reborn(play, batch, sources_of(play))
    expect_end(play, batch)


@scenario(canceled_runs)
def end_a_batch_at_once(play: Play) -> None:
    batch = ask_for_batch(play, wish(sources_of(play)))
    play.change("DELETE", f"{REST}/batch/{batch}", unless=BAD_USER_REQUEST)
    play.settle()
    expect_reborn(play, batch, sources_of(play), is_optional=True)
    expect_end(play, batch)


def three_that_wait(play: Play) -> None:
    waiting_runs(play)


DELETIONS = f"{REST}/process-instance/delete"


def expect_canceled(play: Play, sources: list[str]) -> None:
    """Expect that each of these runs was canceled, by one entry in its journal."""
    for source in sources:
        play.expect(source, ends="canceled")


@scenario(three_that_wait)
def delete_as_a_batch(play: Play) -> None:
    batch = ask_for_batch(play, {"processInstanceIds": sources_of(play)}, DELETIONS)
    play.settle()
    expect_canceled(play, sources_of(play))
    expect_end(play, batch)


@scenario(three_that_wait)
def delete_as_a_batch_with_one_that_must_be_there(play: Play) -> None:
    wished = {"processInstanceIds": [*sources_of(play), NOBODY], "failIfNotExists": True}
    batch = ask_for_batch(play, wished, DELETIONS)
    play.settle()
    expect_canceled(play, sources_of(play))
    expect_end(play, batch, jobs_left=1)


@scenario(three_that_wait)
def delete_as_a_batch_what_goes_on_meanwhile(play: Play) -> None:
    """Somebody completes a task of one of them as the batch is accepted."""
    first, *others = sources_of(play)
    batch = ask_for_batch(play, {"processInstanceIds": [first, *others]}, DELETIONS)
    play.ask(
        "complete", task_of(play, first, "decide"), {"variables": {}}, ends="canceled completed", unless="run_ended"
    )
    play.settle()
    play.expect(first, ends="canceled completed")
    expect_canceled(play, others)
    expect_end(play, batch)


@scenario(canceled_runs)
def restart_together(play: Play) -> None:
    play.change("POST", f"{ORDER}/restart", wish(sources_of(play)), key="k")
    play.settle()
    for source in sources_of(play):
        play.expect(derived_uuid(ACME, "camunda", "restart", "k", source), ends="waiting")
