"""Fixtures that every dialect shares: one service for a file of tests, and for each test accounts of its own."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import count
from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from chalicelib.dialects.request_log import JsonLines
from tests.backends import backend
from tests.dialects.client import Api, key_of
from tests.dialects.things import ACCOUNT, Things, things
from tests.world import World

__all__ = ["backend"]

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def world(backend: None) -> World:
    return World()


@pytest.fixture
def account() -> AccountId:
    """Name an account that nobody used before."""
    return AccountId(f"account-{next(_NUMBERS)}")


@pytest.fixture
def api(world: World, account: AccountId) -> Api:
    """Show a key of that account that may do everything."""
    return key_of(world, account)


@pytest.fixture
def stranger(world: World) -> Api:
    """Show a key of another account that may do everything there."""
    return key_of(world, AccountId(f"stranger-{next(_NUMBERS)}"))


@pytest.fixture(scope="module")
def known(world: World) -> Things:
    """Make a little of everything."""
    return things(world, ACCOUNT)


@pytest.fixture
def well_again(world: World) -> Iterator[None]:
    """Let the world outside be well for whoever comes next."""
    yield
    world.outside.answers.clear()


@dataclass(frozen=True)
class Log:
    written: StringIO

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == "reprise.requests"]


@contextmanager
def logging_as(lines: logging.Formatter) -> Iterator[Log]:
    """Answer what is written to the product's log meanwhile, as lines of a form."""
    logger, handler = logging.getLogger("reprise"), logging.StreamHandler(StringIO())
    handler.setFormatter(lines)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield Log(handler.stream)
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.fixture
def log() -> Iterator[Log]:
    """Answer what is written to the product's log, as it would be deployed."""
    with logging_as(JsonLines()) as log:
        yield log
