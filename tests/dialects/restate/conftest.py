"""What the tests of Restate's routes share."""

from collections.abc import Iterator

import pytest

from tests.dialects.restate.stories import Unchanged
from tests.world import World


@pytest.fixture
def well_again(world: World) -> Iterator[None]:
    """Let the world outside be well for whoever comes next."""
    yield
    world.outside.answers.clear()


@pytest.fixture
def unchanged(world: World) -> Unchanged:
    return Unchanged(world)
