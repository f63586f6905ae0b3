"""What must hold after every schedule, whatever struck it.

| promise                                                                      | told as          |
|------------------------------------------------------------------------------|------------------|
| each accepted key has one run, and no other run exists                        | LOST, UNASKED    |
| one key, one answer; a refusal wrote nothing                                  | DOUBLED, WRITTEN |
| every run ends as it must; a failed one leaves one dead letter                | ENDED, LETTERS   |
| a journal is dense, each entry written once, its prefix the source's          | JOURNAL          |
| an effect that was journaled took place; undisturbed, it took place once      | EFFECTS          |
| an accepted run has its record in the audit, and a record's runs are there    | RECORDS          |
| what had ended before, and all of another account, is as it was               | TOUCHED          |
| definitions, apps, deployments, keys and settings stand as undisturbed         | UNLIKE           |
| nothing is left to do: no wake-up, no lease, no message, no place in a line   | LEFT             |
| no call named another account's rows; no handler raised, or answered with 500 | FOREIGN, DEFECT  |
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, cast

from chalicelib.core.journal import Entry, Performed
from chalicelib.stores.entries import unpack_entries
from chalicelib.stores.packing import unpack
from tests.faults.engines import Row
from tests.faults.outcomes import Outcome, differences, outcome
from tests.faults.play import ENDED, Asked, Play
from tests.faults.strikes import Strikes
from tests.world import OTHER


@dataclass(frozen=True, slots=True)
class Stands:
    """What stands in the tables after a schedule, as far as it is the account's own."""

    runs: dict[str, Row]
    journals: dict[str, list[Row]]
    letters: list[Row]

    def entries(self, run: str) -> list[Entry]:
        """Answer a run's entries from 1 on: entry 0, its input, stands on the head."""
        return [entry for row in self.journals.get(run, []) for entry in unpack_entries(row["entries"]["B"])]


def check(play: Play, undisturbed: Outcome | None = None) -> list[str]:
    """Answer every promise that a schedule broke; faults strike no more.

    `undisturbed`: what comes of its scenario when nothing goes wrong; None: nobody knows.
    """
    play.stage.strikes = Strikes(watch=play.look)
    problems = play.problems
    problems += _asked_again(play)
    stands = read(play)
    for look in (_runs, _ends, _letters, _journals, _effects, _records, _untouched, _left):
        problems += look(play, stands)
    if undisturbed is not None:
        problems += differences(outcome(play), undisturbed, play.unlike)
    return problems


def read(play: Play) -> Stands:
    runs = {row["run_id"]["S"]: row for row in play.rows("runs") if _is_of(play.account, row)}
    journals: dict[str, list[Row]] = {}
    for row in sorted(play.rows("journal"), key=lambda row: int(row["index"]["N"])):
        account, _, run = row["pk"]["S"].partition("#")
        if account == play.account:
            journals.setdefault(run, []).append(row)
    return Stands(runs, journals, [row for row in play.rows("dead-letters") if _is_of(play.account, row)])


def _is_of(account: str, row: Row) -> bool:
    return str(row["pk"]["S"]).partition("#")[0] == account


def _asked_again(play: Play) -> Iterator[str]:
    """Ask everything under a key once more: the answer is the same run."""
    for name, asked in list(play.asked.items()):
        if asked.key is None or asked.run is None:
            continue
        reply = play.request(asked.method, asked.path, asked.body, asked.key)
        if reply.is_refused or reply.run != asked.run:
            yield f"DOUBLED: {name} was answered with {asked.run}, and then with {reply.status} {reply.body[:200]}"


def _runs(play: Play, stands: Stands) -> Iterator[str]:
    accepted = {asked.run for asked in play.asked.values() if asked.run}
    wanted = {*play.given.values(), *accepted} - play.gone
    optional = {asked.run for asked in play.asked.values() if asked.is_optional}
    yield from (f"LOST: run {run} was accepted, and is not there" for run in wanted - optional - stands.runs.keys())
    yield from (f"UNASKED: run {run}" for run in stands.runs.keys() - wanted)


