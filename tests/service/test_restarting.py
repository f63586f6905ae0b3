"""Restarts end to end: what the new run begins with, what a repeat meets, and what becomes of the source."""

from typing import Any

import pytest

from chalicelib.core.births import Plan
from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.errors import RestartError, TooLarge
from chalicelib.core.ids import ActivityId, RunId, TransitionId
from chalicelib.core.journal import Closed, Input, Opened
from chalicelib.core.refusals import (
    ElementUnknown,
    EntryOutOfRange,
    JournalGone,
    KeyReused,
    RunNotFound,
    SourceNotStarted,
    SourceStillRunning,
    VersionIncompatible,
    VersionNotFound,
)
from chalicelib.core.restart_requests import AfterEntry, At, Beginning, Data, FromFailure, RestartRequest
from chalicelib.core.runs import Lineage, Run, RunStatus
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion
from chalicelib.service.commands import Command
from tests.graphs import Ask, Call, document, steps
from tests.service.stories import begun, complete, completed, failed, go_cold, journal
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, CAUSE, INPUT, MINUTE, ORDER, OTHER, World

CHARGE, RESERVE = ActivityId("charge"), ActivityId("reserve")


@pytest.fixture
def source(world, order) -> Run:
    """A run that has charged, and failed to reserve; from now on everything succeeds."""
    run = failed(world, order)
    world.outside.keys.clear()
    return run


def settled(world: World, run: Run) -> Run:
    world.settle()
    return world.run(run.id)


class TestStartPoints:
    @pytest.mark.parametrize(
        ("start", "asked"),
        [
            (Beginning(), ["charge", "reserve", "ship"]),
            (AfterEntry(0), ["charge", "reserve", "ship"]),
            (AfterEntry(1), ["reserve", "ship"]),
            (FromFailure(), ["reserve", "ship"]),
            (At((BeforeActivity(RESERVE),)), ["reserve", "ship"]),
            (At((AfterActivity(CHARGE),)), ["reserve", "ship"]),
            (At((AlongTransition(TransitionId("to_reserve")),)), ["reserve", "ship"]),
            (At((BeforeActivity(RESERVE), BeforeActivity(CHARGE))), None),
        ],
        ids=["beginning", "after input", "after entry", "from failure", "before", "after", "along", "two places"],
    )
    def test_decide_which_steps_are_taken_again(self, world, source, start, asked):
        new = world.restart(source.id, start=start, overlay={"reservation_id": "reservation-0"})

        ended = settled(world, new)

        assert ended.status is RunStatus.COMPLETED
        assert ended.variables["shipment_id"] == "shipment-1"
        steps_taken = [key.split("/")[1] for key in world.outside.keys]
        assert steps_taken == asked if asked else sorted(steps_taken) == ["charge", *["reserve"] * 2, *["ship"] * 2]
        assert all(key.startswith(new.id) for key in world.outside.keys)

    def test_with_a_prefix_keep_the_source_s_entries_behind_a_new_input(self, world, source):
        new = world.restart(source.id, start=FromFailure(), overlay={"order": "8"})

        first, *kept = journal(world, new.id)
        assert first == Input({**INPUT, "order": "8"}, world.clock.ms)
        assert kept == list(journal(world, source.id)[1:2])
        assert new.variables == {**INPUT, "order": "8", "charge_id": "charge-1"}

    def test_may_begin_with_the_last_variables_instead_of_the_input(self, world, source):
        new = world.restart(
            source.id, start=At((BeforeActivity(RESERVE),)), data=Data.LAST_VARIABLES, overlay={"more": 1}
        )

        assert new.input == {**INPUT, "charge_id": "charge-1", "more": 1}

    def test_after_a_closed_task_keep_its_completion(self, world):
        run = begun(world, steps(Ask("decide"), Call("work")))
        complete(world, run.id, "decide", answer=1)
        world.settle()

        new = world.restart(run.id, start=AfterEntry(1))

        assert [type(entry) for entry in journal(world, new.id)] == [Input, Opened, Closed]
        assert settled(world, new).variables["answer"] == 1

    @pytest.mark.parametrize(
        ("start", "refusal"),
        [(AfterEntry(9), EntryOutOfRange), (At((BeforeActivity(ActivityId("nowhere")),)), ElementUnknown)],
        ids=["entry", "element"],
    )
    def test_that_do_not_exist_are_refused_and_nothing_is_written(self, world, source, start, refusal):
        before = world.everything()

        with pytest.raises(refusal):
            world.restart(source.id, start=start, key="k")

        assert world.everything() == before
        assert world.messages() == []


