"""What the tests of Restate's routes share."""

import pytest

from tests.dialects.restate.stories import Unchanged
from tests.world import World


@pytest.fixture
def unchanged(world: World) -> Unchanged:
    return Unchanged(world)
