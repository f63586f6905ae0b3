"""Which schedules are played: every fault at every call, two faults at a time, every message lost once; disasters.

A sweep of faults goes on until the schedule that it makes is over before the fault's call is reached: so it also
strikes the calls that only a fault brings about.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations, count, product

from tests.faults import (  # noqa: F401 - they register
    batch_scenarios,
    camunda_scenarios,
    dead_letter_scenarios,
    deployment_scenarios,
    invocation_scenarios,
    job_scenarios,
    line_scenarios,
    ops_scenarios,
    restate_scenarios,
    retention_scenarios,
    vendor_scenarios,
)
from tests.faults.arranged import begin
from tests.faults.outcomes import Outcome, outcome
from tests.faults.plans import LASTING, Delivery, Disaster, Fault, Kind, Order, Outage, Plan, Purge
from tests.faults.play import Play
from tests.faults.promises import check
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage
from tests.world import MINUTE

SHAPES = (*((kind, False) for kind in Kind), *((kind, True) for kind in Kind if kind in LASTING))
"""A fault's kind, and whether it lasts."""

DELIVERIES = tuple(Delivery(order, is_twice) for order, is_twice in product(Order, (False, True)))

MOST_LOST = 6  # the first messages of a schedule: one of them, and two, are lost
BROUGHT_ABOUT = 4  # calls that a fault brings about, in schedules that are chosen beforehand
HEAVY = 1_000  # a scenario of which only each so many-th call is struck is played few times

HARD = (Kind.ERR_AFTER, Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.REPEATED)
"""The kinds that are tried two at a time: what a single handler cannot make good by asking again."""


UNWELL = (Kind.ERR_BEFORE, Kind.THROTTLE, Kind.ERR_AFTER)
"""What may be wrong with AWS for long: calls do not reach it, it refuses them, its answers are lost."""

SOON = 4 * MINUTE  # a lease, until which nobody looks at the run of a worker that is gone, and two sweeps

_UNFIT = {
    "cancel_what_was_triggered": "what is to be canceled begins by itself while AWS is unwell",
    "a_run_that_kills_its_worker": "its workers leave it lying, whatever AWS does",
}


@dataclass(slots=True)
class Tally:
    """What came of a campaign."""

    schedules: int = 0
    calls: int = 0
    fired: int = 0
    failing: list[str] = field(default_factory=list)
    """The lines that play them again, each with the first promise that was broken."""
    latest: int = 0
    """For how long (ms) after a disaster nobody came to whoever could go on, at most."""

    def add(self, play: Play, problems: list[str], line: str | None = None) -> None:
        self.schedules += 1
        self.calls += len(play.strikes.made)
        self.fired += len(play.strikes.fired)
        self.latest = max(self.latest, play.late)
        if problems:
            self.failing.append(f"make faults REPLAY='{line or play.plan}'  # {problems[0]}")


def perform(stage: Stage, plan: Plan) -> tuple[Play, list[str]]:
    """Play a plan, and answer every promise that it broke."""
    undisturbed = _undisturbed(stage, plan.scenario) if plan.faults else None
    play = _acted(stage, plan)
    return play, check(play, undisturbed)


def _acted(stage: Stage, plan: Plan) -> Play:
    scenario = SCENARIOS[plan.scenario]
    play = begin(stage, plan, scenario.given)
    scenario.act(play)
    return play


def _undisturbed(stage: Stage, name: str) -> Outcome:
    """Answer what comes of a scenario when nothing goes wrong."""
    found: Outcome | None = stage.outcomes.get(name)
    if found is None:
        found = stage.outcomes[name] = outcome(_acted(stage, Plan(name)))
    return found


Played = Iterator[tuple[Play, list[str]]]
"""Schedules, each with the promises that it broke."""


def undisturbed(stage: Stage, name: str) -> Played:
    """Let nothing go wrong but the order of messages; then lose each message, and each two of them."""
    sent = 0
    for delivery in DELIVERIES if SCENARIOS[name].every < HEAVY else DELIVERIES[:1]:
        play, problems = perform(stage, Plan(name, delivery))
        sent = max(sent, play.taken)
        yield play, problems
    if SCENARIOS[name].every < HEAVY:
        numbers = range(min(sent, MOST_LOST))
        for lost in chain(combinations(numbers, 1), combinations(numbers, 2)):
            yield perform(stage, Plan(name, Delivery(lost=lost)))


def singles(stage: Stage, name: str, delivery: Delivery = Delivery(), most: int | None = None) -> Played:  # noqa: B008 - frozen
    """Let every kind of fault strike every call, one in a schedule; or only about so many, spread evenly."""
    every, calls = SCENARIOS[name].every, 0
    if most is not None:
        calls = len(perform(stage, Plan(name, delivery))[0].strikes.made)
        every = max(every, -(-calls * len(SHAPES) // most))
    for shape, (kind, is_lasting) in enumerate(SHAPES):
        for number in count(0, every) if most is None else range(shape % every, calls + BROUGHT_ABOUT, every):
            play, problems = perform(stage, Plan(name, delivery, (Fault(number, kind, is_lasting),)))
            if len(play.strikes.made) <= number:
                break
            if play.strikes.fired:
                yield play, problems


def pairs(stage: Stage, name: str, delivery: Delivery, wanted: int) -> Played:
    """Let two faults strike: about so many schedules, spread evenly over all pairs of calls and kinds."""
    calls = len(perform(stage, Plan(name, delivery))[0].strikes.made)
    numbers = range(0, calls + BROUGHT_ABOUT, SCENARIOS[name].every)
    every = [
        (Fault(first, one), Fault(second, other))
        for first, second in combinations(numbers, 2)
        for one, other in product(HARD, repeat=2)
    ]
    step = max(1, len(every) // wanted)
    for faults in every[::step]:
        yield perform(stage, Plan(name, delivery, faults))


def disasters_at(number: int) -> tuple[Disaster, ...]:
    """List the disasters that may begin at a call.

    In seven minutes a message has come again, and the lease that it was given is not over; in forty it has come too
    often, and lies in the DLQ.
    """
    alone = (Outage(number, (kind,)) for kind in UNWELL)
    by_turns = (Outage(number, UNWELL, minutes) for minutes in (7, 10, 40))
    return (*alone, *by_turns, Purge(number))


def disasters(stage: Stage, name: str, most: int | None = None) -> Played:
    """Let a disaster begin at every call: when it is over, all goes on soon, with nobody's hands.

    `most`: only so many schedules, spread evenly over calls and kinds.
    """
    if name in _UNFIT:
        return
    calls = len(perform(stage, Plan(name))[0].strikes.made)
    if most is None:
        every = [one for number in range(0, calls, SCENARIOS[name].every) for one in disasters_at(number)]
    else:
        first = sum(name.encode())
        every = [cycle[(first + n) % len(cycle)] for n in range(most) for cycle in [disasters_at(n * calls // most)]]
    for disaster in every:
        play, problems = perform(stage, Plan(name, disaster=disaster))
        if play.late > SOON:
            problems.append(f"LATE: somebody could go on, and nobody came for {play.late / 1000:.0f} s")
        yield play, problems


def tallied(played: Played) -> Tally:
    """Play all of it."""
    tally = Tally()
    for play, problems in played:
        tally.add(play, problems)
    return tally
