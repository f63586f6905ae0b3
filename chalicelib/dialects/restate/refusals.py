"""Why an operation on an invocation is refused, in Restate's words (restate-server 1.7.12; its rest_api/error.rs).

    a refusal of ours ──► a fact ──► what Restate says of it, operation by operation: alone, and in a list of many

Ids in what is said are the caller's own. A refusal that Restate has no words for is said in ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from chalicelib.core.errors import Busy, Invalid, RestartError, Throttled
from chalicelib.core.ids import SnapshotId
from chalicelib.core.refusals import (
    DefinitionNotFound,
    EntryOutOfRange,
    JournalGone,
    NothingPublished,
    PrefixIncomplete,
    RunNotFound,
    SourceNotStarted,
    SourceStillRunning,
    VersionIncompatible,
    VersionNotFound,
    WorkflowNotRestarted,
)
from chalicelib.dialects.restate.ids import write_version_id
from chalicelib.service.resumptions import VersionFixed
from chalicelib.service.runs import RunEnded, RunNotBegun, RunNotEnded

MAX_BATCH = 1000  # ids in one call, as the server has it
MAX_INDEX = 2**32 - 1  # of a journal entry, a u32
SERVED = ("V2", "V3", "V4")  # versions of the admin API


# -- what cannot be decoded is told as text


class Undecodable(Invalid):
    code = "undecodable"
    status = 400


class QueryUndecodable(Undecodable):
    def __init__(self, problem: str) -> None:
        super().__init__(f"Failed to deserialize query string: {problem}")


class VersionUnserved(Undecodable):
    def __init__(self, version: str) -> None:
        super().__init__(f"The admin API has no version {version}: it has {', '.join(SERVED)}.")


class PathUndecodable(Undecodable):
    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid URL: Invalid UTF-8 in `{name}`")


class BodyNotJson(Undecodable):
    def __init__(self, problem: str) -> None:
        super().__init__(f"Failed to parse the request body as JSON: {problem}")


class BodyUndecodable(Undecodable):
    status = 422

    def __init__(self, problem: str) -> None:
        super().__init__(f"Failed to deserialize the JSON body into the target type: {problem}")


class BatchTooLarge(Invalid):
    code = "batch_too_large"

    def __init__(self, size: int) -> None:
        super().__init__(f"Batch size {size} exceeds maximum allowed size of {MAX_BATCH}", size=size, most=MAX_BATCH)


# -- what is refused of an invocation


class Operation(Enum):
    RESTART = auto()
    RESUME = auto()
    PAUSE = auto()
    KILL = auto()
    CANCEL = auto()
    PURGE = auto()
    PURGE_JOURNAL = auto()


class Fact(Enum):
    """Why not, as Restate tells reasons apart."""

    UNKNOWN = auto()
    NOT_STARTED = auto()
    NOT_COMPLETED = auto()
    COMPLETED = auto()
    INPUT_GONE = auto()
    UNSUPPORTED = auto()
    DEPLOYMENT_UNKNOWN = auto()
    DEPLOYMENT_FIXED = auto()
    PREFIX_INVALID = auto()
    OUT_OF_RANGE = auto()


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a fact: with which status, alone, and in a list of many. `{}` is the invocation's id."""

    status: int
    alone: str
    listed: str


class Refused(RestartError):
    """What Restate has words for, of one operation on one invocation (the caller's id of it)."""

    code = "refused"

    def __init__(self, operation: Operation, fact: Fact, invocation: str) -> None:
        words = _WORDS[operation, fact]
        super().__init__(words.alone.format(invocation), invocation=invocation, fact=fact.name.lower())
        self.status = words.status
        self.listed = words.listed.format(invocation)


class DeploymentUnfit(Invalid):
    """Ours: Restate begins such a run, and it fails on its first replay (RT0016)."""

    code = "deployment_unfit"

    def __init__(self, invocation: str, deployment: str, entry: int) -> None:
        super().__init__(
            f"The journal of the invocation '{invocation}' does not fit the chosen deployment '{deployment}'"
            f" at entry {entry}.",
            invocation=invocation,
            deployment=deployment,
            entry=entry,
        )


class RoutingFailed(Busy):
    """The server's word for what may be asked again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Error when routing the request internally. Reason: {reason}")


@contextmanager
def telling(operation: Operation, invocation: str) -> Iterator[None]:
    """Say every refusal of what is done inside as Restate does."""
    try:
        yield
    except RestartError as error:
        raise told(operation, invocation, error) from error


def told(operation: Operation, invocation: str, error: RestartError) -> RestartError:
    """Answer a refusal in Restate's words; one that it has none for, as it is."""
    fact = _fact_of(error)
    if fact is not None and (operation, fact) in _WORDS:
        return Refused(operation, fact, invocation)
    match error:
        case VersionIncompatible():
            deployment = write_version_id(SnapshotId(str(error.details["version"])))
            return DeploymentUnfit(invocation, deployment, int(str(error.details["entry"])))
        case Busy() if not isinstance(error, Throttled):
            return RoutingFailed(error.message)
        case _:
            return error


