"""Into how large jobs batches are cut."""

from dataclasses import dataclass

MAX_JOB_SOURCES = 100


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many sources a job has, and how many jobs are made at once."""

    per_job: int = 1
    per_seed: int = 100
