"""Dead letters restarted and removed: at what cost, once under a key, whole or not at all, as before or as wished."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.errors import Busy
from chalicelib.core.ids import DeadLetterId, RunId
from chalicelib.core.overrides import FailureCallback, FlowControl, FlowLimits, Overrides
from chalicelib.core.refusals import FlowIncomplete, KeyReused
from chalicelib.core.restart_requests import FromFailure, RestartRequest
from chalicelib.core.runs import Lineage, Run, RunStatus
from chalicelib.service.action_checks import CallbackRefused
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import MAX_COLLISIONS, MOST, DeadLetters, DeadLettersGone, Reborn
from chalicelib.stores import bulk
from tests.aws_calls import Calls, Killed, watched
from tests.graphs import document
from tests.stores.faults import refusal
from tests.stores.plans import CALLS
from tests.stores.test_bulk import EVERY, dead, leave, leave_many
from tests.world import ACME, BEGINNING, CAUSE, INPUT, OTHER, World

QUERY, READ_ALL, TRANSACT, SEND = (
    "dynamodb.Query",
    "dynamodb.BatchGetItem",
    "dynamodb.TransactWriteItems",
    "sqs.SendMessage",
)
WISH = RestartRequest(RunId(""), CAUSE)
BODY = document(CALLS)


def command(request: Any = "these", key: str | None = None) -> Command:
    return Command(ACME, "ops", "restart", "dead-letters", request, key)


@pytest.fixture
def letters(world: World) -> DeadLetters:
    world.publish(BODY)
    return world.services.dead_letters


@pytest.fixture
def five(letters: DeadLetters, world: World) -> list[DeadLetter]:
    return leave_many(world.services, 5)


def ids(letters: Sequence[DeadLetter]) -> list[DeadLetterId]:
    return [letter.id for letter in letters]


def restart(letters: DeadLetters, these: Sequence[DeadLetter], **more: Any) -> list[Run]:
    return [reborn.run for reborn in letters.restart(command(**more), ids(these), WISH)]


def live(world: World) -> list[DeadLetterId]:
    """List the live ones, oldest first."""
    page = world.services.dead_letters.page(ACME, EVERY, before=None, limit=100)
    return ids(page.items)[::-1]


def became(world: World) -> dict[str, str]:
    rows = world.rows("dead-letters")
    return {row["dead_letter_id"]["S"]: row["consumed_by"]["S"] for row in rows if "consumed_by" in row}


def born(world: World) -> set[str]:
    return {row["run_id"]["S"] for row in world.rows("runs")}


class TestCosts:
    @pytest.fixture
    def fifty(self, letters, world: World, calls: Calls) -> list[DeadLetter]:
        made = leave_many(world.services, MOST)
        calls.made.clear()
        calls.requests.clear()
        return made

    def test_a_page_of_fifty_by_filter_takes_three_calls_and_one_transaction_of_a_hundred(self, letters, fifty, calls):
        page = letters.restart_page(command(), EVERY, WISH, before=None, limit=MOST)

        assert calls.made == [QUERY, TRANSACT, SEND]
        assert len(calls.requests[1]["TransactItems"]) == 100
        assert len(page.made) == 50

    def test_fifty_by_ids_take_three_calls_and_one_transaction_of_a_hundred(self, letters, fifty, calls):
        made = letters.restart(command(key="k"), ids(fifty), WISH)

        assert calls.made == [READ_ALL, TRANSACT, SEND]
        assert len(calls.requests[1]["TransactItems"]) == 100
        assert [reborn.letter.id for reborn in made] == ids(fifty)

    def test_their_repeat_under_the_key_takes_two(self, letters, fifty, calls):
        letters.restart(command(key="k"), ids(fifty), WISH)
        calls.made.clear()

        letters.restart(command(key="k"), ids(fifty), WISH)

        assert calls.made == [READ_ALL, READ_ALL]

    def test_a_resumed_one_takes_one_more_each_for_its_journal(self, letters, fifty, calls):
        letters.restart_page(command(), EVERY, replace(WISH, start=FromFailure()), before=None, limit=7)

        assert calls.made == [QUERY, *[QUERY] * 7, TRANSACT, SEND]

    def test_a_page_removed_takes_two_calls(self, letters, fifty, calls):
        assert letters.remove_page(ACME, EVERY, before=None, limit=MOST) == (50, None)

        assert calls.made == [QUERY, TRANSACT]

    def test_a_page_of_nothing_takes_one_call(self, letters, calls):
        calls.made.clear()

        letters.restart_page(command(), EVERY, WISH, before=None, limit=MOST)

        assert calls.made == [QUERY]


class TestSomebodyElse:
    """…acts on a letter between its reading and the transaction."""

    def test_takes_letters_of_a_page_which_goes_on_without_them(self, world, letters, five, faults):
        theirs: list[Run] = []
        faults.meanwhile(TRANSACT, lambda: theirs.extend(restart(letters, five[1:3])))

        page = letters.restart_page(command(), EVERY, WISH, before=None, limit=MOST)

        assert [it.letter.id for it in page.made] == ids([five[4], five[3], five[0]])
        assert (page.refused, page.next, live(world)) == ((), None, [])
        assert born(world) == {run.id for run in [*theirs, *(it.run for it in page.made)]}
        assert became(world) == {
            **{letter.id: run.id for letter, run in zip(five[1:3], theirs, strict=True)},
            **{it.letter.id: it.run.id for it in page.made},
        }

    def test_takes_a_whole_page_which_is_empty_then_and_tells_where_to_go_on(self, world, letters, five, faults):
        faults.meanwhile(TRANSACT, lambda: restart(letters, five[3:]))

        page = letters.restart_page(command(), EVERY, WISH, before=None, limit=2)

        assert (page.made, page.next) == ((), five[3].id)
        rest = letters.restart_page(command(), EVERY, WISH, before=page.next, limit=MOST)
        assert len(rest.made) == 3
        assert len(born(world)) == 5

    def test_takes_one_of_those_that_were_named_and_none_is_restarted(self, world, letters, five, faults):
        theirs: list[Run] = []
        faults.meanwhile(TRANSACT, lambda: theirs.extend(restart(letters, [five[2]])))

        with pytest.raises(DeadLettersGone) as gone:
            restart(letters, five)

        assert (gone.value.missing, gone.value.became) == ((five[2].id,), {five[2].id: theirs[0].id})
        assert gone.value.details == {"missing": [five[2].id], "became": {five[2].id: theirs[0].id}}
        assert live(world) == ids([*five[:2], *five[3:]])
        assert born(world) == {theirs[0].id}

    def test_removes_one_of_those_that_were_named_and_none_is_restarted(self, world, letters, five, faults):
        faults.meanwhile(TRANSACT, lambda: letters.remove(ACME, [five[2].id]))

        with pytest.raises(DeadLettersGone) as gone:
            restart(letters, five)

        assert (gone.value.missing, gone.value.became) == ((five[2].id,), {})
        assert (len(live(world)), born(world)) == (4, set())

    def test_who_is_never_to_be_seen_makes_it_busy_and_nothing_is_done(self, letters, five, faults):
        refused = refusal("TransactionCanceledException", "None", "ConditionalCheckFailed")
        faults.refuse(TRANSACT, [refused] * MAX_COLLISIONS)

        with pytest.raises(Busy):
            restart(letters, five[:1])

        assert len(restart(letters, five[:1])) == 1

    def test_is_the_same_command_at_the_same_moment_and_both_are_answered_with_its_runs(
        self, world, letters, five, faults
    ):
        theirs: list[Run] = []
        faults.meanwhile(TRANSACT, lambda: theirs.extend(restart(letters, five, key="k")))

        ours = restart(letters, five, key="k")

        assert [run.id for run in ours] == [run.id for run in theirs]
        assert len(born(world)) == 5


class TestNamedLetters:
    def test_are_answered_in_the_order_in_which_they_were_named(self, letters, five):
        wanted = [five[n] for n in (3, 0, 4, 1)]

        made = letters.restart(command(), ids(wanted), WISH)

        assert [it.letter.id for it in made] == ids(wanted)
        assert [it.run.lineage.source for it in made] == [letter.run.id for letter in wanted]

    @pytest.mark.parametrize("stranger", ["unknown", "another account's", "consumed", "removed"])
    def test_of_which_one_is_not_there_are_all_left_alone(self, world, letters, five, stranger):
        gone = dead(99) if stranger == "unknown" else five[4]
        asked = replace(command(), account=OTHER) if stranger == "another account's" else command()
        if stranger == "consumed":
            restart(letters, [gone])
        if stranger == "removed":
            letters.remove(ACME, [gone.id])
        before = world.everything()

        with pytest.raises(DeadLettersGone) as refused:
            letters.restart(asked, ids([*five[:2], gone]), WISH)

        assert gone.id in refused.value.missing
        assert world.everything() == before

    def test_that_became_runs_by_themselves_are_told_by_name(self, world, letters):
        world.outside.fail("work", is_retryable=False)
        run = world.start()
        world.settle()
        [letter_id] = live(world)
        new = world.restart(run.id)

        with pytest.raises(DeadLettersGone, match=f"restarted as {new.id}") as gone:
            letters.load(ACME, letter_id)

        assert gone.value.became == {letter_id: new.id}


class TestAKey:
    def test_answers_the_same_runs_again_and_makes_no_others(self, world, letters, five):
        first = letters.restart(command(key="k"), ids(five), WISH)
        before = world.everything()

        again = letters.restart(command(key="k"), ids(five), WISH)

        assert [it.run for it in again] == [it.run for it in first]
        assert world.everything() == before

    def test_answers_runs_as_they_stand_now(self, world, letters, five):
        [run] = restart(letters, five[:1], key="k")
        world.services.worker.advance(f"{ACME}#{run.id}", lambda: 60_000)

        [again] = restart(letters, five[:1], key="k")

        assert (again.id, again.status) == (run.id, RunStatus.COMPLETED)

    @pytest.mark.parametrize("named", [slice(5), slice(2, 5)], ids=["these", "some of these"])
    def test_with_a_different_request_is_refused(self, world, letters, five, named):
        restart(letters, five[:3], key="k", request="three")
        before = world.everything()

        with pytest.raises(KeyReused):
            restart(letters, five[named], key="k", request="others")

        assert world.everything() == before

    @pytest.mark.parametrize("key", [None, "another"])
    def test_that_is_another_one_or_none_finds_them_gone(self, world, letters, five, key):
        runs = restart(letters, five, key="k")
        before = world.everything()

        with pytest.raises(DeadLettersGone) as gone:
            restart(letters, five, key=key)

        assert gone.value.became == {letter.id: run.id for letter, run in zip(five, runs, strict=True)}
        assert world.everything() == before

    def test_is_not_met_by_a_command_without_one(self, letters, five):
        restart(letters, five[:1])

        with pytest.raises(DeadLettersGone):
            restart(letters, five[:1])

    @pytest.mark.parametrize(("call", "when"), [(2, "before"), (2, "after"), (3, "before"), (3, "after")])
    def test_finds_what_a_process_left_that_died(self, world, letters, five, call, when):
        with watched(kill_at=call, when=when), pytest.raises(Killed):
            restart(letters, five, key="k")
        left = became(world)

        runs = restart(letters, five, key="k")

        assert {letter.id: run.id for letter, run in zip(five, runs, strict=True)} == became(world)
        assert left in ({}, became(world))
        assert (len(born(world)), live(world)) == (5, [])

    @pytest.mark.parametrize("call", [2, 3])
    def test_finds_what_a_process_left_that_died_between_two_transactions(
        self, world, letters, five, monkeypatch, call
    ):
        monkeypatch.setattr(bulk, "MOST_ACTIONS", 4)
        with watched(kill_at=call, when="after"), pytest.raises(Killed):
            restart(letters, five, key="k")
        left = became(world)
        assert len(left) == (call - 1) * 2

        runs = restart(letters, five, key="k")

        told = {letter.id: run.id for letter, run in zip(five, runs, strict=True)}
        assert told == became(world)
        assert left.items() <= told.items()
        assert (len(born(world)), live(world)) == (5, [])


class TestRemoving:
    def test_takes_live_ones_for_good_counts_them_and_leaves_their_runs(self, world, letters):
        world.outside.fail("work", is_retryable=False)
        runs = [world.start() for _ in range(3)]
        world.settle()
        there = live(world)
        letters.restart(command(), there[:1], WISH)

        assert letters.remove(ACME, [*there, dead(99).id]) == 2

        assert letters.remove(ACME, there) == 0
        assert live(world) == []
        assert became(world).keys() == {there[0]}
        assert all(world.run(run.id).status is RunStatus.FAILED for run in runs)

    def test_by_a_filter_takes_page_by_page_what_it_keeps(self, world, letters, five):
        kept = LetterFilter(five[0].at, five[3].at, lambda letter: letter.at != five[2].at)
        removed, before = letters.remove_page(ACME, kept, before=None, limit=2)
        assert (removed, live(world)) == (2, ids([five[0], five[2], five[4]]))

        assert letters.remove_page(ACME, kept, before=before, limit=2) == (1, None)

        assert live(world) == ids([five[2], five[4]])


FLOW = FlowControl("of-letters", FlowLimits(parallelism=2))
CALLBACK = FailureCallback("https://example.test/failed", {"X": "y"})
OVERRIDES = Overrides(
    retries=4, retry_delay_s=2.5, delay_s=30.0, flow=FLOW, failure_callback=CALLBACK, headers={"A": "b"}
)
OTHER_LIMITS, OTHER_CALLBACK = FlowLimits(rate=5, period_s=2), FailureCallback("https://example.test/else")


class TestARebornRun:
    def reborn(self, services: wiring.Services, **wishes: Any) -> Reborn:
        letter = dead(1, labels=("a", "b"), overrides=OVERRIDES, business_key="order-7", url="https://one.test")
        leave(services, letter)
        [made] = services.dead_letters.restart(command(), [letter.id], replace(WISH, **wishes))
        return made

    def test_inherits_labels_and_overrides_but_for_the_delay(self, world, letters):
        made = self.reborn(world.services)

        run, source = world.run(made.run.id), made.letter.run
        assert run == made.run
        assert (run.labels, run.business_key, run.input) == (("a", "b"), "order-7", INPUT)
        assert run.overrides == replace(OVERRIDES, delay_s=0.0)
        assert run.lineage == Lineage(source.lineage.root, source.id, 2, CAUSE)
        assert (run.definition, run.snapshot, run.version) == (source.definition, source.snapshot, source.version)

    @pytest.mark.parametrize(
        ("wishes", "overrides"),
        [
            ({"retries": 0}, {"retries": 0}),
            ({"retry_delay_s": 9.0}, {"retry_delay_s": 9.0}),
            ({"retry_delay": "1000"}, {"retry_delay_s": None, "retry_delay": "1000"}),
            ({"delay_s": 60.0}, {"delay_s": 60.0}),
            ({"flow_key": "other"}, {"flow": FlowControl("other", FLOW.limits)}),
            ({"flow_limits": OTHER_LIMITS}, {"flow": FlowControl("of-letters", OTHER_LIMITS)}),
            ({"failure_callback": OTHER_CALLBACK}, {"failure_callback": OTHER_CALLBACK}),
        ],
        ids="".join,
    )
    def test_has_what_is_wished_otherwise(self, world, letters, wishes, overrides):
        made = self.reborn(world.services, **wishes)

        assert world.run(made.run.id).overrides == replace(OVERRIDES, **{"delay_s": 0.0, **overrides})

    @pytest.mark.parametrize("labels", [(), ("c",)])
    def test_has_other_labels_if_wished(self, world, letters, labels):
        assert world.run(self.reborn(world.services, labels=labels).run.id).labels == labels

    def test_of_a_page_is_refused_for_what_its_letter_lacks_and_the_others_are_made(self, world, letters, five):
        flowing = [dead(n, BEGINNING + n, overrides=OVERRIDES) for n in (11, 13)]
        leave(world.services, *flowing)

        page = letters.restart_page(command(), EVERY, replace(WISH, flow_key="other"), before=None, limit=4)

        assert [it.letter.id for it in page.made] == ids(flowing[::-1])
        assert [id_ for id_, _ in page.refused] == ids([five[4], five[3]])
        assert {type(error) for _, error in page.refused} == {FlowIncomplete}
        assert (page.next, live(world)) == (five[3].id, ids(five))

    def test_cannot_be_told_of_where_nobody_may_call(self, world, letters, five):
        wish = replace(WISH, failure_callback=FailureCallback("http://127.0.0.1/"))
        before = world.everything()

        with pytest.raises(CallbackRefused):
            letters.restart(command(), ids(five), wish)
        with pytest.raises(CallbackRefused):
            letters.restart_page(command(), EVERY, wish, before=None, limit=MOST)

        assert world.everything() == before
