"""Random definitions and journals, every element included."""

from collections.abc import Callable, Mapping
from itertools import count

from hypothesis import strategies as st

from tests.graphs import Ask, Block, Call, Choice, Compute, Fork, Pause, Rounds, Steps, Sub

_LEAVES: Mapping[str, Callable[[st.DrawFn, str], Block]] = {
    "call": lambda draw, name: Call(name, {"save_point": draw(st.booleans())}),
    "compute": lambda _draw, name: Compute(name, f"value of {name}"),
    "ask": lambda _draw, name: Ask(name),
    "pause": lambda _draw, name: Pause(name),
    "rounds": lambda draw, name: Rounds(name, draw(st.integers(1, 3))),
}
_NESTED: Mapping[str, Callable[[st.DrawFn, Callable[[], Block]], Block]] = {
    "choice": lambda _draw, inner: Choice(inner(), inner()),
    "fork": lambda draw, inner: Fork(tuple(inner() for _ in range(draw(st.integers(2, 3))))),
    "sub": lambda _draw, inner: Sub(inner()),
}
_KINDS = ("leaf", "leaf", *_NESTED)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """Draw a block of up to about a dozen activities with names of their own."""
    names = (f"a{n}" for n in count(1))

    def block(depth: int) -> Block:
        kind = draw(st.sampled_from(_KINDS)) if depth else "leaf"
        if kind in _NESTED:
            return _NESTED[kind](draw, lambda: block(depth - 1))
        return _LEAVES[draw(st.sampled_from(tuple(_LEAVES)))](draw, next(names))

    return Steps(tuple(block(2) for _ in range(draw(st.integers(1, 4)))))
