"""Requests, deliveries, losses, sweeps, time and faults in any mix that Hypothesis finds."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine.rules import Machine

FEW, MANY = (200, 30), (2_000, 50)
"""Examples, and steps of each."""


@pytest.mark.parametrize(("examples", "most_steps"), [FEW, pytest.param(*MANY, marks=pytest.mark.heavy)])
def test_every_run_ends_as_the_model_says(lean, examples, most_steps):
    class OnStage(Machine):
        stage = lean

    run_state_machine_as_test(
        OnStage,
        settings=settings(
            max_examples=examples,
            stateful_step_count=most_steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
