"""A crowd of workers that comes while an action is performed."""

import pytest

from tests.service.flow_control.flows import Crowd
from tests.world import World


@pytest.fixture
def crowd(world: World) -> Crowd:
    crowd = Crowd(world)
    world.outside.answers["work"] = crowd
    return crowd
