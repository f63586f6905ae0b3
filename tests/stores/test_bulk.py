"""Many dead letters at once: what is written together, what is left out, what a list shows, what a message says."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any

import boto3
import pytest
from greenlet import getcurrent, greenlet
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.core.births import Plan
from chalicelib.core.callbacks import Callback, CallbackState
from chalicelib.core.dead_letters import DeadLetter, LetterFilter, with_dead_letter
from chalicelib.core.effects import Answered
from chalicelib.core.ids import DeadLetterId
from chalicelib.core.journal import Failure
from chalicelib.core.runs import RunStatus
from chalicelib.stores import pages
from chalicelib.stores.bulk import BulkStore
from chalicelib.stores.calls import Refused
from chalicelib.stores.dead_letters import DeadLetterStore, letter_row
from chalicelib.stores.queues import Dispatched, DispatchQueue, MessageInvalid, read_dispatch
from chalicelib.stores.shards import Shards
from local import aws
from tests.faults.plans import LASTING, Fault, Kind
from tests.faults.stage import Stage, stage
from tests.graphs import Block
from tests.stores.faults import SILENCES, refusal
from tests.stores.plans import ASKS, CALLS, FAILURE, moved, planned
from tests.world import ACME, BEGINNING, OTHER

TRANSACT, SEND = "dynamodb.TransactWriteItems", "sqs.SendMessage"
EVERY = LetterFilter()
SHARDS = Shards(lists=3, due=2)
WEEK = 7 * 86_400_000  # ms


def dead(n: int, at: int = BEGINNING, **fields: Any) -> DeadLetter:
    """Make the dead letter of a run that failed then, whose head has these fields."""
    run = replace(planned(n).run, status=RunStatus.FAILED, failure=FAILURE)
    _, letter = with_dead_letter(moved(run, **fields), at)
    assert letter is not None
    return letter


def leave(services: wiring.Services, *letters: DeadLetter, shards: Shards | None = None) -> None:
    """Let dead letters be there, as if their runs had failed."""
    for letter in letters:
        letter_row(letter, shards or services.runs.runs.shards, services.accounts.store).save()


def leave_many(services: wiring.Services, number: int) -> list[DeadLetter]:
    letters = [dead(n, BEGINNING + n) for n in range(number)]
    leave(services, *letters)
    return letters


def leave_copies(services: wiring.Services, number: int) -> None:
    """Let there be so many letters, which differ in their runs and times alone."""
    leave(services, dead(0))
    client = boto3.client("dynamodb", region_name=aws.REGION)
    table = "reprise-dead-letters-test"
    [row] = client.scan(TableName=table)["Items"]
    for n in range(1, number):
        run = f"{Random(n).getrandbits(128):032x}"
        letter = f"{BEGINNING + n:013d}-{run}"
        told = {"pk": f"{ACME}#{letter}", "dead_letter_id": letter, "run_id": run, "root_id": run}
        client.put_item(TableName=table, Item={**row, **{name: {"S": text} for name, text in told.items()}})


def birth(letter: DeadLetter, block: Block = CALLS, n: int = 10_000) -> Plan:
    """Plan a run that a dead letter is to become."""
    return replace(planned(n + int(letter.at - BEGINNING), block), consumed=letter.id)


@pytest.fixture(scope="module")
def opened() -> Iterator[Stage]:
    with stage() as opened:
        yield opened


@pytest.fixture(scope="module")
def fresh(opened: Stage) -> Callable[[], wiring.Services]:
    def boot() -> wiring.Services:
        opened.engine.empty()
        opened.clear()
        return opened.boot()

    return boot


@pytest.fixture
def services(fresh: Callable[[], wiring.Services]) -> wiring.Services:
    return fresh()


@pytest.fixture
def bulk(services: wiring.Services) -> BulkStore:
    return services.dead_letters.bulk


def live(services: wiring.Services) -> set[DeadLetterId]:
    page = services.dead_letters.letters.live(ACME, EVERY, before=None, limit=200)
    return {letter.id for letter in page.items}


def became(opened: Stage) -> dict[str, str]:
    """Answer what each tombstone names."""
    rows = [row for row in opened.engine.rows("dead-letters") if "consumed_by" in row]
    assert not any("live_shard" in row for row in rows)
    return {row["dead_letter_id"]["S"]: row["consumed_by"]["S"] for row in rows}


def runs(opened: Stage) -> set[str]:
    return {row["run_id"]["S"] for row in opened.engine.rows("runs")}


def told(plans: list[Plan]) -> dict[str, str]:
    return {str(plan.consumed): plan.run.id for plan in plans}


def every_seventh() -> dict[int, Fault]:
    """Let every seventh call fail, in each way in turn; sometimes whatever its handler asks afterwards fails too."""
    kinds = [(kind, kind in LASTING and is_lasting) for is_lasting in (False, True) for kind in Kind]
    return {n: Fault(n, *kinds[n // 7 % len(kinds)]) for n in range(6, 100_000, 7)}


def at_once(stage: Stage, actors: Sequence[Callable[[], object]], choose: Callable[[list[greenlet]], greenlet]) -> None:
    """Let actors act at once: who goes on is chosen before each AWS call."""
    main = getcurrent()
    stage.strikes.watch = lambda *_call: main.switch()
    live = [greenlet(actor) for actor in actors]
    while live := [actor for actor in live if not actor.dead]:
        choose(live).switch()
    stage.strikes.watch = lambda *_call: None


class TestBirths:
    def test_of_fifty_letters_are_one_transaction_of_a_hundred_actions(self, opened, services, bulk, calls):
        plans = [birth(letter) for letter in leave_many(services, 50)]
        calls.made.clear()
        calls.requests.clear()

        assert bulk.create(plans, "writer") == plans

        assert calls.made == [TRANSACT]
        assert len(calls.requests[0]["TransactItems"]) == 100
        assert became(opened) == told(plans)
        assert runs(opened) == {plan.run.id for plan in plans}

    def test_with_journals_take_as_few_transactions_as_hold_them_and_none_is_cut_in_two(self, services, bulk, calls):
        plans = [birth(letter, ASKS) for letter in leave_many(services, 50)]
        calls.requests.clear()

        assert bulk.create(plans, "writer") == plans

        actions = [len(it["TransactItems"]) for it in calls.requests if "TransactItems" in it]
        assert actions == [99, 51]
        assert all(len(services.runs.runs.journal(plan.run)) == 2 for plan in plans)

    def test_leave_out_what_somebody_else_took_meanwhile(self, opened, services, bulk, faults, calls):
        letters = leave_many(services, 6)
        others = [birth(letter, n=20_000) for letter in letters[:2]]
        faults.meanwhile(TRANSACT, lambda: bulk.create(others, "other"))
        faults.meanwhile(TRANSACT, lambda: None)  # theirs
        faults.meanwhile(TRANSACT, lambda: bulk.remove(ACME, [letters[5].id], "other", BEGINNING))
        plans = [birth(letter) for letter in letters]
        calls.made.clear()

        written = bulk.create(plans, "writer")

        assert written == plans[2:5]
        assert became(opened) == told([*others, *written])
        assert runs(opened) == {plan.run.id for plan in [*others, *written]}
        assert calls.counts[TRANSACT] == 5

    @pytest.mark.parametrize("lost", range(4))
    @pytest.mark.parametrize(
        "blocks", [[CALLS] * 4, [ASKS] * 4, [ASKS, CALLS, CALLS, ASKS]], ids=["few", "many", "mixed"]
    )
    def test_of_few_or_many_rows_know_whose_condition_failed(self, services, bulk, blocks, lost):
        letters = leave_many(services, 4)
        bulk.remove(ACME, [letters[lost].id], "other", BEGINNING)
        plans = [birth(letter, block) for letter, block in zip(letters, blocks, strict=True)]

        assert bulk.create(plans, "writer") == [plan for plan in plans if plan.consumed != letters[lost].id]

    def test_that_find_no_letter_left_write_nothing(self, opened, services, bulk, calls):
        letters = leave_many(services, 3)
        plans = [birth(letter) for letter in letters]
        bulk.remove(ACME, [letter.id for letter in letters], "other", BEGINNING)
        calls.made.clear()

        assert bulk.create(plans, "writer") == []

        assert calls.made == [TRANSACT]
        assert runs(opened) == set()

    def test_that_are_to_be_whole_are_refused_whole(self, opened, services, bulk):
        letters = leave_many(services, 3)
        bulk.remove(ACME, [letters[1].id], "other", BEGINNING)

        with pytest.raises(Refused):
            bulk.create([birth(letter) for letter in letters], "writer", is_whole=True)

        assert live(services) == {letters[0].id, letters[2].id}
        assert (runs(opened), became(opened)) == (set(), {})

    @pytest.mark.parametrize("silence", SILENCES, ids=["closed", "timeout"])
    def test_whose_answer_is_lost_are_known_again(self, opened, services, bulk, faults, silence):
        plans = [birth(letter) for letter in leave_many(services, 3)]
        faults.lose(TRANSACT, [silence])

        assert bulk.create(plans, "writer", is_whole=True) == plans
        assert became(opened) == told(plans)

    def test_that_conflict_with_another_transaction_are_tried_again(self, services, bulk, faults):
        plans = [birth(letter) for letter in leave_many(services, 2)]
        conflict = refusal("TransactionCanceledException", "None", "TransactionConflict", "None", "None")
        faults.refuse(TRANSACT, [conflict])

        assert bulk.create(plans, "writer") == plans


class TestRemoving:
    def test_takes_live_ones_only_and_says_which(self, opened, services, bulk):
        letters = leave_many(services, 5)
        bulk.create([birth(letters[0])], "writer")
        unknown = dead(99).id
        assert bulk.remove(OTHER, [letters[1].id], "stranger", BEGINNING) == []

        removed = bulk.remove(ACME, [letters[0].id, letters[1].id, unknown, letters[2].id], "remover", BEGINNING)

        assert removed == [letters[1].id, letters[2].id]
        assert live(services) == {letters[3].id, letters[4].id}
        assert became(opened).keys() == {letters[0].id}

    def test_takes_a_transaction_for_each_hundred(self, services, bulk, calls):
        letters = leave_many(services, 101)
        calls.made.clear()

        assert len(bulk.remove(ACME, [letter.id for letter in letters], "remover", BEGINNING)) == 101

        assert calls.made == [TRANSACT] * 2
        assert live(services) == set()

    def test_counts_its_own_when_the_answer_was_lost(self, services, bulk, faults):
        [letter] = leave_many(services, 1)
        faults.lose(TRANSACT, [SILENCES[1]])

        assert bulk.remove(ACME, [letter.id], "remover", BEGINNING) == [letter.id]


@dataclass(frozen=True)
class Kept:
    """A letter, by what filters look at: `is_taken` makes it a tombstone."""

    at: int
    fields: dict[str, Any]
    is_taken: bool

    @property
    def is_live(self) -> bool:
        is_kept = self.at // 1000 * 1000 + WEEK > BEGINNING
        return is_kept and not self.is_taken and self.fields["account"] == ACME


def answered(status: int) -> Failure:
    return replace(FAILURE, answer=Answered(status, {}, ""))


moments = st.integers(BEGINNING - 8, BEGINNING) | st.integers(BEGINNING - WEEK - 1500, BEGINNING - WEEK + 1500)
looked_at = {
    "account": st.sampled_from([ACME, ACME, ACME, OTHER]),
    "labels": st.sampled_from([(), ("a",), ("a", "b")]),
    "url": st.sampled_from([None, "https://one.test", "https://two.test"]),
    "failure": st.sampled_from([404, 503]).map(answered),
    "callback": st.sampled_from([None, Callback(CallbackState.FAILED)]),
}
kept_letters = st.builds(Kept, moments, st.fixed_dictionaries(looked_at), st.sampled_from([False, False, True]))
KEEPS: tuple[Callable[[DeadLetter], bool], ...] = (
    lambda _letter: True,
    lambda _letter: False,
    lambda letter: "a" in letter.run.labels,
    lambda letter: letter.run.url == "https://one.test",
    lambda letter: letter.failure == answered(503),
    lambda letter: letter.run.callback is not None and letter.run.callback.state is CallbackState.FAILED,
    lambda letter: {"a", "b"} <= set(letter.run.labels) or letter.run.url is None,
)
filters = st.builds(LetterFilter, st.just(0) | moments, st.none() | moments, st.sampled_from(KEEPS))


def sharded(services: wiring.Services) -> DeadLetterStore:
    return replace(services.dead_letters.letters, shards=SHARDS)


@settings(max_examples=150)
@given(st.lists(kept_letters, max_size=14), filters, st.integers(1, 6), st.sampled_from([1, 5, pages.SCANNED_MOST]))
def test_pages_of_any_size_hold_what_a_filter_keeps_newest_first(fresh, kept, filter_, limit, scanned):
    services = fresh()
    letters = [dead(n, it.at, **it.fields) for n, it in enumerate(kept)]
    leave(services, *letters, shards=SHARDS)
    taken = [replace(planned(n + 100).run, account=it.fields["account"]) for n, it in enumerate(kept)]
    for it, letter, run in zip(kept, letters, taken, strict=True):
        if it.is_taken:
            services.dead_letters.bulk.create([replace(planned(), run=run, consumed=letter.id)], "writer")
    found: list[DeadLetterId] = []
    before: str | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "SCANNED_MOST", scanned)
        for _ in range(100):
            page = sharded(services).live(ACME, filter_, before=before, limit=limit)
            assert len(page.items) <= limit
            found += [letter.id for letter in page.items]
            before = page.next
            if before is None:
                break

    until = filter_.until if filter_.until is not None else BEGINNING
    wanted = [
        letter.id
        for it, letter in zip(kept, letters, strict=True)
        if it.is_live and filter_.since <= it.at <= until and filter_.keeps(letter)
    ]
    assert before is None
    assert found == sorted(wanted, reverse=True)


numbers = st.frozensets(st.integers(0, 11), max_size=3)
between = st.lists(st.tuples(st.integers(0, 3), numbers, numbers), max_size=6)
"""What happens between two pages: how many new letters come, and which of the old ones are removed or restarted."""


@settings(max_examples=100)
@given(st.integers(1, 12), st.integers(1, 4), between)
def test_a_cursor_neither_skips_an_old_letter_that_lives_nor_repeats_one(fresh, number, limit, events):
    services = fresh()
    bulk, letters = services.dead_letters.bulk, [dead(n, BEGINNING + n // 3) for n in range(number)]
    leave(services, *letters, shards=SHARDS)
    gone: set[DeadLetterId] = set()
    found: list[DeadLetterId] = []
    page = sharded(services).live(ACME, EVERY, before=None, limit=limit)
    todo, unused = iter(events), count(1_000)
    while True:
        found += [letter.id for letter in page.items]
        if page.next is None:
            break
        new, removing, taking = next(todo, (0, frozenset(), frozenset()))
        leave(services, *(dead(next(unused), BEGINNING + 100) for _ in range(new)), shards=SHARDS)
        removed = [letters[n].id for n in removing if n < number]
        taken = [letters[n] for n in taking if n < number]
        gone |= {*bulk.remove(ACME, removed, services.new_id(), BEGINNING)}
        bulk.create([replace(planned(next(unused)), consumed=it.id) for it in taken], services.new_id())
        gone |= {letter.id for letter in taken}
        page = sharded(services).live(ACME, EVERY, before=page.next, limit=limit)

    assert len(found) == len(set(found))
    assert {letter.id for letter in letters} - gone <= set(found)
    assert found == sorted(found, reverse=True)


class TestADispatchMessage:
    RINGS = (Dispatched("acme#one", BEGINNING), Dispatched("acme#two", BEGINNING + 60_000))

    def test_is_one_for_all_runs_and_reads_back(self, opened, services, calls):
        queue: DispatchQueue = services.doorbell.dispatch
        calls.made.clear()

        queue.put(self.RINGS)

        assert calls.made == [SEND]
        [sent] = opened.engine.take("DispatchQueue")
        assert read_dispatch(sent.body) == [*self.RINGS]

    @pytest.mark.parametrize("error", [refusal("AccessDenied"), SILENCES[0]], ids=["not allowed", "silence"])
    def test_that_aws_does_not_take_is_no_failure(self, opened, services, faults, error):
        faults.refuse(SEND, [error] * (4 if error is SILENCES[0] else 1))

        services.doorbell.dispatch.put(self.RINGS)

        assert opened.engine.take("DispatchQueue") == []

    @pytest.mark.parametrize(
        "body",
        ["", "{", "null", "[]", "{}", '{"runs": null}', '{"runs": ["acme#one"]}', '{"runs": [["acme#one"]]}']
        + [json.dumps({"runs": [["acme#one", value]]}) for value in (None, "1", 1.5, True)]
        + [json.dumps({"runs": [[7, 1]]}), json.dumps({"runs": {"acme#one": 1}}), "[" * 100_000],
        ids=lambda body: body[:30],
    )
    def test_that_names_no_runs_is_told_so(self, body):
        with pytest.raises(MessageInvalid):
            read_dispatch(body)