class TestTheNewRun:
    def test_says_where_it_comes_from_through_any_number_of_restarts(self, world, source):
        second = settled(world, world.restart(source.id))
        third = settled(world, world.restart(second.id))

        assert second.lineage == Lineage(source.id, source.id, 2, CAUSE)
        assert third.lineage == Lineage(source.id, second.id, 3, CAUSE)
        for run in (source, second, third):
            family = world.services.runs.family(ACME, run.id)
            assert [member.id for member in family] == [source.id, second.id, third.id]

    def test_may_begin_later(self, world, source):
        new = world.restart(source.id, delay_s=60.0)

        assert (new.status, new.not_before) == (RunStatus.PENDING, world.clock.ms + MINUTE)
        assert world.deliver() == 0
        assert settled(world, new).status is RunStatus.COMPLETED

    def test_with_more_data_than_is_kept_is_refused_and_nothing_is_written(self, world, source):
        before = world.everything()

        with pytest.raises(TooLarge):
            world.restart(source.id, overlay={"blob": INCOMPRESSIBLE})

        assert world.everything() == before


class TestTheSource:
    def test_s_dead_letter_is_consumed_in_the_transaction_that_makes_the_new_run(self, world, source, calls):
        [letter] = world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=10).items
        calls.made.clear()

        new = world.restart(source.id)

        assert "dynamodb.TransactWriteItems" in calls.made
        assert world.services.dead_letters.page(ACME, LetterFilter(), before=None, limit=10).items == ()
        [tombstone] = world.rows("dead-letters")
        assert (tombstone["dead_letter_id"]["S"], tombstone["consumed_by"]["S"]) == (letter.id, new.id)

    def test_may_be_restarted_again_and_again(self, world, source):
        first, second = (settled(world, world.restart(source.id)) for _ in range(2))

        assert first.id != second.id
        assert (first.lineage.attempt, second.lineage.attempt) == (2, 2)
        [tombstone] = world.rows("dead-letters")
        assert tombstone["consumed_by"]["S"] == first.id

    def test_may_have_lost_its_dead_letter(self, world, source):
        [row] = world.rows("dead-letters")
        world.dynamodb.delete_item(TableName="reprise-dead-letters-test", Key={"pk": row["pk"]})

        new = world.restart(source.id)

        assert settled(world, new).status is RunStatus.COMPLETED
        assert world.rows("dead-letters") == []

    def test_must_have_its_journal_if_entries_are_to_be_kept(self, world, source):
        for row in world.rows("journal"):
            key = {"pk": row["pk"], "index": row["index"]}
            world.dynamodb.delete_item(TableName="reprise-journal-test", Key=key)

        with pytest.raises(JournalGone):
            world.restart(source.id, start=FromFailure())
        assert settled(world, world.restart(source.id)).status is RunStatus.COMPLETED

    @pytest.mark.parametrize(
        ("block", "refusal"), [(Call("work"), SourceNotStarted), (Ask("decide"), SourceStillRunning)]
    )
    def test_must_have_ended(self, world, block, refusal):
        run = begun(world, block)
        before = world.everything()

        with pytest.raises(refusal):
            world.restart(run.id)

        assert world.everything() == before

    def test_must_exist_in_this_account(self, world, source):
        command = Command(OTHER, "ops", "restart", source.id, {}, key="k")

        with pytest.raises(RunNotFound):
            world.services.restarts.restart(command, RestartRequest(source.id, CAUSE))
        with pytest.raises(RunNotFound):
            world.restart(RunId("unknown"))


