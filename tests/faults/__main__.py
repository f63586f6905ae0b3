"""Play everything, on every processor, and print what came of it; or play one line again.

python -m tests.faults
python -m tests.faults 'restart_from_failure lifo+twice 7:crash_after'
python -m tests.faults 'two_workers_on_one_message a3 time1 b4'
"""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

from tests.faults import dead_letter_encounters, retention_encounters  # noqa: F401 - they register
from tests.faults.campaigns import DELIVERIES, HEAVY, Tally, disasters, pairs, perform, singles, tallied, undisturbed
from tests.faults.encounters import ENCOUNTERS
from tests.faults.interleavings import explore, read_order, repeat, write_order
from tests.faults.plans import Delivery, Order, read_plan
from tests.faults.play import Play
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage, stage

PAIRS = 500  # of one scenario and delivery
ORDERS = 1_500  # of one encounter
PAIRED = (Delivery(), Delivery(Order.LIFO, is_twice=True))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one job: failing schedules as lines."""

    part: str
    schedules: int
    calls: int
    fired: int
    failing: tuple[str, ...]
    cpu_s: float
    latest: int


def jobs() -> Iterator[tuple[str, partial[Tally]]]:
    """List the work, the longest first."""
    quick = [name for name, scenario in SCENARIOS.items() if scenario.every < HEAVY]
    for name in SCENARIOS.keys() - quick:
        yield "one fault", partial(_singles, name, Delivery())
    for name in quick:
        yield from (("two faults", partial(_pairs, name, delivery)) for delivery in PAIRED)
    for name in ENCOUNTERS:
        yield "interleavings", partial(_orders, name)
    for name in quick:
        yield from (("one fault", partial(_singles, name, delivery)) for delivery in DELIVERIES)
    for name in quick:
        yield "disasters", partial(_disasters, name)
    for name in SCENARIOS:
        yield "order, loss", partial(_undisturbed, name)


def _pairs(name: str, delivery: Delivery, on: Stage) -> Tally:
    return tallied(pairs(on, name, delivery, PAIRS // SCENARIOS[name].every))


def _singles(name: str, delivery: Delivery, on: Stage) -> Tally:
    return tallied(singles(on, name, delivery))


def _undisturbed(name: str, on: Stage) -> Tally:
    return tallied(undisturbed(on, name))


def _disasters(name: str, on: Stage) -> Tally:
    return tallied(disasters(on, name))


def _orders(name: str, on: Stage) -> Tally:
    tally = Tally()
    for play, problems, order in islice(explore(on, ENCOUNTERS[name]), ORDERS):
        tally.add(play, problems, f"{name} {write_order(order)}")
    return tally


def work(job: tuple[str, partial[Tally]]) -> Result:
    part, play = job
    began = time.process_time()
    with stage() as on:
        tally = play(on)
    cpu_s = time.process_time() - began
    return Result(part, tally.schedules, tally.calls, tally.fired, tuple(tally.failing), cpu_s, tally.latest)


def campaign() -> bool:
    """Play all jobs, and print a line for each part; say whether every schedule kept its promises."""
    began, parts = time.monotonic(), dict[str, list[Result]]()
    with ProcessPoolExecutor() as pool:
        for result in pool.map(work, jobs()):
            parts.setdefault(result.part, []).append(result)
            for line in result.failing[:3]:
                print(line, flush=True)
    print(f"{'':14}{'schedules':>10}{'AWS calls':>12}{'faults':>9}{'failing':>9}{'CPU-s':>8}")
    for part, results in sorted(parts.items()):
        print(f"{part:14}" + _sums(results))
    every = [result for results in parts.values() for result in results]
    print(f"{'all':14}" + _sums(every), f"  {time.monotonic() - began:.0f} s on {os.cpu_count()} processors")
    print(f"after a disaster nobody waited longer than {max(result.latest for result in every) / 1000:.0f} s")
    return not any(result.failing for result in every)


def _sums(results: list[Result]) -> str:
    schedules, calls = sum(it.schedules for it in results), sum(it.calls for it in results)
    fired, failing = sum(it.fired for it in results), sum(len(it.failing) for it in results)
    return f"{schedules:10,}{calls:12,}{fired:9,}{failing:9,}{sum(it.cpu_s for it in results):8.0f}"


def replay(line: str) -> bool:
    """Play one line again, and tell every call and every problem."""
    name, _, rest = line.partition(" ")
    with stage() as on:
        play, problems = _again(on, name, rest) if name in ENCOUNTERS else perform(on, read_plan(line))
        struck = {fault.call: fault for fault in play.strikes.fired}
        for number, call in enumerate(play.strikes.made):
            print(f"{number:4} {call} {struck.get(number, '')}")
    print(*(problems or ["every promise is kept"]), sep="\n")
    return not problems


def _again(on: Stage, name: str, order: str) -> tuple[Play, list[str]]:
    play, problems, _ = repeat(on, ENCOUNTERS[name], read_order(order))
    return play, problems


if __name__ == "__main__":
    told = " ".join(sys.argv[1:]).strip()
    sys.exit(0 if (replay(told) if told else campaign()) else 1)
