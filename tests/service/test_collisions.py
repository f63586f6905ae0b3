"""Two at one run: whoever appends first wins, and the other reads what stands and goes on from there, or leaves."""

from collections.abc import Callable

import pytest

from chalicelib.core.effects import Failed, Outcome, Succeeded
from chalicelib.core.runs import Run, RunStatus
from chalicelib.service.work import LEASE_MS
from tests.graphs import Ask, Call, Fork, steps
from tests.service.stories import SUCCEEDED, begun, complete, during, kinds
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, MINUTE, World

FAILED_FOR_NOW = Failed("http_503", "unwell", is_retryable=True)
FAILED_FOR_GOOD = Failed("http_400", "never", is_retryable=False)


def key_of(run: Run) -> str:
    return f"{ACME}#{run.id}"


def cancel(world: World, run: Run) -> Callable[[], object]:
    return lambda: world.services.runs.cancel(ACME, run.id, "enough")


class TestATaskThatIsCompletedDuringAnEffect:
    BLOCK = steps(Fork((Call("left"), steps(Ask("right"), Call("further")))), Call("last"))

    def test_does_not_cost_the_effect_its_outcome(self, world):
        run = begun(world, self.BLOCK)
        world.outside.answers["left"] = during(lambda: complete(world, run.id, "right", answer=1))

        world.deliver()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.outside.asked == {"left": 1, "further": 1, "last": 1}
        assert world.run(run.id).variables["answer"] == 1
        assert kinds(world, run.id).count("Closed") == 1

    def test_does_not_cost_a_failed_effect_its_count_of_tries(self, world):
        run = begun(world, self.BLOCK)
        world.outside.answers["left"] = during(lambda: complete(world, run.id, "right"), FAILED_FOR_NOW)

        world.deliver()

        stands = world.run(run.id)
        assert [tries.count for tries in stands.tries.values()] == [1]
        assert (stands.status, stands.lease) == (RunStatus.RUNNING, None)
        assert world.outside.asked == {"left": 1, "further": 1}

    def test_leaves_the_run_to_the_worker_that_has_it(self, world):
        run = begun(world, self.BLOCK)
        seen = []

        def act() -> None:
            complete(world, run.id, "right")
            seen.append((world.run(run.id), world.messages()))

        world.outside.answers["left"] = during(act)
        world.deliver()

        [(meanwhile, messages)] = seen
        assert meanwhile.lease is not None
        assert meanwhile.wake_at == meanwhile.lease.until
        assert messages == []

    def test_when_the_run_fails_at_once_the_failure_is_appended_behind_it(self, world):
        run = begun(world, self.BLOCK)
        world.outside.answers["left"] = during(lambda: complete(world, run.id, "right"), FAILED_FOR_GOOD)

        world.deliver()

        ended = world.run(run.id)
        assert (ended.status, ended.failure.code) == (RunStatus.FAILED, "http_400")
        assert kinds(world, run.id)[-3:] == ["Closed", "Performed", "Output"]

    def test_puts_off_the_failure_of_a_run_whose_result_is_too_large(self, world, faults):
        run = begun(world, Fork((Call("left", {"output": {}}), Ask("right"))))
        world.outside.answers["left"] = lambda _call: Succeeded(INCOMPRESSIBLE)
        faults.meanwhile("dynamodb.TransactWriteItems", lambda: complete(world, run.id, "right"))

        world.deliver()
        assert (world.run(run.id).status, kinds(world, run.id)[-1]) == (RunStatus.RUNNING, "Closed")
        world.settle()

        assert world.run(run.id).failure.code == "data_too_large"


class TestACancelDuringAnEffect:
    @pytest.mark.parametrize(
        "outcome", [SUCCEEDED, FAILED_FOR_NOW, FAILED_FOR_GOOD], ids=["succeeded", "failed for now", "failed for good"]
    )
    def test_ends_the_run_whatever_becomes_of_the_effect(self, world, outcome: Outcome):
        run = begun(world, steps(Call("work"), Call("more")))
        world.outside.answers["work"] = during(cancel(world, run), outcome)

        world.deliver()

        assert (world.run(run.id).status, world.run(run.id).wake_at) == (RunStatus.CANCELED, None)
        assert kinds(world, run.id) == ["Signal"]
        assert world.outside.asked == {"work": 1}
        assert world.rows("dead-letters") == []


class TestALeaseThatIsTakenOver:
    def finish_elsewhere(self, world: World) -> Callable[[], None]:
        """Let the lease run out, and another worker finish the run; then keep what stands."""

        def act() -> None:
            world.clock.advance(LEASE_MS)
            world.services.sweep.run(lambda: MINUTE)
            assert world.deliver() == 1
            self.stood = world.everything()

        return act

    @pytest.mark.parametrize("block", [Call("work"), steps(Call("work"), Call("more"))], ids=["end", "go on"])
    @pytest.mark.parametrize(
        "outcome", [SUCCEEDED, FAILED_FOR_NOW, FAILED_FOR_GOOD], ids=["succeeded", "failed for now", "failed for good"]
    )
    def test_lets_the_zombie_write_nothing(self, world, block, outcome):
        run = begun(world, block)
        world.outside.answers["work"] = during(self.finish_elsewhere(world), outcome)

        world.deliver()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.everything() == self.stood

    def test_does_not_let_two_outcomes_of_one_effect_into_the_journal(self, world):
        run = begun(world, steps(Call("work"), Ask("decide")))
        world.outside.answers["work"] = during(self.finish_elsewhere(world))

        world.deliver()

        assert kinds(world, run.id) == ["Performed", "Opened"]
        assert world.everything() == self.stood

    def test_lets_the_zombie_fail_nothing_when_its_result_is_too_large(self, world):
        run = begun(world, Call("work", {"output": {}}))
        too_large = Succeeded(INCOMPRESSIBLE)
        world.outside.answers["work"] = during(self.finish_elsewhere(world), too_large)

        world.deliver()

        assert world.run(run.id).status is RunStatus.COMPLETED
        assert world.everything() == self.stood

    def test_late_but_before_anybody_else_an_outcome_is_still_kept(self, world):
        run = begun(world, steps(Call("work"), Ask("decide")))
        world.outside.answers["work"] = during(lambda: world.clock.advance(LEASE_MS))

        world.deliver()

        assert world.outside.asked == {"work": 1}
        assert world.run(run.id).status is RunStatus.WAITING


class TestARunThatIsGone:
    def remove(self, world: World, run: Run) -> Callable[[], object]:
        key = {"pk": {"S": key_of(run)}}
        return lambda: world.dynamodb.delete_item(TableName="reprise-runs-test", Key=key)

    @pytest.mark.parametrize("outcome", [SUCCEEDED, FAILED_FOR_NOW], ids=["succeeded", "failed"])
    def test_during_an_effect_is_left_alone(self, world, outcome):
        run = begun(world, Call("work"))
        world.outside.answers["work"] = during(self.remove(world, run), outcome)

        world.deliver()

        assert world.rows("runs") == []
        assert world.messages() == []
