"""Whatever writes is tried under faults: the routes are the app's own, so that none is forgotten.

A handler may stand under several paths (Camunda's three mounts, FlowX's prefix, Restate's versions): it is one use
case. Which of them write, their scopes say, and `tests/dialects/test_every_route.py` holds that no other one does.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import pytest

from chalicelib.dialects.edge import Route
from tests.dialects.test_every_route import REFUSED, ROUTES, may_write, name_of


def handler_of(route: Route) -> Callable[..., Any]:
    """Answer what answers a request, whatever stands before it."""
    handler = unwrap(route.handler)
    prefixed: Callable[..., Any] = getattr(handler, "handler", handler)
    return prefixed


USE_CASES = {handler_of(route): name_of(route) for _, route in reversed(ROUTES) if may_write(route)}
"""Each by the first path that it has."""


@pytest.mark.xdist_group("plays")
def test_every_use_case_that_writes_is_asked_by_a_scenario(plays):
    heard = {route for play in plays for route in play.heard}
    asked = {handler_of(route) for _, route in ROUTES if (route.method, route.path) in heard}

    assert {name for handler, name in USE_CASES.items() if handler not in asked} == REFUSED.keys()
    assert len(USE_CASES) > 80
