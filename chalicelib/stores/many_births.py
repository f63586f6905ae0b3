"""Many new runs in as few transactions as hold them, of which each is born whatever becomes of the others.

A transaction that was refused has written nothing: whoever is to blame is looked at, the others are written again.

| refused                          | then                                                                       |
|----------------------------------|----------------------------------------------------------------------------|
| a run's rows                     | alone: it stands already, by an earlier request or by our own lost write   |
| the dead letter that it consumes | born without it: the letter is not kept any more                           |
| the line that it enters          | alone: the line has room for some of those that came together, or for none |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chalicelib.core.births import Plan
from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import RunId
from chalicelib.core.runs import Run
from chalicelib.stores.bulk import Part, birth, chunks, put_parts
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.dead_letters import unlisted
from chalicelib.stores.lines import together
from chalicelib.stores.runs import RunStore

Born = dict[RunId, Run | RestartError]
"""The runs that stand now, or why they do not, by the ids of the plans."""


@dataclass(frozen=True, slots=True)
class ManyBirths:
    calls: Calls
    runs: RunStore

    def bear(self, plans: Sequence[Plan], writer: str) -> Born:
        """Write each plan, and answer what stands under its run's id then.

        No two plans have the same id, or consume the same dead letter. `Busy` says of a run that nobody knows.
        """
        born: Born = {}
        parts: list[Part] = []
        for plan in plans:
            try:
                parts.append(self._part(plan, writer))
            except RestartError as error:
                born[plan.run.id] = error
        for chunk in chunks(parts):
            born |= self._bear(chunk, writer)
        return born

    def _part(self, plan: Plan, writer: str) -> Part:
        part, letter = birth(self.runs, plan, writer), plan.consumed
        if letter is not None:
            part.consumes = lambda to: unlisted(to, plan.run.account, letter, plan.run.id)
        return part

    def _bear(self, parts: Sequence[Part], writer: str) -> Born:
        names = [str((part.subject.run.id, part.consumes is not None)) for part in parts]
        try:
            self.calls.transact(partial(put_parts, parts), writer, *names)
        except Refused as refused:
            blamed = _blamed(parts, refused)
            born = {plan.run.id: self._bear_alone(plan, writer) for plan in blamed}
            left = [part for part in parts if part.subject.run.id not in born]
            return {**born, **self._bear(left, writer)} if left else born
        except Busy as busy:
            return self._standing(parts, busy)
        return {part.subject.run.id: part.subject.run for part in parts}

    def _bear_alone(self, plan: Plan, writer: str) -> Run | RestartError:
        try:
            return self.runs.create(plan, writer)
        except RestartError as error:
            return error

    def _standing(self, parts: Sequence[Part], busy: Busy) -> Born:
        """Answer which runs stand after a transaction of which nobody knows what became."""
        runs = [part.subject.run for part in parts]
        try:
            found = self.runs.load_all(runs[0].account, [run.id for run in runs])
        except Busy:
            found = {}
        return {run.id: found.get(run.id, busy) for run in runs}


def _blamed(parts: Sequence[Part], refused: Refused) -> list[Plan]:
    """Answer those that must be looked at alone; of the others, none consumes a dead letter any more that is gone.

    PynamoDB sends all puts first, then updates; those of lines come last.
    """
    owners = [[part] for part in parts for _ in part.puts]
    consuming = [part for part in parts if part.consumes is not None]
    for number, part in enumerate(consuming, len(owners)):
        if refused.is_refused(number):
            part.consumes = None
    lines = [[part for part in parts if part.run in ours] for ours in together(part.subject.run for part in parts)]
    owners += [[] for _ in consuming] + lines
    return [part.subject for n, owned in enumerate(owners) if refused.is_refused(n) for part in owned]
