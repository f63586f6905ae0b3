"""What is tried with the jobs of batches, one by one, and with their history (see scenarios.py)."""

from typing import Any

from tests.faults.batch_scenarios import (
    BAD_USER_REQUEST,
    NOBODY,
    ORDER,
    REST,
    ask_for_batch,
    canceled_runs,
    expect_end,
    expect_reborn,
    sources_of,
    waiting_runs,
    wish,
)
from tests.faults.beginnings import cancel_of
from tests.faults.play import Play
from tests.faults.scenarios import use_case

UNKNOWN = "InvalidRequestException"
FAILED = 2
"""Which job has failed: its source has not ended when it is restarted first."""


# -- what is given


def a_batch_whose_last_job_failed(play: Play) -> None:
    """Let a batch come to rest over a source that had not ended, which has by now."""
    *ended, late = sorted(waiting_runs(play))
    for run in ended:
        play.ask(f"cancel {run}", cancel_of(run), ends="canceled")
    batch = play.change("POST", f"{ORDER}/restart-async", wish([*ended, late]), key="k")["id"]
    play.settle()
    expect_reborn(play, batch, ended)
    play.ask("late", cancel_of(late), ends="canceled")
    play.settle()


def batch_of(play: Play) -> str:
    [head] = [row for row in play.before["batches"] if row["part"]["S"] == "head"]
    return str(head["pk"]["S"]).partition("#")[2]


def sources(play: Play) -> list[str]:
    return sorted({run for name, run in play.given.items() if name.startswith("source")})


def expect_all(play: Play) -> None:
    """Expect that every source was restarted, the late one too, and that the batch has ended."""
    play.settle()
    expect_reborn(play, batch_of(play), sources(play))
    expect_end(play, batch_of(play))


# -- one job


@use_case(a_batch_whose_last_job_failed)
def execute_a_job(play: Play) -> None:
    play.change("POST", f"{REST}/job/{batch_of(play)}.{FAILED}/execute", unless=UNKNOWN)
    expect_all(play)


@use_case(a_batch_whose_last_job_failed)
def give_a_job_retries(play: Play) -> None:
    job = f"{REST}/job/{batch_of(play)}.{FAILED}/retries"
    play.change("PUT", job, {"retries": 2})
    play.change("PUT", job, {"retries": -1}, refused="ProcessEngineException")
    expect_all(play)


@use_case(a_batch_whose_last_job_failed)
def give_all_jobs_retries(play: Play) -> None:
    play.change("PUT", f"{REST}/job-definition/{batch_of(play)}.execution/retries", {"retries": 1})
    expect_all(play)


@use_case(a_batch_whose_last_job_failed)
def delete_a_job(play: Play) -> None:
    job = f"{REST}/job/{batch_of(play)}.{FAILED}"
    play.change("DELETE", job, unless=UNKNOWN)
    play.change("DELETE", job, refused=UNKNOWN)
    play.settle()
    expect_end(play, batch_of(play))


# -- the batch as history keeps it


@use_case(canceled_runs)
def delete_the_history_of_a_batch_that_runs(play: Play) -> None:
    """It goes on, and is shown to nobody when it has ended."""
    batch = ask_for_batch(play, wish([*sources_of(play), NOBODY]))
    play.change("DELETE", f"{REST}/history/batch/{batch}", unless=BAD_USER_REQUEST)
    play.settle()
    expect_reborn(play, batch, sources_of(play))
    expect_end(play, batch, jobs_left=1)
    shown: Any = play.shown(f"{REST}/history/batch?batchId={batch}")
    if shown:
        play.problems.append(f"BATCH: history tells of {shown}")
