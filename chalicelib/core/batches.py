"""Many runs under one id: what is wished for all of them, split into jobs that succeed or fail by themselves."""

from dataclasses import dataclass, field
from enum import Enum
from typing import assert_never

from chalicelib.core.causes import Cause
from chalicelib.core.ids import AccountId, DefinitionKey, RunId, SnapshotId, derived_uuid
from chalicelib.core.json_values import Variables
from chalicelib.core.restart_requests import At, Data, RestartRequest
from chalicelib.core.state import Start
from chalicelib.core.versions import NamedVersion

RETRIES = 3  # of a job, before somebody has to look at it
MAX_SOURCES = 100_000  # of one batch


class BatchKind(Enum):
    RESTART = "instance-restart"
    CANCELLATION = "instance-deletion"


@dataclass(frozen=True, slots=True)
class Order:
    """How every source of a batch is to be restarted: only runs of this version of this definition can be."""

    definition: DefinitionKey
    version: int
    snapshot: SnapshotId
    start: Start
    data: Data = Data.LAST_VARIABLES
    is_keeping_business_key: bool = True

    def request(self, source: RunId, cause: Cause) -> RestartRequest:
        """Answer the request that restarts one source."""
        return RestartRequest(
            source=source,
            cause=cause,
            start=At(self.start.places),
            version=NamedVersion(self.snapshot),
            data=self.data,
            is_keeping_business_key=self.is_keeping_business_key,
            is_skipping_listeners=self.start.is_skipping_listeners,
            is_skipping_mappings=self.start.is_skipping_mappings,
            only_of=(self.definition, self.version),
        )


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Why every source of a batch is to be ended where it stands.

    One that has ended, or is gone, is passed over; if the batch is strict, its job fails.
    """

    reason: str = ""
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands. Times in ms.

    Its jobs are created from its sources in their order: `jobs_created` says how far that is. A job that has done
    its work is gone; so a batch whose jobs have all been created and are all gone has ended.
    """

    account: AccountId
    id: str
    order: Order | Cancellation
    cause: Cause
    sources: int
    per_job: int
    per_seed: int
    created_at: int
    request_hash: str = ""
    jobs_created: int = 0
    is_suspended: bool = False
    seeded_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    is_deleted: bool = False
    """Somebody ended it before it came to its end."""
    is_hidden: bool = False
    """Its history is shown to nobody any more."""
    remaining: int | None = None
    """How many jobs were not done when it was looked at last; None: every job that waits is to be rung for."""

    @property
    def kind(self) -> BatchKind:
        match self.order:
            case Order():
                return BatchKind.RESTART
            case Cancellation():
                return BatchKind.CANCELLATION
            case _:
                assert_never(self.order)

    @property
    def jobs(self) -> int:
        return -(-self.sources // self.per_job)

    @property
    def is_seeded(self) -> bool:
        return self.jobs_created == self.jobs

    @property
    def is_over(self) -> bool:
        """Say whether nothing is to be done any more, whatever rows are left."""
        return self.ended_at is not None

    @property
    def is_gone(self) -> bool:
        """Say whether nobody sees it any more."""
        return self.is_over and self.is_hidden

    def sources_of(self, job: int) -> slice:
        """Say which of the batch's sources are a job's."""
        return slice(job * self.per_job, min(self.sources, (job + 1) * self.per_job))

    def run_id(self, source: RunId) -> RunId:
        """Name the run that a source becomes: the same one, however often its job is done."""
        return RunId(derived_uuid(self.account, "batch", self.id, source))


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed last."""

    code: str
    message: str
    details: Variables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Some sources of a batch that are worked on together, or not at all. Without retries it waits for somebody.

    `done` of its sources an earlier delivery has dealt with; it has failed `failures` times.
    """

    batch: str
    index: int
    sources: tuple[RunId, ...]
    created_at: int
    retries: int = RETRIES
    done: int = 0
    failures: int = 0
    failure: JobFailure | None = None
    failed_at: int | None = None

    @property
    def id(self) -> str:
        return job_id(self.batch, self.index)


def job_id(batch: str, index: int) -> str:
    """Name a job of a batch: the batch's id is a part of it, so that the job can be found by its name."""
    return f"{batch}.{index}"
