"""What must hold when every client was answered and all has come to rest: of each account, all the promises."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from chalicelib.stores.packing import unpack
from tests.faults.batch_scenarios import expect_log
from tests.faults.engines import Row
from tests.faults.machine.clients import Clients
from tests.faults.machine.model import Model
from tests.faults.machine.requests import Request
from tests.faults.play import Asked, Play
from tests.faults.promises import check
from tests.faults.strikes import Strikes

TRIES, CLAIMS = 4, 20
"""As many faults let a run fail that would not: of its calls, or of its workers."""


def verdict(clients: Clients) -> list[str]:
    """Answer every promise to one account that was broken."""
    own, stage = clients.play, clients.play.stage
    view = replace(own, account=clients.account, before={}, asked=dict(_asked(clients)), gone={*clients.model.gone})
    view.at_work, stage.secret = frozenset({clients.account}), clients.secret
    stage.strikes = Strikes(watch=view.look)
    clients.play = view
    for look in (_batches, _notes):
        view.problems += look(clients)
    return check(view)


def _asked(clients: Clients) -> Iterator[tuple[str, Asked]]:
    """Say what promises.py is to expect: each run, and each answer once more."""
    model = clients.model
    may_fail = frozenset({"failed"}) if is_shaken(clients.play) else frozenset()
    for run in model.runs.keys() - model.gone:
        ends, is_optional = model.ends_of(run) | may_fail, run not in model.promised
        yield run, Asked("", None, None, ends, run=run, is_optional=is_optional)
    for (path, key), (made, asked) in model.answered.items():
        if made in model.runs.keys() - model.gone:
            ends = model.ends_of(made) | may_fail
            yield f"{path} {key}", Asked(asked.path, asked.body, asked.key, ends, method=asked.method, run=made)


def is_shaken(play: Play) -> bool:
    """Say whether a run may have failed of faults alone."""
    strikes = play.strikes
    struck = Counter(strikes.made[fault.call].partition(".")[0] for fault in strikes.fired)
    crashes = sum(fault.kind.value.startswith("crash") for fault in strikes.fired)
    return struck["outside"] >= TRIES or crashes >= CLAIMS


def _batches(clients: Clients) -> Iterator[str]:
    """A batch has ended or waits for jobs that nobody can do; of each job its log and its run say the same."""
    model, play = clients.model, clients.play
    for batch, known in model.batches.items():
        rows = [row for row in play.rows("batches") if row["pk"]["S"] == f"{clients.account}#{batch}"]
        jobs = [row for row in rows if row["part"]["S"].startswith("job#")]
        [head] = [row for row in rows if row["part"]["S"] == "head"]
        if ("ended_at" in head) == bool(jobs) or {row["retries"]["N"] for row in jobs} - {"0"}:
            yield f"BATCH: {batch} has {len(jobs)} jobs, and has ended: {'ended_at' in head}"
        expect_log(play, batch, head, jobs)
        yield from _undone(known.reborn, jobs, clients)
    for path, key in model.answered:
        made, asked = model.answered[path, key]
        if made in model.batches and (again := clients.request(asked).run) != made:
            yield f"DOUBLED: {asked} made {made}, and then {again}"


def _undone(reborn: dict[str, str], jobs: list[Row], clients: Clients) -> Iterator[str]:
    """A job that waits has made nothing."""
    for row in jobs:
        for source in json.loads(json.dumps(unpack(row["document"]["B"])))["sources"]:
            if reborn.get(source) in clients.rows():
                yield f"BATCH: {reborn[source]} is there, and its job is not done"


def _notes(clients: Clients) -> Iterator[str]:
    """What was changed from outside stands, as its clients see it."""
    model: Model = clients.model
    for run in clients.standing():
        told = json.loads(clients.request(Request("GET", f"/ops/v1/runs/{run}")).body)
        if told["variables"].get("note") not in model.notes_of(run):
            yield f"NOTE: {run} has {told['variables'].get('note')}, not one of {model.notes_of(run)}"
