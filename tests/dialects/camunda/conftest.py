"""Callers of Camunda's dialect: paths are those at the root, which stand under `/engine-rest` too."""

import pytest

from tests.dialects.client import Api


@pytest.fixture
def camunda(api: Api) -> Api:
    """Show a key that may do everything."""
    return api


@pytest.fixture
def other(stranger: Api) -> Api:
    """Show a key of another account."""
    return stranger
