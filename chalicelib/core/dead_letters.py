"""The record of a run that failed: what an operator looks through and restarts."""

from dataclasses import dataclass, replace

from chalicelib.core.ids import AccountId, DeadLetterId, DefinitionKey, RunId, dead_letter_id
from chalicelib.core.journal import Failure
from chalicelib.core.runs import Run, RunStatus


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One failed run. Once a restart consumes it, it stays as a tombstone that names the new run."""

    account: AccountId
    id: DeadLetterId
    run: RunId
    definition: DefinitionKey
    failure: Failure
    at: int
    business_key: str | None = None
    labels: tuple[str, ...] = ()
    consumed_by: RunId | None = None


def with_dead_letter(run: Run, at: int) -> tuple[Run, DeadLetter | None]:
    """Answer the run, and the dead letter that it must leave if it has just failed."""
    if run.status is not RunStatus.FAILED or run.failure is None:
        return run, None
    letter = DeadLetter(
        account=run.account,
        id=dead_letter_id(at, run.id),
        run=run.id,
        definition=run.definition,
        failure=run.failure,
        at=at,
        business_key=run.business_key,
        labels=run.labels,
    )
    return replace(run, dead_letter=letter.id), letter
