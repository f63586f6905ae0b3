"""What flow control costs in calls to AWS."""

import pytest

from chalicelib.core.ids import DefinitionKey
from chalicelib.core.overrides import Overrides
from chalicelib.core.runs import RunStatus
from chalicelib.core.versions import NamedVersion
from tests.aws_calls import Calls
from tests.graphs import Block, Call, document, steps
from tests.service.flow_control.flows import (
    APPEND,
    CLAIM,
    COUNT,
    END,
    HOLD,
    LET_GO,
    LOOK,
    PUT,
    SEND,
    WORK,
    drain,
    hold,
    limited,
    look_at,
    queued,
    turn_of,
)
from tests.world import ACME, World


class TestWhatItCosts:
    """AWS calls from the ring to the end of a run of one action, when nobody else is there."""

    @pytest.fixture
    def plain(self) -> list[str]:
        return [CLAIM, END]

    def made(self, world: World, calls: Calls, block: Block, overrides: Overrides) -> list[str]:
        world.publish(document(block))
        version = world.services.definitions.draft(ACME, DefinitionKey("order")).snapshot
        run = world.start(choice=NamedVersion(version), overrides=overrides)
        calls.made.clear()
        drain(world)
        made = list(calls.made)
        assert world.run(run.id).status is RunStatus.COMPLETED
        return made

    def test_is_nothing_for_a_run_without_it(self, world, calls, plain):
        assert self.made(world, calls, WORK, Overrides()) == plain

    def test_is_four_calls_more_with_parallelism_alone(self, world, calls, plain):
        made = self.made(world, calls, WORK, limited(parallelism=3))

        assert made == [CLAIM, LOOK, HOLD, END, LET_GO, LOOK]
        assert len(made) == len(plain) + 4

    def test_is_one_call_more_with_rate_alone(self, world, calls, plain):
        made = self.made(world, calls, WORK, limited(rate=3))

        assert made == [CLAIM, COUNT, END]
        assert len(made) == len(plain) + 1

    def test_is_five_calls_more_with_both(self, world, calls, plain):
        made = self.made(world, calls, WORK, limited(parallelism=3, rate=3))

        assert made == [CLAIM, LOOK, HOLD, COUNT, END, LET_GO, LOOK]
        assert len(made) == len(plain) + 5

    @pytest.mark.parametrize("actions", [1, 5])
    def test_of_parallelism_is_the_same_for_any_number_of_actions(self, world, calls, actions):
        block = steps(*(Call(f"step{n}") for n in range(actions)))

        made = self.made(world, calls, block, limited(parallelism=3))

        assert made == [CLAIM, LOOK, HOLD, *[APPEND] * (actions - 1), END, LET_GO, LOOK]

    @pytest.mark.parametrize("actions", [1, 5])
    def test_of_rate_is_one_call_for_each_action(self, world, calls, actions):
        block = steps(*(Call(f"step{n}") for n in range(actions)))

        made = self.made(world, calls, block, limited(rate=100))

        assert made == [CLAIM, *[COUNT, APPEND] * (actions - 1), COUNT, END]

    def test_is_five_calls_to_find_no_slot(self, world, calls):
        first, second = queued(world, 2, limited(parallelism=1))
        hold(world, first)
        calls.made.clear()

        look_at(world, second)

        assert calls.counts == {CLAIM: 1, LOOK: 2, PUT: 2}

    def test_is_five_calls_to_find_the_window_full(self, world, calls):
        first, second = queued(world, 2, limited(rate=1, period_s=60))
        assert turn_of(world, first).begins_at(world.clock.ms) is None
        calls.made.clear()

        look_at(world, second)

        assert calls.made == [CLAIM, COUNT, COUNT, PUT, SEND]
