from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib import wiring
from tests.dialects.restate.ingress.stories import Pauses
from tests.world import World


@pytest.fixture(autouse=True)
def pauses(world: World) -> Iterator[Pauses]:
    """Let requests that wait pass the time, and the outside world be well again afterwards."""
    pauses, services = Pauses(world.clock), world.services
    wiring.install(replace(services, attendance=replace(services.attendance, pause=pauses)))
    yield pauses
    wiring.install(services)
    world.outside.answers.clear()