def write_listed(error: RestartError) -> str:
    """Say a refusal that was told as lists of many do."""
    return error.listed if isinstance(error, Refused) else error.message


def _fact_of(error: RestartError) -> Fact | None:
    if isinstance(error, EntryOutOfRange) and error.details["index"] == MAX_INDEX:
        return Fact.OUT_OF_RANGE  # with any smaller index the server's scan first meets an entry that is missing
    return _FACTS.get(type(error))


_FACTS: dict[type[RestartError], Fact] = {
    RunNotFound: Fact.UNKNOWN,
    SourceNotStarted: Fact.NOT_STARTED,
    RunNotBegun: Fact.NOT_STARTED,
    SourceStillRunning: Fact.NOT_COMPLETED,
    RunNotEnded: Fact.NOT_COMPLETED,
    RunEnded: Fact.COMPLETED,
    JournalGone: Fact.INPUT_GONE,
    WorkflowNotRestarted: Fact.UNSUPPORTED,
    VersionFixed: Fact.DEPLOYMENT_FIXED,
    DefinitionNotFound: Fact.DEPLOYMENT_UNKNOWN,
    NothingPublished: Fact.DEPLOYMENT_UNKNOWN,
    VersionNotFound: Fact.DEPLOYMENT_UNKNOWN,
    PrefixIncomplete: Fact.PREFIX_INVALID,
    EntryOutOfRange: Fact.PREFIX_INVALID,
}

_UNKNOWN = Words(404, "The requested invocation '{}' does not exist", "Invocation '{}' not found")
_DONE = Words(409, "The invocation '{}' was already completed.", "Invocation '{}' was already completed")
_UNDONE = Words(409, "The invocation '{}' is not yet completed.", "Invocation '{}' is not yet completed")
_FIXED = Words(
    409,
    "The invocation '{}' is still running or the deployment id is not pinned yet, deployment id cannot be changed.",
    "Cannot change deployment ID for invocation '{}'",
)

_STILL = Words(
    409, "The invocation '{}' is not running, cannot be paused.", "Invocation '{}' is not running, cannot be paused"
)

_WORDS: dict[tuple[Operation, Fact], Words] = {
    **{(operation, Fact.UNKNOWN): _UNKNOWN for operation in Operation},
    (Operation.RESTART, Fact.NOT_STARTED): Words(
        425,
        "The invocation '{}' cannot be restarted because it's not running yet.",
        "Invocation '{}' cannot be restarted because it's not running yet",
    ),
    (Operation.RESTART, Fact.NOT_COMPLETED): Words(
        409, "The invocation '{}' is still running.", "Invocation '{}' is still running"
    ),
    (Operation.RESTART, Fact.INPUT_GONE): Words(
        410,
        "The invocation '{}' cannot be restarted because the input is not available. This indicates that the journal"
        " was already purged, or not retained at all.",
        "Invocation '{}' cannot be restarted because the input is not available",
    ),
    (Operation.RESTART, Fact.UNSUPPORTED): Words(
        422,
        "Restarting the invocation '{}' is not supported. Restarting workflows is not supported, and restarting"
        " invocations created using the old service protocol.",
        "Restarting invocation '{}' is not supported",
    ),
    (Operation.RESTART, Fact.DEPLOYMENT_UNKNOWN): Words(
        400,
        "The given deployment was not found when trying to restart as new the invocation '{}'.",
        "Deployment not found when restarting invocation '{}'",
    ),
    (Operation.RESTART, Fact.DEPLOYMENT_FIXED): _FIXED,
    (Operation.RESTART, Fact.PREFIX_INVALID): Words(
        400,
        "The prefix of the journal '{}' up to 'from' (included) contains some Commands without respective Completions.",
        "Journal copy range invalid for invocation '{}'",
    ),
    (Operation.RESTART, Fact.OUT_OF_RANGE): Words(
        400,
        "The given index is out of range of currently stored journal for invocation '{}'.",
        "Journal index out of range for invocation '{}'",
    ),
    (Operation.RESUME, Fact.NOT_STARTED): Words(
        425,
        "The invocation '{}' is either inboxed or scheduled, cannot be resumed.",
        "Invocation '{}' is either inboxed or scheduled, cannot be resumed",
    ),
    (Operation.RESUME, Fact.COMPLETED): Words(
        409, "The invocation '{}' is completed, cannot be resumed.", "Invocation '{}' is completed, cannot be resumed"
    ),
    (Operation.RESUME, Fact.DEPLOYMENT_UNKNOWN): Words(
        400,
        "The given deployment was not found when trying to resume the invocation '{}'.",
        "Deployment not found when resuming invocation '{}'",
    ),
    (Operation.RESUME, Fact.DEPLOYMENT_FIXED): _FIXED,
    (Operation.PAUSE, Fact.NOT_STARTED): _STILL,
    (Operation.PAUSE, Fact.COMPLETED): _STILL,
    (Operation.KILL, Fact.COMPLETED): _DONE,
    (Operation.CANCEL, Fact.COMPLETED): _DONE,
    (Operation.PURGE, Fact.NOT_COMPLETED): _UNDONE,
    (Operation.PURGE_JOURNAL, Fact.NOT_COMPLETED): _UNDONE,
}
