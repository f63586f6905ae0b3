"""What happened to a batch's jobs: each was created, may have failed, and has ended unless it still waits."""

from dataclasses import dataclass
from enum import Enum

from chalicelib.core.batches import RETRIES, JobFailure

CREATION, ENDING = "0", "end"
"""The names of a job's first entry and of its last; those between are numbered from 1."""


class JobEvent(Enum):
    CREATED = "created"
    FAILED = "failed"
    DONE = "done"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class JobEntry:
    """One thing that happened to a job at a time (ms), when it had so many retries: those before it, of a failure."""

    index: int
    name: str
    event: JobEvent
    at: int
    retries: int = RETRIES
    failure: JobFailure | None = None
