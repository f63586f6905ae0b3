"""Restart several runs in one transaction: all of them, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.core.batches import Order
from chalicelib.core.births import Birth
from chalicelib.core.causes import Cause
from chalicelib.core.errors import Busy, TooLarge
from chalicelib.core.ids import RunId, derived_uuid
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.runs import Run
from chalicelib.service.commands import Command
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.orders import plan_order
from chalicelib.service.run_log import log_made_together
from chalicelib.stores.batches import BatchStore
from chalicelib.stores.calls import Refused
from chalicelib.stores.runs import RunStore

MOST = 50  # sources; one transaction holds a run and a dead letter of each


class TooManyTogether(TooLarge):
    code = "too_many_together"

    def __init__(self, sources: int) -> None:
        super().__init__(
            f"{sources} runs cannot be restarted in one transaction: {MOST} is the most. Restart them as a batch.",
            size=sources,
            most=MOST,
        )


@dataclass(frozen=True, slots=True)
class Together:
    runs: RunStore
    batches: BatchStore
    definitions: Definitions
    doorbell: Doorbell
    now: Callable[[], int]
    new_id: Callable[[], str]

    def restart(self, command: Command, order: Order, sources: Sequence[RunId], cause: Cause) -> list[Run]:
        """Restart each of these sources once, and answer the new runs in their order.

        Raises `RunNotFound` for the first source that is not there, and what `plan_restart` refuses, before anything
        is written. The same command again answers the runs that it made.
        """
        chosen = list(dict.fromkeys(sources))
        if len(chosen) > MOST:
            raise TooManyTogether(len(chosen))
        ids = {source: self._run_id(command, source) for source in chosen}
        earlier = self.runs.load_all(command.account, [*ids.values()]) if command.key is not None else {}
        for run in earlier.values():
            command.check_same(run)
        if len(earlier) == len(chosen):
            return [earlier[ids[source]] for source in chosen]
        found = self.runs.load_all(command.account, chosen)
        births = {source: Birth(ids[source], command.request_hash, self.now()) for source in chosen}
        for source in chosen:
            if source not in found:
                raise RunNotFound(source)
        plans = [
            plan_order(self.definitions, order, found[source], births[source], cause, is_of_many=len(chosen) > 1)
            for source in chosen
        ]
        try:
            self.batches.bear(plans, self.new_id())
        except Refused as refused:
            raise Busy from refused  # somebody makes these runs now, under the same key
        runs = [plan.run for plan in plans]
        log_made_together(runs)
        self.doorbell.ring_each(runs)
        return runs

    def _run_id(self, command: Command, source: RunId) -> RunId:
        if command.key is None:
            return RunId(self.new_id())
        return RunId(derived_uuid(command.account, command.dialect, command.route, command.key, source))
