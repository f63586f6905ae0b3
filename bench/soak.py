"""Restart many runs over all dialects while a tenth of all calls fails in every way, and show that none is lost.

    make bench                              20,000 restarts
    python -m bench.soak 2000 --seed 7      another number, another chance

What happens follows from the seed; a world that broke a promise is played again by its own (`--world 7.12`).
"""

import sys
import time
from argparse import ArgumentParser, Namespace

from tests.faults.soak import Result, World
from tests.faults.stage import stage

SIZE = 250  # restarts of a world: what is checked of all its rows stays cheap


def read_arguments(arguments: list[str]) -> Namespace:
    parser = ArgumentParser("bench.soak")
    parser.add_argument("restarts", type=int, nargs="?", default=20_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--world", help="play one world again, and tell what it broke")
    return parser.parse_args(arguments)


def soak(restarts: int, size: int, seed: str) -> list[tuple[str, Result]]:
    """Play worlds until so many restarts were accepted; answer each with its seed."""
    results: list[tuple[str, Result]] = []
    with stage() as on:
        while sum(result.restarts for _, result in results) < restarts:
            name = f"{seed}.{len(results)}"
            results.append((name, World(on, name, size).live()))
    return results


def again(size: int, name: str) -> list[tuple[str, Result]]:
    with stage() as on:
        return [(name, World(on, name, size).live())]


def report(results: list[tuple[str, Result]], size: int, cpu_s: float) -> bool:
    """Print what came of it; say whether every promise was kept."""
    every = [result for _, result in results]
    restarts, failed, batches = (sum(getattr(it, name) for it in every) for name in ("restarts", "failed", "batches"))
    calls, faults = sum(it.calls for it in every), sum(it.faults for it in every)
    print(f"restarts   {restarts:,} in {len(every)} worlds, {batches:,} batches")
    print(f"           {failed:,} of them failed: an effect was struck as often as it is tried")
    print(f"calls      {calls:,}, of which {faults:,} were struck ({faults / calls:.1%})")
    print(f"lost       {sum(it.count('LOST', 'LEFT') for it in every)}")
    print(f"doubled    {sum(it.count('DOUBLED', 'UNASKED') for it in every)}")
    print(f"broken     {sum(len(it.problems) for it in every)} promises, these among them")
    print(f"CPU        {cpu_s:.0f} s")
    for name, result in results:
        for problem in result.problems[:3]:
            print(f"python -m bench.soak {size} --world {name}  # {problem}")
    return not any(result.problems for result in every)


def main(asked: Namespace) -> int:
    began, size = time.process_time(), min(SIZE, asked.restarts)
    print(f"seed       {asked.world or asked.seed}")
    results = again(size, asked.world) if asked.world else soak(asked.restarts, size, asked.seed)
    return 0 if report(results, size, time.process_time() - began) else 1


if __name__ == "__main__":
    sys.exit(main(read_arguments(sys.argv[1:])))
