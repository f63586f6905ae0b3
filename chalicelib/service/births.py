"""How a new run comes into the world, whatever asked for it: its version kept, its rows written once, a ring."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.births import Plan
from chalicelib.core.runs import Run
from chalicelib.core.versions import Version, VersionChoice
from chalicelib.service.commands import Command
from chalicelib.service.definitions import Definitions
from chalicelib.service.doorbell import Doorbell
from chalicelib.service.run_log import log_made
from chalicelib.stores.runs import RunStore


@dataclass(frozen=True, slots=True)
class Made:
    """The run that a command made, now or (`is_repeat`) when it came the first time."""

    run: Run
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Births:
    runs: RunStore
    definitions: Definitions
    doorbell: Doorbell
    new_id: Callable[[], str]

    def bear(self, command: Command, plan: Plan, version: Version, choice: VersionChoice) -> Made:
        """Write what a command has planned, and answer the run that stands under its id then."""
        self.definitions.freeze(command.account, version, choice)
        run = self.runs.create(plan, writer=self.new_id())
        command.check_same(run)
        made = Made(run, is_repeat=run is not plan.run)
        log_made(run, is_repeat=made.is_repeat)
        self.doorbell.ring(run)
        return made