def _ends(play: Play, stands: Stands) -> Iterator[str]:
    for name, asked in play.asked.items():
        row = stands.runs.get(asked.run or "")
        if row is not None and row["status"]["S"] not in asked.ends:
            yield f"ENDED: {name} is {row['status']['S']}, not {' or '.join(sorted(asked.ends))}"


def _letters(play: Play, stands: Stands) -> Iterator[str]:
    """A failed run has one dead letter, and its restarts make it a tombstone that names one of them."""
    held = Counter(row["run_id"]["S"] for row in stands.letters)
    failed = {run: row for run, row in stands.runs.items() if row["status"]["S"] == "failed"}
    if (held.keys() - play.gone) | play.removed != failed.keys() | play.removed or set(held.values()) - {1}:
        yield f"LETTERS: {dict(held)} for the failed runs {sorted(failed)}"
    born = {run: row["source_id"]["S"] for run, row in stands.runs.items() if "source_id" in row}
    for row in stands.letters:
        restarts = [run for run, source in born.items() if source == row["run_id"]["S"]]
        by = row.get("consumed_by", {}).get("S")
        is_right = by in play.gone.union(restarts) or (by is None and play.copied.issuperset(restarts))
        if not is_right or (by is None) != ("live_shard" in row):
            yield f"LETTERS: the one of {row['run_id']['S']} was consumed by {by}, and its restarts are {restarts}"


def _journals(play: Play, stands: Stands) -> Iterator[str]:
    twice = (key for key in play.stage.engine.written_twice("journal") if not any(run in key for run in play.changed))
    yield from (f"JOURNAL: {key} was written twice" for key in twice)
    yield from (f"JOURNAL: there is no run {run}" for run in stands.journals.keys() - stands.runs.keys() - play.gone)
    for run, head in stands.runs.items():
        at = 1
        for row in stands.journals.get(run, []):
            if int(row["index"]["N"]) != at:
                yield f"JOURNAL: {run} has entry {row['index']['N']} where {at} is due"
            at += len(unpack_entries(row["entries"]["B"]))
        length = 1 if "journal_gone_at" in head else int(head["journal_length"]["N"])
        if at != length:
            yield f"JOURNAL: {run} holds {at} entries, and its head says {length}"
    for name, asked in play.asked.items():
        yield from _prefix(name, asked, stands)


def _prefix(name: str, asked: Asked, stands: Stands) -> Iterator[str]:
    if not asked.kept or asked.run not in stands.runs:
        return
    source = stands.runs[asked.run].get("source_id", {}).get("S", "")
    ours, theirs = stands.entries(asked.run), stands.entries(source)
    kept = asked.kept - 1  # entry 0 is the new run's own
    if source in stands.runs and ours[:kept] != theirs[:kept]:
        yield f"JOURNAL: the first {kept} entries of {name} are not its source's"


def _effects(play: Play, stands: Stands) -> Iterator[str]:
    times = Counter(play.outside.keys)
    for run in {asked.run for asked in play.asked.values() if asked.run} - {*play.given.values()}:
        if stands.runs.get(run, {}).get("source_id", {}).get("S") in play.changed | play.gone:
            continue  # what it has from its source cannot be told from its own any more
        journaled = Counter(_called(_own(run, stands)))
        called = Counter(key.split("/")[1] for key in times if key.startswith(f"{run}/"))
        if journaled - called:
            yield f"EFFECTS: {run} journaled {dict(journaled)}, and asked for {dict(called)}"
        surplus = {name: number for name, number in called.items() if number > max(1, journaled[name])}
        if surplus:
            yield f"EFFECTS: {run} asked for {surplus} under more keys than it journaled"
    if not play.strikes.fired and max(times.values(), default=1) > play.most_tries:
        yield f"EFFECTS: nothing was struck, and yet {times.most_common(1)}"