class TestVersions:
    def test_a_restart_runs_on_the_source_s_version_whatever_was_published_since(self, world, source):
        world.publish(document(Call("newer")))
        go_cold(world)

        new = world.restart(source.id)

        assert (new.snapshot, new.version) == (source.snapshot, source.version)
        assert settled(world, new).status is RunStatus.COMPLETED
        assert world.outside.asked["newer"] == 0

    def test_a_restart_may_run_on_the_newest_published_version(self, world, source):
        world.publish(document(Call("newer")))

        new = settled(world, world.restart(source.id, version=PublishedVersion()))

        assert new.version == 2
        assert world.outside.asked == {"newer": 1}

    def test_a_restart_on_the_draft_freezes_it_whatever_becomes_of_it(self, world, source):
        world.services.definitions.save_draft(ACME, ORDER, document(Call("draft")))
        new = world.restart(source.id, version=DraftVersion())
        world.services.definitions.save_draft(ACME, ORDER, document(Call("later")))
        go_cold(world)

        ended = settled(world, new)

        assert (ended.status, ended.version) == (RunStatus.COMPLETED, None)
        assert world.outside.asked == {"draft": 1}
        again = settled(world, world.restart(new.id))
        assert again.snapshot == new.snapshot
        assert world.outside.asked == {"draft": 2}

    def test_kept_entries_that_do_not_fit_the_version_are_refused_and_nothing_is_written(self, world, source):
        world.publish(document(Call("newer")))
        before = world.everything()

        with pytest.raises(VersionIncompatible):
            world.restart(source.id, start=FromFailure(), version=PublishedVersion())

        assert world.everything() == before

    def test_an_unknown_version_is_refused(self, world, source):
        with pytest.raises(VersionNotFound):
            world.restart(source.id, version=NamedVersion(9))

    def test_a_source_whose_graph_is_gone_is_refused(self, world, source):
        for row in world.rows("definitions"):
            key = {"pk": row["pk"], "version": row["version"]}
            world.dynamodb.delete_item(TableName="reprise-definitions-test", Key=key)
        go_cold(world)

        with pytest.raises(VersionNotFound):
            world.restart(source.id)


class TestAKey:
    def test_makes_a_repeat_meet_the_first_run_however_far_it_has_come(self, world, source):
        first = world.restarted(source.id, key="k")
        world.settle()
        before = world.everything()

        repeat = world.restarted(source.id, key="k")

        assert (first.is_repeat, repeat.is_repeat) == (False, True)
        assert repeat.run == world.run(first.run.id)
        assert repeat.run.status is RunStatus.COMPLETED
        assert (world.everything(), world.messages()) == (before, [])

    def test_is_answered_even_when_the_source_is_gone(self, world, source):
        first = world.restart(source.id, key="k")
        world.dynamodb.delete_item(TableName="reprise-runs-test", Key={"pk": {"S": f"{ACME}#{source.id}"}})

        assert world.restarted(source.id, key="k").run == first
        with pytest.raises(RunNotFound):
            world.restart(source.id, key="another")

    @pytest.mark.parametrize("fields", [{"start": FromFailure()}, {"overlay": {"amount": 4}}], ids=["start", "data"])
    def test_is_refused_with_a_different_request_and_nothing_is_written(self, world, source, fields):
        world.restart(source.id, key="k")
        before = world.everything()

        with pytest.raises(KeyReused):
            world.restart(source.id, key="k", **fields)

        assert world.everything() == before

    @pytest.mark.parametrize("start", [Beginning(), FromFailure()], ids=["beginning", "from failure"])
    def test_used_twice_at_once_makes_one_run(self, world, source, faults, start):
        others: list[Run] = []
        faults.meanwhile(
            "dynamodb.TransactWriteItems", lambda: others.append(world.restart(source.id, key="k", start=start))
        )

        made = world.restarted(source.id, key="k", start=start)

        assert (made.run, made.is_repeat) == (others[0], True)
        assert len(world.rows("runs")) == 2
        [tombstone] = world.rows("dead-letters")
        assert tombstone["consumed_by"]["S"] == made.run.id

    def test_of_one_source_says_nothing_of_another(self, world, source, order):
        other = completed(world, order)

        assert world.restart(source.id, key="k").id != world.restart(other.id, key="k").id


class TestAPreview:
    def preview(self, world: World, source: Run, **fields: Any) -> Plan:
        command = Command(ACME, "ops", "restart", source.id, {}, key="k")
        return world.services.restarts.preview(command, RestartRequest(source.id, CAUSE, **fields))

    @pytest.mark.parametrize("version", [PublishedVersion(), DraftVersion()], ids=["published", "draft"])
    def test_shows_the_run_that_a_restart_would_make_and_writes_nothing(self, world, source, calls, version):
        before = world.everything()

        plan = self.preview(world, source, start=FromFailure(), version=version)

        assert (world.everything(), world.messages()) == (before, [])
        made = world.restart(source.id, start=FromFailure(), version=version, key="k")
        assert (plan.kept, plan.consumed) == (2, source.dead_letter)
        assert plan.journal == journal(world, made.id)
        assert (plan.run.variables, plan.run.status) == (made.variables, made.status)

    def test_refuses_what_a_restart_would_refuse(self, world, source):
        with pytest.raises(RestartError):
            self.preview(world, source, start=AfterEntry(9))

    def test_of_a_repeated_command_shows_what_it_would_have_made(self, world, source):
        world.restart(source.id, key="k")

        assert self.preview(world, source).run.lineage.source == source.id
