"""Thousands of dead letters, page by page: each becomes one run, whoever else is at it and whatever goes wrong."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations, combinations_with_replacement
from random import Random
from typing import Any

import pytest
from greenlet import greenlet

from chalicelib import wiring
from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.effects import Succeeded
from chalicelib.core.errors import Busy
from chalicelib.core.ids import DeadLetterId, RunId
from chalicelib.core.restart_requests import FromFailure, RestartRequest, StartRequest
from chalicelib.core.runs import RunStatus
from chalicelib.core.versions import PublishedVersion
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import MOST, DeadLettersGone, RebornPage
from chalicelib.stores.packing import ItemTooLarge
from tests.faults.plans import LASTING, Fault, Kind, Plan
from tests.faults.play import Message, Play
from tests.faults.stage import Stage, stage
from tests.faults.strikes import Crash, Strikes, invoked
from tests.graphs import Block, Call, Compute, document, steps
from tests.stores.test_bulk import EVERY, at_once, became, dead, every_seventh, leave, leave_copies, leave_many
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, BEGINNING, CAUSE, MINUTE, ORDER, Outside

WISH = RestartRequest(RunId(""), CAUSE)
COMMAND = Command(ACME, "ops", "restart", "dead-letters", "a page")
PAGE = ("dynamodb.Query", "dynamodb.TransactWriteItems", "sqs.SendMessage")


@pytest.fixture(scope="module")
def opened() -> Iterator[Stage]:
    with stage() as opened:
        yield opened


@pytest.fixture
def play(opened) -> Play:
    opened.engine.empty()
    opened.clear()
    opened.clock.ms += MINUTE
    return Play(opened, Plan("dead letters"))


@pytest.fixture
def services(play) -> wiring.Services:
    """A warm process, in which a definition of one call is published."""
    return publish(play, Call("work"))


def publish(play: Play, block: Block) -> wiring.Services:
    services = play.stage.boot()
    services.definitions.save_draft(ACME, ORDER, document(block))
    services.definitions.publish(ACME, ORDER)
    return services


@dataclass
class Loop:
    """A caller that restarts page by page, and asks again for a page that it was not answered."""

    stage: Stage
    services: wiring.Services
    limit: int = MOST
    before: str | None = None
    is_over: bool = False
    made: list[tuple[DeadLetterId, RunId]] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    unanswered: int = 0

    def turn(self) -> None:
        calls, letters = len(self.stage.strikes.made), self.services.dead_letters
        try:
            with invoked():
                page = letters.restart_page(COMMAND, EVERY, WISH, before=self.before, limit=self.limit)
        except (Busy, Crash):
            self.unanswered += 1
            self.services = self.stage.boot()
            return
        self.made += [(it.letter.id, it.run.id) for it in page.made]
        self.costs.append(len(self.stage.strikes.made) - calls)
        self.before, self.is_over = page.next, page.next is None

    def run(self) -> "Loop":
        while not self.is_over:
            self.turn()
        return self


def check_each_once(play: Play, number: int) -> None:
    """Check that each of so many letters is a tombstone which names the one run that it became, and which completed."""
    assert not play.problems
    runs, letters = play.rows("runs"), play.rows("dead-letters")
    assert len(letters) == len(runs) == number
    assert not any("live_shard" in row for row in letters)
    became = {row["run_id"]["S"]: row["consumed_by"]["S"] for row in letters}
    assert {row["source_id"]["S"]: row["run_id"]["S"] for row in runs} == became
    assert Counter(row["status"]["S"] for row in runs) == {"completed": number}


class TestLoops:
    @pytest.mark.parametrize("pages", [20, pytest.param(200, marks=pytest.mark.heavy)])
    def test_is_pages_of_three_calls_and_a_run_for_each_letter(self, play, services, pages):
        number = 50 * pages
        leave_copies(services, number)

        loop = Loop(play.stage, services).run()

        assert loop.costs == [3] * pages
        assert play.stage.strikes.made == [*PAGE] * pages
        assert len({letter for letter, _ in loop.made}) == len({run for _, run in loop.made}) == number
        play.settle()
        check_each_once(play, number)
        assert len(set(play.outside.keys)) == len(play.outside.keys) == number

    @pytest.mark.parametrize("number", [500, pytest.param(10_000, marks=pytest.mark.heavy)])
    def test_of_eight_callers_in_turn_restart_each_letter_once(self, play, services, number):
        leave_copies(services, number)
        loops = [Loop(play.stage, services) for _ in range(8)]

        while todo := [loop for loop in loops if not loop.is_over]:
            for loop in todo:
                loop.turn()

        made = [pair for loop in loops for pair in loop.made]
        assert len(set(made)) == len(made) == number
        assert all(cost <= 3 for loop in loops for cost in loop.costs)
        play.settle()
        check_each_once(play, number)

    @pytest.mark.parametrize("seed", range(2))
    def test_of_eight_callers_at_once_restart_each_letter_once(self, play, services, seed):
        leave_many(services, 200)
        loops = [Loop(play.stage, services) for _ in range(8)]

        at_once(play.stage, [loop.run for loop in loops], Random(seed).choice)

        made = [pair for loop in loops for pair in loop.made]
        assert len(set(made)) == len(made) == 200
        play.settle()
        check_each_once(play, 200)

    @pytest.mark.parametrize(
        ("callers", "number"),
        [(1, 400), (8, 400), *(pytest.param(callers, 10_000, marks=pytest.mark.heavy) for callers in (1, 8))],
    )
    def test_through_a_fault_at_every_seventh_call_restart_each_letter_once(self, play, services, callers, number):
        leave_copies(services, number)
        play.stage.strikes = Strikes(every_seventh())
        loops = [Loop(play.stage, services, limit=min(50, number // 40)) for _ in range(callers)]

        at_once(play.stage, [loop.run for loop in loops], Random(callers).choice)
        play.deliver()  # what was dispatched, under faults too
        fired = {fault.kind for fault in play.stage.strikes.fired}
        play.stage.strikes = Strikes()

        assert fired >= {*Kind} - {Kind.PARTIAL}
        assert any(loop.unanswered for loop in loops)
        made = [pair for loop in loops for pair in loop.made]
        assert len(set(made)) == len(made)
        play.settle()
        check_each_once(play, number)

    def test_over_a_workflow_that_fails_again_at_once_ends(self, play, services):
        leave_many(services, 120)
        play.outside.fail("work", is_retryable=False)
        loop = Loop(play.stage, services)

        while not loop.is_over:
            loop.turn()
            play.stage.clock.advance(1)
            while play.deliver():
                pass

        assert len(loop.costs) == 3
        assert len(loop.made) == 120
        statuses = Counter(row["status"]["S"] for row in play.rows("runs"))
        attempts = Counter(row["attempt"]["N"] for row in play.rows("dead-letters") if "live_shard" in row)
        assert (statuses, attempts) == ({"failed": 120}, {"2": 120})

    def test_neither_skip_nor_repeat_a_letter_while_others_come_and_go(self, play, services):
        letters, letter_service = leave_many(services, 200), services.dead_letters
        loop = Loop(play.stage, services)
        loop.turn()
        leave(services, *(dead(n, BEGINNING + n) for n in range(1_000, 1_060)))
        assert letter_service.remove(ACME, [letter.id for letter in letters[145:155]]) == 5
        letter_service.restart(COMMAND, [letter.id for letter in letters[90:110]], WISH)

        loop.run()

        gone = {letter.id for letter in (*letters[145:150], *letters[90:110])}
        assert Counter(letter for letter, _ in loop.made) == Counter(it.id for it in letters if it.id not in gone)
        assert len(loop.costs) == 4
        assert len(letter_service.page(ACME, EVERY, before=None, limit=100).items) == 60


class TestTwoAtOnce:
    """…in every order of their calls."""

    def act(self, services: wiring.Services, kind: str, letter: DeadLetter) -> list[str] | int:
        """Act on one letter; answer which runs were made of it, or how many letters were removed."""
        letters, only = services.dead_letters, LetterFilter(letter.at, letter.at)
        with invoked(), suppress(DeadLettersGone):
            if kind == "remove":
                return letters.remove(ACME, [letter.id])
            if kind == "page":
                page = letters.restart_page(COMMAND, only, WISH, before=None, limit=MOST)
                return [it.run.id for it in page.made]
            return [it.run.id for it in letters.restart(COMMAND, [letter.id], WISH)]
        return []

    def said(self, play: Play, acts: Sequence[Callable[[], object]], first: Collection[int]) -> list[object]:
        """Answer what both say: the first one makes the moves of these numbers, of eight."""
        said: list[object] = []
        moves = iter(range(8))

        def choose(live: list[greenlet]) -> greenlet:
            return live[0] if len(live) == 1 or next(moves, 0) in first else live[1]

        at_once(play.stage, [lambda act=act: said.append(act()) for act in acts], choose)  # type: ignore[misc]
        return said

    @pytest.mark.parametrize("kinds", [*combinations_with_replacement(["ids", "page", "remove"], 2)], ids=" and ".join)
    def test_make_one_thing_of_a_letter_and_one_of_them_says_so(self, play, services, kinds):
        letter = leave_many(services, 3)[1]
        begun = play.stage.engine.keep()
        acts = [partial(self.act, services, kind, letter) for kind in kinds]
        for first in combinations(range(8), 4):
            play.stage.engine.go_back(begun)

            said = self.said(play, acts, first)

            assert sorted(map(bool, said)) == [False, True]
            there = [row for row in play.rows("dead-letters") if row["dead_letter_id"]["S"] == letter.id]
            if 1 in said:
                assert (there, play.rows("runs")) == ([], [])
                continue
            [run] = play.rows("runs")
            assert [run["run_id"]["S"]] in said
            assert [(row["consumed_by"], "live_shard" in row) for row in there] == [(run["run_id"], False)]


def take(play: Play, function: str) -> list[Message]:
    """Take the messages that wait for a function."""
    play.pull()
    taken = [message for message in play.pending if message.function == function]
    play.pending = [message for message in play.pending if message.function != function]
    return taken


def start(services: wiring.Services, n: int) -> RunId:
    command = Command(ACME, "ops", "start", ORDER, n)
    return services.runs.start(command, ORDER, PublishedVersion(), StartRequest(ACME, CAUSE, {"n": n})).run.id


def page_of(services: wiring.Services, **wishes: Any) -> RebornPage:
    return services.dead_letters.restart_page(COMMAND, EVERY, replace(WISH, **wishes), before=None, limit=MOST)


class TestRinging:
    @pytest.mark.parametrize(("delay_s", "heard_s"), [(0, 0), (60, 60), (1.5, 2), (900, 900)])
    def test_for_a_page_is_one_message_and_each_run_is_rung_for_when_it_may_begin(
        self, play, services, delay_s, heard_s
    ):
        leave_many(services, MOST)
        made = {f"{ACME}#{it.run.id}" for it in page_of(services, delay_s=delay_s).made}
        at = play.stage.clock.ms

        play.hand_over(*take(play, "restart_dead_letters"))

        rings = take(play, "advance_bulk_runs")
        assert {json.loads(ring.body)["run"] for ring in rings} == made
        assert {ring.visible_at for ring in rings} == {at + heard_s * 1000}
        assert play.stage.strikes.made == ["sqs.SendMessageBatch"] * 5
        assert (play.pending, len(rings)) == ([], 50)

    @pytest.mark.parametrize("is_lost", [False, True], ids=["", "lost"])
    @pytest.mark.parametrize("delay_s", [0, 60, 900, 901, 5_000])
    def test_lets_no_run_begin_early_nor_late_the_sweep_makes_up_for_what_is_lost(
        self, play, services, delay_s, is_lost
    ):
        leave_many(services, 3)
        page_of(services, delay_s=delay_s)
        due = play.stage.clock.ms + delay_s * 1000
        if is_lost:
            take(play, "restart_dead_letters")

        play.settle()

        check_each_once(play, 3)
        begun = {int(row["started_at"]["N"]) for row in play.rows("runs")}
        late = due + (2 * MINUTE if is_lost or delay_s > 900 else 0)
        assert all(due <= at <= late for at in begun)

    def test_leaves_a_message_that_nobody_can_read_and_heeds_the_others(self, play, services):
        leave_many(services, 3)
        page_of(services)
        [good] = take(play, "restart_dead_letters")
        bodies = {"bad": "{}", "good": good.body, "worse": "["}
        records = [{"messageId": id_, "body": body, "eventSource": "aws:sqs"} for id_, body in bodies.items()]

        answer = play.stage.functions["restart_dead_letters"].invoke({"Records": records})

        assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}, {"itemIdentifier": "worse"}]}
        assert len(take(play, "advance_bulk_runs")) == 3

    @pytest.mark.parametrize("kind", [Kind.ERR_BEFORE, Kind.THROTTLE, Kind.CRASH_BEFORE])
    def test_that_sqs_does_not_take_comes_again(self, play, services, kind):
        leave_many(services, 30)
        page_of(services)
        play.stage.strikes = Strikes({1: Fault(1, kind, is_lasting=kind in LASTING)})

        assert play.deliver()

        assert [message.receives for message in play.pending if message.function == "restart_dead_letters"] == [1]
        play.stage.strikes = Strikes()
        play.settle()
        check_each_once(play, 30)


class TestNewRuns:
    def test_of_a_page_rest_until_their_worker_comes(self, play):
        services = publish(play, steps(Compute("first"), Call("work")))
        snapshot = services.definitions.draft(ACME, ORDER).snapshot
        leave(services, *(dead(n, snapshot=snapshot) for n in range(3)))

        runs = [it.run for it in page_of(services).made]

        assert {(run.status, run.journal_length, run.started_at) for run in runs} == {(RunStatus.PENDING, 1, None)}
        assert (play.rows("journal"), play.outside.keys) == ([], [])
        play.settle()
        check_each_once(play, 3)

    def failed(self, play: Play, number: int) -> wiring.Services:
        """Let so many runs fail at their second step, and heal what they failed of."""
        services = publish(play, steps(Call("one"), Call("two")))
        play.outside.fail("two", is_retryable=False)
        _ = [start(services, n) for n in range(number)]
        play.settle()
        play.stage.outside = Outside()
        return services

    def test_that_resume_keep_what_was_done(self, play):
        services = self.failed(play, 5)

        made = page_of(services, start=FromFailure()).made

        assert {it.run.journal_length for it in made} == {2}
        play.settle()
        assert play.outside.asked == {"two": 5}
        ended = [services.runs.load(ACME, it.run.id) for it in made]
        assert all(run.status is RunStatus.COMPLETED and {"v_one", "v_two"} <= run.variables.keys() for run in ended)

    def test_of_named_letters_that_take_two_transactions_are_told_of_if_somebody_takes_one_letter(self, play, faults):
        services = self.failed(play, 34)
        letters = services.dead_letters
        named = [it.id for it in letters.page(ACME, EVERY, before=None, limit=MOST).items]
        faults.meanwhile("dynamodb.TransactWriteItems", lambda: letters.restart(COMMAND, named[33:], WISH))

        with pytest.raises(DeadLettersGone) as gone:
            letters.restart(COMMAND, named, replace(WISH, start=FromFailure()))

        assert gone.value.missing == tuple(named)
        assert became(play.stage) == gone.value.became
        while play.deliver():
            pass
        reborn = [row for row in play.rows("runs") if "source_id" in row]
        assert [row["status"]["S"] for row in reborn] == ["completed"] * 34

    @pytest.mark.parametrize("is_named", [True, False], ids=["named", "by a filter"])
    def test_of_letters_too_large_for_one_transaction_are_still_one_each(self, play, is_named):
        services, large = publish(play, Call("work", {"output": {}})), {"text": INCOMPRESSIBLE[:520_000]}
        fields = {"input": large, "variables": large, "snapshot": services.definitions.draft(ACME, ORDER).snapshot}
        letters = [dead(n, BEGINNING + n, **fields) for n in range(14)]
        leave(services, *letters)
        assert all(len(row["input"]["B"]) > 290_000 for row in play.rows("dead-letters"))

        if is_named:
            services.dead_letters.restart(COMMAND, [letter.id for letter in letters], WISH)
        else:
            Loop(play.stage, services).run()

        play.settle()
        check_each_once(play, 14)

    def test_that_are_too_large_are_refused_one_by_one_and_the_others_are_made(self, play, services):
        publish(play, steps(*(Call(f"part{n}") for n in range(8))))
        for n in range(8):
            part = Succeeded({"status": 200, "body": INCOMPRESSIBLE[n * 80_000 :][:140_000]})
            play.outside.answers[f"part{n}"] = lambda _call, part=part: part
        large = start(services, 0)
        play.settle()
        page = services.dead_letters.page(ACME, EVERY, before=None, limit=MOST)
        assert [it.failure.code for it in page.items] == ["data_too_large"]
        leave(services, dead(1), dead(2, BEGINNING + 2 * MINUTE))

        reborn = page_of(services, start=FromFailure())

        assert len(reborn.made) == 2
        assert [(id_[14:], type(error)) for id_, error in reborn.refused] == [(large, ItemTooLarge)]
