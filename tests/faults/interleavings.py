"""Two or three handlers at once, stepped call by call through every order.

Each handler is a greenlet that stops before each AWS call and each effect. Who goes on is decided by a list of
choices, so an order is replayed by its choices, and all orders are found by depth-first search: the last choice
that can be another becomes the next one. `preemptions` bounds how often a handler that could go on is set aside;
time is one more actor, which may jump once past every lease.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from greenlet import getcurrent, greenlet

from tests.faults.beginnings import Act
from tests.faults.openings import begin
from tests.faults.plans import Plan
from tests.faults.play import Play
from tests.faults.promises import check
from tests.faults.stage import Stage

JUMP = 100_000  # ms: longer than a lease
TIME = "time"

Handler = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Encounter:
    """What is given, and who meets: handlers by name, each in a process of its own."""

    given: Act
    meet: Callable[[Play], Mapping[str, Handler]]

    @property
    def name(self) -> str:
        return self.meet.__name__


@dataclass(slots=True)
class Choices:
    """One path through the tree of choices: at each fork which way was taken, of how many."""

    taken: list[int] = field(default_factory=list)
    ways: list[int] = field(default_factory=list)
    depth: int = 0

    def choose(self, number: int) -> int:
        """Answer the way at the next fork: as before, or the first where nobody has been yet."""
        if self.depth == len(self.taken):
            self.taken.append(0)
            self.ways.append(number)
        self.depth += 1
        return self.taken[self.depth - 1]

    def next(self) -> bool:
        """Turn to the next path; say no when there is none."""
        self.depth = 0
        while self.taken and self.taken[-1] + 1 == self.ways[-1]:
            self.taken.pop()
            self.ways.pop()
        if not self.taken:
            return False
        self.taken[-1] += 1
        return True


@dataclass(slots=True)
class Stepper:
    """Steps handlers through one order."""

    play: Play
    choose: Callable[[list[str]], str]
    preemptions: int
    jumps: int = 1
    order: list[str] = field(default_factory=list)

    def run(self, handlers: Mapping[str, Handler]) -> None:
        main = getcurrent()
        live = {name: greenlet(handler) for name, handler in handlers.items()}
        look = self.play.strikes.watch

        def pause(function: str, name: str, request: Any) -> None:
            look(function, name, request)
            main.switch()

        self.play.strikes.watch = pause
        last = ""
        while live := {name: actor for name, actor in live.items() if not actor.dead}:
            picked = self.choose(self._ways(list(live), last))
            self.order.append(picked)
            if picked == TIME:
                self.jumps -= 1
                self.play.stage.clock.advance(JUMP)
                continue
            if last in live and picked != last:
                self.preemptions -= 1
            last = picked
            live[picked].switch()
        self.play.strikes.watch = look

    def _ways(self, live: list[str], last: str) -> list[str]:
        """List who may go on: the last one alone when it may not be set aside any more."""
        can_go_on, may_turn = last in live, self.preemptions > 0
        names = [last] if can_go_on and not may_turn else sorted(live)
        if can_go_on and may_turn:
            names = [last, *(name for name in names if name != last)]
        return names + [TIME] * (self.jumps > 0 and (may_turn or not can_go_on))


def explore(stage: Stage, encounter: Encounter, preemptions: int = 2) -> Iterator[tuple[Play, list[str], list[str]]]:
    """Play every order; answer each with the problems that it brought about."""
    choices = Choices()
    while True:
        yield _play(stage, encounter, lambda ways: ways[choices.choose(len(ways))], preemptions)
        if not choices.next():
            return


def repeat(stage: Stage, encounter: Encounter, order: list[str]) -> tuple[Play, list[str], list[str]]:
    """Play one order again."""
    left = iter(order)
    return _play(stage, encounter, lambda ways: next(left, ways[0]), preemptions=len(order))


def _play(
    stage: Stage, encounter: Encounter, choose: Callable[[list[str]], str], preemptions: int
) -> tuple[Play, list[str], list[str]]:
    play = begin(stage, Plan(encounter.name), encounter.given)
    stepper = Stepper(play, choose, preemptions)
    stepper.run(encounter.meet(play))
    if TIME in stepper.order:
        play.most_tries += 1  # whoever comes after a lease may do again what its holder did
    play.settle()
    return play, check(play), stepper.order


def write_order(order: list[str]) -> str:
    """Say an order in few words: `a3 b1 time1 a2`."""
    return " ".join(f"{name}{len(list(steps))}" for name, steps in groupby(order))


def read_order(text: str) -> list[str]:
    """Read what `write_order` said."""
    return [name for name, times in re.findall(r"([a-z]+)(\d+)", text) for _ in range(int(times))]
