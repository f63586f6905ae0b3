"""Runs that stand still, and variables that are changed from outside."""

import pytest

from chalicelib.core.ids import RunId
from chalicelib.core.journal import Changed, Signal, SignalName
from chalicelib.core.json_values import Variables
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import RunNotFound, SourceStillRunning
from chalicelib.core.runs import RunStatus
from chalicelib.service.runs import RunEnded, RunNotBegun, RunPaused
from tests.graphs import Ask, Call, Pause, document, steps
from tests.service.stories import begun, complete, during, journal, kinds
from tests.world import ACME, BEGINNING, INPUT, MINUTE, World

HOUR = 60 * MINUTE


def pause(world: World, run_id: RunId, reason: str = ""):
    return world.services.runs.pause(ACME, run_id, reason)


def resume(world: World, run_id: RunId):
    return world.services.runs.resume(ACME, run_id, "")


class TestAPausedRun:
    def test_is_looked_at_by_nobody(self, world):
        run = begun(world, Call("work"))
        paused = pause(world, run.id, "why not")

        assert (paused.status, paused.not_before, paused.wake_at) == (RunStatus.PAUSED, None, None)
        assert journal(world, run.id)[1:] == (Signal(SignalName.PAUSE, BEGINNING, "why not"),)
        world.settle()
        world.clock.advance(HOUR)
        world.services.sweep.run(lambda: MINUTE)
        world.settle()
        assert (world.outside.keys, world.run(run.id).status) == ([], RunStatus.PAUSED)

    def test_is_paused_once_and_resumed_once(self, world):
        run = begun(world, Call("work"))

        assert pause(world, run.id) == pause(world, run.id)
        resume(world, run.id)
        resume(world, run.id)
        assert kinds(world, run.id) == ["Signal", "Signal"]

    def test_goes_on_where_it_stood(self, world):
        run = begun(world, steps(Call("first"), Ask("decide"), Call("last")))
        world.settle()
        pause(world, run.id)
        with pytest.raises(RunPaused):
            complete(world, run.id, "decide")

        assert resume(world, run.id).status is RunStatus.WAITING
        complete(world, run.id, "decide")
        world.settle()
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_does_what_its_timers_say_when_it_is_resumed(self, world):
        run = begun(world, Pause("nap", 60))
        pause(world, run.id)
        world.clock.advance(HOUR)
        world.settle()
        assert world.run(run.id).status is RunStatus.PAUSED

        assert resume(world, run.id).status is RunStatus.COMPLETED

    def test_keeps_the_outcome_of_what_was_under_way(self, world):
        run = begun(world, steps(Call("first"), Call("last")))
        world.outside.answers["first"] = during(lambda: pause(world, run.id))
        world.settle()

        assert kinds(world, run.id) == ["Signal", "Performed"]
        assert (world.run(run.id).status, world.run(run.id).lease) == (RunStatus.PAUSED, None)
        resume(world, run.id)
        world.settle()
        assert world.run(run.id).status is RunStatus.COMPLETED
        assert len(world.outside.keys) == 2

    def test_whose_worker_has_died_goes_on_when_its_lease_is_over(self, world):
        run = begun(world, Call("work"))

        def die() -> None:
            pause(world, run.id)
            resume(world, run.id)
            raise KeyboardInterrupt

        world.outside.answers["work"] = during(die)
        with pytest.raises(KeyboardInterrupt):
            world.deliver()
        stands = world.run(run.id)
        assert (stands.status, stands.wake_at) == (RunStatus.RUNNING, stands.lease.until)

        world.clock.advance(HOUR)
        world.services.sweep.run(lambda: MINUTE)
        world.settle()
        assert world.run(run.id).status is RunStatus.COMPLETED

    def test_can_be_canceled(self, world):
        run = begun(world, Call("work"))
        pause(world, run.id)

        assert world.services.runs.cancel(ACME, run.id, "").status is RunStatus.CANCELED

    def test_is_no_source_of_a_restart(self, world):
        run = begun(world, Call("work"))
        pause(world, run.id)

        with pytest.raises(SourceStillRunning):
            world.restart(run.id)

    def test_has_begun(self, world):
        run = begun(world, Call("work"), overrides=Overrides(delay_s=60))

        with pytest.raises(RunNotBegun):
            pause(world, run.id)
        with pytest.raises(RunNotBegun):
            world.services.runs.change(ACME, run.id, lambda _: {})

    def test_has_had_its_turn(self, world):
        world.publish({**document(Ask("decide")), "type": "object"})
        first, second = world.start(business_key="k"), world.start(business_key="k")
        world.deliver()

        with pytest.raises(RunNotBegun):
            pause(world, second.id)
        pause(world, first.id)
        world.deliver()
        assert (world.run(first.id).status, world.run(second.id).status) == (RunStatus.PAUSED, RunStatus.PENDING)

    def test_has_not_ended(self, world):
        run = begun(world, Call("work"))
        world.settle()

        for act in (pause, resume):
            with pytest.raises(RunEnded):
                act(world, run.id)
        with pytest.raises(RunNotFound):
            pause(world, RunId("nobody"))


class TestChangingVariables:
    def change(self, world: World, run_id: RunId, **writes):
        def revise(variables: Variables) -> Variables:
            return {name: value for name, value in {**variables, **writes}.items() if value is not None}

        return world.services.runs.change(ACME, run_id, revise)

    def test_is_an_entry_of_what_differs(self, world):
        run = begun(world, Ask("decide"))
        changed = self.change(world, run.id, amount=4, order=None, more="x", endpoint=INPUT["endpoint"])

        assert changed.variables == {"amount": 4, "more": "x", "endpoint": INPUT["endpoint"]}
        entry = journal(world, run.id)[-1]
        assert entry == Changed(BEGINNING, {"amount": 4, "more": "x"}, ("order",))

    def test_of_nothing_is_no_entry(self, world):
        run = begun(world, Ask("decide"))

        self.change(world, run.id, amount=INPUT["amount"])

        assert kinds(world, run.id) == ["Opened"]

    def test_tells_one_from_true(self, world):
        run = begun(world, Ask("decide"), variables={"a": 1})

        assert self.change(world, run.id, a=True).variables["a"] is True

    def test_while_a_worker_is_at_work_is_seen_by_the_next_step(self, world):
        run = begun(world, steps(Call("first"), Call("last")))
        world.outside.answers["first"] = during(lambda: self.change(world, run.id, amount=9))
        world.settle()

        assert kinds(world, run.id) == ["Changed", "Performed", "Performed", "Output"]
        assert world.run(run.id).variables["amount"] == 9

    def test_is_refused_once_a_run_has_ended(self, world):
        run = begun(world, Call("work"))
        world.settle()

        with pytest.raises(RunEnded):
            self.change(world, run.id, a=1)


def test_a_save_point_is_where_a_run_rests_until_its_worker_comes(world):
    run = begun(world, steps(Ask("decide"), Call("work", {"save_point": True})))
    left = complete(world, run.id, "decide")

    assert (left.status, left.not_before, kinds(world, run.id)) == (RunStatus.RUNNING, BEGINNING, ["Opened", "Closed"])
    world.settle()
    assert kinds(world, run.id) == ["Opened", "Closed", "Passed", "Performed", "Output"]
