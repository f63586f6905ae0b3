"""Let the runs of an object's key take turns: the first of their line is at work, the others rest in the inbox.

    ring ─► not claimed: it is before its turn ─► look at the line ─► first: claimed, at work until it ends
                                                                  └─► else:  left as it is; the sweep looks again
    end  ─► it leaves the line in the transaction that writes its end ─► ring for who is the first now

The ring for the next one may be lost with its sender: so each run in the inbox keeps a wake-up of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.lines import MOST_KEY, Line, WorkflowRunNotFound
from chalicelib.core.runs import Lease, Run
from chalicelib.service.doorbell import Doorbell
from chalicelib.stores.calls import Refused
from chalicelib.stores.lines import LineStore, is_leaving
from chalicelib.stores.runs import RunStore, Wake
from chalicelib.stores.shards import run_key

LOOK_AGAIN_MS = 300_000  # for each one that stands before it …
MOST_LOOKS = 6  # … and at most so many times: whoever is far behind need not look often


@dataclass(frozen=True, slots=True)
class Lines:
    lines: LineStore
    runs: RunStore
    doorbell: Doorbell
    now: Callable[[], int]

    def only(self, account: AccountId, definition: DefinitionKey, business_key: str) -> RunId:
        """Answer which run a workflow has of a key; raise `WorkflowRunNotFound`."""
        is_possible = 0 < len(business_key.encode()) <= MOST_KEY
        found = self.lines.only(account, definition, business_key) if is_possible else None
        if found is None:
            raise WorkflowRunNotFound(definition, business_key)
        return found

    def take_turn(self, run: Run, lease: Lease) -> Run | None:
        """Claim a run that is before its turn, if it is the first of its line; else leave it in good order."""
        try:
            is_full = run.line is Line.COMING and not self.lines.arrive(run, lease.owner)
        except Refused:
            return None  # somebody has moved it: a cancel, or another worker that looks at it now
        members = [] if is_full else self.lines.members(run)
        if members[:1] == [run.id]:
            return self.runs.claim_turn(run, lease, self.now())
        self._look_again(run, members.index(run.id) if run.id in members else 1)
        return None

    def _look_again(self, run: Run, before: int) -> None:
        """Let the sweep ring for a run, before which so many stand, in a while."""
        assert run.wake_at is not None  # whoever is before its turn has one
        wake = Wake(run_key(run.account, run.id), run.wake_at)
        self.runs.postpone(wake, self.now() + LOOK_AGAIN_MS * min(before, MOST_LOOKS))

    def hand_over(self, run: Run) -> None:
        """Ring for the first of the line that an ended run has left."""
        if not is_leaving(run):
            return
        members = self.lines.members(run)
        if members:
            self.doorbell.ring_all([run_key(run.account, members[0])], is_of_many=run.is_of_many)
        else:
            self.lines.forget(run)
