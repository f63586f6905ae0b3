"""The same documents, asked of the laptop's stack over HTTP: what comes back is what they tell of, headers too."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.stack import DEV_KEY
from tests.dialects.client import Reply
from tests.dialects.fuzz.test_every_operation import operations
from tests.dialects.test_hostile_requests import is_defect
from tests.local.test_stack import serving

CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with serving("on") as url:
        yield url


@pytest.mark.parametrize("operation", operations())
def test_any_request_is_answered_as_documented(operation: Any, served: str) -> None:
    @settings(
        max_examples=2,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case: Any) -> None:
        told = case.call_and_validate(base_url=served, headers={"Authorization": f"Bearer {DEV_KEY}"}, checks=CHECKS)
        assert not is_defect(Reply(told.status_code, {}, told.content))

    ask()
