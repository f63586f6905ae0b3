"""What holds for every definition and every journal."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.journal import Input, Output
from chalicelib.core.replay import replay
from chalicelib.core.state import Start
from tests.core.simulation import drive, resume
from tests.core.strategies import blocks
from tests.graphs import INPUT, Block, definition

flags = st.booleans()
orders = st.lists(st.integers(0, 5), min_size=1, max_size=30)


def chooser(order: list[int]):
    picks = iter(order * 100)
    return lambda _n: next(picks, 0)


@given(blocks(), flags, orders)
def test_replaying_a_journal_gives_the_state_that_wrote_it(block: Block, flag: bool, order: list[int]):
    graph = definition(block)
    driven = drive(graph, {**INPUT, "flag": flag}, choose=chooser(order))

    for length in range(1, len(driven.journal) + 1):
        assert replay(graph, Start(), driven.journal[:length]) == driven.states[length - 1]


@given(blocks(), flags, orders)
def test_every_run_ends_with_one_output(block: Block, flag: bool, order: list[int]):
    driven = drive(definition(block), {**INPUT, "flag": flag}, choose=chooser(order))

    assert driven.state.is_over
    assert driven.state.failure is None
    assert [type(entry) for entry in driven.journal].count(Output) == 1
    assert isinstance(driven.journal[0], Input)
    assert isinstance(driven.journal[-1], Output)
    assert driven.journal[-1].variables == driven.state.variables


@given(blocks(), flags, orders, orders)
def test_a_run_interrupted_anywhere_ends_with_the_same_data(block: Block, flag: bool, order: list[int], cut: list[int]):
    graph = definition(block)
    whole = drive(graph, {**INPUT, "flag": flag})
    part = drive(graph, {**INPUT, "flag": flag}, choose=chooser(order), most=1 + cut[0])

    rest = resume(graph, part)

    assert rest.state.variables == whole.state.variables