def _own(run: str, stands: Stands) -> list[Entry]:
    """Answer the entries that a run did not take from its source."""
    entries, source = stands.entries(run), stands.runs.get(run, {}).get("source_id", {}).get("S", "")
    kept = takewhile(lambda pair: pair[0] == pair[1], zip(entries, stands.entries(source), strict=False))
    return entries[len(list(kept)) :]


def _called(entries: Iterable[Entry]) -> Iterator[str]:
    """Name the activities that called out and were answered."""
    for entry in entries:
        if isinstance(entry, Performed) and isinstance(entry.result, dict) and "status" in entry.result:
            yield entry.activity


def _records(play: Play, stands: Stands) -> Iterator[str]:
    """Whoever reads the audit knows of every run who asked for it, and is told of none that is not there."""
    told = [
        cast("dict[str, Any]", unpack(row["document"]["B"])) for row in play.rows("audit") if _is_of(play.account, row)
    ]
    named = {(thing["kind"], thing["id"]) for record in told for thing in record["things"]}
    runs = {run for kind, run in named if kind == "run"}
    accepted = {asked.run for asked in play.asked.values() if asked.run} - {*play.given.values()}
    for run in (accepted & stands.runs.keys()) - runs:
        cause = cast("dict[str, Any]", unpack(stands.runs[run]["told"]["B"]))["cause"]
        if ("batch", cause["batch"]) not in named:
            yield f"RECORDS: nobody knows who asked for {run}"
    yield from (f"RECORDS: {run} is told of, and is not there" for run in runs - stands.runs.keys() - play.gone)


def _untouched(play: Play, stands: Stands) -> Iterator[str]:
    """Compare, byte for byte, what must not have changed."""
    staying = play.ended - play.gone - play.told - play.changed
    for table, rows in play.before.items():
        after = {_key(row): row for row in play.rows(table)}
        for row in rows:
            if _must_stay(table, row, staying) and after.get(_key(row)) != row:
                yield f"TOUCHED: {table} {_key(row)}"
    others = {table: sum(_is_others(row) for row in rows) for table, rows in play.before.items()}
    for table, number in others.items():
        if number != sum(_is_others(row) for row in play.rows(table)):
            yield f"TOUCHED: the other account has more or fewer {table}"


def _must_stay(table: str, row: Row, staying: set[str]) -> bool:
    _, _, run = row["pk"]["S"].partition("#")
    return _is_others(row) or (table in {"runs", "journal"} and run in staying)


def _is_others(row: Row) -> bool:
    return _is_of(OTHER, row)


def _key(row: Row) -> tuple[Any, ...]:
    return row["pk"]["S"], str(row.get("index", row.get("version", row.get("part"))))


def _left_on(row: Row) -> list[str]:
    """Name what asks for a look at a run, or says that somebody is at it."""
    left: list[str] = [name for name in ("wake_at", "due_shard", "not_before") if name in row]
    if "lease_owner" in row and row["status"]["S"] != "paused":  # whoever was at a paused one may have died since
        left.append("lease_owner")
    return left


def _left(play: Play, stands: Stands) -> Iterator[str]:
    for run, row in stands.runs.items():
        over = _left_on(row)
        if over:
            yield f"LEFT: {run} has {', '.join(over)}"
        if row["status"]["S"] not in ENDED | {"waiting", "paused"}:
            yield f"LOST: {run} stays {row['status']['S']}"
    for row in play.rows("slots"):
        for member in row.get("line", {"L": []})["L"] if _is_of(play.account, row) else ():
            head = stands.runs.get(member["S"])
            if head is None or head["status"]["S"] in ENDED:
                yield f"LEFT: {member['S']} stands in {row['part']['S']}"
    if play.pending:
        yield f"LEFT: {len(play.pending)} messages"
